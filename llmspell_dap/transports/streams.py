"""A session over bytes that come and go: one thread reads, one runs the session. No polling.

The session's thread is the caller's. A client that is gone (end of input, a broken pipe) ends the
program; `serve` returns when it has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from llmspell_dap.driver import Driver
from llmspell_dap.framing import BadMessage, Item, Reader, encode
from llmspell_dap.protocol import Json


class Loop:
    """Functions, called in order on the thread that runs the loop."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()

    def call_soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._calls.put((function, arguments))

    def stop(self) -> None:
        """What was posted before is still done."""
        self._calls.put(None)

    def run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, arguments = call
            function(*arguments)


def serve(
    read: Callable[[], bytes],
    write: Callable[[bytes], None],
    prepare: Callable[[Driver], None] = lambda driver: None,
    gone: Callable[[], None] = lambda: None,
) -> None:
    """Run one session. ``read`` waits and gives b"" at the end; ``write`` writes all or raises OSError.

    ``gone`` is called on the reading thread when the input has ended.
    """
    loop = Loop()
    broken = False

    def send(message: Json) -> None:
        nonlocal broken
        if broken:
            return
        try:
            write(encode(message))
        except OSError:
            broken = True
            loop.call_soon(driver.closed)

    driver = Driver(send, loop.call_soon, loop.stop)
    prepare(driver)

    def take(item: Item) -> None:
        if isinstance(item, BadMessage):
            driver.bad_message(item.reason)
        else:
            driver.receive(item)

    def pump() -> None:
        reader = Reader()
        fatal = False
        while not fatal and (data := _safely(read)):
            for item in reader.feed(data):
                loop.call_soon(take, item)
                fatal = isinstance(item, BadMessage) and item.fatal
        loop.call_soon(driver.closed)
        if not fatal:
            gone()

    threading.Thread(target=pump, name="reader", daemon=True).start()
    loop.run()


def _safely(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except OSError:
        return b""
