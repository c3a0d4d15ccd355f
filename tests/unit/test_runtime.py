"""What a Lua program finds: the standard library, arguments, tools, limits, and no way to Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.lines import Compiler
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.native import Native
from llmspell_kernel.lua.runtime import (
    Exit,
    Interrupted,
    LuaRuntime,
    Options,
    ProgramError,
    named_arguments,
)
from llmspell_kernel.lua.values import to_lua, to_python
from llmspell_kernel.tools.registry import Tools
from tests.support.client import PATIENCE


def echo(value: Any = None) -> Any:
    """Give back what is given.

    Args:
        value: Anything.
    """
    return {"value": value}


def tools() -> Tools:
    made = Tools.standard()
    made.add(echo)
    return made


def run(text: str, arguments: tuple[str, ...] = (), **options: Any) -> list[Any]:
    runtime = LuaRuntime(tools, Options(**options))
    chunk = Chunk("/tmp/program.lua", b"@/tmp/program.lua", text.encode())
    runtime.prepare(chunk, arguments)
    return runtime.run(runtime.load(chunk), arguments)


def test_values_come_back() -> None:
    assert run("return 1, 2.5, 'x', nil, true") == [1, 2.5, b"x", None, True]


# The function that asks the host, found among the upvalues of one of ours.
HOST = """
local f
for n = 1, 9 do
    local _, value = debug.getupvalue(Tool.execute, n)
    f = type(value) == "userdata" and value or f
end
assert(f)
"""
BREAKOUTS = [
    "return python",
    "return package.loaded.python",
    "return require('python')",
    "for k, v in pairs(debug.getregistry()) do if type(k) == 'string' and k:find('python') then error(k) end end",
    "return Tool.execute.__globals__",
    HOST + "return f.__class__",
    HOST + "return f.__globals__",
    HOST + "return f['__self__']",
    HOST + "f.x = 1 return 'set'",
]


@pytest.mark.parametrize("text", BREAKOUTS)
def test_python_is_out_of_reach(text: str) -> None:
    try:
        found = run(text)
    except (ProgramError, UserError) as error:
        assert "Traceback (most recent" not in str(error)
        return
    assert found in ([], [None])


def test_the_whole_standard_library_is_there() -> None:
    names = "io os debug utf8 string table math coroutine package require load loadfile dofile"
    for name in names.split():
        assert run(f"return type({name})")[0] in (b"table", b"function")


def test_safe_mode_takes_files_and_programs_away() -> None:
    gone = "io.open io.popen os.execute os.getenv os.remove debug.sethook debug.getregistry package.loadlib loadfile dofile"
    for name in gone.split():
        assert run(f"return {name}", safe=True) == [None], name
    assert run("return load('\\27Lua')", safe=True)[0] is None
    with pytest.raises(ProgramError, match="not found"):
        run("package.cpath = '/usr/lib/x86_64-linux-gnu/lua/5.4/?.so' require('lpeg')", safe=True)
    assert run("print(1) return os.time() > 0", safe=True) == [True]


def test_safe_mode_requires_sources_from_the_hosts_folders_only(tmp_path: Path) -> None:
    (tmp_path / "good.lua").write_text("return 'good'")
    (tmp_path / "bytes.lua").write_bytes(run("return string.dump(function() return 'ran' end)")[0])
    (tmp_path / "secret").write_text("return 'read'")
    here = {"safe": True, "lua_path": (str(tmp_path),)}
    assert run("return require('good')", **here)[0] == b"good"
    for text in (
        "require('bytes')",
        f"package.path = '{tmp_path}/secret' require('unheard_of')",
        f"require(';{tmp_path}/secret;')",
        f"package.searchpath('x', '{tmp_path}/secret')",
    ):
        with pytest.raises(ProgramError, match="not found|binary chunk|nil value"):
            run(text, **here)


@pytest.mark.parametrize("value", [{float("nan"): 1}, {None: 1}, {(1,): 2}, object()])
def test_what_lua_can_not_hold_is_an_error_of_the_tool(value: Any) -> None:
    def tools_with_it() -> Tools:
        made = Tools()
        made.add(lambda: value, name="odd")
        return made

    runtime = LuaRuntime(tools_with_it)
    called = runtime.lua.eval(b"function() local ok, e = pcall(Tool.execute, 'odd') return ok, type(e), e.tool end")
    assert called() == (False, b"table", b"odd")


def test_numbers_and_texts_at_the_edge_of_what_lua_holds() -> None:
    assert run("return Tool.execute('calculator', { input = '10^400' }).result") == [float("inf")]
    assert run("""return Tool.execute('json_processor', { input = '"\\\\ud800"' }).result""") == [b"\xed\xa0\x80"]
    with pytest.raises(ProgramError, match="both 1 and true"):
        run("Tool.execute('echo', { value = { 'a', [true] = 'b' } })")


def test_a_result_has_its_text_whatever_its_fields_are_named() -> None:
    text = """
local r = Tool.execute("json_processor", { input = '{"text": 1, "success": false, "a": 2}' })
return type(r.text), r.success, r.a, r.result.text
"""
    assert run(text) == [b"string", True, 2, 1]


def test_arguments() -> None:
    assert run("return arg[0], arg[1], select('#', ...), ARGS[1], ARGS.key", ("a", "--key", "v")) == [
        b"/tmp/program.lua", b"a", 3, b"a", b"v",
    ]  # fmt: skip
    assert named_arguments(["a", "--k", "v", "--flag", "--x=1=2", "b", "--", "--c"]) == {
        1: "a", "k": "v", "flag": "true", "x": "1=2", 2: "b", 3: "--c",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "while true do end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()",
        "while true do coroutine.wrap(function() coroutine.yield() end)() end",
        "local function f() return f() end f()",
        "setmetatable({}, { __index = function() while true do end end }).x = nil or setmetatable({}, { __index = function() while true do end end }).x",
    ],
)
@pytest.mark.parametrize("native", ["1", "0"])
def test_a_program_is_interrupted_wherever_it_is(text: str, native: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSPELL_NATIVE", native)
    runtime = LuaRuntime(tools, Options())
    started = threading.Event()
    runtime.lua.globals()[b"started"] = started.set
    chunk = Chunk("/tmp/p.lua", b"@/tmp/p.lua", b"started() " + text.encode())
    function = runtime.load(chunk)
    threading.Thread(target=lambda: started.wait() and runtime.interrupt("stopped by a test")).start()
    with pytest.raises(Interrupted, match="stopped by a test"):
        runtime.run(function)
    assert runtime.run(runtime.load(chunk._replace(text=b"return 1 + 1"))) == [2]


def test_the_memory_limit() -> None:
    with pytest.raises(ProgramError, match="its limit of 20 MB"):
        run("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end", memory_mb=20)


def test_os_exit_ends_a_captured_program_through_every_pcall() -> None:
    written: list[bytes] = []
    with pytest.raises(Exit) as exit:
        run(
            "pcall(function() print('x') os.exit(3) end) print('never')",
            write=lambda stream, data, name, line: written.append(data),
        )
    assert exit.value.code == 3
    assert written == [b"x\n"]


def test_a_traceback_shows_the_program_and_nothing_of_ours() -> None:
    with pytest.raises(ProgramError) as raised:
        run("local function f() error('boom') end\nlocal function g() f() end\ng()")
    assert raised.value.traceback.splitlines() == [
        "/tmp/program.lua:1: boom",
        "stack traceback:",
        "\t[C]: in function 'error'",
        "\t/tmp/program.lua:1: in upvalue 'f'",
        "\t/tmp/program.lua:2: in local 'g'",
        "\t/tmp/program.lua:3: in main chunk",
    ]


def test_a_traceback_asked_for_in_a_tail_call_keeps_the_place_of_the_error() -> None:
    handler = "function(e) return debug.traceback(e, 2) end"
    text = f"local function f(t) return t.x.y end\nlocal ok, trace = xpcall(f, {handler}, {{}})\nreturn trace"
    assert run(text)[0].decode().splitlines()[:3] == [
        "/tmp/program.lua:1: attempt to index a nil value (field 'x')",
        "stack traceback:",
        "\t/tmp/program.lua:1: in function </tmp/program.lua:1>",
    ]
    assert run("local co = coroutine.create(coroutine.yield) coroutine.resume(co) return debug.traceback(co)") == [
        b"stack traceback:\n\t[C]: in function 'coroutine.yield'"
    ]
    with pytest.raises(ProgramError, match=r"program\.lua:1: bad argument #2 to 'traceback'"):
        run("local trace = debug.traceback('x', 'y')")


@pytest.mark.parametrize("runtime", ["lua54", "luajit"])
def test_a_program_that_ends_before_it_is_interrupted_is_closed_whatever_python_collects_then(runtime: str) -> None:
    program = (
        "import gc, sys, threading\n"
        "from llmspell_kernel.lua.runtime import LuaRuntime, Options\n"
        "from llmspell_kernel.tools.registry import Tools\n"
        f"ended = LuaRuntime(Tools.standard, Options(runtime={runtime!r}))\n"
        "ended.interrupt()\n"
        "[thread.join() for thread in threading.enumerate() if thread is not threading.main_thread()]\n"
        "sys.setprofile(lambda *_: gc.collect())\n"
        "ended.close()\n"
        "sys.setprofile(None)\n"
        "print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


@pytest.mark.parametrize("text", ["os.execute('sleep 100')", "io.popen('sleep 100'):read('a')"])
def test_an_interrupt_ends_a_command_that_is_just_being_started(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = LuaRuntime(tools)
    chunk = Chunk("x.lua", b"@x.lua", text.encode())
    runtime.prepare(chunk, ())
    start, started = os.posix_spawn, list[psutil.Process]()

    def interrupt_and_start(*words: Any, **options: Any) -> int:
        runtime.interrupt("stopped by a test")
        runtime.end_processes()
        started.append(psutil.Process(start(*words, **options)))
        return started[-1].pid

    monkeypatch.setattr(os, "posix_spawn", interrupt_and_start)
    with pytest.raises(Interrupted, match="stopped by a test"):
        runtime.run(runtime.load(chunk), ())
    runtime.close()
    assert started[0].wait(PATIENCE) in (-signal.SIGTERM, None), "ended by us, and perhaps waited for already"


def test_a_stop_that_comes_when_the_program_has_just_ended_is_its_last() -> None:
    runtime = LuaRuntime(tools)

    @contextmanager
    def stopped_late() -> Iterator[None]:
        yield
        runtime.kill()
        runtime.native.stop()

    runtime.watch = stopped_late
    function = runtime.load(Chunk("x.lua", b"@x.lua", b"return 1 + 1"))
    assert [runtime.run(function), runtime.run(function)] == [[2], [2]]


CHURN = b"""
local kept, n = {}, 0
local function body(x) local s = 0 for i = 1, 300 do s = s + i end coroutine.yield(s) return s end
for i = 1, 20000 do
  coroutine.wrap(body)(i)
  kept[i % 50 + 1] = string.rep("x", i % 300)
  if i % 3 == 0 then collectgarbage() end
  n = n + 1
end
return n
"""


def test_stops_leave_coroutines_alone_that_are_collected_meanwhile() -> None:
    runtime = LuaRuntime(tools)
    function, results = runtime.load(Chunk("x.lua", b"@x.lua", CHURN)), []
    program = threading.Thread(target=lambda: results.append(runtime.run(function)))
    program.start()
    while program.is_alive():
        if runtime.running:
            runtime.native.stop()
    assert results == [[20000]]


def test_what_is_to_be_closed_is_given_the_programs_error_not_something_of_ours() -> None:
    closing = "local held <close> = setmetatable({}, { __close = function(_, e) Seen = e end })"
    runtime = LuaRuntime(tools, Options())
    chunk = Chunk("/tmp/p.lua", b"@/tmp/p.lua", f"{closing} error('boom')".encode())
    with pytest.raises(ProgramError, match="boom"):
        runtime.run(runtime.load(chunk))
    seen = runtime.lua.globals()[b"Seen"]
    assert seen.startswith(b"/tmp/p.lua:1: boom\nstack traceback:")  # as the standalone Lua has it


def test_tool_errors_are_values_that_pcall_gives_intact() -> None:
    text = """
local ok, e = pcall(Tool.execute, "calculator", { input = "1/0" })
return ok, e.tool, e.code, e.message, e.cause, tostring(e)
"""
    assert run(text) == [
        False, b"calculator", b"failed", b"division by zero",
        b"ZeroDivisionError: division by zero", b"division by zero",
    ]  # fmt: skip


def test_the_tool_table() -> None:
    assert run("return Tool.get('calculator'):execute{input='1+1'}.result") == [2]
    assert run("return Tool.get('calculator').execute{input='1+1'}.text") == [b"2"]
    assert run("return Tool.invoke('calculator', {input='1+1'}).result") == [2]
    assert run("return Tool.exists('calculator'), Tool.exists('nope')") == [True, False]
    assert run("return #Tool.list() >= 6, Tool.categories().utility[2]") == [True, b"calculator"]
    with pytest.raises(ProgramError, match="did you mean 'calculator'"):
        run("Tool.get('calculater')")
    with pytest.raises(ProgramError, match="takes a table"):
        run("Tool.execute('calculator', 5)")


def test_what_can_not_be_given_to_a_tool() -> None:
    with pytest.raises(ProgramError, match="contains itself"):
        run("local t = {} t.t = t Tool.execute('echo', { value = t })")
    with pytest.raises(ProgramError, match="function can't be given"):
        run("Tool.execute('echo', { value = print })")


DATA = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(DATA)
def test_data_makes_the_round_trip(value: Any) -> None:
    lua = run.__globals__.setdefault("LUA", LuaRuntime(tools).lua)
    back = to_python(to_lua(lua, value))
    assert back == value
    assert type(back) is type(value)


@given(st.binary(max_size=300))
def test_any_bytes_go_through_a_tool_and_back(raw: bytes) -> None:
    runtime = run.__globals__.setdefault("RUNTIME", LuaRuntime(tools))
    back = runtime.lua.eval(b"function(s) return Tool.execute('echo', { value = s }).value end")
    assert back(raw) == raw


def test_line_numbers_never_shift(tmp_path: Path) -> None:
    from llmspell_kernel.lua.loader import read_chunk

    path = tmp_path / "script.lua"
    path.write_bytes(b"\xef\xbb\xbf#!/usr/bin/env llmspell\nerror('here')\n")
    runtime = LuaRuntime(tools)
    with pytest.raises(ProgramError, match=r"script\.lua:2: here"):
        runtime.run(runtime.load(read_chunk(str(path))))


def test_active_lines_are_those_where_a_program_stops() -> None:
    text = (
        b"local a = 1\n\nlocal function f(x, ...)\n  -- c\n  return {\n    x,\n  }\nend\nfor i = 1, 3 do\n  f(i)\nend\n"
    )
    lines = Compiler().active_lines(text, b"@x")
    stops = LuaRuntime(tools).lua.eval(
        b"function(text) local seen = {} debug.sethook(function(_, l) seen[#seen + 1] = l end, 'l')"
        b" load(text)() debug.sethook() return seen end"
    )
    assert set(stops(text).values()) <= set(lines)
    assert lines == [1, 5, 7, 8, 9, 10, 11]


@given(st.text(alphabet="abx=+(){}\n \"'-[]1", max_size=40))
def test_any_text_has_lines_or_a_syntax_error(text: str) -> None:
    compiler = run.__globals__.setdefault("COMPILER", Compiler())
    raw = text.encode()
    problem = compiler.check(raw)
    if problem is None:
        lines = compiler.active_lines(raw, b"=x")
        assert lines == sorted(set(lines))
        assert all(1 <= line <= text.count("\n") + 1 for line in lines)
    else:
        with pytest.raises(UserError, match="input:|x:"):
            compiler.active_lines(raw, b"=x")


def test_attention_that_nobody_feels_any_more_does_no_harm_at_the_end() -> None:
    """What it has set in Lua outlives the end of the program, and a collection of Python's garbage before Lua is closed."""
    story = """
import gc, threading
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime
from llmspell_kernel.tools.registry import Tools

class Collecting(Tools):
    def close(self):
        gc.collect()

for _ in range(5):
    runtime = LuaRuntime(Collecting)
    runtime.run(runtime.load(Chunk("x", b"=x", b"Tool.list() t = setmetatable({}, { __gc = function() for i = 1, 9 do end end })")))
    runtime.attention()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()
    runtime.close()
    del runtime
    gc.collect()
print("well")
"""
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, timeout=60)
    assert done.stdout == "well\n", done.stderr


def test_a_stop_that_comes_after_the_close_touches_nothing() -> None:
    runtime = LuaRuntime(tools)
    native = runtime.native
    assert isinstance(native, Native)
    runtime.close()
    native.stop()  # whoever insists may do so on a thread that has not heard of it
    assert native._lua.lua_gethookmask(native.main) == 0
