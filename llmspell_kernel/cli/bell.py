"""What wakes the main thread while the program runs: signals, and numbers that other threads ring.

Python runs signal handlers on the main thread, but the system gives a signal to any thread, and then a
main thread that waits does not wake. It writes the signal's number to a pipe, though, on whatever
thread that is: the main thread waits for that.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Protocol

GLANCE = 0.1  # seconds


class Bell(Protocol):
    def ring(self, number: int) -> None:
        """Any thread. The number is less than 256."""

    def wait(self, seconds: float | None = None) -> int | None:
        """Main thread: the next number that is rung, SIGINT or SIGTERM; None when the time is over."""


def bell() -> Bell:
    """Main thread: from here on SIGINT and SIGTERM ring it, and do nothing else."""
    return _Pipe() if os.name == "posix" else _Glances()


def listen() -> None:
    """Where no bell is rung: Ctrl-C is an exception again, if it ended the process so far."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Pipe:
    def __init__(self) -> None:
        self._end, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # as behind nohup
                signal.signal(number, lambda number, frame: None)

    def ring(self, number: int) -> None:
        try:
            os.write(self._writer, bytes([number]))
        except BlockingIOError:  # full of signals, which end the program too
            pass

    def wait(self, seconds: float | None = None) -> int | None:
        if seconds is not None:
            import select  # not at the start of every program

            if not select.select([self._end], [], [], seconds)[0]:
                return None
        return os.read(self._end, 1)[0]


class _Glances:
    """Where signals write to no pipe (Windows)."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._number = 0

    def ring(self, number: int) -> None:
        self._number = number
        self._rung.set()

    def wait(self, seconds: float | None = None) -> int | None:
        waited = 0.0
        try:
            while seconds is None or waited < seconds:
                if self._rung.wait(GLANCE):
                    self._rung.clear()
                    return self._number
                waited += GLANCE
        except KeyboardInterrupt:
            return signal.SIGINT
        return None
