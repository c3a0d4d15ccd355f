"""A session in the caller's process, without bytes: for the terminal debugger and for tests.

`InProcess` runs the session on a thread of its own; ``receive`` is called there with each message. The
messages are the same as on a wire, and are copied so that nobody shares them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from llmspell_dap.driver import Driver
from llmspell_dap.framing import presentable
from llmspell_dap.protocol import Json
from llmspell_dap.transports.streams import Loop


class InProcess:
    def __init__(self, receive: Callable[[Json], None]) -> None:
        self._loop = Loop()
        self._driver = Driver(lambda message: receive(_copy(message)), self._loop.call_soon, self._loop.stop)
        self._thread = threading.Thread(target=self._loop.run, name="session", daemon=True)
        self._thread.start()

    def send(self, message: Json) -> None:
        """Any thread: a message to the adapter."""
        self._loop.call_soon(self._driver.receive, _copy(message))

    def close(self, seconds: float | None = 5.0) -> bool:
        """The client goes; whether the session has ended within the time given."""
        self._loop.call_soon(self._driver.closed)
        self._thread.join(seconds)
        return not self._thread.is_alive()


def _copy(message: Json) -> Json:
    copied: Json = json.loads(json.dumps(presentable(message)))
    return copied
