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
    await w.typeUntilOffered('local tool = Tool.get("calc', "calculator");
    await w.screenshot("completion");
    await w.keyboard.press("Enter");
    await w.page.locator(".view-line", { hasText: 'Tool.get("calculator' }).waitFor();
  },
  { needs },
);

story(
  "an unknown tool is marked, and a quick fix mends it",
  async (w, server) => {
    writeFileSync(join(server.workspace, "wrong.lua"), 'local tool = Tool.get("calculatr")\nprint(tool)\n');
    await w.openFile("wrong.lua");
    await w.page.locator(".squiggly-error, .squiggly-warning").first().waitFor();
    await w.page.locator(".view-line", { hasText: "calculatr" }).getByText("calculatr").first().click();
    const fix = await w.quickFix("calculator");
    await w.screenshot("quick-fix");
    await fix.click();
    await w.page.locator(".view-line", { hasText: 'Tool.get("calculator")' }).waitFor();
    await w.page.locator(".squiggly-error").waitFor({ state: "hidden" });
  },
  { needs },
);

story(
  "where no other Lua server is, ours says what any of them does",
  async (w, server) => {
    writeFileSync(join(server.workspace, "everyday.lua"), "local used = 1\nlocal idle = 2\nnonesuch(used)\n");
    await w.openFile("everyday.lua");
    await w.command("Problems: Focus on Problems View");
    await w.page.locator(".markers-panel .monaco-list-row", { hasText: "undefined-global" }).first().waitFor();
    const place = await w.placeOf(3, "used");
    await w.page.mouse.click(place.x, place.y);
    await w.keyboard.press("F12");
    await w.page.locator(".editor-instance .line-numbers.active-line-number", { hasText: "1" }).waitFor();
  },
  { needs },
);
