"""Programs behave the same with a probe before every statement: output, errors, tracebacks, lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.lua.lines import Compiler, as_main
from llmspell_kernel.lua.loader import read_chunk, source_text
from llmspell_kernel.lua.probes import SLOTS, Probe, with_probes
from llmspell_kernel.lua.state import new_state
from llmspell_kernel.lua.syntax import Syntax

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.lua"))
LIBRARIES = sorted(
    path
    for pattern in ("5.4/**/*.lua", "5.3/json.lua", "5.3/json/**/*.lua", "5.3/inspect.lua", "5.1/luacheck/**/*.lua")
    for path in Path("/usr/share/lua").glob(pattern)
)
# Gives what a chunk prints, returns or dies of, its traceback, and what Lua says of its functions.
OBSERVE = b"""
local text, name, as_main, count = ...
local f
if as_main then
    local maker, problem = load(text, name, "t")
    if not maker then return false, problem end
    f = assert(load(as_main(string.dump(maker())), name, "b"))
    local slots = {}
    for n = 1, count do slots[n] = false end
    for index = 1, 2 do
        local upvalue = debug.getupvalue(f, index)
        if upvalue == "_ENV" then debug.setupvalue(f, index, _G) end
        if upvalue == "__llmspell" then debug.setupvalue(f, index, slots) end
    end
else
    local problem
    f, problem = load(text, name, "t")
    if not f then return false, problem end
end
local out, budget = {}, 20000
local function say(...)
    for n = 1, select("#", ...) do
        local part = select(n, ...)
        local plain = type(part) ~= "table" and type(part) ~= "function" and type(part) ~= "thread"
        out[#out + 1] = plain and tostring(part) or type(part)
    end
end
print = say
tick = function()
    budget = budget - 1
    if budget < 0 then error("enough", 0) end
end
where = function() return debug.getinfo(2, "l").currentline end
local lines = {}
for line in pairs(debug.getinfo(f, "L").activelines) do lines[#lines + 1] = line end
table.sort(lines)
local info = debug.getinfo(f, "S")
say(info.what, info.source, info.linedefined, info.lastlinedefined, table.concat(lines, " "))
local function traced(e) return (type(e) == "string" and e or type(e)) .. debug.traceback("", 2) end
say(select(2, xpcall(f, traced, 1, 2)))
return true, table.concat(out, "\\n")
"""


def observed(text: bytes, probes: int = 0) -> tuple[bool, bytes]:
    lua = new_state()
    observe: Any = lua.eval(b"function(code) return load(code, '=observe') end")(OBSERVE)
    result: tuple[bool, bytes] = observe(text, b"@program.lua", as_main if probes else None, probes)
    return result


def probed_everywhere(text: bytes) -> tuple[bytes, int]:
    """With a disabled probe before each statement on a line where Lua has code."""
    syntax = Syntax(text)
    assert syntax.readable
    active = Compiler().lines_of_functions(text, b"@program.lua")
    places = [place for place in syntax.places(1, 10**9) if place.line in active[place.function]]
    probes = [Probe(1 + n * SLOTS, place) for n, place in enumerate(places)]
    return with_probes(syntax, probes), len(probes) * SLOTS + 1


def same(program: str | bytes) -> None:
    text = program.encode() if isinstance(program, str) else program
    probed, count = probed_everywhere(text)
    assert probed.count(b"\n") == text.count(b"\n")
    assert observed(probed, count) == observed(text)


@pytest.mark.parametrize(
    "program",
    [
        "local a <const>, b <close> = 1, nil print(a, b, where())",
        "local function f(...) return select('#', ...), ... end\nprint(f(1, nil, 3), where())",
        "for i = 1, 3 do if i == 2 then goto continue end print(i) ::continue:: end",
        "local n = 0\nwhile n < 3 do n = n + 1 if n == 2 then break end end print(n)",
        "local n = 0\nrepeat local done = n > 2 n = n + 1 until done\nprint(n, where())",
        "if nil then print(1) elseif where() == 1 then print(2) else print(3) end",
        "local t = { f = function(self) return self end }\nt\n:f()\n:f()\nprint(where())",
        "local x\nlocal y = x.z",
        "local t = setmetatable({}, { __add = function(a, b)\n error('no') end })\nprint(t +\n 1)",
        "local _ENV = { print = print }\nprint(x)\nx = 1\nprint(x)",
        "print((function(...) local a, b = ... return b, a end)(...))",
        "local f = load('return ...')\nprint(f(1))\nreturn 1, 2",
        "goto done\ndo print(1) end\n::done::\nprint(2)",
        "local s = 0 for k, v in pairs { 1, 2, x = 3 } do s = s + v end print(s)",
        "#!/usr/bin/lua\nprint(where())",
        "function a() b() end function b() c() end function c() error({}) end a()",
        "print(pcall(function() local x = 1 + {} end))",
        "local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)\nprint(co(), co(), co())",
        "print(1)\n;(function() print(2) end)()",
        "return",
        "return;",
        "print('last') -- a comment at the end",
    ],
)
def test_a_probe_changes_nothing(program: str) -> None:
    same(source_text(program.encode(), "program.lua"))


@pytest.mark.parametrize("path", EXAMPLES + LIBRARIES, ids=lambda path: path.name)
def test_any_file_can_have_a_probe_at_every_place(path: Path) -> None:
    """Modules that need others die of the same error, with the same traceback."""
    same(read_chunk(str(path)).text)


def test_the_standalone_lua_runs_what_we_wrote() -> None:
    """The text is plain Lua: each probe one statement or condition more."""
    text = b"for i = 1, 2 do print(i) end\n"
    probed, _ = probed_everywhere(text)
    assert probed == (
        b"local __llmspell return function(...)  if __llmspell[1] then __llmspell[1]() end "
        b"for i = 1, 2 do  if __llmspell[4] then __llmspell[4]() end print(i) end end\n"
    )


NAMES = st.sampled_from(["a", "b", "c"])
EXPRESSIONS = st.recursive(
    st.integers(0, 9).map(str) | NAMES | st.sampled_from(["nil", "true", "'s'", "{}", "...", "where()"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "<", "==", "and", "or", ".."]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda e: f"(function(...) tick() return {e} end)({e})")
        | inner.map(lambda e: f"#{e}")
    ),
    max_leaves=4,
)


def blocks(statements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(statements, max_size=3), st.sampled_from([" ", "\n"])).map(
        lambda t: t[1].join(["tick()", *t[0]])
    )


SIMPLE = (
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"local {t[0]} = {t[1]}")
    | st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"{t[0]} = {t[1]}")
    | st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"local {t[0]} <const> = {t[1]}")
    | st.lists(EXPRESSIONS, max_size=2).map(lambda es: f"print({', '.join(es)})")
    | st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: f"print(\n{t[0]},\n{t[1]})")
    | st.just("error('thrown')")
)
STATEMENTS = st.recursive(
    SIMPLE,
    lambda inner: (
        st.tuples(EXPRESSIONS, blocks(inner), EXPRESSIONS, blocks(inner)).map(
            lambda t: f"if {t[0]} then {t[1]} elseif {t[2]} then {t[3]} end"
        )
        | st.tuples(blocks(inner)).map(
            lambda t: f"for i = 1, 3 do {t[0]} if i == 2 then goto on end print(i) ::on:: end"
        )
        | st.tuples(EXPRESSIONS, blocks(inner)).map(lambda t: f"while {t[0]} do {t[1]} if a then break end a = 1 end")
        | st.tuples(blocks(inner), EXPRESSIONS).map(lambda t: f"repeat {t[0]} local r = 1 until r or {t[1]}")
        | st.tuples(NAMES, blocks(inner), EXPRESSIONS).map(
            lambda t: f"local function {t[0]}(x, ...) {t[1]} return {t[2]} end print(pcall({t[0]}, 1, 2))"
        )
        | blocks(inner).map(lambda b: f"do {b} end")
    ),
    max_leaves=6,
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=6).map("\n".join)


@settings(max_examples=int(os.environ.get("LLMSPELL_EXAMPLES", "100")), deadline=None)
@given(PROGRAMS)
def test_generated_programs_do_not_notice(program: str) -> None:
    if Compiler().check(program.encode()) is None:
        same(program)


def test_it_does_not_take_a_debugger_to_read_a_program() -> None:
    """The parser is imported where there are breakpoints, and nowhere else."""
    code = "import sys, llmspell_kernel.debug.engine; print([m for m in sys.modules if 'tree_sitter' in m])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
