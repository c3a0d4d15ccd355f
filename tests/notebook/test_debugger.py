"""The debugger over debug_request, in a kernel process, as JupyterLab uses it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.lab import SUM, Lab
from tests.notebook.notebook import Notebook

pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter-client's own


def test_stops_at_a_breakpoint_of_a_cell_steps_and_shows_variables(lab: Lab) -> None:
    lab.attach()
    path = lab.breakpoints(SUM, 7)
    lab.start(SUM)
    assert lab.event("stopped")["reason"] == "breakpoint"
    assert lab.body("debugInfo")["stoppedThreads"] == [1]
    assert lab.stack() == [("main chunk", 7)] and lab.frames()[0]["source"]["path"] == path
    assert lab.body("source", source={"path": path})["content"] == SUM
    assert lab.step("stepIn") == [("add", 2), ("main chunk", 7)]
    assert lab.step("next") == [("add", 3), ("main chunk", 7)]
    assert lab.locals() == {"a": "0", "b": "1", "r": "1"} and lab.locals(1) == {"i": "1"}
    assert lab.step("stepOut") == [("main chunk", 7)]
    lab.breakpoints(SUM)
    lab.body("continue", threadId=2)  # as JupyterLab may say: of any thread
    lab.event("continued")
    assert lab.notebook.end(lab.cell).output == "total\t6\n"
    assert lab.body("debugInfo")["stoppedThreads"] == []


def test_jupyterlab_hears_of_the_beginning_once_it_knows_what_can_be_done(lab: Lab) -> None:
    """It makes the menu of errors to stop at when it hears ``initialized``, of what it was answered: on another socket."""
    lab.body("initialize", clientID="jupyterlab", adapterID="llmspell")
    assert lab.events() == []
    lab.body("attach")
    told = lab.events()
    while "process" not in told:  # the last of them; it may come after the answer
        told += lab.events()
    assert told == ["initialized", "process"]


def test_the_kernel_answers_while_a_cell_is_stopped(lab: Lab) -> None:
    lab.attach()
    lab.breakpoints(SUM, 2)
    lab.start(SUM)
    lab.event("stopped")
    assert lab.notebook.ask("kernel_info_request", {}, "control")["supported_features"] == ["debugger"]
    frame = lab.frames()[0]["id"]
    assert lab.body("evaluate", expression="a + b + 100", frameId=frame, context="repl")["result"] == "101"
    assert lab.body("richInspectVariables", variableName="b", frameId=frame)["data"] == {"text/plain": "1"}
    lab.body("copyToGlobals", srcVariableName="b", dstVariableName="copied", srcFrameId=frame)
    assert lab.globals()["copied"]["value"] == "1"
    assert not lab.request("copyToGlobals", srcVariableName="b = 1", dstVariableName="x", srcFrameId=frame)["success"]
    refused = lab.request("copyToGlobals", srcVariableName="b", dstVariableName="end", srcFrameId=frame)
    assert refused["message"] == "copyToGlobals: 'end' is no name of a variable"
    lab.detach()
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"


@pytest.mark.parametrize("how", ["message", "signal"])
def test_an_interrupt_ends_a_cell_that_is_stopped(lab: Lab, how: str) -> None:
    lab.attach()
    lab.breakpoints(SUM, 2)
    lab.start(SUM)
    lab.event("stopped")
    if how == "message":
        lab.notebook.ask("interrupt_request", {}, "control")
    else:
        os.kill(lab.notebook.pid, signal.SIGINT)
    lab.event("continued")
    assert lab.notebook.end(lab.cell).reply["ename"] == "Interrupted"
    assert lab.body("debugInfo")["stoppedThreads"] == []


def test_pauses_at_an_error_if_that_is_wanted(lab: Lab) -> None:
    lab.attach()
    lab.body("setExceptionBreakpoints", filters=["raised"])
    lab.start("local q = 1\nboom = q / nil")
    stopped = lab.event("stopped")
    assert stopped["reason"] == "exception" and "arithmetic on a nil value" in stopped["text"]
    assert lab.locals() == {"q": "1"}
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).reply["ename"] == "LuaError"


def test_a_function_of_a_cell_before_stops_too_even_one_run_before_the_debugger(lab: Lab) -> None:
    code = "function twice(x)\n  return 2 * x\nend"
    lab.notebook.run(code)
    lab.attach()
    path = lab.breakpoints(code, 2)
    lab.start("twice(21)")
    lab.event("stopped")
    assert lab.stack() == [("twice", 2), ("main chunk", 1)]
    assert lab.frames()[0]["source"]["path"] == path
    assert lab.locals(1) == {}
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).result == "42"


def test_what_ran_before_anybody_debugged_stops_too(fresh: Lab, tmp_path: Path) -> None:
    module = tmp_path / "early.lua"
    module.write_text("local M = {}\nfunction M.double(x)\n  return 2 * x\nend\nreturn M")
    code = "local function inner(n)\n  return n + 1\nend\nfunction step(n) local m = inner(n) return m end"
    waits = "waits = coroutine.wrap(function(a)\n  a = coroutine.yield(a)\n  return a\nend)\nwaits(1)"
    fresh.notebook.run(f"package.path = {json.dumps(str(tmp_path / '?.lua'))}\nearly = require('early')")
    fresh.notebook.run(code)
    fresh.notebook.run(waits)
    fresh.attach()
    assert "builtin" not in fresh.globals()["step"]["value"]
    fresh.breakpoints(code, 2)
    fresh.breakpoints(waits, 3)
    (early,) = fresh.body("setBreakpoints", source={"path": str(module)}, breakpoints=[{"line": 3}])["breakpoints"]
    assert early["verified"]
    for call, frames in {
        "print(step(1))": [("inner", 2), ("step", 4), ("main chunk", 1)],
        "coroutine.wrap(step)(1)": [("inner", 2)],
        "print(early.double(4))": [("double", 3), ("main chunk", 1)],
        "print(waits(2))": [("function <In[3]:1>", 3)],
    }.items():
        fresh.start(call)
        thread = fresh.event("stopped")["threadId"]
        stack = fresh.body("stackTrace", threadId=thread)["stackFrames"]
        assert [(one["name"], one["line"]) for one in stack][: len(frames)] == frames
        fresh.body("continue", threadId=thread)
        assert fresh.notebook.end(fresh.cell).reply["status"] == "ok"


def test_a_breakpoint_in_a_cell_that_is_one_expression(lab: Lab) -> None:
    code = "(function()\n  local x = 5\n  return x\nend)()"
    lab.attach()
    lab.breakpoints(code, 3)
    lab.start(code)
    lab.event("stopped")
    assert lab.locals() == {"x": "5"}
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).result == "5"


def test_stops_in_a_coroutine_and_for_conditions(lab: Lab) -> None:
    code = "co = coroutine.wrap(function()\n  for i = 1, 5 do\n    coroutine.yield(i)\n  end\nend)\nfor _ = 1, 5 do co() end"
    lab.attach()
    path = str(lab.body("dumpCell", code=code)["sourcePath"])
    lab.body("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3, "condition": "i == 4"}])
    lab.start(code)
    thread = lab.event("stopped")["threadId"]
    frames = lab.body("stackTrace", threadId=thread)["stackFrames"]
    assert lab.body("evaluate", expression="i", frameId=frames[0]["id"])["result"] == "4"
    lab.body("continue", threadId=thread)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"


def test_a_step_over_the_last_line_does_not_stop_the_next_cell(lab: Lab) -> None:
    lab.attach()
    lab.breakpoints("last = 1", 1)
    lab.start("last = 1")
    lab.event("stopped")
    lab.body("next", threadId=1)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"
    assert lab.notebook.run("after = 1\nreturn after").result == "1"


def test_pause_stops_what_runs_and_nothing_that_does_not(lab: Lab) -> None:
    lab.attach()
    lab.body("pause", threadId=1)
    assert lab.notebook.run("return 1").result == "1"
    lab.start("print('on') while not go do end")
    lab.notebook.until(lab.cell, "stream")
    lab.body("pause", threadId=1)
    assert lab.event("stopped")["reason"] == "pause"
    frame = lab.frames()[0]["id"]
    lab.body("evaluate", expression="go = true", frameId=frame, context="repl")
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"


def test_globals_are_shown_before_and_after_the_debugger_is_started_and_can_be_opened(lab: Lab) -> None:
    lab.notebook.run(
        "data = { a = 1, b = { 1, 2 } } calls = 0 strange = setmetatable({}, { __tostring = function() calls = calls + 1 end })"
    )
    assert lab.globals()["data"]["value"].startswith("{") and "print" not in lab.globals()
    assert lab.body("richInspectVariables", variableName="data")["data"]["text/plain"] == "{ a = 1, b = { 1, 2 } }"
    assert not lab.request("richInspectVariables", variableName="no_such")["success"]
    lab.attach()
    reference = lab.globals()["data"]["variablesReference"]
    opened = lab.body("variables", variablesReference=reference)["variables"]
    assert [one["name"] for one in opened] == ["a", "b"]
    assert lab.globals()["calls"]["value"] == "0", "showing variables has run the program's code"


def test_detached_it_stops_nowhere_and_comes_back_with_the_breakpoints_it_is_given(lab: Lab) -> None:
    lab.attach()
    path = lab.breakpoints(SUM, 7)
    lab.detach()
    assert lab.notebook.run(SUM).output == "total\t6\n"
    info = lab.body("debugInfo")
    assert info["isStarted"] is False and info["breakpoints"] == [{"source": path, "breakpoints": [{"line": 7}]}]
    lab.attach()
    lab.breakpoints(SUM, 7)
    lab.start(SUM)
    lab.event("stopped")
    lab.breakpoints(SUM)
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).output == "total\t6\n"


def test_a_debugger_that_is_told_so_ends_the_cell_as_it_goes(lab: Lab) -> None:
    for code, line in (("print('on')\nwhile true do end", None), ("local ends = 1\nwhile true do end", 1)):
        lab.attach()
        if line is not None:
            lab.breakpoints(code, line)
        lab.start(code)
        if line is None:
            lab.notebook.until(lab.cell, "stream")
        else:
            lab.event("stopped")
        lab.body("disconnect", terminateDebuggee=True)
        assert lab.notebook.end(lab.cell).reply["ename"] == "Interrupted"
        assert lab.notebook.run("return 1").result == "1"


def test_what_can_not_be_done_is_refused_in_words(lab: Lab) -> None:
    assert "first request is initialize" in lab.request("setBreakpoints", source={"path": "x"})["message"]
    lab.attach()
    assert not lab.request("initialize", clientID="again")["success"]
    assert not lab.request("stackTrace", threadId=1)["success"]
    assert not lab.request("launch", program="x.lua")["success"]
    assert not lab.request("no_such_command")["success"]
    assert "clients restart" in lab.request("restart")["message"]
    assert not lab.request("dumpCell")["success"]
    no_command = lab.notebook.ask("debug_request", {"seq": 1, "type": "request"}, "control")
    assert no_command["message"] == "a debug_request has a command, such as debugInfo"
    assert lab.body("configurationDone") == {}
    assert lab.body("modules")["modules"] == []


def test_a_log_point_speaks_and_does_not_stop(lab: Lab) -> None:
    lab.attach()
    path = str(lab.body("dumpCell", code=SUM)["sourcePath"])
    lab.body("setBreakpoints", source={"path": path}, breakpoints=[{"line": 7, "logMessage": "i is {i}"}])
    lab.start(SUM)
    assert "i is 1" in lab.event("output")["output"]
    assert lab.notebook.end(lab.cell).output == "total\t6\n"


@pytest.fixture
def fresh() -> Iterator[Lab]:
    """A kernel of its own, that no debugger has met."""
    notebook = Notebook()
    yield Lab(notebook)
    notebook.close()


def test_breakpoints_in_cells_that_have_run_before_the_first_debugger_came(fresh: Lab) -> None:
    code = "function before(x)\n  x = 2 * x\n  return x\nend\nmade = { f = before }"
    fresh.notebook.run(code)
    fresh.body("initialize", clientID="another", adapterID="llmspell")
    wanted = [{"name": "before"}, {"name": "later", "condition": "x > 1"}, {"name": "made.f"}]
    answer = fresh.body("setFunctionBreakpoints", breakpoints=wanted)["breakpoints"]
    before, later, made = (one["id"] for one in answer)
    fresh.body("attach")
    fresh.breakpoints(code, 3)
    fresh.start("function later(x)\n  return x\nend\nlater(1) later(2)\nbefore(3)")
    hit = []
    for _ in range(3):
        stopped = fresh.event("stopped")
        hit.append((stopped["reason"], stopped["hitBreakpointIds"], fresh.locals()["x"]))
        fresh.body("continue", threadId=1)
    named = "function breakpoint"
    assert hit[:2] == [(named, [later], "2"), (named, [before, made], "3")]
    assert hit[2][0] == "breakpoint" and hit[2][2] == "6"
    assert fresh.notebook.end(fresh.cell).reply["status"] == "ok"


MADE = """function made(x)
  local y = 2 * x
  return y
end
turn = coroutine.wrap(function() while true do coroutine.yield(made(3)) end end)
turn()"""


@pytest.mark.parametrize(
    "how", [{}, {"LLMSPELL_NATIVE": "0"}, {"LLMSPELL_HOOK": "pure", "LLMSPELL_TIER": "hook"}], ids=str
)
def test_what_was_made_before_the_debugger_came_is_debugged_too(how: dict[str, str], tmp_path: Path) -> None:
    """Functions of cells and of files, and coroutines."""
    notebook = Notebook(env={**os.environ, **how})
    lab = Lab(notebook)
    module = tmp_path / "module.lua"
    module.write_text("return function(x)\n  local z = 3 * x\n  return z\nend\n")
    notebook.run(f"package.path = '{tmp_path}/?.lua' thrice = require('module')")
    notebook.run(MADE)
    lab.attach()
    assert "function" in lab.globals()["thrice"]["value"]  # the Lua thread answers: it has looked at what there is
    path = lab.breakpoints(MADE, 2)
    wanted = lab.body("setBreakpoints", source={"path": str(module)}, breakpoints=[{"line": 2}])["breakpoints"]
    assert wanted[0]["verified"]
    for code, where in (("made(4)", path), ("return thrice(5)", str(module)), ("turn()", path)):
        lab.start(code)
        thread = lab.event("stopped")["threadId"]
        frame = lab.body("stackTrace", threadId=thread)["stackFrames"][0]
        assert (frame["source"]["path"], frame["line"]) == (where, 2)
        lab.body("next", threadId=thread)
        assert lab.event("stopped")["reason"] == "step"
        lab.body("continue", threadId=thread)
        assert lab.notebook.end(lab.cell).reply["status"] == "ok"
    notebook.close()


STRICT = """local function strict(_, name) error('undeclared global ' .. name, 2) end
setmetatable(_G, { __index = strict, __newindex = strict })"""


@pytest.mark.parametrize("before", [STRICT, "pairs, type, setmetatable, _G = nil"], ids=["strict", "removed"])
def test_what_a_cell_has_done_to_the_globals_does_not_keep_the_debugger_out(before: str) -> None:
    notebook = Notebook()
    lab = Lab(notebook)
    notebook.run(MADE)
    assert notebook.run(before).reply["status"] == "ok"
    lab.attach()
    lab.breakpoints(MADE, 2)
    lab.start("made(4)")
    lab.event("stopped")
    assert lab.locals() == {"x": "4"} and lab.step("next")[0] == ("made", 3)
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).result == "8"
    notebook.close()


def test_a_kernel_that_can_not_be_debugged_any_more_says_so() -> None:
    notebook = Notebook()
    lab = Lab(notebook)
    notebook.run("string.find = nil table.unpack = nil coroutine.create = nil debug.getinfo = nil")
    lab.attach()
    client = notebook.client
    while "nothing can be debugged in this kernel" not in str(client.get_iopub_msg(timeout=50)["content"]):
        pass
    cell = notebook.begin("print('on') while true do end")
    notebook.until(cell, "stream")
    notebook.ask("interrupt_request", {}, "control")
    assert notebook.end(cell).reply["ename"] == "Interrupted"
    assert notebook.run("1 + 1").result == "2"
    notebook.close()
