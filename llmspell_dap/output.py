"""What a program prints, on its way to the client: in order, in few messages, bounded.

The Lua thread adds; the session takes in its turn. Neighbours of the same stream and line become one
event. When the client reads too slowly the program waits (it is never made to lose a line).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from llmspell_kernel.debug.model import Output

MAX_WAITING = 1_000_000  # characters, then the program waits
MAX_EVENT = 64_000  # characters in one event


class OutputBatcher:
    def __init__(self, wake: Callable[[], None]) -> None:
        """``wake``: called on the Lua thread when there is something to take."""
        self._wake = wake
        self._room = threading.Condition()
        self._parts: list[list[Output]] = []
        self._size = 0
        self._batch_size = 0
        self._open = True

    def add(self, output: Output, wait: bool = True) -> None:
        """Lua thread. Waits while too much is under way."""
        with self._room:
            if wait:
                self._room.wait_for(lambda: self._size < MAX_WAITING or not self._open)
            if not self._open:
                return
            first = not self._parts
            if self._parts and self._joins(self._parts[-1][0], output):
                self._parts[-1].append(output)
                self._batch_size += len(output.text)
            else:
                self._parts.append([output])
                self._batch_size = len(output.text)
            self._size += len(output.text) + 50
        if first:
            self._wake()

    def _joins(self, batch: Output, output: Output) -> bool:
        return (
            batch.category == output.category
            and batch.line == output.line
            and batch.source == output.source
            and self._batch_size < MAX_EVENT
        )

    def take(self) -> list[Output]:
        """In the session's turn: all that has come, as few outputs as can be."""
        with self._room:
            parts, self._parts = self._parts, []
            self._size = 0
            self._room.notify_all()
        return [_joined(batch) for batch in parts]

    def close(self) -> None:
        """Nobody takes any more: the program must not wait."""
        with self._room:
            self._open = False
            self._room.notify_all()


def _joined(batch: list[Output]) -> Output:
    if len(batch) == 1:
        return batch[0]
    text = "".join([output.text for output in batch])
    try:
        text.encode()
    except UnicodeEncodeError:  # a character may have been written in two halves
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return batch[0]._replace(text=text)
