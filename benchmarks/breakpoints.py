"""What a breakpoint costs a program that it does not stop: probes, beside the hook and a line hook of Lua's own.

Each program holds its breakpoint in the hot function. The hook's figures are no promises: they tell what there
was before, and what still is for breakpoints that arrive when their chunk is loaded already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

from benchmarks.measure import Row, in_turn, written
from benchmarks.overhead import TIMES, against_plain, cpu_seconds

# In each, the line with @dead is never reached.
HOT = {
    "loop": """\
local s = 0
for i = 1, 3e7 do
  if i < 0 then
    s = 0 -- @dead
  end
  s = s + i % 7
end
""",
    "fib": """\
local function fib(n)
  if n < 0 then
    return 0 -- @dead
  end
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end
fib(33)
""",
    "strings": """\
for round = 1, 50 do
  local t = {}
  for i = 1, 2e4 do
    t[#t + 1] = ("%d"):format(i) .. "x"
    if i < 0 then
      t = {} -- @dead
    end
  end
  table.concat(t)
end
""",
    "methods": """\
local Point = {}
Point.__index = Point
function Point:move(dx, dy)
  if dx < 0 then
    self.x = 0 -- @dead
  end
  self.x, self.y = self.x + dx, self.y + dy
  return self
end
local p = setmetatable({ x = 0, y = 0 }, Point)
for i = 1, 6e6 do p:move(1, 2) end
""",
}
# A loop as programs have them: an item, a field, a sum.
TURNS = """\
local items, total = {}, 0
for n = 1, 100 do items[n] = { price = n % 13, name = "item " .. n } end
for i = 1, 5000000 do
  local item = items[i % 100 + 1]
  total = total + item.price -- @turn
end
"""
LOGGED = "local total = 0\nfor i = 1, 1000000 do\n  total = total + i % 7 -- @turn\nend\n"
LONGER = {"3e7": "1e8", "fib(33)": "fib(36)", "6e6": "1e9", "1, 50": "1, 300"}  # for what LuaJIT compiles
INLINE, GUARDED = "i == -1", "item.price > 1000"


def line_of(text: str, mark: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith(f"@{mark}"))


def point(text: str, mark: str, condition: str | None = None, message: str | None = None) -> str:
    return json.dumps([[line_of(text, mark), condition, message]])


def by_hook(*arguments: str) -> float:
    command = [sys.executable, "-m", "benchmarks.program", *arguments]
    environment = {**os.environ, "LLMSPELL_TIER": "hook"}
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


SHORTER = {"3e7": "1e6", "fib(33)": "fib(25)", "6e6": "3e5", "1, 50": "1, 5", "5000000": "200000"}


@cache
def others(name: str, text: str, breakpoint: str) -> str:
    """On a shorter program: it would take minutes."""
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    path = written(f"short-{name}.lua", text)
    plain = cpu_seconds(path)
    hook, bare = by_hook(path, breakpoint) / plain, cpu_seconds(path, "hook") / plain
    return f"the hook {hook:.0f} ×, an empty line hook {bare:.0f} ×"


def by_luajit(*arguments: str) -> float:
    command = [sys.executable, "-m", "benchmarks.program", *arguments]
    environment = {**os.environ, "RUNTIME": "luajit"}
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def luajit_rows() -> Iterator[Row]:
    """Against the same debugger without a breakpoint; the note tells of plain LuaJIT, which can't be paused."""
    for name, text in HOT.items():
        for short, long in LONGER.items():
            text = text.replace(short, long)
        path, breakpoint = written(f"jit-{name}.lua", text), point(text, "dead")
        pairs = in_turn(lambda: by_luajit(path, "[]"), lambda: by_luajit(path, breakpoint), TIMES)
        plain = in_turn(lambda: by_luajit(path), lambda: by_luajit(path, breakpoint), TIMES)
        note = f"{plain.ratio:.2f} × plain LuaJIT, {pairs.ours:.2f} s CPU"
        yield Row(f"LuaJIT, unhit in the hot function, {name}", pairs.ratio, 1.03, note=note)


def rows() -> Iterator[Row]:
    yield from luajit_rows()
    for name, text in HOT.items():
        path, breakpoint = written(f"hot-{name}.lua", text), point(text, "dead")
        pairs = against_plain(path, breakpoint)
        yield Row(f"unhit in the hot function, {name}", pairs.ratio, 1.03, note=others(name, text, breakpoint))
    path = written("named.lua", f"local function never() return 1 end\n{HOT['fib']}")
    pairs = against_plain(path, '["never"]')
    short = written("short-named.lua", HOT["fib"].replace("33", "25"))
    unknown = cpu_seconds(short, '["no.such"]') / cpu_seconds(short)
    note = f"a name that nothing defines, while it stands: {unknown:.0f} ×"
    yield Row("a function breakpoint elsewhere, fib", pairs.ratio, 1.03, note=note)
    path = written("turns.lua", TURNS)
    for name, condition, limit in (("inline", INLINE, 1.5), ("guarded", GUARDED, 6.0)):
        breakpoint = point(TURNS, "turn", condition)
        pairs = against_plain(path, breakpoint)
        yield Row(
            f"false on 5,000,000 turns, {name}: {condition}", pairs.ratio, limit, note=others(name, TURNS, breakpoint)
        )
    path, breakpoint = written("logged.lua", LOGGED), point(LOGGED, "turn", None, "turn {i}: {total}")
    pairs = against_plain(path, breakpoint)
    yield Row("1,000,000 log messages, delivered", pairs.ours, 2, "s")
