// The ways to start: the editor's title, a terminal, launch.json and what VS Code offers without one.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();

story("a launch.json is made, with snippets and what each setting means", async (w) => {
  await w.openFile("main.lua");
  const create = w.page.locator("a", { hasText: "create a launch.json file" }).first();
  await w.command("View: Show Run and Debug", create);
  await w.until(w.page.locator(".tab.active", { hasText: "launch.json" }), () => create.click());
  await w.line('"name": "Debug this Lua file"').waitFor();
  await w.line('"program": "${file}"').waitFor();
  assert.equal(await w.lines('"type": "llmspell"').count(), 1, "one is enough");
  await w.command("Debug: Add Configuration...", w.offered("llmspell: Debug where an adapter listens"));
  await w.screenshot("launch-json");
  await w.complete("llmspell: Attach to a kernel", w.line('"request": "attach"'));
  await w.line('"kernel": "id"').waitFor();
});

story("the buttons of the editor's title run and debug the file", async (w) => {
  await w.openFile("main.lua");
  const run = w.page.locator('.editor-actions a[aria-label^="Run Lua File"]');
  await w.begin(w.output(/done\s+3\s+false/), () => run.click());
  await w.ended();
  await w.toggleBreakpoint(7);
  await w.chooseRunButton("Debug Lua File");
  await w.stoppedAt(7);
});

story("in a terminal the program reads what is typed there", async (w, server) => {
  const text = 'io.write("Who? ")\nlocal name = io.read()\nprint("Good day, " .. name)\nio.read()\n';
  writeFileSync(join(server.workspace, "asks.lua"), text);
  server.launchJson({ name: "Asks", program: "${workspaceFolder}/asks.lua", console: "integratedTerminal" });
  await w.openFile("asks.lua");
  await w.toggleBreakpoint(3);
  await w.startConfiguration("Asks");
  await w.answerInTerminal("Who? ", "Wörld");
  await w.stoppedAt(3);
  await w.expand(w.scope("Locals"));
  await w.valueBecomes("name", '"Wörld"');
  await w.keyboard.press("F5");
  await w.terminal("Good day, Wörld").waitFor();
  await w.screenshot("terminal");
  await w.answerInTerminal("", "bye");
  await w.ended();
});

story("without a launch.json the ways to debug are offered", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  await w.startOffered("Debug this Lua file");
  await w.stoppedAt(7);
});
