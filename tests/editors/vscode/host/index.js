// Runs inside of VS Code's extension host, beside the installed extension: `run` is what the workbench calls.
"use strict";
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { cpSync, mkdirSync } = require("node:fs");
const { join } = require("node:path");
const vscode = require("vscode");

const PATIENCE = 60_000;
const folders = () => vscode.workspace.workspaceFolders;
const file = (folder, name) => vscode.Uri.joinPath(folder.uri, name);
const launch = (more) => ({ type: "llmspell", request: "launch", name: "Lua", program: "${file}", ...more });

/** Everything that one kind of message has brought. */
class Heard {
  constructor() {
    this.messages = [];
    this.waiting = [];
    const hear = (session) => ({
      onDidSendMessage: (message) => {
        this.messages.push({ session, message });
        this.waiting.forEach((look) => look());
      },
    });
    this.tracker = vscode.debug.registerDebugAdapterTrackerFactory("llmspell", { createDebugAdapterTracker: hear });
  }

  /** The first event that fits, taken away. */
  event(name, fits = () => true) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${name}: ${JSON.stringify(this.messages.map((one) => one.message.event ?? one.message.command))}`)), PATIENCE);
      const look = () => {
        const at = this.messages.findIndex(({ session, message }) => message.event === name && fits(message.body ?? {}, session));
        if (at < 0) return;
        clearTimeout(timer);
        this.waiting = this.waiting.filter((one) => one !== look);
        resolve(this.messages.splice(at, 1)[0]);
      };
      this.waiting.push(look);
      look();
    });
  }

  dispose() {
    this.tracker.dispose();
  }
}

function breakAt(uri, line) {
  vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(new vscode.Location(uri, new vscode.Position(line - 1, 0)))]);
}

async function topFrame({ session, message }) {
  const answer = await session.customRequest("stackTrace", { threadId: message.body.threadId, startFrame: 0, levels: 1 });
  return answer.stackFrames[0];
}

const pathOf = (frame) => vscode.Uri.parse(frame.source.path).path;

const stories = {
  async "two sessions at once do not disturb each other"(heard) {
    const [folder] = folders();
    breakAt(file(folder, "main.lua"), 12);
    const started = ["one", "two"].map((name) =>
      vscode.debug.startDebugging(folder, launch({ name, program: file(folder, "main.lua").fsPath })),
    );
    assert.deepEqual(await Promise.all(started), [true, true]);
    const stops = [await heard.event("stopped", (_, s) => s.name === "one"), await heard.event("stopped", (_, s) => s.name === "two")];
    const [one, two] = stops.map((stop) => stop.session);
    const frames = await Promise.all(stops.map(topFrame));
    assert.deepEqual(frames.map((frame) => frame.line), [12, 12]);
    await one.customRequest("evaluate", { expression: "calls = 100", frameId: frames[0].id, context: "repl" });
    const { result } = await two.customRequest("evaluate", { expression: "calls", frameId: frames[1].id, context: "watch" });
    assert.equal(result, "0");
    await vscode.debug.stopDebugging(one);
    await heard.event("terminated", (_, session) => session === one);
    await two.customRequest("continue", { threadId: stops[1].message.body.threadId });
    await heard.event("stopped", (_, session) => session === two);
  },

  async "each folder of a workspace runs its own programs in itself"(heard) {
    const second = folders()[1];
    const text = 'print("in " .. io.popen("pwd"):read())';
    await vscode.workspace.fs.writeFile(file(second, "where.lua"), Buffer.from(text));
    await vscode.commands.executeCommand("llmspell.run", file(second, "where.lua"));
    const { message } = await heard.event("output", (body) => body.output.startsWith("in "));
    assert.equal(message.body.output.trim(), `in ${second.uri.fsPath}`);
  },

  async "a program elsewhere is debugged with the files that are here"(heard) {
    const [folder] = folders();
    const there = join(folder.uri.fsPath, "..", "elsewhere");
    mkdirSync(there, { recursive: true });
    cpSync(file(folder, "main.lua").fsPath, join(there, "main.lua"));
    const python = vscode.workspace.getConfiguration("llmspell").get("python");
    const adapter = spawn(python, ["-m", "llmspell_dap", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const line = await new Promise((resolve) => adapter.stdout.once("data", (data) => resolve(String(data))));
      const port = Number(/:(\d+)\s*$/.exec(line)[1]);
      breakAt(file(folder, "main.lua"), 7);
      const pathMappings = [{ localRoot: "${workspaceFolder}", remoteRoot: there }];
      const program = join(there, "main.lua");
      assert.ok(await vscode.debug.startDebugging(folder, launch({ program, port, pathMappings })));
      const frame = await topFrame(await heard.event("stopped"));
      assert.equal(frame.line, 7);
      assert.equal(pathOf(frame), file(folder, "main.lua").path);
      await vscode.debug.stopDebugging();
      await heard.event("terminated");
    } finally {
      adapter.kill();
    }
  },

  async "errors that the configuration names stop the program"(heard) {
    const [folder] = folders();
    const program = file(folder, "main.lua").fsPath;
    assert.ok(await vscode.debug.startDebugging(folder, launch({ program, exceptions: ["raised"] })));
    const stop = await heard.event("stopped");
    assert.equal(stop.message.body.reason, "exception");
  },

  async "files have lenses for themselves and for what they export"() {
    const uri = file(folders()[0], "shapes.lua");
    await vscode.workspace.openTextDocument(uri);
    const lenses = await vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri);
    const shown = lenses.map((lens) => `${lens.range.start.line} ${lens.command.title}`).sort();
    assert.deepEqual(shown, ["0 Debug", "0 Run", "2 Debug", "2 Run"]);
  },
};

exports.run = async function run() {
  await vscode.extensions.getExtension("llmspell.llmspell").activate();
  const failed = [];
  for (const [name, story] of Object.entries(stories)) {
    const heard = new Heard();
    try {
      await story(heard);
      console.log(`ok: ${name}`);
    } catch (error) {
      failed.push(name);
      console.log(`FAILED: ${name}: ${error.stack}`);
    }
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await vscode.debug.stopDebugging().then(undefined, () => undefined); // a session may be ending by itself just now
    heard.dispose();
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join("; ")}`);
};
