"""What a program prints, on its way to the client: in order, in few messages, bounded.

The Lua thread adds; the session takes in its turn. Neighbours of the same stream and line become one
event, in a flood those of any lines. A character that is written in pieces comes whole. When the
client reads too slowly the program waits (it is never made to lose a line).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from llmspell_kernel.debug.model import Output

MAX_WAITING = 1_000_000  # characters, then the program waits
MAX_EVENT = 64_000  # characters in one event
MANY = 200  # events in one batch; what comes beyond them is gathered without its lines
FEW = 20  # the same in a flood: when the batch before was full
HALF = re.compile("(?:[\udcc2-\udcdf]|[\udce0-\udcef][\udc80-\udcbf]?|[\udcf0-\udcf4][\udc80-\udcbf]{0,2})\\Z")


class OutputBatcher:
    def __init__(self, wake: Callable[[], None]) -> None:
        """``wake``: called on the Lua thread when there is something to take."""
        self._wake = wake
        self._room = threading.Condition()
        self._parts: list[list[Output]] = []
        self._size = 0
        self._batch_size = 0
        self._open = True
        self._limit = MANY
        self._half: Output | None = None  # the beginning of a character whose end has not come

    def add(self, output: Output, wait: bool = True) -> None:
        """Lua thread. Waits while too much is under way."""
        with self._room:
            if wait:
                self._wait()
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

    def is_empty(self) -> bool:
        with self._room:
            return not self._parts

    def wait_for_room(self) -> None:
        """Not in the session's turn, which makes the room."""
        with self._room:
            self._wait()

    def _wait(self) -> None:
        self._room.wait_for(lambda: self._size < MAX_WAITING or not self._open)

    def _joins(self, batch: Output, output: Output) -> bool:
        return (
            batch.category == output.category
            and self._batch_size < MAX_EVENT
            and (len(self._parts) >= self._limit or _same_place(batch, output))
        )

    def take(self, everything: bool) -> list[Output]:
        """In the session's turn: what has come, as few outputs as can be; ``everything``: half characters too."""
        with self._room:
            parts, self._parts = self._parts, []
            self._size, self._limit = 0, FEW if len(parts) >= self._limit else MANY
            self._room.notify_all()
        outputs = self._whole([_joined(batch) for batch in parts])
        if everything and self._half is not None:
            outputs.append(self._half)
            self._half = None
        return outputs

    def _whole(self, outputs: list[Output]) -> list[Output]:
        """Where a character is cut at the end of an output, its piece goes before the next."""
        found = []
        for output in outputs:
            half, self._half = self._half, None
            if half is not None and half.category != output.category:
                found.append(half)
            elif half is not None:
                output = output._replace(text=_mended(half.text + output.text))
            cut = HALF.search(output.text)
            if cut is not None:
                self._half = output._replace(text=cut[0])
                output = output._replace(text=output.text[: cut.start()])
            if output.text:
                found.append(output)
        return found

    def close(self) -> None:
        """Nobody takes any more: the program must not wait."""
        with self._room:
            self._open = False
            self._room.notify_all()


def _joined(batch: list[Output]) -> Output:
    if len(batch) == 1:
        return batch[0]
    text = _mended("".join([output.text for output in batch]))
    if all(_same_place(batch[0], output) for output in batch):
        return batch[0]._replace(text=text)
    return batch[0]._replace(text=text, source=None, line=0)


def _same_place(one: Output, other: Output) -> bool:
    return one.line == other.line and one.source == other.source


def _mended(text: str) -> str:
    """Characters that were written in pieces."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return text
