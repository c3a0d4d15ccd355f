"""A session over bytes that come and go: one thread reads, one runs the session. No polling.

The session's thread is the caller's. A client that is gone (end of input, a broken pipe) ends the
program; `serve` returns when it has ended. A client that does not read makes the program wait, not the
memory grow; and since then the session's thread waits too, it is the reader that sees to a goodbye.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from llmspell_dap.driver import Driver
from llmspell_dap.framing import BadMessage, Item, Reader, encode
from llmspell_dap.protocol import Json

PATIENCE = 5.0  # seconds for a session to end whose client has said goodbye or is gone


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
    leave: Callable[[], None],
    prepare: Callable[[Driver], None] = lambda driver: None,
) -> None:
    """Run one session. ``read`` waits and gives b"" at the end; ``write`` writes all or raises OSError.

    ``leave`` is called on another thread when the session should have ended and has not: it is stuck in
    a write to a client that does not read, or its program in C.
    """
    loop = Loop()
    broken = False
    ended = threading.Event()

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

    def leave_unless(done: threading.Event) -> None:
        if not done.wait(PATIENCE):
            leave()

    def expect(done: threading.Event) -> None:
        threading.Thread(target=leave_unless, args=(done,), name="patience", daemon=True).start()

    def pump() -> None:
        reader = Reader()
        fatal = goes_on = False
        while not fatal and (data := _safely(read)):
            for item in reader.feed(data):
                loop.call_soon(take, item)
                fatal = isinstance(item, BadMessage) and item.fatal
                if not isinstance(item, BadMessage) and item.get("command") == "disconnect":
                    heard = threading.Event()
                    loop.call_soon(heard.set)
                    goes_on = _goes_on(item)
                    expect(heard if goes_on else ended)
        loop.call_soon(driver.closed)
        if not goes_on:
            expect(ended)

    threading.Thread(target=pump, name="reader", daemon=True).start()
    loop.run()
    ended.set()


def _goes_on(disconnect: Json) -> bool:
    """Whether the client wants the program to run on without it."""
    arguments = disconnect.get("arguments")
    return isinstance(arguments, dict) and arguments.get("terminateDebuggee") is False


def _safely(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except OSError:
        return b""
