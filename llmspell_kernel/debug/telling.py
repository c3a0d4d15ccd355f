"""What breakpoints say, and when it is delivered: together, a little later. Any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from llmspell_kernel.debug.model import BreakpointState, Output, Source
from llmspell_kernel.lua.values import text

PATIENCE = 0.02  # seconds that messages wait for company


class Late:
    def __init__(self, due: Callable[[], None]) -> None:
        """``due`` is called on a thread of its own when the time has come."""
        self._due = due
        self._timer: threading.Timer | None = None
        self._is_due = False

    def soon(self) -> None:
        """Have what is said from now on delivered together."""
        if self._timer is None:
            self._timer = threading.Timer(PATIENCE, self._now)
            self._timer.daemon = True
            self._timer.start()

    def _now(self) -> None:
        self._timer = None
        self._is_due = True
        self._due()

    def take(self) -> bool:
        """Whether it is time; once."""
        due, self._is_due = self._is_due, False
        return due


def message(state: BreakpointState | None, said: bytes) -> Output:
    """Of a log point."""
    return Output("console", text(said) + "\n", *_place(state))


def trouble(state: BreakpointState | None, id: int, what: bytes, problem: bytes) -> Output:
    """With what a breakpoint asks, or an exception filter (no state)."""
    name = f"breakpoint {id}" if state else "exception filter"
    told = f"{name}: the {text(what)} raised an error and counts as false: {text(problem)}\n"
    return Output("important", told, *_place(state))


def _place(state: BreakpointState | None) -> tuple[Source | None, int]:
    return (state.source, state.line) if state else (None, 0)
