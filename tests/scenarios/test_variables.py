"""What a paused program shows, and how it is changed."""

from __future__ import annotations

import pytest

from tests.support.client import Refused
from tests.support.editor import Editor

VALUES = """\
local plain = { 1, 2, 3, x = 5, ["a b"] = 6, [true] = 7, nested = { deep = { 1 } } }
local text = "he\\0llo\\n\\255é"
local object = setmetatable({ v = 1 }, {
  __name = "Thing",
  __tostring = function(self) return "<thing " .. self.v .. ">" end,
  __index = function() error("nobody may run me") end,
})
local function show(a, ...)
  local a = a * 2
  local f = function() return a, plain end
  local i, float, yes, nothing = 1, 2.0, true, nil
  print(a, ...) -- @here
  return f
end
show(3, "x", nil, {})
print(plain.x, text, object.v) -- @after
"""


@pytest.fixture
def paused(editor: Editor) -> Editor:
    editor.launch(VALUES, breakpoints=["here", "after"])
    editor.stopped()
    return editor


def child(editor: Editor, scope: str, name: str, frame: int = 0) -> dict:
    found = editor.scopes([f for f in editor.frames() if "source" in f][frame])[scope]
    return next(v for v in editor.children(found["variablesReference"]) if v["name"] == name)


@pytest.mark.lua54("2.0 is 2")
def test_the_scopes_of_a_frame(paused: Editor) -> None:
    scopes = paused.scopes()
    assert list(scopes) == ["Locals", "Varargs", "Upvalues", "Globals"]
    assert [scope["expensive"] for scope in scopes.values()] == [False, False, False, True]
    assert paused.locals() == {
        "a (shadowed)": "3",
        "a": "6",
        "f": "function: program.lua:10",
        "i": "1",
        "float": "2.0",
        "yes": "true",
        "nothing": "nil",
    }
    assert paused.variables("Varargs") == {"[1]": '"x"', "[2]": "nil", "[3]": "{}"}
    assert list(paused.variables("Upvalues")) == ["plain"]
    assert "print" in paused.variables("Globals")


def test_a_table_with_all_kinds_of_keys(paused: Editor) -> None:
    table = child(paused, "Upvalues", "plain")
    assert table["indexedVariables"] == 3
    names = [v["name"] for v in paused.children(table["variablesReference"])]
    assert names == ["[1]", "[2]", "[3]", '["a b"]', "nested", "x", "[true]"]
    by_name = {v["name"]: v for v in paused.children(table["variablesReference"])}
    assert paused.evaluate(by_name['["a b"]']["evaluateName"]) == "6"
    page = paused.children(table["variablesReference"], filter="indexed", start=1, count=1)
    assert [v["name"] for v in page] == ["[2]"]


def test_a_client_that_pages_learns_that_a_list_has_keys_too(editor: Editor) -> None:
    editor.launch(
        """\
local list, both, object = { 1, 2 }, { "first", vat = 7, [0] = 0 }, setmetatable({ 1 }, {})
local hashed = {}
for i = 9, 1, -1 do hashed[i] = i end
hashed.x = 1
print() -- @here
""",
        breakpoints=["here"],
    )
    editor.stopped()
    locals_ = editor.children(editor.scopes()["Locals"]["variablesReference"])
    counts = {v["name"]: (v["namedVariables"], v["indexedVariables"]) for v in locals_}
    assert counts == {"list": (0, 2), "both": (2, 1), "object": (1, 1), "hashed": (1, 9)}
    both = next(v for v in locals_ if v["name"] == "both")
    named = editor.children(both["variablesReference"], filter="named")
    assert [v["name"] for v in named] == ["[0]", "vat"]


def test_metamethods_run_only_when_asked_for(paused: Editor) -> None:
    main = 1
    thing = child(paused, "Locals", "object", main)
    assert thing["value"] == "Thing {v = 1}"
    inside = {v["name"]: v for v in paused.children(thing["variablesReference"])}
    assert list(inside) == ["v", "(tostring)", "(metatable)"]
    lazy = inside["(tostring)"]
    assert lazy["presentationHint"]["lazy"] is True
    (shown,) = paused.children(lazy["variablesReference"])
    assert shown["value"] == '"<thing 1>"'


NAMES = """\
local x = "outer"
shared = "global"
local t = { [0.1 + 0.2] = 1, [0.3] = 2, [math.huge] = 3, [-math.huge] = 4, ["end"] = 5, ["a b"] = 6, [math.mininteger] = 7 }
t["\\0\\255\\n\\"\\\\"] = 8
local function f(...)
  local outer = x
  local x = "inner"
  local shared = "local"
  local inner = t
  return outer, x, shared, inner -- @here
end
f(nil, 2)
"""


@pytest.mark.lua54("there is no math.mininteger")
def test_an_evaluate_name_means_the_value_it_stands_at(editor: Editor) -> None:
    editor.launch(NAMES, breakpoints=["here"])
    editor.stopped()
    shown = [v for scope in editor.scopes().values() for v in editor.children(scope["variablesReference"])]
    (table,) = (v["variablesReference"] for v in shown if v["name"] == "inner")
    shown += editor.children(table)
    for variable in shown:
        if "evaluateName" in variable:
            assert (variable["name"], editor.evaluate(variable["evaluateName"])) == (
                variable["name"],
                variable["value"],
            )
    names = {(v["name"], v["value"]): v.get("evaluateName") for v in shown}
    assert names["x", '"outer"'] is None, "no expression reaches it: a local hides it"
    assert names["shared", '"global"'] == "_G.shared"
    assert names["[math.huge]", "3"] == "inner[math.huge]"
    assert names["[0.30000000000000004]", "1"] == "inner[0.30000000000000004]"


def test_strings_that_are_no_text(paused: Editor) -> None:
    assert child(paused, "Locals", "text", 1)["value"] == '"he\\0llo\\n\\xffé"'


EXPRESSIONS = [
    ("a", "6"),
    ("plain.x + 1", "6"),
    ("...", '"x", nil, {}'),
    ("select('#', ...)", "3"),
    ("plain.nested.deep[1]", "1"),
    pytest.param("float", "2.0", marks=pytest.mark.lua54("2.0 is 2")),
    ("1, 2, 3", "1, 2, 3"),
    ("local q = 1 return q", "1"),
    ("(function() return a end)()", "6"),
    ("nothing", "nil"),
    ("object", "Thing {v = 1}"),
    ('"a\\nb"', '"a\\nb"'),
    ("#plain", "3"),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_expressions(paused: Editor, expression: str, value: str) -> None:
    assert paused.evaluate(expression) == value


def test_assignments_change_locals_upvalues_and_globals(paused: Editor) -> None:
    paused.evaluate("a = 100", context="repl")
    paused.evaluate("plain = { x = 'new' }", context="repl")
    paused.evaluate("fresh = 1", context="repl")
    assert paused.locals()["a"] == "100"
    assert paused.evaluate("fresh") == "1"
    paused.go()
    paused.stopped()
    paused.go()
    assert paused.ended() == 0
    lines = paused.output().splitlines()
    assert lines[0].startswith("100\tx\tnil\ttable")
    assert lines[1].startswith("new\t")


def test_set_variable_and_set_expression(paused: Editor) -> None:
    client = paused.client
    locals_ = paused.scopes()["Locals"]["variablesReference"]
    arguments = {"variablesReference": locals_, "name": "a (shadowed)", "value": "i + 41"}
    assert client.request("setVariable", arguments)["value"] == "42"
    assert paused.locals()["a (shadowed)"] == "42"
    assert paused.locals()["a"] == "6"
    frame = paused.top()["id"]
    given = {"expression": "plain.nested.deep[1]", "value": "{ 9 }", "frameId": frame}
    assert client.request("setExpression", given)["value"] == "{9}"
    assert paused.evaluate("plain.nested.deep[1][1]") == "9"
    table = child(paused, "Upvalues", "plain")["variablesReference"]
    client.request("setVariable", {"variablesReference": table, "name": '["a b"]', "value": "'spaced'"})
    assert paused.evaluate('plain["a b"]') == '"spaced"'


def test_keys_that_look_alike_are_not_mistaken_for_one_another(editor: Editor) -> None:
    editor.launch("local t = { [{ 1 }] = 'a', [{ 1 }] = 'b', [{ 2 }] = 'c' }\nprint(t) -- @here\n", ["here"])
    editor.stopped()
    table = child(editor, "Locals", "t")["variablesReference"]
    given = {"variablesReference": table, "value": "'new'"}
    assert editor.client.request("setVariable", {**given, "name": "[{2}]"})["value"] == '"new"'
    with pytest.raises(Refused, match=r"several keys look like \[\{1\}\]"):
        editor.client.request("setVariable", {**given, "name": "[{1}]"})
    assert sorted(v["value"] for v in editor.children(table)) == ['"a"', '"b"', '"new"']


@pytest.mark.parametrize("value", ["", " ", "-- 5", "(function() end)()"])
def test_an_assignment_of_nothing_is_refused(paused: Editor, value: str) -> None:
    given = {"variablesReference": paused.scopes()["Locals"]["variablesReference"], "name": "a", "value": value}
    with pytest.raises(Refused, match="this gives no value"):
        paused.client.request("setVariable", given)
    assert paused.locals()["a"] == "6"


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("evaluate", {"expression": "1 +"}, "unexpected symbol"),
        ("evaluate", {"expression": "error('mine')"}, "mine"),
        ("evaluate", {"expression": "error({ code = 5 })"}, "{code = 5}"),
        ("evaluate", {"expression": "nothing.x"}, "nil value"),
        ("evaluate", {"expression": "coroutine.yield()"}, "yield"),
        ("setExpression", {"expression": "1 + 1", "value": "2"}, "assign"),
        ("setExpression", {"expression": "a", "value": ")"}, "unexpected"),
    ],
)
def test_garbage_is_refused_with_the_reason(paused: Editor, command: str, arguments: dict, words: str) -> None:
    with pytest.raises(Refused) as refused:
        paused.client.request(command, {**arguments, "frameId": paused.top()["id"]})
    assert words in refused.value.text


def test_references_die_when_the_program_goes_on(paused: Editor) -> None:
    frame = paused.top()["id"]
    reference = paused.scopes()["Locals"]["variablesReference"]
    paused.next()
    for command, arguments in [
        ("scopes", {"frameId": frame}),
        ("variables", {"variablesReference": reference}),
        ("evaluate", {"expression": "1", "frameId": frame}),
    ]:
        with pytest.raises(Refused) as refused:
            paused.client.request(command, arguments)
        assert "the program has gone on" in refused.value.text


def test_completions(paused: Editor) -> None:
    def labels(text: str) -> list[str]:
        arguments = {"text": text, "column": len(text) + 1, "frameId": paused.top()["id"]}
        return [t["label"] for t in paused.client.request("completions", arguments)["targets"]]

    assert labels("plain.ne") == ["nested"]
    assert labels("x = string.for") == ["format"]
    assert "upper" in labels("text_of = ('').up") or labels("string.up") == ["upper"]
    assert {"float", "for", "function", "f"} <= set(labels("f"))
    assert labels('plain["nested"] .de') == ["deep"]
    for unknown in ("f().", 'plain["nes" .. "ted"].', '("x"):up', '"x".', "1.", "plain[f()].n"):
        assert labels(unknown) == [], "nothing is run to complete"


def test_hexadecimal(paused: Editor) -> None:
    arguments = {"expression": "255", "frameId": paused.top()["id"], "format": {"hex": True}}
    assert paused.client.request("evaluate", arguments)["result"] == "0xFF"


BIG = """\
local big, hash = {}, {}
for i = 1, 1000000 do big[i] = i end
for i = 1, 20000 do hash["key" .. i] = i end
print(#big) -- @filled
"""


@pytest.mark.parametrize("client", ["in-process", "stdio"], indirect=True)  # who watches changes no variable
def test_a_million_entries(editor: Editor) -> None:
    editor.launch(BIG, breakpoints=["filled"])
    editor.stopped()
    locals_ = editor.children(editor.scopes()["Locals"]["variablesReference"])
    variables = {v["name"]: v for v in locals_}
    assert variables["big"]["indexedVariables"] == 1_000_000
    reference = variables["big"]["variablesReference"]
    page = editor.children(reference, filter="indexed", start=999_900, count=100)
    assert page[-1]["value"] == "1000000"
    assert len(editor.children(reference)) == 1000, "a client that does not page gets ranges"
    ranges = editor.children(reference)
    assert [ranges[0]["name"], ranges[-1]["name"]] == ["[1 … 1000]", "[999001 … 1000000]"]
    assert editor.children(ranges[-1]["variablesReference"])[-1]["value"] == "1000000"
    keys = editor.children(variables["hash"]["variablesReference"])
    seen = set()
    while True:
        seen |= {key["name"] for key in keys if key["name"].startswith("key")}
        if keys[-1]["name"] != "more …":
            break
        keys = editor.children(keys[-1]["variablesReference"])
    assert len(seen) == 20_000


NAMED = """\
local function f(a, b, ...)
  local c = a -- @stop
  return c
end
local function g(t)
  f(255, "x", t)
end
g({ 1, 2 })
"""


@pytest.mark.parametrize(
    ("format", "names"),
    [
        ({}, ["f", "g", "main chunk"]),
        ({"parameters": True}, ['f(a = 255, b = "x")', "g(t = {1, 2})", "main chunk()"]),
        ({"parameters": True, "hex": True}, ['f(a = 0xFF, b = "x")', "g(t = {1, 2})", "main chunk()"]),
        ({"parameters": True, "parameterNames": True}, ["f(a, b)", "g(t)", "main chunk()"]),
        ({"parameterValues": True}, ['f(255, "x")', "g({1, 2})", "main chunk()"]),
        ({"parameterTypes": True, "parameterNames": True}, ["f(number a, string b)", "g(table t)", "main chunk()"]),
        ({"parameters": False, "parameterNames": True}, ["f", "g", "main chunk"]),
        ({"line": True, "module": True}, ["program.lua!f:2", "program.lua!g:6", "program.lua!main chunk:8"]),
    ],
)
def test_frames_are_named_as_the_client_wants_them(editor: Editor, format: dict[str, bool], names: list[str]) -> None:
    editor.launch(NAMED, ["stop"])
    editor.stopped()
    frames = editor.client.request("stackTrace", {"threadId": 1, "format": format})["stackFrames"]
    assert [frame["name"] for frame in frames] == names


def test_long_and_strange_parameters_stay_short(editor: Editor) -> None:
    editor.launch("local function f(s, t)\n  return s, t -- @stop\nend\nf(('x'):rep(10000), print)\n", ["stop"])
    editor.stopped()
    (frame, _) = editor.client.request("stackTrace", {"threadId": 1, "format": {"parameters": True}})["stackFrames"]
    assert frame["name"].startswith('f(s = "xxxx')
    assert frame["name"].endswith(", t = function: builtin print)")
    assert len(frame["name"]) < 120


def test_what_was_answered_before_is_not_what_is_there_after_a_change(editor: Editor) -> None:
    editor.launch("local a, t = 1, { x = 1 }\nprint(a, t) -- @stop\n", breakpoints=["stop"])
    editor.stopped()
    assert editor.locals()["a"] == "1"
    editor.evaluate("(function() a = 2 end)()", context="repl")
    assert editor.locals()["a"] == "2"
    locals_ = editor.scopes()["Locals"]["variablesReference"]
    editor.client.request("setVariable", {"variablesReference": locals_, "name": "a", "value": "3"})
    assert editor.locals()["a"] == "3"
    editor.client.request("setExpression", {"expression": "t.x", "value": "5", "frameId": editor.top()["id"]})
    assert editor.locals()["t"] == "{x = 5}"


AROUND = """\
local shared, counted = { n = 1 }, 0
local function other(i)
  return i -- @other
end
local function outer()
  local hidden = 5
  local function inner(a)
    return a -- @inner
  end
  return inner(1), hidden
end
outer()
coroutine.wrap(function() other(4) end)()
print(shared.n, counted)
"""


def test_a_local_of_the_script_is_seen_where_a_function_does_not_use_it(editor: Editor) -> None:
    """Lua gives a function only what it uses. The script itself still runs, and has its locals."""
    editor.launch(AROUND, ["inner", {"at": "other", "condition": "shared.n == 1 and i == 4"}])
    editor.stopped()
    assert editor.evaluate("shared") == "{n = 1}"
    assert editor.evaluate("no_such_name") == "nil"
    assert editor.evaluate("outer") == "function: program.lua:5"
    with pytest.raises(Refused, match="'hidden' is a local variable that is not used in this function"):
        editor.evaluate("hidden", context="hover")
    with pytest.raises(Refused, match="'hidden' is a local variable"):
        editor.evaluate("hidden = 7", context="repl")
    editor.evaluate("counted = 9", context="repl")
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.at("other"), "the condition holds whoever watches for it"
    assert editor.evaluate("counted") == "9"
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "1\t9\n"


CONSTANTS = """\
local WIDTH <const>, NAME <const> = 5, "bob"
local AREA <const> = -(WIDTH * 2)
local function f(i)
  return i + WIDTH, AREA, NAME -- @in
end
for i = 1, 9 do f(i) end
"""


@pytest.mark.lua54("it has no constants")
def test_constants_have_values_though_lua_keeps_no_variables_for_them(editor: Editor) -> None:
    editor.launch(CONSTANTS, [{"at": "in", "condition": "i == WIDTH"}])
    editor.stopped()
    assert editor.locals()["i"] == "5"
    assert editor.evaluate("WIDTH, AREA, NAME", context="hover") == '5, -10, "bob"'
    with pytest.raises(Refused, match="attempt to assign to const variable 'NAME'"):
        editor.evaluate("NAME = 3", context="repl")
    editor.go()
    assert editor.ended() == 0


def test_numbers_and_nil_with_metatables_are_shown_as_what_they_are(editor: Editor) -> None:
    text = """\
local runs = 0
local meta = { __tostring = function() runs = runs + 1 return nil end }
debug.setmetatable(1, meta) debug.setmetatable(nil, meta) debug.setmetatable(true, meta)
local n, x, yes, nothing, t = 7, 0.5, true, nil, { [0.5] = true, [false] = 1 }
print(runs) -- @here
"""
    editor.launch(text, ["here"])
    assert editor.stopped() == "breakpoint"
    shown = editor.locals()
    assert [shown[name] for name in ("n", "x", "yes", "nothing", "runs")] == ["7", "0.5", "true", "nil", "0"]
    keys = editor.children(child(editor, "Locals", "t")["variablesReference"])
    assert [(key["name"], key["value"]) for key in keys] == [("[0.5]", "true"), ("[false]", "1")]
    with pytest.raises(Refused, match="7"):
        editor.evaluate("error(7)")
    assert editor.evaluate("runs") == "0"
