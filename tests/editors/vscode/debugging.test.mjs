// Debugging by hand: mouse, keys, menus.
import assert from "node:assert/strict";
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();

story("F5 without a launch.json stops at a breakpoint of the gutter, with all its values", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  await w.page.locator(".editor-instance .codicon-debug-breakpoint").first().waitFor();
  await w.keyboard.press("F5");
  await w.stoppedAt(7);
  await w.expand(w.scope("Locals"));
  assert.equal(await w.valueOf("net"), "100");
  assert.equal(await w.valueOf("kind"), '"low"');
  await w.expand(w.scope("Upvalues"));
  assert.equal(await w.valueOf("calls"), "1");
  await w.expand(w.variable("rates"));
  await w.expand(w.variable("vat"));
  assert.equal(await w.valueOf("high"), "19");
  assert.deepEqual(await w.stack(2), ["gross", "main chunk"]);
  await w.page.locator(".editor-instance .view-line", { hasText: "net = 100, kind" }).waitFor(); // beside the code
  await w.screenshot("stopped");
});

story("the mouse shows what Lua means, a watch follows the steps", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(12);
  await w.keyboard.press("F5");
  await w.stoppedAt(12);
  await w.watch("i * 100");
  await w.watchShows("i * 100", "100");
  await w.keyboard.press("F11"); // into gross
  await w.stoppedAt(5);
  await w.keyboard.press("F10");
  await w.stoppedAt(6);
  const hover = await w.hover(6, "vat");
  await hover.getByText("low").first().waitFor();
  await w.screenshot("hover");
  await w.keyboard.press("Shift+F11"); // and out of it: nothing of the line that called is left
  await w.stoppedAt(13);
  await w.scope("Return Value").waitFor();
  await w.keyboard.press("F5");
  await w.stoppedAt(12);
  await w.watchShows("i * 100", "200");
});

story("a value that is edited is what the program goes on with", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(8);
  await w.lens("Debug").click();
  await w.stoppedAt(8);
  await w.expand(w.scope("Locals"));
  await w.setVariable("total", "12.5");
  await w.toggleBreakpoint(8);
  await w.keyboard.press("F5");
  await w.ended();
  await w.output(/low\s+12\.5/).waitFor();
});

story("a condition and a log message are set by hand and obeyed", async (w) => {
  await w.openFile("main.lua");
  await w.cursorTo(13);
  await w.command("Debug: Add Conditional Breakpoint");
  await w.breakpointWidget('kind == "high"');
  await w.cursorTo(6);
  await w.command("Debug: Add Logpoint");
  await w.breakpointWidget("looking up {kind}");
  await w.keyboard.press("F5");
  await w.stoppedAt(13);
  await w.expand(w.scope("Locals"));
  assert.equal(await w.valueOf("i"), "2");
  await w.output("looking up high").waitFor();
  await w.screenshot("conditions");
  await w.keyboard.press("F5");
  await w.ended();
});

story("ticking Raised Errors stops at an error that the program catches", async (w) => {
  await w.openFile("main.lua");
  await w.command("View: Show Run and Debug");
  await w.toggleBreakpoint(2); // the filters are shown once there was a session
  await w.keyboard.press("F5");
  await w.stoppedAt(2);
  await w.tickException("Raised Errors");
  await w.keyboard.press("F5");
  await w.page.locator(".exception-widget", { hasText: "code = 7" }).waitFor();
  await w.screenshot("raised");
  await w.tickException("Raised Errors"); // not any more
  await w.keyboard.press("F5");
  await w.ended();
});

story("the console completes and evaluates; output leads to the line that printed it", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(13);
  await w.keyboard.press("F5");
  await w.stoppedAt(13);
  await w.expand(w.scope("Locals"));
  await w.keyboard.press("F5"); // once round: something has been printed
  await w.valueBecomes("i", "2");
  await w.console();
  await w.keyboard.type("rates.va");
  await w.page.locator(".suggest-widget.visible .monaco-list-row", { hasText: "vat" }).first().waitFor();
  await w.screenshot("console");
  await w.keyboard.press("Tab"); // takes the completion
  await w.keyboard.type(".low + 1000");
  await w.keyboard.press("Enter");
  await w.output("1007").waitFor();
  await w.cursorTo(1);
  await w.output(/low\s+107/).locator(".source").click();
  await w.page.locator(".editor-instance .line-numbers.active-line-number", { hasText: "13" }).waitFor();
});

story("a session is restarted, and stopped", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(12);
  await w.keyboard.press("F5");
  await w.stoppedAt(12);
  await w.expand(w.scope("Locals"));
  await w.keyboard.press("F5");
  await w.valueBecomes("i", "2");
  await w.keyboard.press("Control+Shift+F5");
  await w.valueBecomes("i", "1");
  await w.keyboard.press("Shift+F5");
  await w.ended();
});

story("Ctrl+F5 runs past breakpoints", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(12);
  await w.keyboard.press("Control+F5");
  await w.output(/done\s+3\s+false/).waitFor();
  await w.ended();
});

story("Debug above an exported function asks for its arguments and stops in it", async (w) => {
  await w.openFile("shapes.lua");
  await w.toggleBreakpoint(4);
  await w.lens("Run", 1).click();
  await w.answer("6, 7");
  await w.output("42").waitFor();
  await w.ended();
  await w.lens("Debug", 1).click();
  await w.answer("2, 3");
  await w.stoppedAt(4);
  await w.expand(w.scope("Locals"));
  assert.equal(await w.valueOf("height"), "3");
  await w.screenshot("function");
  await w.keyboard.press("F5");
  await w.ended();
});
