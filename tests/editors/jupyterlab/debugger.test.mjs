// The visual debugger on cells in Lua.
import { inJupyterLab } from "./story.mjs";

const story = inJupyterLab();
const SUM = `function add(a, b)
  local r = a + b
  return r
end
total = 0
for i = 1, 3 do
  total = add(total, i)
end
print("total", total)`;
const PLANETS = `planets = { { name = "Mercury", moons = 0 }, { name = "Earth", moons = 1 } }
local count = 0
for _, planet in ipairs(planets) do
  local seen = { planet.name, deep = { deeper = true } }
  count = count + planet.moons
end
print(count)`;

story("a breakpoint of the gutter stops a cell; the stack, the variables, the steps are seen", [SUM], async (l) => {
  await l.startDebugger();
  await l.setBreakpoint(1, 7);
  await l.run(1);
  await l.stoppedAt(1, 7);
  await l.stackIs("main chunk Cell [*]:7");
  await l.variableShows(/^1$/, "i");
  await l.step("stepIn");
  await l.stoppedAt(1, 2);
  await l.stackIs("add Cell [*]:2", "main chunk Cell [*]:7");
  await l.step("next");
  await l.stoppedAt(1, 3);
  await l.variableShows(/^1$/, "r");
  await l.screenshot("jupyterlab stopped");
  await l.frame("main chunk");
  await l.stoppedAt(1, 7);
  await l.variableShows(/^1$/, "i");
  await l.step("stepOut");
  await l.stackIs("main chunk Cell [*]:7");
  await l.step("continue");
  await l.variableShows(/^2$/, "i");
  await l.clearBreakpoints();
  await l.step("continue");
  await l.shows(1, "total\t6", "stdout");
  await l.goesOn();
  await l.variableShows(/^6$/, "total"); // the globals, when nothing is stopped
});

story("variables are opened, shown richly, copied to the globals, and seen as a table", [PLANETS], async (l) => {
  await l.startDebugger();
  await l.setBreakpoint(1, 5);
  await l.run(1);
  await l.stoppedAt(1, 5);
  await l.variableShows('{"Mercury", deep = {…}}', "seen");
  await l.expand("seen");
  await l.variableShows('"Mercury"', "seen", "[1]");
  await l.expand("seen", "deep");
  await l.variableShows("true", "seen", "deep", "deeper");
  await l.namesAre("count", "_", "planet", "seen");
  await l.copyToGlobals("planet");
  await l.variableShows("Mercury", "planet");
  await l.namesAre("planet", "planets"); // the program's own
  const rich = await l.render("planets");
  await rich.locator("table td", { hasText: "Earth" }).waitFor();
  await l.scope("Locals");
  const canvas = l.page.locator(".jp-DebuggerVariables-grid canvas").first();
  await l.until(canvas, () => l.page.locator(".jp-TableView-Button").click());
  await l.tableHas("count", "int", "0");
  await l.tableHas("seen", "", '{"Mercury", deep = {…}}');
  await l.screenshot("jupyterlab variables");
});

story("expressions and statements are evaluated in the frame that is stopped", [SUM], async (l) => {
  await l.startDebugger();
  await l.setBreakpoint(1, 3);
  await l.run(1);
  await l.stoppedAt(1, 3);
  await l.evaluate("a + b + 100");
  await l.answers(/^101$/);
  await l.evaluate("r = 50");
  await l.evaluate("a + r");
  await l.answers(/^50$/);
  await l.evaluate("nobody.name");
  await l.answers("attempt to index a nil value (global 'nobody')");
  await l.page.locator(".jp-DebugConsole .cm-editor.cm-focused").waitFor(); // the next one can be typed
  await l.frame("add"); // JupyterLab shows the variables again when the frame is chosen
  await l.variableShows(/^50$/, "r");
  await l.screenshot("jupyterlab console");
});

story("breakpoints outlive a restart of the kernel, a stop the loading of the page", [SUM], async (l) => {
  await l.startDebugger();
  await l.setBreakpoint(1, 7);
  await l.run(1);
  await l.stoppedAt(1, 7);
  await l.page.reload();
  await l.stackIs("main chunk Cell [ ]:7"); // the page knows of no run
  await l.until(l.value(/^1$/, "i"), () => l.openPanel());
  await l.restartDebugged();
  await l.goesOn();
  await l.marks(1).first().waitFor();
  await l.run(1);
  await l.stoppedAt(1, 7);
});

story("a function of another cell stops there, in a coroutine too; an error stops where it is raised", [
  "function step(n)\n  coroutine.yield(n * 2)\nend",
  "local co = coroutine.wrap(function() step(21) end)\nprint(co())",
  "local t\nreturn t.missing",
], async (l) => {
  await l.run(1);
  await l.numbered(1, 1);
  await l.startDebugger();
  await l.setBreakpoint(1, 2);
  await l.run(2);
  await l.stoppedAt(1, 2);
  await l.stackIs("step Cell [1]:2", "function <In[2]:1> Cell [*]:1", "main chunk Cell [*]:2");
  await l.variableShows(/^21$/, "n");
  await l.step("continue");
  await l.shows(2, "42", "stdout");
  await l.pauseAt("uncaught");
  await l.run(3);
  await l.stoppedAt(3, 2);
  await l.variableShows(/^nil$/, "t");
  await l.step("continue");
  await l.shows(3, "attempt to index a nil value", "stderr");
});

story("a step goes into a module, whose text is opened", ["local shapes = require('shapes')\nprint(shapes.area(2, 3))"], async (l, server) => {
  server.write("shapes.lua", "local M = {}\nfunction M.area(w, h)\n  local a = w * h\n  return a\nend\nreturn M\n");
  await l.startDebugger();
  await l.setBreakpoint(1, 2);
  await l.run(1);
  await l.stoppedAt(1, 2);
  await l.step("stepIn");
  await l.page.locator(".jp-DebuggerEditor-highlight", { hasText: /^ {2}local a = w \* h$/ }).waitFor();
  await l.stackIs(`area ${server.notebooks}/shapes.lua:3`, "main chunk Cell [*]:2");
  await l.variableShows(/^3$/, "h");
  await l.step("continue");
  await l.goesOn();
  await l.page.locator(".jp-DebuggerKernelSource-source", { hasText: /^shapes\.lua$/ }).waitFor();
});
