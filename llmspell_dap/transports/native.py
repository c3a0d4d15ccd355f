"""File descriptors 0 and 1 belong to the program, not to the protocol.

What C libraries, child processes and tools write to stdout becomes output of the program; its stdin
is empty. Without this one ``os.execute("ls")`` would break the protocol's channel.
"""

from __future__ import annotations

import codecs
import os
import select
import threading

from llmspell_dap.driver import Driver

READ = 65536
MAX_PIPE = 1024 * 1024  # more than a pipe holds


def take_over(driver: Driver) -> None:
    NativeOutput(driver)


class NativeOutput:
    def __init__(self, driver: Driver) -> None:
        """From here on fd 1 is a pipe whose text goes to the driver, and fd 0 is empty."""
        self._driver = driver
        self._lock = threading.RLock()  # who brings output may have the session's turn, which may drain
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        self._end, write_end = os.pipe()
        os.dup2(write_end, 1)
        os.close(write_end)
        driver.drain = self.drain
        threading.Thread(target=self._pump, name="stdout", daemon=True).start()

    def _pump(self) -> None:
        going_on = True
        while going_on:
            select.select([self._end], [], [])
            self._driver.wait_for_room()
            with self._lock:
                if select.select([self._end], [], [], 0)[0]:  # `drain` may have been faster
                    going_on = self._take()

    def drain(self) -> None:
        """In the session's turn: take what is there, but of a child that goes on writing no more than that."""
        with self._lock:
            for _ in range(MAX_PIPE // READ):
                if not select.select([self._end], [], [], 0)[0] or not self._take():
                    break
            self._tell(b"", final=True)

    def _take(self) -> bool:
        """Something is there, or the end; whether there may be more."""
        data = os.read(self._end, READ)
        self._tell(data, final=not data)
        return bool(data)

    def _tell(self, data: bytes, final: bool) -> None:
        text = self._decoder.decode(data, final)
        if text:
            self._driver.native_output(text)
