"""A session in the caller's process, without bytes: for the terminal debugger and for tests.

``receive`` is called with each message of the adapter, on a thread that is not the caller's. The
messages are the same as on a wire, and are copied so that nobody shares them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from queue import SimpleQueue

from llmspell_dap.driver import Driver
from llmspell_dap.framing import presentable
from llmspell_dap.protocol import Json
from llmspell_dap.transports.streams import Loop


class InProcess:
    def __init__(self, receive: Callable[[Json], None]) -> None:
        self._loop = Loop()
        self._driver = Driver(
            lambda message: receive(_copy(presentable(message))), self._loop.call_soon, self._loop.stop
        )
        self._sent: SimpleQueue[Json | None] = SimpleQueue()
        threading.Thread(target=self._read, name="session", daemon=True).start()

    def _read(self) -> None:
        """A thread of its own: Ctrl-C in the caller's must not end in the middle of a session."""
        while (message := self._sent.get()) is not None:
            self._loop.call_soon(self._driver.receive, message)
        self._loop.call_soon(self._driver.closed)

    def send(self, message: Json) -> None:
        """Any thread: a message to the adapter, where names of files may have bytes that are not UTF-8."""
        self._sent.put(_copy(message))

    def close(self, seconds: float | None = 5.0) -> bool:
        """The client goes; whether the session has ended within the time given."""
        self._sent.put(None)
        return self._loop.wait(seconds)


def _copy(message: Json) -> Json:
    copied: Json = json.loads(json.dumps(message))
    return copied
