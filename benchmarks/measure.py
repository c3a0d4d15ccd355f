"""What a benchmark gives (`Row`), and how to measure where other programs run too.

Noise only ever adds: a floor and what stands on it are measured in turn, and what is quoted is the median of
the ratios of such pairs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode, and so has what we start
FOLDER = tempfile.mkdtemp(prefix="llmspell-bench-")
HERE = os.path.dirname(os.path.abspath(__file__))
Measure = Callable[[], float]


class Row(NamedTuple):
    """One promise: ``value`` is at most ``limit`` (or at least). ``note``: the figures behind it.

    None: it could not be measured here, and the note says what is missing. Where CI is set nothing may be.
    """

    what: str
    value: float | None
    limit: float
    unit: str = "×"
    at_least: bool = False
    note: str = ""

    def kept(self, slack: float = 1.0) -> bool:
        if self.value is None:
            return not os.environ.get("CI")
        return self.value * slack >= self.limit if self.at_least else self.value <= self.limit * slack

    def better(self, other: Row) -> Row:
        if self.value is None or other.value is None:
            return self
        return max(self, other, key=lambda row: row.value if row.at_least else -row.value)

    def __str__(self) -> str:
        if self.value is None:
            return f"{'-- ' if self.kept() else 'NO '} {self.what:<58} {'not measured':>14}"
        sign = "≥" if self.at_least else "≤"
        value = f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.2f}"
        return f"{'ok ' if self.kept() else 'NO '} {self.what:<58} {value:>10} {self.unit:<3} {sign} {self.limit:,g}"


def written(name: str, text: str) -> str:
    path = os.path.join(FOLDER, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def percentile(values: list[float], p: float) -> float:
    return sorted(values)[min(int(len(values) * p), len(values) - 1)]


class Pairs(NamedTuple):
    """Medians of a floor and of what stands on it; ``ratio`` is the median of their ratios."""

    floor: float
    ours: float
    ratio: float


def in_turn(floor: Measure, ours: Measure, times: int) -> Pairs:
    pairs = [(floor(), ours()) for _ in range(times)]
    median = statistics.median
    return Pairs(median(a for a, _ in pairs), median(b for _, b in pairs), median(b / a for a, b in pairs))


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def python(*command: str) -> None:
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
