"""Programs that LuaJIT runs. ``--runtime luajit`` has all the other scenarios so too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Client, InProcessWire, Refused, StdioWire
from tests.support.editor import NOTE, Editor

HOT = """\
local limit, sum = 10, 0
local function add(n)
  if n < 0 then
    sum = 0 -- @dead
  end
  sum = sum + n -- @hot
end
for i = 1, 200000 do add(i) end
print(jit.status(), require("jit.util").traceinfo(1) ~= nil, sum)
"""


@pytest.fixture(params=["in-process", "counting", "hook", "stdio"])
def editor(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Editor]:
    if request.param == "counting":
        monkeypatch.setenv("LLMSPELL_NATIVE", "0")
    if request.param == "hook":
        monkeypatch.setenv("LLMSPELL_TIER", "hook")
    client = Client(StdioWire if request.param == "stdio" else InProcessWire)
    client.runtime = "luajit"
    yield Editor(client, tmp_path)
    client.wire.close()


COMPILED = pytest.mark.parametrize("editor", ["in-process", "stdio"], indirect=True)


def test_it_stops_steps_and_shows_what_there_is(editor: Editor) -> None:
    text = """\
local up = 5
local function twice(x, ...)
  local y = x * 2 -- @y
  return y + up -- @back
end
local result = twice(4, "more") + 0 -- @call
print(result, jit.version:match("LuaJIT")) -- @print
"""
    editor.launch(text, breakpoints=["call"])
    assert editor.stopped() == "breakpoint"
    editor.step_in()
    assert editor.at("y")
    editor.next()
    assert editor.at("back")
    assert editor.locals() == {"x": "4", "y": "8"}
    assert editor.variables("Upvalues") == {"up": "5"}
    assert editor.variables("Varargs") == {"[1]": '"more"'}
    assert editor.evaluate("y * 10 + up") == "85"
    locals = editor.scopes()["Locals"]["variablesReference"]
    editor.client.request("setVariable", {"variablesReference": locals, "name": "y", "value": "100"})
    editor.step_out()
    assert editor.at("call")
    assert editor.variables("Return Value") == {"[1]": "105"}
    editor.next()
    assert editor.at("print")
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "105\tLuaJIT\n"


@COMPILED
def test_a_breakpoint_leaves_hot_code_compiled(editor: Editor) -> None:
    if os.environ.get("LLMSPELL_TIER") == "hook":
        pytest.skip("only probes do")
    editor.launch(HOT, breakpoints=["dead"])
    assert editor.ended() == 0
    assert editor.output() == "true\ttrue\t20000100000\n"


@COMPILED
def test_after_a_stop_code_is_compiled_again(editor: Editor) -> None:
    editor.launch(HOT, breakpoints=[{"at": "hot", "hitCondition": "100000"}])
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("n") == "100000"
    editor.next()
    editor.break_at()
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "true\ttrue\t20000100000\n"


@pytest.mark.parametrize(
    "condition",
    ["n == 7", "n > 6 and n < 8", "n % 10 == 7 and sum > 0", "math.abs(n) == seven", "type(n) ~= nil and n == seven"],
)
def test_conditions_see_locals_upvalues_and_globals(editor: Editor, condition: str) -> None:
    editor.launch("seven = 7\n" + HOT, breakpoints=[{"at": "hot", "condition": condition}])
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("n") == "7"


def test_a_condition_sees_the_globals_of_its_function(editor: Editor) -> None:
    text = """\
local function f(n)
  print(n) -- @f
end
setfenv(f, { print = print, wanted = 2 })
for n = 1, 3 do f(n) end
"""
    editor.launch(text, breakpoints=[{"at": "f", "condition": "n == wanted"}])
    assert editor.stopped() == "breakpoint"
    assert editor.evaluate("n + wanted") == "4"
    assert editor.evaluate("tostring == nil") == "true"


def test_log_points(editor: Editor) -> None:
    editor.launch("for i = 1, 300 do\n  local s = i * 2 -- @log\nend\n", [{"at": "log", "logMessage": "{i} {type(i)}"}])
    assert editor.ended() == 0
    assert editor.output("console").splitlines() == [f"{i} number" for i in range(1, 301)]


@pytest.mark.parametrize("loop", ["while true do end", "repeat local x = tostring(1) until false"])
def test_a_loop_that_is_compiled_is_paused_and_ended(editor: Editor, loop: str) -> None:
    editor.launch(f"print('in') {loop} -- @loop\n")
    editor.client.wait_for("output")
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    assert editor.at("loop")
    editor.go()
    editor.client.request("terminate")
    assert editor.ended() == 143


def test_an_endless_evaluation_is_given_up_in_a_hook_and_out_of_one(editor: Editor) -> None:
    editor.launch("local x = 1 -- @here\nx = 2 -- @then\nx = 3\n", breakpoints=["here"])
    editor.stopped()
    for _ in range(2):
        endless = "(function() print('in') while true do end end)()"
        request = editor.client.send("evaluate", {"expression": endless, "frameId": editor.top()["id"]})
        editor.client.wait_for("output")
        editor.client.request("cancel", {"requestId": request})
        with pytest.raises(Refused):
            editor.client.response(request)
        editor.next()
    assert editor.locals() == {"x": "2"}


def test_errors_stop_it_with_their_stack(editor: Editor) -> None:
    text = """\
local function fails(t)
  return t.x.y -- @fails
end
print(pcall(fails, {}))
coroutine.wrap(function() fails {} end)()
"""
    editor.launch(text, filters=["raised", "uncaught"])
    for locals in ({"t": "{}"}, {}):  # of a coroutine that has died LuaJIT knows no names
        assert editor.stopped() == "exception"
        assert editor.at("fails")
        assert editor.evaluate("error").endswith("attempt to index field 'x' (a nil value)\"")
        assert editor.locals() == locals
        editor.go()
    assert editor.ended() == 1


def test_a_step_over_a_call_that_fails_lands_where_the_error_is_caught(editor: Editor) -> None:
    text = """\
local function fails() error("no") end
local function tries()
  local ok = pcall(fails) -- @pcall
  return ok -- @after
end
tries()
local function outer() fails() -- @inner
end
pcall(outer)
print("end") -- @end
"""
    editor.launch(text, breakpoints=["pcall", "inner"])
    editor.stopped()
    editor.next()
    assert editor.at("after")
    editor.go()
    editor.stopped()
    editor.next()
    assert editor.line() in (9, 10)


def test_modules_and_strings_are_loaded_with_their_breakpoints(editor: Editor) -> None:
    module = editor.write("module('mod', package.seeall)\nfunction f(x)\n  return x + 1\nend\n", "mod.lua")
    editor.initialize()
    editor.break_at(3, path=module)
    editor.launch(
        "require('mod')\nprint(mod.f(1), loadstring('return 2')(), debug.traceback('x'):match('in main chunk'))\n"
    )
    assert editor.stopped() == "breakpoint"
    assert editor.line() == 3
    assert editor.evaluate("x, _NAME") == '1, "mod"'
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "2\t2\tin main chunk\n"


def test_what_differs_is_said_once(editor: Editor) -> None:
    editor.launch("print(1)\n")
    assert editor.ended() == 0
    told = [
        m["body"] for m in editor.client.transcript if m.get("event") == "output" and m["body"]["category"] == "console"
    ]
    assert [body["output"].startswith(NOTE) for body in told] == [True]


def test_a_runtime_that_there_is_not(editor: Editor) -> None:
    editor.initialize()
    with pytest.raises(Refused, match="`runtime` is one of lua54, luajit, not 'lua51'"):
        editor.client.request("launch", {"program": "x.lua", "runtime": "lua51"})
