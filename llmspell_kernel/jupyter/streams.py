"""What a program prints, on its way to the clients: in order, in few messages. Any thread.

The first text goes at once; what follows it closely is gathered for a moment. A character that is written in
pieces comes whole.
"""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from time import monotonic

GATHER = 0.01  # seconds
MANY = 16_384  # bytes that go at once; a client that does not read has some thousand messages waiting for it


class Streams:
    def __init__(self, publish: Callable[[str, str], None]) -> None:
        """``publish`` takes stream and text."""
        self._publish = publish
        self.gather = GATHER  # seconds; 0 where all that is written must be seen at once
        self.catch_up: Callable[[], None] = lambda: None  # take what was written past us, before
        self._lock = threading.RLock()
        self._waiting: list[tuple[str, bytes]] = []
        self._size = 0
        self._flushed_at = 0.0
        self._timer: threading.Timer | None = None
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}

    def write(self, stream: str, written: bytes) -> None:
        """What the program prints."""
        self.catch_up()
        self.add(stream, written)

    def add(self, stream: str, written: bytes) -> None:
        """What `catch_up` has found, or who listens for it."""
        with self._lock:
            self._waiting.append((stream, written))
            self._size += len(written)
            if self._size >= MANY or monotonic() - self._flushed_at >= self.gather:
                self._flush()
            elif self._timer is None:
                self._timer = threading.Timer(self.gather, self._time_is_over)
                self._timer.daemon = True
                self._timer.start()

    def _time_is_over(self) -> None:
        with self._lock:
            self._timer = None
            self._flush()

    def flush(self, everything: bool = False) -> None:
        """Before any other message; ``everything``: half characters too."""
        self.catch_up()
        with self._lock:
            if self._waiting:
                self._flush()
            if everything:
                for stream, decoder in self._decoders.items():
                    self._send(stream, decoder.decode(b"", True))

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        self._flushed_at = monotonic()
        at = 0
        while at < len(waiting):
            stream, end = waiting[at][0], at + 1
            while end < len(waiting) and waiting[end][0] == stream:
                end += 1
            written = b"".join(part for _, part in waiting[at:end])
            self._send(stream, self._decoders[stream].decode(written))
            at = end

    def _send(self, stream: str, text: str) -> None:
        if text:
            self._publish(stream, text)
