// Sessions with kernels that run already.
"use strict";
const assert = require("node:assert/strict");
const { execFile, spawn } = require("node:child_process");
const { randomInt } = require("node:crypto");
const { once } = require("node:events");
const { readFileSync } = require("node:fs");
const { createServer } = require("node:net");
const { join } = require("node:path");
const { promisify } = require("node:util");
const vscode = require("vscode");
const { breakAt, file, folders, pathOf, topFrame } = require("./heard.js");

const python = () => vscode.workspace.getConfiguration("llmspell").get("python");

class Kernel {
  /** `folder` is where it leaves its connection file, unless that is where everybody looks. */
  constructor(folder = process.env.JUPYTER_RUNTIME_DIR) {
    this.options = { env: { ...process.env, JUPYTER_RUNTIME_DIR: folder } };
    this.connectionFile = join(folder, "kernel-owl.json");
  }

  llmspell(...args) {
    return promisify(execFile)(python(), ["-m", "llmspell_kernel", ...args], this.options);
  }

  async start(...more) {
    await this.llmspell("kernel", "start", "--daemon", "--id", "owl", ...more);
    this.connection = JSON.parse(readFileSync(this.connectionFile, "utf8"));
  }

  /** Begins to run a program there; gives its output and exit code when it has ended. */
  run(program) {
    const args = ["-m", "llmspell_kernel", "run", "--connect", "owl", program];
    const child = spawn(python(), args, { ...this.options, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    return once(child, "close").then(([code]) => ({ code, output }));
  }

  stop() {
    return this.llmspell("kernel", "stop", "owl", "--force");
  }
}

/** Attaches, and stops in what somebody runs there; gives the session and what becomes of that run. */
async function stopIn(kernel, heard, where) {
  const [folder] = folders();
  const program = file(folder, "main.lua");
  breakAt(program, 7);
  const attach = { type: "llmspell", request: "attach", name: "Kernel", ...where };
  assert.ok(await vscode.debug.startDebugging(folder, attach));
  await heard.answer("configurationDone");
  const ended = kernel.run(program.fsPath);
  const stop = await heard.event("stopped");
  const frame = await topFrame(stop);
  assert.equal(frame.line, 7);
  assert.equal(pathOf(frame), program.path);
  return { session: stop.session, ended };
}

/** Detaches after that: the program goes on, the kernel lives. */
async function debugIn(kernel, heard, where) {
  const { session, ended } = await stopIn(kernel, heard, where);
  await vscode.debug.stopDebugging(session); // of a session that has attached this is VS Code's Disconnect
  await heard.event("over");
  const { code, output } = await ended;
  assert.equal(code, 0);
  assert.match(output, /done\t3\tfalse/);
}

async function within(kernel, story) {
  try {
    await story();
  } finally {
    await kernel.stop();
  }
}

async function isFree(port) {
  const server = createServer().listen(port, "127.0.0.1");
  const free = await once(server, "listening").then(() => true, () => false);
  server.close();
  return free;
}

/** On five ports in a row, of those that the system gives to nobody by itself. */
async function startSomewhere(kernel) {
  for (let tries = 100; tries > 0; tries--) {
    const port = randomInt(15_000, 32_000);
    const row = await Promise.all([0, 1, 2, 3, 4].map((more) => isFree(port + more)));
    if (!row.every(Boolean)) continue;
    await kernel.start("--port", String(port));
    return port;
  }
  throw new Error("no five free ports in a row");
}

exports.stories = {
  async "a kernel of this machine is attached to by any of its ports"(heard) {
    const kernel = new Kernel();
    await kernel.start();
    await within(kernel, () => debugIn(kernel, heard, { port: kernel.connection.iopub_port }));
  },

  async "a kernel from elsewhere is attached to by its connection file, or by host, port and key"(heard) {
    const kernel = new Kernel(join(folders()[0].uri.fsPath, "..", "of another machine"));
    const port = await startSomewhere(kernel);
    const { key } = kernel.connection;
    await within(kernel, async () => {
      await debugIn(kernel, heard, { connectionFile: kernel.connectionFile });
      await debugIn(kernel, heard, { host: "127.0.0.1", port, key });
    });
  },

  async "to stop a session with a kernel ends what runs there, and not the kernel"(heard) {
    const kernel = new Kernel();
    await kernel.start();
    await within(kernel, async () => {
      const { session, ended } = await stopIn(kernel, heard, { kernel: "owl" });
      await vscode.commands.executeCommand("workbench.action.debug.stop", undefined, { sessionId: session.id });
      await heard.event("over");
      assert.equal((await ended).code, 130);
      await kernel.llmspell("exec", "--connect", "owl", "print(1)");
    });
  },
};
