"""How long it takes to start: to the first stop, and a whole ``llmspell run``."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.client import Client
from benchmarks.measure import HERE, Row, in_turn, milliseconds, python, written
from benchmarks.steps import STEPS


def first_stop(command: list[str], path: str) -> float:
    clients: list[Client] = []

    def launch() -> None:
        clients.append(Client(command))
        clients[0].launch(path, [3])

    taken = milliseconds(launch)
    clients[0].close()
    return taken


def rows() -> Iterator[Row]:
    path = written("steps.lua", STEPS)
    echo = [os.path.join(HERE, "echo.py")]
    pairs = in_turn(lambda: first_stop(echo, path), lambda: first_stop(["-m", "llmspell_dap"], path), 11)
    note = f"{pairs.ours:.0f} ms, echo {pairs.floor:.0f} ms"
    yield Row("launch to first stop against an echo", pairs.ratio, 2, note=note)
    hello = written("hello.lua", "print('hello')\n")
    pairs = in_turn(
        lambda: milliseconds(lambda: python("-c", "pass")),
        lambda: milliseconds(lambda: python("-m", "llmspell_kernel", "run", hello)),
        21,
    )
    note = f"{pairs.ours:.0f} ms, python {pairs.floor:.0f} ms"
    yield Row("llmspell run hello.lua against python -c pass", pairs.ratio, 4, note=note)
