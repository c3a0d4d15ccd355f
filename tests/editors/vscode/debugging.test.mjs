// Debugging by hand: mouse, keys, menus.
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();

story("F5 without a launch.json stops at a breakpoint of the gutter, with all its values", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  await w.start();
  await w.stoppedAt(7);
  await w.expand(w.scope("Locals"));
  await w.valueBecomes("net", "100");
  await w.valueBecomes("kind", '"low"');
  await w.expand(w.scope("Upvalues"));
  await w.valueBecomes("calls", "1");
  await w.expand(w.variable("rates"));
  await w.expand(w.variable("vat"));
  await w.valueBecomes("high", "19");
  await w.stackIs("gross", "main chunk");
  await w.page.locator(".editor-instance .view-line", { hasText: "net = 100, kind" }).waitFor(); // beside the code
  await w.screenshot("stopped");
});

story("the mouse shows what Lua means, a watch follows the steps", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(12);
  await w.start();
  await w.stoppedAt(12);
  await w.watch("i * 100");
  await w.watchShows("i * 100", "100");
  await w.keyboard.press("F11"); // into gross
  await w.stoppedAt(5);
  await w.keyboard.press("F10");
  await w.stoppedAt(6);
  await w.hover(6, "vat", "low");
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
  await w.begin(w.toolbar, () => w.lens("Debug").click());
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
  await w.describeBreakpoint(13, "Debug: Add Conditional Breakpoint", 'kind == "high"', "conditional");
  await w.describeBreakpoint(6, "Debug: Add Logpoint", "looking up {kind}", "log");
  await w.start();
  await w.stoppedAt(13);
  await w.expand(w.scope("Locals"));
  await w.valueBecomes("i", "2");
  await w.output("looking up high").waitFor();
  await w.screenshot("conditions");
  await w.keyboard.press("F5");
  await w.ended();
});

story("ticking Raised Errors stops at an error that the program catches", async (w) => {
  await w.openFile("main.lua");
  await w.show("Run and Debug", "Breakpoints");
  await w.toggleBreakpoint(2); // the filters are shown once there was a session
  await w.start();
  await w.stoppedAt(2);
  await w.tickException("Raised Errors", true);
  await w.keyboard.press("F5");
  await w.page.locator(".exception-widget", { hasText: "code = 7" }).waitFor();
  await w.screenshot("raised");
  await w.tickException("Raised Errors", false);
  await w.keyboard.press("F5");
  await w.ended();
});

story("the console completes and evaluates; output leads to the line that printed it", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(13);
  await w.start();
  await w.stoppedAt(13);
  await w.expand(w.scope("Locals"));
  await w.keyboard.press("F5"); // once round: something has been printed
  await w.valueBecomes("i", "2");
  await w.showConsole();
  await w.until(w.offered("vat"), () => w.ask("rates.va"));
  await w.screenshot("console");
  await w.until(w.asked("rates.vat"), async () => {
    if (!(await w.offered("vat").isVisible())) await w.ask("rates.va");
    await w.offered("vat").waitFor();
    await w.console.press("Tab");
  });
  await w.until(w.output("1007"), async () => {
    await w.ask("rates.vat.low + 1000");
    await w.console.press("Enter");
  });
  await w.cursorTo(1);
  await w.until(w.cursorIn(13), () => w.output(/low\s+107/).locator(".source").click());
});

story("a session is restarted, and stopped", async (w) => {
  await w.openFile("main.lua");
  await w.toggleBreakpoint(12);
  await w.start();
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
  await w.start("Control+F5", w.output(/done\s+3\s+false/));
  await w.ended();
});

story("Debug above an exported function asks for its arguments and stops in it", async (w) => {
  await w.openFile("shapes.lua");
  await w.toggleBreakpoint(4);
  await w.call("Run", 1, "6, 7", w.output("42"));
  await w.ended();
  await w.call("Debug", 1, "2, 3");
  await w.stoppedAt(4);
  await w.expand(w.scope("Locals"));
  await w.valueBecomes("height", "3");
  await w.screenshot("function");
  await w.keyboard.press("F5");
  await w.ended();
});
