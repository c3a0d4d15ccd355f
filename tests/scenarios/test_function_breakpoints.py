"""Breakpoints on functions, by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Message
from tests.support.editor import Editor, mark_line

BANK = """\
local M = {}
function add(a, b) -- @add
  return a + b -- @sum
end
local function scale(x, ...)
  local y = x * 2 -- @scale
  return y
end
M.twice = function(x) return scale(x) end -- @twice
local account = { balance = 0, limits = { check = function(n)
  assert(n < 100) -- @check
end } }
function account:deposit(n)
  self.limits.check(n) -- @deposit
  self.balance = self.balance + n
end
M["odd name"], M.pair = 1, function()

  -- a comment
  local made = {} -- @pair
  return made
end
local nothing = function()
end -- @nothing
account:deposit(5)
print(add(1, 2), M.twice(4), #M.pair(), nothing(), account.balance)
"""


def break_on(editor: Editor, *wanted: Any) -> list[Message]:
    named = [{"name": one} if isinstance(one, str) else one for one in wanted]
    return editor.client.request("setFunctionBreakpoints", {"breakpoints": named})["breakpoints"]


def launch(editor: Editor, text: str, *wanted: Any, **more: Any) -> list[Message]:
    editor.initialize()
    states = break_on(editor, *wanted)
    editor.launch(text, **more)
    return states


@pytest.mark.parametrize(
    ("name", "mark", "seen"),
    [
        ("add", "sum", {"a": "1", "b": "2"}),
        ("scale", "scale", {"x": "4"}),
        ("M.twice", "twice", {"x": "4"}),
        ("twice()", "twice", {"x": "4"}),
        ("account:deposit", "deposit", None),
        ("account.deposit", "deposit", None),
        ("account.limits.check", "check", {"n": "5"}),
        ("check", "check", {"n": "5"}),
        ("M.pair", "pair", {}),
        ("nothing", "nothing", {}),
    ],
)
def test_stops_where_a_function_begins(editor: Editor, name: str, mark: str, seen: dict[str, str] | None) -> None:
    (state,) = launch(editor, BANK, name)
    assert not state["verified"]
    assert editor.stopped() == "function breakpoint"
    assert editor.last_stop["hitBreakpointIds"] == [state["id"]]
    assert editor.at(mark)
    assert seen is None or editor.locals() == seen
    editor.go()
    assert editor.ended() == 0


def test_it_is_announced_and_says_when_the_function_is_there(editor: Editor) -> None:
    (state,) = launch(editor, BANK, "add")
    assert editor.capabilities["supportsFunctionBreakpoints"]
    assert state["reason"] == "pending"
    changed = editor.client.wait_for("breakpoint")["breakpoint"]
    assert changed["id"] == state["id"] and changed["verified"]
    assert changed["line"] == mark_line(BANK, "sum")
    assert changed["source"]["path"] == str(editor.path)
    editor.stopped()
    editor.go()
    assert editor.ended() == 0


@pytest.mark.parametrize("name", ["", "1", "a b", "a..b", "f(x)", "a:", "if x"])
def test_what_is_no_name_is_told(editor: Editor, name: str) -> None:
    (state,) = launch(editor, BANK, name)
    assert not state["verified"] and state["reason"] == "failed"
    assert "is named as in `add`" in state["message"]
    assert editor.ended() == 0


LOOPS = """\
local function work(n)
  while n > 0 do -- @while
    n = n - 1
  end
end
local function again(n)
  repeat -- @loop
    n = n - 1 -- @repeat
  until n <= 0
end
local function jump(n)
  ::top::
  n = n - 1 -- @top
  if n > 0 then goto top end
end
local function forever(n)
  while true do -- @ever
    n = n - 1 -- @true
    if n == 0 then return end
  end
end
local function count(n)
  for i = 1, n do -- @for
    n = n + i
  end
end
local function one(n) while n > 0 do n = n - 1 end end -- @one
local function inner(n)
  do
    local m = n -- @do
  end
end
for _, f in ipairs { work, again, jump, forever, count, one, inner } do f(3) end
"""


def test_a_function_that_begins_with_a_loop_stops_once_a_call(editor: Editor) -> None:
    launch(editor, LOOPS, "work", "again", "jump", "forever", "count", "one", "inner")
    has_code_for_words = editor.client.runtime == "luajit"
    loops = ("loop", "top", "ever") if has_code_for_words else ("repeat", "top", "true")
    for mark in ("while", *loops, "for", "one", "do"):
        assert editor.stopped() == "function breakpoint"
        assert editor.at(mark)
        editor.go()
    assert editor.ended() == 0


def test_steps_that_come_by_its_first_line_again_do_not_stop_for_it(editor: Editor) -> None:
    launch(editor, LOOPS, "work")
    editor.stopped()
    assert [editor.next() for _ in range(3)] == ["step"] * 3
    editor.go()
    assert editor.ended() == 0


def test_conditions_and_hit_counts(editor: Editor) -> None:
    text = "local function f(n)\n  return n\nend\nfor i = 1, 9 do f(i) end\n"
    launch(editor, text, {"name": "f", "condition": "n == 3"})
    assert editor.stopped() == "function breakpoint"
    assert editor.evaluate("n") == "3"
    break_on(editor, {"name": "f", "hitCondition": "% 2"})
    editor.go()
    assert editor.stopped() == "function breakpoint"
    assert editor.evaluate("n") == "5"
    break_on(editor, {"name": "f", "condition": "n >"})
    editor.go()
    assert editor.ended() == 0


def test_a_condition_that_raises_counts_as_false(editor: Editor) -> None:
    launch(editor, BANK, {"name": "add", "condition": "a.x.y"})
    assert editor.ended() == 0
    assert editor.output("important").count("the condition raised an error") == 1


def test_a_breakpoint_on_the_line_too_is_one_stop(editor: Editor) -> None:
    (state,) = launch(editor, BANK, "add", breakpoints=["sum"])
    assert editor.stopped() == "breakpoint"
    assert len(editor.last_stop["hitBreakpointIds"]) == 2 and state["id"] in editor.last_stop["hitBreakpointIds"]
    editor.go()
    assert editor.ended() == 0


def test_a_step_into_the_function_is_one_stop(editor: Editor) -> None:
    launch(editor, "local function f(n)\n  return n -- @f\nend\nf(1) -- @call\nf(2)\n", "f", breakpoints=["call"])
    assert editor.stopped() == "breakpoint"
    assert editor.step_in() == "function breakpoint"
    assert editor.at("f")
    editor.go()
    assert editor.stopped() == "function breakpoint"
    assert editor.evaluate("n") == "2"
    editor.go()
    assert editor.ended() == 0


def test_functions_of_modules_have_the_names_of_their_modules(editor: Editor) -> None:
    editor.write("local M = {}\nfunction M.area(w, h)\n  return w * h\nend\nreturn M\n", "geometry.lua")
    editor.write("return { area = function(r)\n  return r * 3\nend }\n", "shapes/circle/init.lua")
    text = "local g, c = require('geometry'), require('shapes.circle')\nprint(g.area(2, 3), c.area(1))\n"
    states = launch(editor, text, "geometry.area", "shapes.circle.area", "other.area")
    for state, name in zip(states, ("geometry.lua", "init.lua"), strict=False):
        assert editor.stopped() == "function breakpoint"
        assert editor.last_stop["hitBreakpointIds"] == [state["id"]]
        assert editor.top()["source"]["name"] == name
        editor.go()
    assert editor.ended() == 0


def test_functions_that_come_while_the_program_runs(editor: Editor) -> None:
    text = "local function f(n)\n  return n -- @f\nend\nf(1) -- @first\nf(2)\nload('function late(x)\\n  return x\\nend')()\nlate(4)\n"
    editor.launch(text, breakpoints=["first"])
    editor.stopped()
    found, late = break_on(editor, "f", "late")
    assert found["verified"] and found["line"] == 2
    assert not late["verified"]
    for n in ("1", "2"):
        editor.go()
        assert editor.stopped() == "function breakpoint"
        assert editor.evaluate("n") == n
    editor.go()
    assert editor.stopped() == "function breakpoint"
    assert editor.last_stop["hitBreakpointIds"] == [late["id"]]
    assert editor.evaluate("x") == "4"
    assert editor.top()["source"]["sourceReference"] > 0
    break_on(editor)
    editor.go()
    assert editor.ended() == 0


VALUES = """\
local function made(n)
  return function(x) return x + n end -- @made
end
local function plain(x)
  local y = x -- @plain
  return y
end
plain(0)
Class = { size = 1 }
Class.__index = Class
rawset(Class, "me" .. "thod", plain)
object = setmetatable({}, Class)
object:method()
counter = { next = made(1) }
print(counter.next(41))
counter.next = plain
print(counter.next(7))
"""


def test_a_name_that_no_text_defines_is_what_it_means_when_it_is_called(editor: Editor) -> None:
    (state,) = launch(editor, VALUES, "object:method")
    assert editor.stopped() == "function breakpoint"
    assert editor.at("plain")
    assert editor.last_stop["hitBreakpointIds"] == [state["id"]]
    assert editor.client.wait_for("breakpoint")["breakpoint"]["verified"]
    break_on(editor)
    editor.go()
    assert editor.ended() == 0


def test_a_name_that_means_another_function_later_stops_there(editor: Editor) -> None:
    launch(editor, VALUES, "counter.next")
    assert editor.stopped() == "function breakpoint"
    assert editor.at("made")
    assert editor.evaluate("x") == "41"
    editor.go()
    assert editor.stopped() == "function breakpoint"
    assert editor.at("plain")
    editor.go()
    assert editor.ended() == 0


def test_functions_that_are_not_lua_say_so(editor: Editor) -> None:
    launch(editor, "print(string.rep('a', 3))\n", "string.rep")
    changed = editor.client.wait_for("breakpoint")["breakpoint"]
    assert not changed["verified"] and "not written in Lua" in changed["message"]
    assert editor.ended() == 0


def test_in_coroutines_and_by_tail_calls(editor: Editor) -> None:
    text = "function f(x)\n  return x\nend\nlocal function g(x) return f(x) end\ncoroutine.wrap(f)(1)\ng(2)\ncoroutine.wrap(function() g(3) end)()\n"
    launch(editor, text, "f")
    for n in ("1", "2", "3"):
        assert editor.stopped() == "function breakpoint"
        assert editor.evaluate("x") == n
        editor.go()
    assert editor.ended() == 0


def test_a_restart_finds_them_again(editor: Editor) -> None:
    launch(editor, BANK, "add")
    for _ in range(2):
        assert editor.stopped() == "function breakpoint"
        editor.client.request("restart", {"arguments": {"program": str(editor.path)}})
    assert editor.stopped() == "function breakpoint"
    editor.go()
    assert editor.ended() == 0


def test_a_function_of_a_chunk_without_a_file_has_its_text(editor: Editor) -> None:
    text = "made = load('return function(x)\\n  return x\\nend', '=made')()\nmade(1)\n"
    launch(editor, text, "made")
    assert editor.stopped() == "function breakpoint"
    source = editor.top()["source"]
    body = editor.client.request("source", {"source": source, "sourceReference": source["sourceReference"]})
    assert body["content"] == "return function(x)\n  return x\nend"
    editor.go()
    assert editor.ended() == 0


def test_an_expression_that_calls_the_function_does_not_stop_in_it(editor: Editor) -> None:
    launch(editor, "function f(x)\n  return x + 1\nend\nprint(f(1)) -- @call\n", "f", breakpoints=["call"])
    editor.stopped()
    assert editor.evaluate("f(41)") == "42"
    editor.go()
    assert editor.stopped() == "function breakpoint"
    editor.go()
    assert editor.ended() == 0


def test_names_are_found_in_safe_programs_too(editor: Editor) -> None:
    launch(
        editor,
        "local function make() return function(x) return x end end\nM = { f = make() }\nM.f(3)\n",
        "M.f",
        safe=True,
    )
    assert editor.stopped() == "function breakpoint"
    assert editor.evaluate("x") == "3"
    editor.go()
    assert editor.ended() == 0


def test_a_program_that_looks_at_its_globals_notices_nothing(editor: Editor) -> None:
    """Fields are read raw: nothing of the program runs for a name."""
    text = "setmetatable(_G, { __index = function(_, k) error('no ' .. k, 2) end })\nlocal function f() end\nf()\nprint('fine')\n"
    launch(editor, text, "nowhere.f", "nothing")
    assert editor.ended() == 0
    assert editor.output() == "fine\n"
