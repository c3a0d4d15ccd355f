"""What ends by the clock: a cell that runs too long, a kernel that nobody uses. A thread of its own, which sleeps
until something may be due."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from llmspell_kernel.jupyter.kernel import Kernel


class Deadlines:
    def __init__(self, kernel: Kernel, unused: Callable[[float], None]) -> None:
        """``unused`` is called when nobody has used the kernel for so many seconds."""
        self._kernel = kernel
        self._unused = unused
        self._execution: float | None = None
        self._idle: float | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def set(self, execution: float | None, idle: float | None) -> None:
        """Any thread: seconds that a cell may run, and that a kernel is kept which nobody uses."""
        with self._changed:
            self._execution, self._idle = execution, idle
            if self._thread is None and (execution or idle):
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while True:
                waits = [wait for wait in (self._look_at_the_cell(), self._look_at_its_use()) if wait is not None]
                self._changed.wait(min(waits, default=None))

    def _look_at_the_cell(self) -> float | None:
        """Seconds until it is to be looked at again: none that begins later is due before."""
        limit, request = self._execution, self._kernel.current
        if limit is None:
            return None
        if request is None or self._kernel.is_debugged():  # a person takes as long as a person takes
            return limit
        left = self._kernel.busy_since + limit - monotonic()
        if left > 0:
            return left
        if self._kernel.current is request:
            self._kernel.interrupt(f"the cell took longer than its limit of {limit:g} s (kernel.execution_timeout)")
        return limit

    def _look_at_its_use(self) -> float | None:
        limit = self._idle
        if limit is None:
            return None
        if self._kernel.current is not None or self._kernel.is_paused():
            return limit
        left = self._kernel.used_at + limit - monotonic()
        if left > 0:
            return left
        self._unused(limit)
        return limit
