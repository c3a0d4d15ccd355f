"""A line on stderr for what takes longer than a second, where stderr is a terminal."""

from __future__ import annotations

import sys
import threading
from time import monotonic

PATIENCE, PACE = 1.0, 0.1  # seconds
WIDTH = 24
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """``with Progress("name") as progress``: `told` may be called, from any thread, with what is done (0 to 1)."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._done, self._text = -1.0, ""
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def told(self, done: float, text: str = "") -> None:
        self._done, self._text = min(max(done, 0.0), 1.0), text

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        start = monotonic()
        if self._end.wait(PATIENCE):
            return
        turn = 0
        while not self._end.wait(PACE):
            sys.stderr.write(f"\r\x1b[K{self._line(turn, monotonic() - start)}")
            sys.stderr.flush()
            turn += 1
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def _line(self, turn: int, seconds: float) -> str:
        if self._done < 0:
            return f"{SPINNER[turn % len(SPINNER)]} {self._title} {seconds:.0f} s"
        full = round(self._done * WIDTH)
        bar = "█" * full + "░" * (WIDTH - full)
        return f"{bar} {self._done:4.0%} {self._title} {seconds:.0f} s {self._text}".rstrip()
