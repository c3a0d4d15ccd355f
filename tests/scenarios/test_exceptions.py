"""Errors: stopped at where they are raised, with the stack alive, left as they are."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.support.client import environment
from tests.support.editor import Editor


def info(editor: Editor) -> dict[str, Any]:
    return editor.client.request("exceptionInfo", {"threadId": editor.thread})


@pytest.mark.lua54("it tells of errors in other words")
def test_an_uncaught_error_with_its_locals(editor: Editor) -> None:
    text = """\
local function f(x)
  local y = { 1 }
  error({ code = x }) -- @raise
end
pcall(error, "caught")
f(5)
"""
    editor.launch(text, filters=["uncaught"])
    assert editor.stopped() == "exception"
    assert editor.at("raise")
    assert editor.locals() == {"x": "5", "y": "{1}"}
    assert editor.evaluate("error.code") == "5"
    about = info(editor)
    assert about["exceptionId"] == "uncaught"
    assert about["breakMode"] == "unhandled"
    assert about["description"] == "{code = 5}"
    assert "in upvalue 'f'" in about["details"]["stackTrace"] or "in local 'f'" in about["details"]["stackTrace"]
    editor.go()
    assert editor.ended() == 1


RAISED = """\
local ok = pcall(function() local q = nil; return q.x end) -- @index
ok = pcall(error, "again") -- @again
local _, text = xpcall(function() error("three") end, function(m) return "H" .. m end) -- @three
print((text:gsub("^H.*:", "H")))
local co = coroutine.create(function() error("in co") end) -- @co
coroutine.resume(co)
local w = coroutine.wrap(function() error("in wrap") end) -- @wrap
print(select(2, pcall(w)))
"""


def test_raised_errors_each_once(editor: Editor) -> None:
    editor.launch(RAISED, filters=["raised"])
    for mark in ("index", "again", "three", "co", "wrap"):
        assert editor.stopped() == "exception"
        editor.at(mark)
        editor.go()
    assert editor.ended() == 0
    printed = editor.output().splitlines()
    assert printed[0] == "H three"
    assert printed[1].endswith("in wrap")


def test_an_error_object_arrives_as_it_was_thrown(editor: Editor) -> None:
    text = """\
local object = setmetatable({}, { __tostring = function() return "mine" end })
local ok, caught = pcall(error, object)
print(rawequal(caught, object), tostring(caught))
"""
    editor.launch(text, filters=["raised"])
    editor.stopped()
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "true\tmine\n"


def test_an_error_nobody_catches_in_a_wrapped_coroutine(editor: Editor) -> None:
    text = """\
local calm = coroutine.wrap(function() error("caught") end)
pcall(calm)
local wild = coroutine.wrap(function()
  local here = 7
  error("wild") -- @raise
end)
wild()
"""
    editor.launch(text, filters=["uncaught"])
    assert editor.stopped() == "exception"
    editor.at("raise")
    assert editor.locals() == {"here": "7"}
    editor.go()
    assert editor.ended() == 1


def test_an_error_of_a_tool_with_its_python_cause(editor: Editor) -> None:
    text = """\
local ok, problem = pcall(Tool.execute, "calculator", { input = "1/0" })
print(ok, problem.tool, problem.message, problem.cause)
local calculator = Tool.get("calculator")
calculator:execute { input = "2/0" } -- @second
"""
    editor.launch(text, filters=["tool"])
    assert editor.stopped() == "exception"
    about = info(editor)
    assert about["exceptionId"] == "tool"
    assert about["details"]["typeName"] == "ToolError"
    cause = about["details"]["innerException"][0]
    assert cause["typeName"] == "ZeroDivisionError"
    assert "arithmetic.py" in cause["stackTrace"]
    editor.go()
    editor.stopped()
    editor.at("second")
    assert "tool calculator" in [frame["name"] for frame in editor.frames()]
    editor.go()
    assert editor.ended() == 1
    assert editor.output() == "false\tcalculator\tdivision by zero\tZeroDivisionError: division by zero\n"


def test_a_condition_on_the_error(editor: Editor) -> None:
    text = "for i = 1, 3 do pcall(error, { n = i }) end\n"
    editor.text, editor.path = text, editor.write(text)
    editor.initialize()
    request = editor.client.send("launch", {"program": str(editor.path)})
    options = [{"filterId": "raised", "condition": "error.n == 2"}, {"filterId": "tool", "condition": "("}]
    states = editor.client.request("setExceptionBreakpoints", {"filters": [], "filterOptions": options})
    assert [state["verified"] for state in states["breakpoints"]] == [True, False]
    editor.client.request("configurationDone")
    editor.client.response(request)
    editor.stopped()
    assert editor.evaluate("error.n") == "2"
    editor.go()
    assert editor.ended() == 0


DELICATE = """\
local function overflow() return (string.gsub("a", "a", overflow)) end
print(pcall(overflow))
print(xpcall(overflow, function(m) return "handled: " .. m end))
print(load(function() error("in the reader") end))
print(load("return " .. string.rep("(", 300)))
print(pcall(coroutine.wrap(function()
  local guard <close> = setmetatable({}, { __close = function() error("in close") end })
  error("in body")
end)))
print(xpcall(error, function(m) error("in the handler") end))
print(pcall(load)) print(pcall(coroutine.create)) print(pcall(coroutine.wrap, 1))
print(pcall(coroutine.resume)) print(pcall(xpcall, print, nil)) print(pcall(pcall))
print(pcall(function() coroutine.create() end)) print(pcall(function() pcall() end))
print(coroutine.close(coroutine.create(print)))
local name = os.tmpname()
io.open(name, "w"):write("trace = debug.traceback('dofile')"):close()
dofile(name)
print((trace:gsub(name, "FILE")))
os.remove(name)
"""


@pytest.mark.lua54("the program has <close> variables")
@pytest.mark.parametrize("filters", [[], ["raised"], ["uncaught"], ["raised", "uncaught", "tool"]])
def test_a_program_prints_the_same_whatever_is_watched(editor: Editor, filters: list[str]) -> None:
    editor.launch(DELICATE, filters=filters)
    while editor.client.wait_for_either("stopped", "exited") == "stopped":
        editor.stopped()
        editor.go()
    assert editor.ended() == 0
    command = [sys.executable, "-m", "llmspell_kernel", "run", str(editor.path)]
    plain = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    assert editor.output() == plain.stdout


@pytest.mark.lua54("an error in a handler comes to no handler")
def test_a_handler_that_fails_again_and_again_stops_but_twice(editor: Editor) -> None:
    text = """\
xpcall(function() error("first") end, function() -- @first
  error("second") -- @second
end)
"""
    editor.launch(text, filters=["raised"])
    for mark in ("first", "second"):
        assert editor.stopped() == "exception"
        editor.at(mark)
        editor.go()
    assert editor.ended() == 0


@pytest.mark.lua54("coroutines may be nested as deep as memory lasts")
def test_where_the_c_stack_is_used_up_the_debugger_says_that_it_cannot_stop(editor: Editor) -> None:
    editor.launch("local function f() table.sort({ 1, 2 }, f) end\nf()\n", filters=["uncaught"])
    assert editor.ended() == 1
    assert "used up the C stack" in editor.output("important")
    assert "C stack overflow" in editor.output("stderr")


def test_a_condition_sees_an_error_that_is_nil(editor: Editor) -> None:
    editor.text = "pcall(error, 1)\npcall(error, nil) -- @nothing\n"
    editor.path = editor.write(editor.text)
    editor.initialize()
    request = editor.client.send("launch", {"program": str(editor.path)})
    options = [{"filterId": "raised", "condition": "error == nil"}]
    editor.client.request("setExceptionBreakpoints", {"filters": [], "filterOptions": options})
    editor.client.request("configurationDone")
    editor.client.response(request)
    editor.stopped()
    assert editor.at("nothing")
    assert editor.evaluate("error") == "nil"
    editor.go()
    assert editor.ended() == 0


@pytest.mark.lua54("a handler has no stack left when it has overflowed")
def test_a_stack_overflow_is_stopped_at_and_survived(editor: Editor) -> None:
    text = "local function deep(n)\n  return 1 + deep(n + 1) -- @deep\nend\nprint(pcall(deep, 1))\n"
    editor.launch(text, filters=["raised"])
    assert editor.stopped() == "exception"
    assert editor.at("deep") if len(editor.frames_page(20)) == 20 else False
    editor.go()
    assert editor.ended() == 0
    assert "stack overflow" in editor.output()


def test_a_coroutine_that_is_dead_already_raises_nothing(editor: Editor) -> None:
    text = """\
local co = coroutine.create(function() error("once") end) -- @once
print(coroutine.resume(co))
print(coroutine.resume(co))
"""
    editor.launch(text, filters=["raised"])
    assert editor.stopped() == "exception"
    assert editor.at("once")
    editor.go()
    assert editor.ended() == 0
    assert editor.output().endswith("false\tcannot resume dead coroutine\n")


def test_a_module_that_is_no_lua_fails_in_luas_words(editor: Editor) -> None:
    """Ours, that look for a module first, are not named."""
    bad = editor.write("local x = = 1\n", "bad.lua")
    text = f"package.path = '{editor.folder}/?.lua'\nprint(select(2, pcall(require, 'bad')))\n"
    editor.launch(text, filters=[], noDebug=True)
    assert editor.ended() == 0
    plain = editor.output()
    editor.client.request("restart", {"arguments": {"program": str(editor.path)}})
    assert editor.ended() == 0
    assert editor.output() == plain * 2
    assert plain.startswith(f"error loading module 'bad' from file '{bad}':")
