"""What a debugger costs a program that it does not stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Pairs, Row, in_turn, written

# Long enough (about half a second) that starting and ending a program, two milliseconds, does not show.
PROGRAMS = {
    "loop": "local s = 0\nfor i = 1, 4e7 do s = s + i % 7 end\n",
    "fib": "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\nfib(35)\n",
    "strings": """\
for _ = 1, 50 do
  local t = {}
  for i = 1, 2e4 do t[#t + 1] = ("%d"):format(i) .. "x" end
  table.concat(t)
end
""",
}
UNHIT = "local function never()\n  return 1\nend\n"
TIMES = 7


def cpu_seconds(*arguments: str) -> float:
    """In a process of its own: where malloc and the loader put things alone can make 5 %."""
    command = [sys.executable, "-m", "benchmarks.program", *arguments]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def against_plain(path: str, *debugged: str) -> Pairs:
    return in_turn(lambda: cpu_seconds(path), lambda: cpu_seconds(path, *debugged), TIMES)


def rows() -> Iterator[Row]:
    for name, text in PROGRAMS.items():
        pairs = against_plain(written(f"{name}.lua", text), "[]")
        yield Row(f"nothing armed, {name}, against plain", pairs.ratio, 1.02, note=f"{pairs.ours:.2f} s CPU")
    pairs = against_plain(written("unhit.lua", UNHIT + PROGRAMS["loop"]), "[[2, null, null]]")
    yield Row("an unhit breakpoint elsewhere, loop", pairs.ratio, 1.1, note=f"{pairs.ours:.2f} s CPU")
