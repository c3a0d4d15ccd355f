"""File descriptors 0 and 1 belong to the program, not to the protocol.

What C libraries, child processes and tools write to stdout becomes output of the program; its stdin
is empty. Without this one ``os.execute("ls")`` would break the protocol's channel.
"""

from __future__ import annotations

import os
import select
import threading

from llmspell_dap.driver import Driver


def take_over(driver: Driver) -> None:
    NativeOutput(driver)


class NativeOutput:
    def __init__(self, driver: Driver) -> None:
        """From here on fd 1 is a pipe whose text goes to the driver, and fd 0 is empty."""
        self._driver = driver
        self._lock = threading.Lock()
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        self._end, write_end = os.pipe()
        os.dup2(write_end, 1)
        os.close(write_end)
        driver.drain = self.drain
        threading.Thread(target=self._pump, name="stdout", daemon=True).start()

    def _pump(self) -> None:
        while True:
            select.select([self._end], [], [])
            self.drain()

    def drain(self) -> None:
        """Take what is there."""
        with self._lock:
            while select.select([self._end], [], [], 0)[0]:
                data = os.read(self._end, 65536)
                if not data:
                    return
                self._driver.native_output(data.decode("utf-8", "surrogateescape"))
