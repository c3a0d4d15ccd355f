"""A session over bytes that come and go: a thread reads; it or Lua's runs the session. No polling.

A client that is gone (end of input, a broken pipe) ends the program; `serve` returns when it has ended.
A client that does not read makes the program wait, not the memory grow; and since then the session
waits too, it is the reader that sees to a goodbye.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from llmspell_dap.driver import Driver, log
from llmspell_dap.framing import BadMessage, Item, Reader, encode
from llmspell_dap.protocol import Json
from llmspell_dap.session import trace
from llmspell_dap.transports.attached import Connect, Relay

PATIENCE = 5.0  # seconds for a session to end whose client has said goodbye or is gone


class Loop:
    """Functions, called one after another in the order they were given, by whoever has time.

    The thread that gives one while none is being called calls it at once, and then what others gave
    meanwhile: a question travels from the reader to Lua and its answer from Lua to the client without a
    thread between them that would have to wake.
    """

    def __init__(self) -> None:
        self._calls: deque[Callable[[], Any]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._stopped = threading.Event()

    def call_soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        with self._lock:
            self._calls.append(partial(function, *arguments))
            if self._busy:
                return
            self._busy = True
        while (call := self._next()) is not None:
            try:
                call()
            except Exception as error:  # a bug of ours; whose thread this is must not suffer
                log(trace(error))

    def _next(self) -> Callable[[], Any] | None:
        with self._lock:
            self._busy = bool(self._calls) and not self._stopped.is_set()
            return self._calls.popleft() if self._busy else None

    def stop(self) -> None:
        """What was given before is still done."""
        self.call_soon(self._stopped.set)

    def wait(self, seconds: float | None = None) -> bool:
        """Until `stop`."""
        return self._stopped.wait(seconds)


def serve(
    read: Callable[[], bytes],
    write: Callable[[bytes], None],
    leave: Callable[[], None],
    prepare: Callable[[Driver], None] = lambda driver: None,
    connect: Connect | None = None,
    is_fixed: bool = False,
) -> None:
    """Run one session. ``read`` waits and gives b"" at the end; ``write`` writes all or raises OSError. ``connect``:
    the way to a kernel that the client attaches to; ``is_fixed``: to that one, and it launches nothing.

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
            loop.call_soon(relay.closed)

    relay = Relay(send, loop.call_soon, connect, is_fixed)
    driver = relay.driver = Driver(relay.send, loop.call_soon, loop.stop)
    prepare(driver)

    def take(item: Item) -> None:
        if isinstance(item, BadMessage):
            driver.bad_message(item.reason)
        else:
            relay.receive(item)

    def leave_unless(done: threading.Event) -> None:
        if not done.wait(PATIENCE):
            driver.debugger.kill_processes()
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
        loop.call_soon(relay.closed)
        if not goes_on:
            expect(ended)

    threading.Thread(target=pump, name="reader", daemon=True).start()
    loop.wait()
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
