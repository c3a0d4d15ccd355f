"""Generated programs behave the same undebugged, with probes and with the hook; and both stop at the same places.

Each statement begins a line and has no other in it; some go on over several lines. LLMSPELL_EXAMPLES=1000 tries more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import (
    Breakpoint,
    Ended,
    Event,
    FunctionBreakpoint,
    Output,
    ProgramOptions,
    Source,
    Step,
    Stopped,
)
from llmspell_kernel.debug.pause import Pause
from llmspell_kernel.lua.lines import Compiler

PATIENCE = 30.0
HEADER = """\
local budget = 150
local function tick() budget = budget - 1; if budget < 0 then error("enough", 0) end end
local function shown(v) local k = math.type(v) or type(v); return (k == "table" or k == "function" or k == "thread") and k or k .. ":" .. tostring(v) end
local function say(...) local out = table.pack(...); for n = 1, out.n do out[n] = shown(out[n]) end; print(table.concat(out, " ")) end
local function closing(name) return setmetatable({}, { __close = function(_, e) say("close", name, e) end }) end
local function where() return debug.getinfo(2, "l").currentline end
local function traced(e) say(e); say((debug.traceback("", 2):gsub("[^%s]*/", ""))); return e end
local t = { n = 1, put = function(self, v) self.n = v; return self end, get = function(self, ...) tick(); return self.n, ... end }
local m = setmetatable({}, { __index = function(_, k) return k end, __add = function(x, y) tick(); return where() end, __lt = function() return true end })
local a, b, c, f = 1, 2.5, "3", function(...) tick(); return ... end
"""
Block = list[str]

NAMES = st.sampled_from(["a", "b", "c"])
FUNCTIONS = [
    "a1",
    "b1",
    "c1",
    "body",
    "outer",
    "inner",
    "again",
    "f",
    "tick",
    "t.get",
    "t:put",
    "string.upper",
    "nowhere.f",
]
ATOMS = st.sampled_from(
    ["0", "7", "-1", "2.5", "1 << 62", "math.maxinteger", "1e308", "nil", "true", "'s'", "'10'", "...", "t.n", "m", "t", "#'abc'",
     "t:get(1)", "t:put(2):put(a):get()", "select('#', ...)", "where()", "[[x]]", "{ 1, 2, n = a }", "m.key", "f"]
) | NAMES  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "//", "%", "..", "==", "~=", "<", ">=", "and", "or", "&", "|", "~", "<<", ">>"]
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda p: f"({' '.join(p)})")
        | st.tuples(st.sampled_from(["not", "-", "#", "~"]), inner).map(lambda p: f"({' '.join(p)})")
        | inner.map(lambda e: f"f({e}, {e})")
        | inner.map(lambda e: f"(function(...) return {e} end)({e})")
        | inner.map(lambda e: f"tostring({e}):rep(2):upper():len()")
        | inner.map(lambda e: f"select(2, pcall(f, {e}))")
    ),
    max_leaves=3,
)
LISTS = st.lists(EXPRESSIONS, min_size=1, max_size=3).map(", ".join)


def indented(*lines: str | Block) -> Block:
    out: Block = []
    for part in lines:
        out += [part] if isinstance(part, str) else ["  " + line for line in part]
    return out


def made(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    return st.tuples(*parts).map(lambda found: [template.format(*found)])


def over_lines(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    return st.tuples(*parts).map(lambda found: template.format(*found).split("\n"))


SIMPLE = st.one_of(
    made("local {} = {}", NAMES, LISTS),
    made("local {} <const> = {}", st.just("k"), EXPRESSIONS),
    made("local {0} <close> = closing('{0}')", st.sampled_from(["z", "y"])),
    made("{}, {} = {}", NAMES, NAMES, LISTS),
    made("{} = {}", NAMES, EXPRESSIONS),
    made("t.n, {} = {}, t.n", NAMES, EXPRESSIONS),
    made("say({})", LISTS),
    made("say('s' .. {} .. where())", EXPRESSIONS),
    made("t:put({}):get({})", EXPRESSIONS, EXPRESSIONS),
    made("say(pcall(error, {}))", EXPRESSIONS),
    made("error({}, {})", st.sampled_from(["'thrown'", "{ code = 1 }", "nil", "a"]), st.sampled_from(["0", "1", "2"])),
    made("do local x <close> = closing('x') end"),
    over_lines("say(\n  {},\n  {}\n)", EXPRESSIONS, EXPRESSIONS),
    over_lines("{} = f(\n  {},\n  function(x) return x end\n)", NAMES, EXPRESSIONS),
    over_lines("t:put({})\n  :put({})\n  :get(\n    {}\n  )", EXPRESSIONS, EXPRESSIONS, EXPRESSIONS),
    over_lines("local {} = {}\n  and f({},\n  {})", NAMES, EXPRESSIONS, EXPRESSIONS, EXPRESSIONS),
    over_lines("say(f(\n  {}), function(x)\n  say(x)\n  return f(x,\n    {}\n  )\nend)", EXPRESSIONS, EXPRESSIONS),
)


def compound(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(lambda parts: [line for part in parts for line in part])
    return st.one_of(
        st.tuples(EXPRESSIONS, blocks, EXPRESSIONS, blocks, blocks).map(
            lambda p: indented(f"if {p[0]} then", p[1], f"elseif {p[2]} then", p[3], "else", p[4], "end")
        ),
        st.tuples(st.sampled_from(["1, 3", "3, 1, -1", "1.0, 2", "1, 0"]), blocks, EXPRESSIONS).map(
            lambda p: indented(
                f"for i = {p[0]} do", ["tick()", f"if {p[2]} then", "  goto continue", "end"], ["do"], p[1],
                ["end", "::continue::"], "end",
            )
        ),
        st.tuples(st.sampled_from(["pairs({ 5, 6 })", "ipairs({ a, b })", "('xyz'):gmatch('.')", "next, { 1 }"]), blocks).map(
            lambda p: indented(f"for key, value in {p[0]} do", ["tick()", "say(key, value)"], p[1], "end")
        ),
        st.tuples(EXPRESSIONS, blocks, EXPRESSIONS).map(
            lambda p: indented(f"while {p[0]} do", ["tick()"], p[1], [f"if {p[2]} then", "  break", "end"], "end")
        ),
        st.tuples(blocks, EXPRESSIONS).map(
            lambda p: indented("repeat", ["tick()"], p[0], ["local last = a"], f"until last == nil or {p[1]}")
        ),
        st.tuples(blocks).map(
            lambda p: indented(
                "do", ["local n = 0", "::again::", "n = n + 1", "do"], p[0], ["end", "if n < 3 then", "  goto again", "end"],
                "end",
            )
        ),
        st.tuples(NAMES, blocks, LISTS, st.sampled_from(["pcall({0}, b, c)", "xpcall({0}, traced, b)", "{0}(a)"])).map(
            lambda p: indented(
                f"local function {p[0]}1(x, ...)", ["tick()", f"local {p[0]} = x"], p[1], [f"return {p[2]}"], "end",
                f"say({p[3].format(p[0] + '1')})",
            )
        ),
        st.tuples(blocks, LISTS, st.sampled_from(["wrap", "create"])).map(
            lambda p: indented(
                "local function body(x, ...)", ["tick()", "local y = coroutine.yield(x)"], p[0],
                ["say('in', y, coroutine.isyieldable())", f"coroutine.yield({p[1]})"], "end",
                f"local co = coroutine.{p[2]}(body)", "local resume = type(co) == 'thread' and coroutine.resume or pcall",
                "say(resume(co, 1))", "say(resume(co, 2))", "say(resume(co, 3))",
            )
        ),
        st.tuples(blocks, blocks).map(
            lambda p: indented(
                "local function outer(...)", ["local count = 0", "local function inner(x, ...)"], ["  count = count + 1"],
                p[0], ["  return count", "end"], p[1], ["return inner(...), inner(2), count"], "end",
                "say(pcall(outer, 1, 2))",
            )
        ),
        blocks.map(lambda p: indented("do", p, "end")),
        st.tuples(EXPRESSIONS, EXPRESSIONS, blocks).map(
            lambda p: indented(f"if f({p[0]},", [f"{p[1]}"], ") then", p[2], "end")
        ),
        st.tuples(EXPRESSIONS, EXPRESSIONS, blocks).map(
            lambda p: indented(f"while f({p[0]},", [f"{p[1]}"], ") do", ["tick()"], p[2], "end")
        ),
        st.tuples(EXPRESSIONS, EXPRESSIONS, blocks).map(
            lambda p: indented("repeat", ["tick()"], p[2], f"until f({p[0]},", [f"{p[1]})", "or budget < 100"])
        ),
        st.tuples(EXPRESSIONS, blocks).map(
            lambda p: indented("for _, v in ipairs(f({", ["1,", p[0]], "})) do", ["tick()"], p[1], "end")
        ),
        st.tuples(EXPRESSIONS, blocks).map(
            lambda p: indented("local function again(n)", ["tick()", "if n == 0 then return 0 end"], p[1],
                               ["return f(", "  again(n - 1),", f"  {p[0]}", ")"], "end", "say(again(", ["2"], "))")
        ),
    )  # fmt: skip


STATEMENTS = st.recursive(SIMPLE, compound, max_leaves=6)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=5).map(
    lambda parts: HEADER + "\n".join(line for part in parts for line in part) + "\n"
)


class Seen(NamedTuple):
    """``end``: the exit code, and the error with its traceback."""

    out: str
    end: Ended
    stops: tuple[tuple[int, ...], ...]  # the lines of the stack, of each stop


def run(
    path: Path, tier: str | None, lines: Sequence[int], functions: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> Seen:
    """Run a program, undebugged without a ``tier``; go on from each stop."""
    out: list[str] = []
    stops: list[tuple[int, ...]] = []
    ends: list[Ended] = []
    over = threading.Event()

    def stack(pause: Pause) -> None:
        frames, _ = pause.frames(pause.stopped.thread, 0, 50)
        stops.append(tuple(frame.line for frame in frames))

    def listen(event: Event) -> None:
        if isinstance(event, Output):
            out.append(event.text)
        elif isinstance(event, Stopped):
            debugger.ask(stack)
            debugger.resume(Step("continue"))
        elif isinstance(event, Ended):
            ends.append(event)
            over.set()

    monkeypatch.setenv("LLMSPELL_TIER", tier or "probe")
    debugger = Debugger(listen)
    try:
        debugger.set_breakpoints(Source(path.name, str(path)), [Breakpoint(line) for line in lines])
        debugger.set_function_breakpoints([FunctionBreakpoint(name) for name in functions])
        debugger.launch(ProgramOptions(str(path), debug=tier is not None), lambda outcome: outcome.value)
        debugger.start()
        assert over.wait(PATIENCE), "the program does not end"
    finally:
        debugger.close()
    return Seen("".join(out), ends[0], tuple(stops))


@settings(max_examples=int(os.environ.get("LLMSPELL_EXAMPLES", "40")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(PROGRAMS, st.data())
def test_all_ways_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, data: st.DataObject) -> None:
    if Compiler().check(program.encode()) is not None:
        return  # two labels of a name, a constant that is assigned to
    path = tmp_path / "program.lua"
    path.write_text(program)
    first, last = HEADER.count("\n") + 1, program.count("\n")
    lines = data.draw(st.lists(st.integers(first, last), unique=True, max_size=12), label="lines")
    functions = data.draw(st.lists(st.sampled_from(FUNCTIONS), unique=True, max_size=3), label="functions")
    plain = run(path, None, lines, functions, monkeypatch)
    probed, hooked = (run(path, tier, lines, functions, monkeypatch) for tier in ("probe", "hook"))
    assert probed[:2] == plain[:2]
    assert hooked[:2] == plain[:2]
    assert probed.stops == hooked.stops
