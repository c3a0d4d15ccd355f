// The visual debugger on cells in Lua.
import assert from "node:assert/strict";
import { inJupyterLab } from "./story.mjs";

const story = inJupyterLab();
const SUM = `function add(a, b)
  local r = a + b
  return r
end
total = 0
data = { name = "x", list = { 1, 2, { deep = true } } }
for i = 1, 3 do
  total = add(total, i)
end
print("total", total)`;

story("a breakpoint of the gutter stops a cell; the stack, the variables, the steps are seen", [SUM, "total * 2"], async (l) => {
  await l.startDebugger();
  await l.setBreakpoint(1, 8);
  await l.run(1);
  await l.stoppedAt(1, 8);
  assert.deepEqual(await l.stack(), ["main chunk"]);
  await l.variableShows("1", "i");
  await l.step("stepIn");
  await l.stoppedAt(1, 2);
  assert.deepEqual(await l.stack(), ["add", "main chunk"]);
  await l.step("next");
  await l.stoppedAt(1, 3);
  await l.variableShows("1", "r");
  await l.screenshot("jupyterlab stopped");
  await l.frame("main chunk");
  await l.stoppedAt(1, 8);
  await l.variableShows("1", "i");
  await l.step("stepOut");
  await l.stoppedAt(1, 8);
  await l.step("continue");
  await l.stoppedAt(1, 8);
  await l.variableShows("2", "i");
});
