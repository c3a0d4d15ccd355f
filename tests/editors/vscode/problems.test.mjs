// What goes wrong, and what the user is told.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inWorkbench } from "./story.mjs";
import { PYTHON } from "./server.mjs";

const declare = inWorkbench();
/** Each reads the settings when its workbench starts. */
const story = (name, tell) => declare(name, tell, { fresh: true });

/** A Python that a shell script stands for. */
function python(server, name, text) {
  const file = join(server.home, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  server.set({ "llmspell.python": file });
  return file;
}

function launchJson(server, ...configurations) {
  mkdirSync(join(server.workspace, ".vscode"));
  const all = configurations.map((one) => ({ type: "llmspell", request: "launch", name: "Lua", ...one }));
  writeFileSync(join(server.workspace, ".vscode/launch.json"), JSON.stringify({ version: "0.2.0", configurations: all }));
}

story("a Python that does not exist", async (w, server) => {
  server.set({ "llmspell.python": "/nowhere/python" });
  await w.openFile("main.lua");
  await w.keyboard.press("F5");
  await w.notification("/nowhere/python (from the setting llmspell.python) does not run");
});

story("an adapter that dies ends the session with the last lines of its log", async (w, server) => {
  python(server, "mortal", `echo "last words" >&2; exec ${PYTHON} "$@"`);
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  await w.keyboard.press("F5");
  await w.stoppedAt(7);
  for (const pid of adapters(server)) process.kill(pid, "SIGKILL");
  await w.output(/The debug adapter has ended unexpectedly \(killed by SIGKILL\)/).waitFor();
  await w.output("last words").waitFor();
  await w.ended();
});

story("an adapter that can't start says why, and the session is over", async (w, server) => {
  python(server, "broken", `case "$*" in *llmspell_dap*) echo "no room left" >&2; exit 3;; esac; exec ${PYTHON} "$@"`);
  await w.openFile("main.lua");
  await w.keyboard.press("F5");
  const text = "The debug adapter has ended unexpectedly (exit code 3): no room left";
  await w.page.locator(".monaco-dialog-box", { hasText: text }).waitFor();
  await w.ended();
});

/** The processes of this server's extension hosts that are debug adapters. */
function adapters(server) {
  const found = readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const group = Number(/\) \S+ \d+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))[1]);
      return group === server.process.pid && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("llmspell_dap");
    } catch {
      return false; // it has ended meanwhile
    }
  });
  assert.notEqual(found.length, 0);
  return found.map(Number);
}

story("a launch.json with a wrong program", async (w, server) => {
  server.set({});
  launchJson(server, { program: "${workspaceFolder}/missing.lua" });
  await w.openFile("main.lua");
  await w.keyboard.press("F5");
  await w.page.locator(".monaco-dialog-box", { hasText: "missing.lua" }).waitFor();
  await w.screenshot("wrong-program");
});

story("a launch.json without a program", async (w, server) => {
  launchJson(server, {});
  await w.openFile("main.lua");
  await w.keyboard.press("F5");
  await w.notification('"Lua" has no "program"');
});
