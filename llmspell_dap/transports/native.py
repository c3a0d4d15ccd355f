"""File descriptors 0, 1 and 2 belong to the program, not to the adapter.

What C libraries, child processes and tools write to stdout and stderr becomes output of the program; its
stdin is empty. Without this one ``os.execute("ls")`` would break the protocol's channel. The adapter's own
log goes on to where stderr was.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from collections.abc import Callable
from typing import Literal, Protocol

READ = 65536
MAX_PIPE = 1024 * 1024  # more than a pipe holds


class Taker(Protocol):
    """Who takes the output: a driver, or a kernel. What comes is taken before anything that follows it."""

    catch_up: Callable[[], None]
    drain: Callable[[], None]

    def wait_for_room(self) -> None: ...
    def native_output(self, category: Literal["stdout", "stderr"], text: str) -> None: ...


def take_over(driver: Taker) -> None:
    sys.stderr = open(os.dup(2), "w", buffering=1, errors="backslashreplace")  # noqa: SIM115 - as long as we live
    empty = os.open(os.devnull, os.O_RDWR)
    os.dup2(empty, 0)
    if hasattr(select, "poll"):
        NativeOutput(driver)
    else:  # Windows: what is written past us is lost, but does not break the protocol
        os.dup2(empty, 1)
    os.close(empty)


class _Stream:
    """What takes the place of a file descriptor: the category of its text, and our end of the pipe."""

    def __init__(self, category: Literal["stdout", "stderr"], descriptor: int) -> None:
        self.category = category
        self.end, write_end = os.pipe()
        os.dup2(write_end, descriptor)
        os.close(write_end)
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def read(self) -> str | None:
        """What is there, without half of a character at its end; None at the end of all."""
        data = os.read(self.end, READ)
        return self._decoder.decode(data) if data else None

    def rest(self) -> str:
        return self._decoder.decode(b"", True)


class NativeOutput:
    def __init__(self, driver: Taker) -> None:
        """From here on fds 1 and 2 are pipes whose text goes to the driver."""
        self._driver = driver
        self._lock = threading.RLock()  # who brings output may have the session's turn, which may drain
        self._streams = {stream.end: stream for stream in (_Stream("stdout", 1), _Stream("stderr", 2))}
        self._ready = select.poll()
        for end in self._streams:
            self._ready.register(end, select.POLLIN)
        driver.catch_up, driver.drain = self.catch_up, self.drain
        threading.Thread(target=self._pump, name="native output", daemon=True).start()

    def _pump(self) -> None:
        while self._streams:
            select.select(self._streams, [], [])
            self._driver.wait_for_room()
            with self._lock:
                self._take()  # `catch_up` may have been faster

    def catch_up(self) -> None:
        """Take what is there; of a child that goes on writing no more than that."""
        with self._lock:
            for _ in range(MAX_PIPE // READ):
                if not self._take():
                    break

    def drain(self) -> None:
        """In the session's turn, at the end of the program: half characters too."""
        with self._lock:
            self.catch_up()
            for stream in self._streams.values():
                self._tell(stream, stream.rest())

    def _take(self) -> bool:
        """Read once from each stream; whether anything was there."""
        ready = self._ready.poll(0)
        for end, _ in ready:
            stream = self._streams[end]
            text = stream.read()
            if text is None:
                del self._streams[end]
                self._ready.unregister(end)
                text = stream.rest()
            self._tell(stream, text)
        return bool(ready)

    def _tell(self, stream: _Stream, text: str) -> None:
        if text:
            self._driver.native_output(stream.category, text)
