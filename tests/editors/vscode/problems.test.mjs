// What goes wrong, and what the user is told.
import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inWorkbench } from "./story.mjs";
import { PYTHON } from "./server.mjs";

const story = inWorkbench({ "llmspell.python": "/nowhere/python" });

/** A Python that a shell script stands for. */
function python(server, name, text) {
  const file = join(server.home, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

const mainWith = (file) => ({ program: "${workspaceFolder}/main.lua", python: file });

story("a Python that does not exist", async (w) => {
  await w.openFile("main.lua");
  await w.refused("/nowhere/python (from the setting llmspell.python) does not run");
});

story("an adapter that dies ends the session with the last lines of its log", async (w, server) => {
  const mortal = python(server, "mortal", `echo "last words" >&2; exec ${PYTHON} "$@"`);
  server.launchJson({ name: "Mortal", ...mainWith(mortal) });
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  await w.startConfiguration("Mortal");
  await w.stoppedAt(7);
  for (const pid of adapters(server)) process.kill(pid, "SIGKILL");
  await w.output(/The debug adapter has ended unexpectedly \(killed by SIGKILL\)/).waitFor();
  await w.output("last words").waitFor();
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

story("an adapter that can't start says why, and the session is over", async (w, server) => {
  const text = `case "$*" in *llmspell_dap*) echo "no room left" >&2; exit 3;; esac; exec ${PYTHON} "$@"`;
  server.launchJson({ name: "Broken", ...mainWith(python(server, "broken", text)) });
  await w.openFile("main.lua");
  const problem = "The debug adapter has ended unexpectedly (exit code 3): no room left";
  await w.startConfiguration("Broken", w.dialogBox(problem));
  await w.dialog(problem);
  await w.ended();
  await w.noMessage(problem); // the dialog is enough
});

story("a launch.json with a wrong program, and one without any", async (w, server) => {
  const missing = { name: "Missing", program: "${workspaceFolder}/missing.lua", python: PYTHON };
  server.launchJson(missing, { name: "Empty", python: PYTHON });
  await w.openFile("main.lua");
  await w.startConfiguration("Missing", w.dialogBox("missing.lua"));
  await w.dialog("missing.lua", "wrong-program");
  await w.ended();
  await w.refused('"Empty" has no "program"', () => w.chooseConfiguration("Empty"));
});

story("an attach to a kernel that is not there, or to nothing", async (w, server) => {
  const attach = { request: "attach", python: PYTHON };
  server.launchJson({ name: "Nobody", kernel: "nobody", ...attach }, { name: "Nothing", kernel: "", ...attach });
  await w.openFile("main.lua");
  await w.startConfiguration("Nobody", w.dialogBox("no kernel has the id 'nobody'"));
  await w.dialog("no kernel has the id 'nobody'");
  await w.ended();
  await w.refused('"Nothing" says not what to attach to', () => w.chooseConfiguration("Nothing"));
});
