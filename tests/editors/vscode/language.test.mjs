// The language server in VS Code: a sample; its own tests are in tests/language.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();
const needs = "lsp";

story(
  "a tool's name is completed, and its parameters are explained",
  async (w) => {
    await w.openFile("shapes.lua");
    await w.cursorTo(6);
    await w.typeLine('local tool = Tool.get("calc');
    await w.untilOffered("calculator");
    await w.screenshot("completion");
    await w.complete("calculator", w.line('Tool.get("calculator'));
  },
  { needs },
);

story(
  "an unknown tool is marked, and a quick fix mends it",
  async (w, server) => {
    writeFileSync(join(server.workspace, "wrong.lua"), 'local tool = Tool.get("calculatr")\nprint(tool)\n');
    await w.openFile("wrong.lua");
    await w.page.locator(".squiggly-error, .squiggly-warning").first().waitFor();
    await w.clickOn(1, "calculatr");
    await w.quickFix("calculator");
    await w.screenshot("quick-fix");
    await w.take(w.fix("calculator"), () => w.quickFix("calculator"), w.line('Tool.get("calculator")'));
    await w.page.locator(".squiggly-error").first().waitFor({ state: "hidden" });
  },
  { needs },
);

story(
  "where no other Lua server is, ours says what any of them does",
  async (w, server) => {
    writeFileSync(join(server.workspace, "everyday.lua"), "local used = 1\nlocal idle = 2\nnonesuch(used)\n");
    await w.openFile("everyday.lua");
    const problem = w.page.locator(".markers-panel .monaco-list-row", { hasText: "undefined-global" }).first();
    await w.command("Problems: Focus on Problems View", problem);
    await w.clickOn(3, "used");
    await w.until(w.cursorIn(1), () => w.editor.press("F12"));
  },
  { needs },
);
