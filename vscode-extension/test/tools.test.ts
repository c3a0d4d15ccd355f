import assert from "node:assert/strict";
import { test } from "node:test";
import { fields, filled, page } from "../src/plain/form";
import {
  byCategory,
  callSnippet,
  callText,
  describe,
  needed,
  readTools,
  type Tool,
} from "../src/plain/tools";

const CALCULATOR: Tool = {
  name: "calculator",
  description: "Evaluate <an> expression.",
  category: "math",
  schema: {
    type: "object",
    properties: {
      variables: { anyOf: [{ type: "object" }, { type: "null" }], description: "Values of the names." },
      digits: { type: "integer", default: 10 },
      exact: { type: "boolean", default: false },
      mode: { enum: ["fast", "slow"], default: "fast" },
      when: { anyOf: [{ type: "string" }, { type: "number" }, { type: "null" }] },
      input: { type: "string" },
      expression: { type: "string" },
    },
    allOf: [{ anyOf: [{ required: ["input"] }, { required: ["expression"] }] }],
  },
};

test("of alternatives the first is needed", () => {
  assert.deepEqual(needed(CALCULATOR.schema), ["input"]);
  assert.deepEqual(needed({ required: ["a"], properties: {} }), ["a"]);
});

test("the form begins with what is needed", () => {
  assert.equal(fields(CALCULATOR.schema)[0]?.name, "input");
});

test("what is written in the form becomes parameters of the right types", () => {
  const values = {
    input: "12",
    digits: "3",
    exact: "true",
    mode: "slow",
    variables: '{"x": 1}',
    when: "12",
    expression: "",
  };
  assert.deepEqual(filled(fields(CALCULATOR.schema), values), {
    parameters: { input: "12", digits: 3, exact: true, mode: "slow", variables: { x: 1 }, when: 12 },
    problems: {},
  });
});

test("a field of texts and numbers takes other text as it is", () => {
  assert.equal(filled(fields(CALCULATOR.schema), { when: "2024-01-31" }).parameters.when, "2024-01-31");
  assert.equal(filled(fields(CALCULATOR.schema), { when: "[1]" }).parameters.when, "[1]");
});

test("what does not fit is told at its field", () => {
  const { problems } = filled(fields(CALCULATOR.schema), {
    digits: "1.5",
    exact: "perhaps",
    variables: "x",
    mode: "x",
  });
  assert.deepEqual(problems, {
    digits: "must be a whole number",
    exact: "must be true or false",
    variables: 'must be an object, as JSON: {"key": "value"}',
    mode: "must be one of the choices",
  });
});

test("a page shows every field and nothing of a tool's texts becomes markup", () => {
  const html = page({ ...CALCULATOR, name: '"><script>alert(1)</script>' }, "n0nce");
  for (const name of Object.keys(CALCULATOR.schema.properties ?? {}))
    assert.ok(html.includes(`name="${name}"`), name);
  assert.ok(html.includes("Evaluate &lt;an&gt; expression."));
  assert.ok(!html.includes("<script>alert"));
  assert.ok(html.includes("<option>slow</option>"));
});

test("a call has a place for each value that is needed", () => {
  assert.equal(callSnippet(CALCULATOR), 'Tool.get("calculator"):execute { input = "${1}" }$0');
  const schema = {
    required: ["mode", "list", "end"],
    properties: { mode: { enum: ["a,b", "c"] }, list: { type: "array" }, end: {} },
  };
  assert.equal(
    callSnippet({ ...CALCULATOR, name: "t", schema }),
    'Tool.get("t"):execute { mode = ${1|"a\\,b","c"|}, list = { ${2} }, ["end"] = ${3:nil} }$0',
  );
});

test("a call with values is Lua", () => {
  const text = callText("t", { a: 'say "hi"\n\u0001', b: [1, true], c: { "x y": null }, d: {} });
  assert.equal(
    text,
    'Tool.get("t"):execute { a = "say \\"hi\\"\\n\\x01", b = { 1, true }, c = { ["x y"] = nil }, d = {} }',
  );
});

test("tools are shown by category, in order", () => {
  const tools = readTools(
    '[{"name":"b","category":"x"},{"name":"a","category":"x"},{"name":"c","category":"m"}]',
  );
  const shown = [...byCategory(tools)].map(([name, some]) => [name, some.map((one) => one.name).join()]);
  assert.deepEqual(shown, [
    ["m", "c"],
    ["x", "a,b"],
  ]);
  assert.throws(() => readTools("{}"), /no list of tools/);
});

test("a tooltip has types, presets and what is needed", () => {
  const text = describe(CALCULATOR);
  assert.match(text, /\* `input`: `string` \*\*\(needed\)\*\*/);
  assert.match(text, /\* `digits`: `integer = 10`/);
  assert.match(text, /\* `mode`: `"fast" \| "slow" = "fast"`/);
});

test("another name of a parameter is no field of its own", () => {
  const schema = { properties: { input: {}, expression: {} } };
  const [tool] = readTools(
    JSON.stringify([{ name: "t", schema, parameter_aliases: { expression: "input" } }]),
  );
  assert.ok(tool);
  assert.deepEqual(
    fields(tool.schema).map((one) => one.name),
    ["input"],
  );
});
