"""Breakpoints that are compiled in, or that the hook watches for: the same stops, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, InProcessWire
from tests.support.editor import Editor

LINE = "local a, b = 1, 2\nif a == 1 then a = a + 1 b = b + a end -- @both\nprint(a, b) -- @after\n"
LOOP = "local t = { x = 0 }\nfor i = 1, 5 do -- @for\n  t.x = t.x + i -- @turn\nend\nprint(t.x) -- @after\n"


def test_where_on_a_line_a_breakpoint_may_stand(editor: Editor) -> None:
    editor.initialize()
    editor.text, editor.path = LINE, editor.write(LINE)
    source = {"path": str(editor.path)}
    found = editor.client.request("breakpointLocations", {"source": source, "line": 2})["breakpoints"]
    assert [(one["line"], one["column"]) for one in found] == [(2, 1), (2, 16), (2, 26)]


def test_breakpoints_inside_of_a_line(editor: Editor, request: pytest.FixtureRequest) -> None:
    editor.launch(LINE, breakpoints=[{"at": "both", "column": 16}, {"at": "both", "column": 26}])
    if request.node.callspec.params["client"] in ("hook", "pure") or request.config.getoption("--tier") == "hook":
        assert editor.ended() == 0  # a hook knows lines only, and the breakpoints have said so
        return
    assert editor.stopped() == "breakpoint"
    assert editor.locals() == {"a": "1", "b": "2"}
    assert editor.top()["column"] == 16
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.locals() == {"a": "2", "b": "2"}
    assert editor.top()["column"] == 26
    assert editor.next() == "step"
    assert editor.top()["column"] == 1, "of a line that is stepped to nobody knows more"
    editor.go()
    assert editor.ended() == 0


def test_a_breakpoint_inside_of_a_line_that_comes_too_late_says_so(editor: Editor) -> None:
    editor.launch(LINE, breakpoints=["both"])
    editor.stopped()
    (state,) = editor.break_at({"at": "both", "column": 26})
    assert not state["verified"]
    assert "loads this file again" in state["message"]


def test_a_line_stops_in_each_function_on_it(editor: Editor) -> None:
    text = "local function f(g, h) return g() + h() end\nlocal x = 5\nprint(f(function() return x end, function() return 2 * x end)) -- @two\n"
    editor.launch(text, breakpoints=["two"])
    depths = []
    for _ in range(3):
        assert editor.stopped() == "breakpoint"
        assert editor.at("two")
        depths.append(len(editor.frames()))
        editor.go()
    assert editor.ended() == 0
    assert depths == [1, 3, 3]


def test_a_for_is_where_its_loop_begins(editor: Editor) -> None:
    editor.launch(LOOP, breakpoints=["for", "after"])
    assert editor.stopped() == "breakpoint"
    assert editor.at("for")
    editor.go()
    editor.stopped()
    assert editor.at("after")


def test_a_step_to_a_breakpoint_stops_there_once(editor: Editor) -> None:
    editor.launch(LOOP, breakpoints=["for", "turn"])
    editor.stopped()
    assert editor.next() == "breakpoint"
    assert editor.last_stop["hitBreakpointIds"]
    assert editor.at("turn")
    assert editor.evaluate("i") == "1"
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("i") == "2"


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        ("i == 3", "3"),  # inline
        ("t.x > 5", "4"),  # guarded
        ("(function() return i == 2 end)()", "2"),  # asked
        ("i ~= 1 and tostring(t.x):find('6') ~= nil", "4"),
        ("missing == nil and i == 5", "5"),
    ],
)
def test_conditions_of_all_kinds(editor: Editor, condition: str, seen: str) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "turn", "condition": condition}])
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("i") == seen


@pytest.mark.parametrize("condition", ["t.y.z == 1", "t.x < {}", "nothing()"])
def test_an_error_in_a_condition_is_said_once_and_never_reaches_the_program(editor: Editor, condition: str) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "turn", "condition": condition}])
    assert editor.ended() == 0
    assert editor.output() == "15\n"
    assert editor.output("important").count("the condition raised an error") == 1


@pytest.mark.parametrize(
    "changed",
    [{"condition": "i == 4"}, {"condition": "t.x >= 6"}, {"hitCondition": "3"}],
)
def test_a_breakpoint_that_changes_while_the_program_runs(editor: Editor, changed: Any) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "turn", "condition": "i == 1"}])
    editor.stopped()
    editor.break_at({"at": "turn", **changed})
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("i") == "4"
    editor.break_at()
    editor.go()
    assert editor.ended() == 0


def test_a_breakpoint_that_was_removed_and_set_again(editor: Editor) -> None:
    editor.launch(LOOP, breakpoints=["turn"])
    editor.stopped()
    editor.break_at()
    editor.break_at("turn")
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("i") == "2"


def test_log_messages_come_in_order_with_what_the_program_prints(editor: Editor) -> None:
    text = "for i = 1, 1000 do\n  local s = i * 2 -- @log\n  if i % 500 == 0 then print(i) end\nend\n"
    editor.launch(text, breakpoints=[{"at": "log", "logMessage": "{i}: {missing} {i + 1}"}])
    assert editor.ended() == 0
    lines = "".join(body["output"] for body in editor.outputs()).splitlines()
    expected = [f"{i}: nil {i + 1}" for i in range(1, 1001)]
    assert lines == [*expected[:500], "500", *expected[500:], "1000"]


def test_breakpoints_in_modules_and_in_what_is_loaded(editor: Editor) -> None:
    module = editor.write("local M = {}\nfunction M.f(x)\n  return x * 2\nend\nreturn M\n", "module.lua")
    script = editor.write("local y = ...\nreturn y + 1\n", "script.lua")
    text = f"local M = require('module')\nprint(M.f(2))\nprint(loadfile({str(script)!r})(5))\nprint(dofile({str(module)!r}).f(3))\n"
    editor.initialize()
    editor.break_at(3, path=module)
    editor.break_at(2, path=script)
    editor.launch(text)
    for line in (3, 2, 3):
        assert editor.stopped() == "breakpoint"
        assert editor.line() == line
        editor.go()
    assert editor.ended() == 0
    assert editor.output() == "4\n6\n6\n"


def test_the_program_sees_itself_as_it_was_written(editor: Editor) -> None:
    text = """\
local up = 1
local function f() -- @f
  local x = up -- @x
  print(debug.getinfo(1, "S").source == debug.getinfo(2, "S").source, debug.getinfo(2, "S").what)
  print((debug.traceback("here"):gsub("[^\\n]*/", "")))
  error("no")
end
print(debug.getupvalue(f, 1), debug.getupvalue(f, 2), debug.getupvalue(f, 3))
print(select(2, pcall(f)):match("[^/]*$"))
"""
    editor.launch(text, noDebug=True)
    assert editor.ended() == 0
    plain = editor.output()
    editor.client.request("restart", {"arguments": {"program": str(editor.path)}})
    editor.break_at({"at": "x", "condition": "up == 2"})
    assert editor.ended() == 0
    assert editor.output() == plain * 2


COUNTED = """\
local n = 0
for i = 820, 960 do
  for _ = 1, i do end
  n = n + 1 -- @here
  n = n + 1 -- @next
end
"""


def test_a_step_survives_a_count_that_ends_while_a_probe_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where instructions are counted, each 997th calls the hook; here it is, once, the one between a probe's decision
    to stop and the stop."""
    monkeypatch.setenv("LLMSPELL_NATIVE", "0")
    editor = Editor(Client(InProcessWire), tmp_path)
    editor.launch(COUNTED, ["here"])
    for _ in range(820, 961):
        assert editor.stopped() == "breakpoint"
        assert editor.next() == "step"
        editor.go()
    assert editor.ended() == 0
    editor.close()


@pytest.mark.lua54("it has no finalizers of tables")
def test_a_breakpoint_in_a_finalizer_stops_nowhere_else(editor: Editor) -> None:
    text = """\
setmetatable({}, { __gc = function()
  print("gone") -- @gc
end })
collectgarbage()
print("after") -- @after
print("end") -- @end
"""
    editor.launch(text, ["gc", {"at": "gc", "logMessage": "going"}, "after"])
    assert editor.stopped() == "breakpoint"
    assert editor.at("after")
    assert editor.next() == "step"
    assert editor.at("end")
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "gone\nafter\nend\n"
    told = editor.output("important")
    assert told in ("", "the program can't be stopped in a finalizer (__gc): Lua calls no hook there\n")


def test_lines_are_counted_as_lua_counts_them(editor: Editor) -> None:
    """A carriage return alone ends a line too, in a string as well."""
    text = b"local s = [[x\r\ny\rz]]\r\nprint(#s)\r\nlocal function f() return s end\r\nprint(f())\r\n"
    editor.initialize()
    editor.path.write_bytes(text)
    launched = editor.client.send("launch", {"program": str(editor.path)})
    editor.break_at(3, 4, {"line": 6})
    editor.client.request("configurationDone")
    editor.client.response(launched)
    editor.take_note()
    for line in (3, 4, 6):
        assert editor.stopped() == "breakpoint"
        assert editor.line() == line
        editor.go()
    assert editor.ended() == 0
