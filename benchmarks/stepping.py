"""Steps over and out of calls that run long, against the same calls undisturbed; with the filter in C and without.

One program calls, again and again; both ends of the call hold breakpoints, so that `continue` runs it at full speed.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.breakpoints import line_of
from benchmarks.measure import Pairs, Row, in_turn, written
from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import Breakpoint, ProgramOptions, Source, Step, Stopped
from llmspell_kernel.lua.hook_filter import library

# Label, limit, work. Each takes some tenths of a second; with a hook that is asked about each call, seconds.
CALLEES = {
    "loop": ("a loop", 3, "local s = 0\n  for i = 1, 6e7 do s = s + i % 7 end"),
    "fib": ("a recursion", 12, "fib(30)"),
    "methods": ("method calls", 12, "for i = 1, 4e6 do p:move(1, 2) end"),
    "strings": ("C functions", 12, "for i = 1, 2e6 do local s = ('x'):rep(3):upper() end"),
}
PROGRAM = """\
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local Point = {}
Point.__index = Point
function Point:move(dx, dy) self.x, self.y = self.x + dx, self.y + dy end
local p = setmetatable({ x = 0, y = 0 }, Point)
local function work()
  local start = 1 -- @inside
  %s
end
while true do
  work() -- @call
  local done = true -- @after
end
"""
TIMES = 3
LIMIT_OF_LUA_ALONE = 16  # of what calls: 11 to 13 has been seen of a function that does nothing else


class Program:
    """One that stops where the marks are."""

    def __init__(self, name: str, text: str) -> None:
        self._text, self._source = text, Source(name, written(f"{name}.lua", text))
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._debugger = Debugger(self._events.put)
        self.marks("call", "inside", "after")  # as probes, which cost nothing from then on
        loaded: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._debugger.launch(ProgramOptions(self._source.path or ""), loaded.put)
        loaded.get()
        self._debugger.start()
        self._stopped()

    def marks(self, *marks: str) -> None:
        """Break there only."""
        wanted = [Breakpoint(line_of(self._text, mark)) for mark in marks]
        self._debugger.set_breakpoints(self._source, wanted)

    def _stopped(self) -> None:
        while not isinstance(self._events.get(), Stopped):
            pass

    def go(self, kind: Any) -> float:
        """Seconds of the CPU until the next stop."""
        start = time.process_time()
        self._debugger.resume(Step(kind))
        self._stopped()
        return time.process_time() - start

    def end(self) -> None:
        self._debugger.terminate()
        self._debugger.close()


def _over(program: Program) -> Pairs:
    """From the call to what follows it."""
    program.marks("call", "after")

    def crossed(kind: str) -> float:
        seconds = program.go(kind)
        program.go("continue")
        return seconds

    return in_turn(lambda: crossed("continue"), lambda: crossed("over"), TIMES)


def _out(program: Program) -> Pairs:
    """From the first line of what is called to what follows the call."""
    program.marks("call", "inside", "after")
    program.go("continue")

    def left(kind: str) -> float:
        seconds = program.go(kind)
        program.go("continue")
        program.go("continue")
        return seconds

    return in_turn(lambda: left("continue"), lambda: left("out"), TIMES)


def _measured(name: str, pure: bool) -> Iterator[Row]:
    label, limit, work = CALLEES[name]
    limit = LIMIT_OF_LUA_ALONE if pure and limit > 3 else limit
    os.environ["LLMSPELL_HOOK"] = "pure" if pure else ""
    program = Program(f"stepping-{name}", PROGRAM % work)
    hook = "in Lua alone" if pure else "with the filter"
    for what, measure in (("over", _over), ("out of", _out)):
        pairs = measure(program)
        note = f"{hook}: {pairs.ours:.2f} s, plain {pairs.floor:.2f} s"
        yield Row(f"step {what} {label}, {hook}", pairs.ratio, limit, note=note)
    program.end()


def rows() -> Iterator[Row]:
    before = os.environ.get("LLMSPELL_HOOK", "")
    for pure in (False, True) if library() is not None else (True,):
        for name in CALLEES:
            yield from _measured(name, pure)
    os.environ["LLMSPELL_HOOK"] = before
