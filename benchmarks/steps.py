"""A step as an editor does it, against an adapter that echoes canned answers."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.client import Client
from benchmarks.measure import HERE, Row, milliseconds, percentile, written

STEPS = "local a, b, c, d = 1, 2, 3, 4\nfor i = 1, 1000000 do\n  a = a + i\n  b = a % 7\n  c = b + 1\nend\n"
BLOCKS, COUNT, WARM_UP = 12, 50, 5


def step_times(floor: Client, ours: Client) -> tuple[list[float], list[float]]:
    """In turn, so that noise meets both; in blocks, as a person who holds the key down: each one warm."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(BLOCKS):
        for client, taken in zip((floor, ours), times, strict=True):
            taken += [milliseconds(client.step) for _ in range(COUNT + WARM_UP)][WARM_UP:]
    return times


def started(command: list[str], tcp: bool, path: str) -> Client:
    client = Client(command, tcp)
    client.launch(path, [3])
    client.request("setBreakpoints", {"source": {"path": path}, "breakpoints": []})
    return client


def rows() -> Iterator[Row]:
    path = written("steps.lua", STEPS)
    for name, tcp in (("stdio", False), ("TCP", True)):
        echo = started([os.path.join(HERE, "echo.py"), *(["tcp"] if tcp else [])], tcp, path)
        adapter = started(["-m", "llmspell_dap", *(["--listen", "127.0.0.1:0"] if tcp else [])], tcp, path)
        floor, ours = step_times(echo, adapter)
        echo.close()
        adapter.close()
        for label, p, limit in (("p50", 0.5, 2), ("p99", 0.99, 3)):
            a, b = percentile(floor, p), percentile(ours, p)
            yield Row(f"step over {name}, {label} against an echo", b / a, limit, note=f"{b:.2f} ms, echo {a:.2f} ms")
