"""Steps and errors pass over code of libraries, unless a person asks to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.debug.libraries import is_library
from tests.support.editor import Editor

LIBRARY = """\
local lib = {}
function lib.twice(f) -- @twice
    local a = f(1) -- @calls
    local b = f(2)
    return a + b -- @returns
end
function lib.add(a, b)
    local sum = a + b -- @sum
    return sum
end
function lib.safely(f)
    local ok = pcall(f)
    return ok
end
function lib.fail() error("from the library") end -- @fails
function lib.quietly() return lib.safely(lib.fail) end
function lib.each(list)
    return coroutine.wrap(function()
        for _, one in ipairs(list) do coroutine.yield(one) end
    end)
end
function lib.broken() return coroutine.wrap(function() lib.fail() end) end
function lib.run(f)
    local thread = coroutine.create(f)
    while coroutine.status(thread) ~= "dead" do
        coroutine.resume(thread)
    end
end
function lib.sorted(list, less)
    table.sort(list, less)
    return list
end
function lib.last(f) return f(7) end
function lib.asked(f, ...)
    local ok, value = pcall(f, ...)
    return value
end
return lib
"""
MODULES = "lua_modules/share/lua/5.4"


def launch(editor: Editor, program: str, **more: Any) -> None:
    editor.write(LIBRARY, f"{MODULES}/lib.lua")
    editor.launch(program, luaPath=[str(editor.folder / MODULES)], **more)


def in_library(editor: Editor) -> bool:
    return str(editor.top()["source"]["path"]).endswith("lib.lua")


CALLS = """\
local lib = require("lib")
local function own(x)
    local y = x * 10 -- @own
    return y -- @returns
end -- @end
local sum = lib.add(1, 2) -- @add
local both = lib.twice(own) -- @twice
print(sum, both) -- @after
"""


def test_a_step_into_a_library_goes_over_it(editor: Editor) -> None:
    launch(editor, CALLS, breakpoints=["add"])
    editor.stopped()
    assert editor.step_in() == "step"
    assert editor.at("twice")


def test_it_stops_where_the_library_calls_the_program_back(editor: Editor) -> None:
    launch(editor, CALLS, breakpoints=["twice"])
    editor.stopped()
    editor.step_in()
    assert editor.at("own")
    assert editor.locals()["x"] == "1"


@pytest.mark.parametrize("step", ["next", "step_in"])
def test_from_a_callback_s_end_it_goes_to_what_runs_next(editor: Editor, step: str) -> None:
    """The second call of it, and from there the line after."""
    launch(editor, CALLS, breakpoints=["twice"])
    editor.stopped()
    editor.step_in()
    while editor.locals()["x"] == "1":
        getattr(editor, step)()
    assert editor.at("own")
    while editor.line() not in (7, 8):
        getattr(editor, step)()
        assert not in_library(editor)
    assert len(editor.frames()) == 1
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "3\t30\n"


def test_out_of_a_callback_is_where_the_program_has_called_the_library(editor: Editor) -> None:
    launch(editor, CALLS, breakpoints=["own"])
    editor.stopped()
    assert editor.locals()["x"] == "1"
    editor.client.request("setBreakpoints", {"source": {"path": str(editor.path)}, "breakpoints": []})
    editor.step_out()
    assert editor.line() in (7, 8)  # what the library gives is in its variable, or goes there
    assert len(editor.frames()) == 1


def test_all_code_is_stepped_in_if_the_configuration_says_so(editor: Editor) -> None:
    launch(editor, CALLS, breakpoints=["add"], justMyCode=False)
    editor.stopped()
    editor.step_in()
    assert in_library(editor)
    assert editor.top()["presentationHint"] == "normal"


def test_a_breakpoint_in_a_library_stops_there_and_steps_go_on_in_it(editor: Editor) -> None:
    path = editor.write(LIBRARY, f"{MODULES}/lib.lua")
    editor.initialize()
    editor.break_at("sum", path=path, text=LIBRARY)
    launch(editor, CALLS)
    assert editor.stopped() == "breakpoint"
    top = editor.top()
    assert (top["presentationHint"], top["source"].get("presentationHint")) == ("normal", None)
    editor.next()
    assert in_library(editor)
    editor.next()
    assert not in_library(editor)


def test_a_step_over_a_library_stops_at_a_breakpoint_deep_in_it(editor: Editor) -> None:
    path = editor.write(LIBRARY, f"{MODULES}/lib.lua")
    launch(editor, 'local lib = require("lib")\nprint(lib.asked(lib.add, 1, 2)) -- @call\n', breakpoints=["call"])
    editor.stopped()
    editor.break_at("sum", path=path, text=LIBRARY)
    assert editor.step_in() == "breakpoint"
    assert editor.locals() == {"a": "1", "b": "2"}
    editor.go()
    assert editor.ended() == 0


def test_frames_of_libraries_are_told_from_the_program_s_own(editor: Editor) -> None:
    launch(editor, CALLS, breakpoints=["own"])
    editor.stopped()
    hints = [
        (Path(one["source"]["path"]).name, one["presentationHint"], one["source"].get("presentationHint"))
        for one in editor.frames()
        if "source" in one
    ]
    assert hints == [
        ("program.lua", "normal", None),
        ("lib.lua", "subtle", "deemphasize"),
        ("program.lua", "normal", None),
    ]


def test_a_pause_stops_in_a_library_too(editor: Editor) -> None:
    editor.write("return function() print('spinning') while true do local x = 1 end end", f"{MODULES}/spin.lua")
    launch(editor, "require('spin')()\n")
    editor.client.wait_for("output", lambda body: "spinning" in body["output"])
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    assert editor.top()["source"]["name"] == "spin.lua"


ITERATOR = """\
local lib = require("lib")
local total = 0
for value in lib.each({ 5, 6 }) do -- @for
    total = total + value -- @body
end
print(total) -- @after
"""


def test_a_library_s_coroutine_is_gone_over(editor: Editor) -> None:
    launch(editor, ITERATOR, breakpoints=["for"])
    editor.stopped()
    editor.client.request("setBreakpoints", {"source": {"path": str(editor.path)}, "breakpoints": []})
    lines = []
    while not lines or lines[-1] != 6:
        editor.step_in()
        assert not in_library(editor)
        lines.append(editor.line())
    assert [line for line in lines if line not in (3, 5)] == [4, 4, 6]


SCHEDULED = """\
local lib = require("lib")
lib.run(function() -- @run
    local a = 1 -- @first
    coroutine.yield() -- @yields
    local b = 2 -- @second
end)
print("after") -- @after
"""


def test_a_library_that_runs_the_program_s_coroutines_is_gone_over(editor: Editor) -> None:
    launch(editor, SCHEDULED, breakpoints=["run"])
    editor.stopped()
    while editor.line() in (2, 6):  # the function is made, and given to the library
        editor.step_in()
    assert editor.at("first")
    editor.next()
    assert editor.at("yields")
    editor.next()
    assert editor.at("second")
    while editor.line() != 7:
        editor.next()
        assert not in_library(editor)
    editor.go()
    assert editor.ended() == 0


SORTED = """\
local lib = require("lib")
local function less(a, b)
    return a < b -- @less
end
local list = lib.sorted({ 2, 1, 3 }, less) -- @sorted
local seven = lib.last(less and function(x)
    return x -- @tail
end)
print(#list, seven) -- @after
"""


def test_callbacks_through_functions_of_c_and_tail_calls_are_found(editor: Editor) -> None:
    launch(editor, SORTED, breakpoints=["sorted"])
    editor.stopped()
    editor.step_in()
    assert editor.at("less")
    editor.next()
    assert editor.at("less")  # from the end of it to the next call
    editor.step_out()
    assert not in_library(editor)
    while editor.line() != 7:
        editor.step_in()
        assert not in_library(editor)
    while editor.line() != 9:
        editor.step_in()
        assert not in_library(editor)


# Errors -----------------------------------------------------------------------------------------------

ERRORS = """\
local lib = require("lib")
lib.quietly()
lib.safely(function() error("mine") end) -- @mine
pcall(lib.fail) -- @caught
lib.safely(function() lib.fail() end) -- @through
lib.asked(pcall, lib.fail)
pcall(function() lib.broken()() end) -- @wrapped
"""


def test_errors_that_stay_in_a_library_are_none_of_the_program_s(editor: Editor) -> None:
    launch(editor, ERRORS, filters=["raised"])
    lines = []
    for _ in range(4):
        assert editor.stopped() == "exception"
        own = [one for one in editor.frames() if "source" in one and one["source"]["name"] == "program.lua"]
        lines.append(own[0]["line"])
        editor.go()
    assert lines == [3, 4, 5, 7]
    assert editor.ended() == 0


def test_with_all_code_every_error_stops(editor: Editor) -> None:
    launch(editor, 'require("lib").quietly()\n', filters=["raised"], justMyCode=False)
    assert editor.stopped() == "exception"
    assert in_library(editor)


def test_an_error_that_nothing_catches_stops_in_the_library_and_shows_who_called(editor: Editor) -> None:
    launch(editor, 'require("lib").fail() -- @call\n', filters=["uncaught"])
    assert editor.stopped() == "exception"
    hints = [one["source"].get("presentationHint") for one in editor.frames() if "source" in one]
    assert hints == ["deemphasize", None]


# What is a library ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "home", "is_one"),
    [
        ("/usr/share/lua/5.4/socket.lua", "/home/me", True),
        ("/usr/local/share/lua/5.1/a/init.lua", "/", True),
        ("/home/me/.luarocks/share/lua/5.4/a.lua", "/home/me", True),
        ("/home/me/app/lua_modules/share/lua/5.4/a.lua", "/home/me/app", True),
        ("/usr/share/luajit-2.1/jit/dump.lua", "/home/me", True),
        ("/home/me/.venv/lib/python3.11/site-packages/x/a.lua", "/home/me", True),
        ("/home/me/app/a.lua", "/home/me/app", False),
        ("/home/me/other/a.lua", "/home/me/app", False),
        ("/home/me/share/lua/scripts/a.lua", "/home/me/app", False),
        ("/usr/share/lua/5.4/a/b.lua", "/usr/share/lua/5.4/a", False),
        ("/usr/share/lua/5.4/c.lua", "/usr/share/lua/5.4/a", False),
        ("/usr/share/lua/5.4/lua_modules/share/lua/5.4/c.lua", "/usr/share/lua/5.4", True),
    ],
)
def test_what_was_installed_is_a_library(path: str, home: str, is_one: bool) -> None:
    assert is_library(path, home) is is_one
