import assert from "node:assert/strict";
import { test } from "node:test";
import { expressionAt, exportedFunctions, functionAround, variables, words } from "../src/plain/lua";

/** The expression at the | in a text. */
function at(marked: string): string | undefined {
  const offset = marked.indexOf("|");
  return expressionAt(marked.slice(0, offset) + marked.slice(offset + 1), offset)?.text;
}

test("the expression under the mouse ends with the name that it rests on", () => {
  assert.equal(at("print(t.inn|er.leaf)"), "t.inner");
  assert.equal(at("print(t.inner.le|af)"), "t.inner.leaf");
  assert.equal(at("print(|t.inner.leaf)"), "t");
  assert.equal(at("x = a..|t"), "t");
  assert.equal(at("x = a|..t"), undefined);
});

test("a method is shown as a field, a constant index is part of the way", () => {
  assert.equal(at("account:dep|osit(1)"), "account.deposit");
  assert.equal(at("t[1].na|me"), "t[1].name");
  assert.equal(at("t['a b'].x[i].na|me"), "t['a b'].x[i].name");
});

test("what a call has returned can't be asked for again", () => {
  assert.equal(at("f().x|y"), undefined);
  assert.equal(at("('x'):up|per()"), undefined);
  assert.equal(at("t[f(1)].x|y"), undefined);
});

test("words in strings, comments, labels and keys are no expressions", () => {
  assert.equal(at("print('some wo|rd')"), undefined);
  assert.equal(at("print([==[ some wo|rd ]] ]==])"), undefined);
  assert.equal(at("-- some wo|rd"), undefined);
  assert.equal(at("--[[ a\n wo|rd ]] x"), undefined);
  assert.equal(at("goto con|tinue"), undefined);
  assert.equal(at("::con|tinue::"), undefined);
  assert.equal(at("t = { na|me = 1 }"), undefined);
  assert.equal(at("t = { 1, f(), na|me = 1 }"), undefined);
  assert.equal(at("if x th|en"), undefined);
});

test("an assignment and a variable argument are expressions", () => {
  assert.equal(at("na|me = 1"), "name");
  assert.equal(at("a, na|me = 1, 2"), "name");
  assert.equal(at("f(.|..)"), "...");
  assert.equal(at("t = { function() a, na|me = 1, 2 end }"), "name");
});

test("an unfinished text is read to its end", () => {
  assert.deepEqual(
    words("x = 'open\ny = [[open").map((word) => word.text),
    ["x", "=", "'open", "y", "=", "[[open"],
  );
});

test("variables are names that are neither called nor fields nor keys", () => {
  const text = "local x <const> = y.z + f(w)\nfor k, v in pairs(t) do g{ a = k } end";
  const names = (from: number, to: number): string[] => variables(text, from, to).map((one) => one.text);
  assert.deepEqual(names(0, text.indexOf("\n")), ["x", "y", "w"]);
  assert.deepEqual(names(text.indexOf("\n"), text.length), ["k", "v", "t"]);
});

test("exported are global functions and those of the returned table", () => {
  const text = `
local M = {}
local function hidden() end
function M.add(a, b) if a then return a end return b end
function M:method() end
function Other.f() end
function main(...)
  function inner() end
  for i = 1, 2 do while false do end end
  repeat local x until true
  if a then elseif b then else end
end
function M.deep.er() end
return M
`;
  const found = exportedFunctions(text).map((one) => [one.name, one.call, one.parameters.join()]);
  assert.deepEqual(found, [
    ["M.add", "module.add", "a,b"],
    ["main", "main", "..."],
    ["M.deep.er", "module.deep.er", ""],
  ]);
});

test("the function around a place is the innermost that is still open", () => {
  const text =
    "local x\nfunction f()\n  if x then y() elseif z then w() end\n  local g = function() HERE end\n  THERE\nend\nEND";
  const around = (mark: string): number => functionAround(text, text.indexOf(mark));
  assert.equal(around("HERE"), text.indexOf("function() HERE"));
  assert.equal(around("THERE"), text.indexOf("function f"));
  assert.equal(around("END"), 0);
});

test("variables of functions inside are not those of the function around", () => {
  const text =
    "local a\nlocal function f(b) local c = a end\nlocal g = function() if d then e = 1 end end\nreturn z";
  const names = (from: number, to = text.length): string[] =>
    variables(text, from, to).map((one) => one.text);
  assert.deepEqual(names(0), ["a", "g", "z"]);
  const f = text.indexOf("function f");
  assert.deepEqual(names(f, text.indexOf("\nlocal g")), ["b", "c", "a"]);
});
