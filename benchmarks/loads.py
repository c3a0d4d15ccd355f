"""A long file: what its breakpoints cost, from when they are set to the end of a program that reaches none."""

from __future__ import annotations

import queue
import statistics
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.measure import Row, written
from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import Breakpoint, Ended, ProgramOptions, Source

FUNCTION = """\
function f%(n)d(a, b)
  local t = { a, b, name = 'x%(n)d', [a] = b }
  for i = 1, #t do
    if t[i] == a and b ~= nil then
      t[i] = (t[i] or 0) + i * 2
    end
  end
  return t, function(x) return x + a end
end
G%(n)d = f%(n)d
"""
TIMES = 9


def seconds(path: str, lines: list[int], debug: bool = True) -> float:
    """Of the CPU, all threads."""
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    start = time.process_time()
    debugger = Debugger(events.put)
    if lines:
        debugger.set_breakpoints(Source("long", path), [Breakpoint(line) for line in lines])
    loaded: queue.SimpleQueue[object] = queue.SimpleQueue()
    debugger.launch(ProgramOptions(path, debug=debug), loaded.put)
    loaded.get()
    debugger.start()
    while not isinstance(event := events.get(), Ended):
        pass
    assert event.exit_code == 0, event
    taken = time.process_time() - start
    debugger.close()
    return taken


def more(path: str, lines: list[int], empty: str | None = None) -> float:
    """Milliseconds more than without breakpoints; ``empty``: more than undebugged, and than for an empty program."""

    def extra(path: str) -> float:
        if lines:
            return seconds(path, lines) - seconds(path, [])
        return seconds(path, []) - seconds(path, [], debug=False)

    return 1000 * statistics.median(extra(path) - (extra(empty) if empty else 0) for _ in range(TIMES))


def rows() -> Iterator[Row]:
    path, empty = written("long.lua", "".join(FUNCTION % {"n": n} for n in range(1000))), written("empty.lua", "")
    more(path, [3])  # the parser is imported
    yield Row("10,000 lines with 20 breakpoints, more than without", more(path, list(range(3, 10_000, 500))), 60, "ms")
    yield Row("10,000 lines without, more than undebugged", more(path, [], empty), 1, "ms", note="of the length")
