"""Tools that take long, compute, die, or print: for tests of what is around a call. A worker process imports them."""

from __future__ import annotations

import os
import select
import sys
from typing import Any

from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.spec import tool


def spins() -> None:
    """Compute for ever."""
    while True:
        pass


def waits_in_c() -> None:
    """Wait where Python can't be interrupted."""
    select.select([], [], [], 20)


@tool(runs="process")
def multiplies(n: int, times: int = 1) -> dict[str, Any]:
    """Compute in a process.

    Args:
        n: A number.
        times: How often.
    """
    total = 0
    for _ in range(times):
        total += n * n
    return {"square": n * n, "total": total, "pid": os.getpid()}


@tool(runs="process")
def spins_apart() -> None:
    """Compute for ever, in a process."""
    spins()


@tool(runs="process")
def eats(megabytes: int) -> int:
    """Take memory.

    Args:
        megabytes: How much.
    """
    return len(bytearray(megabytes * 1024 * 1024))


@tool(runs="process")
def dies() -> None:
    """End its process."""
    os._exit(3)


@tool(runs="process")
def prints(text: str) -> str:
    """Write to stdout, where answers of a process go.

    Args:
        text: What.
    """
    print(text)
    sys.stdout.flush()
    return text


@tool(runs="process")
def fails_apart() -> None:
    """Raise in a process."""
    raise KeyError("lost")


@tool(runs="process")
def looks_at(call: Call) -> dict[str, Any]:
    """Tell what the call allows."""
    return {"paths": list(call.policy.allowed_paths or ())}
