"""A DAP client of our own adapter, in this process: requests that wait, events in order.

While the caller waits, what the program prints is handed to ``on_output`` as it comes. Ctrl-C is felt
in a wait, as KeyboardInterrupt, and nowhere else while `attending`: nothing that came is lost.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from llmspell_dap.transports.in_process import InProcess
from llmspell_kernel.errors import UserError

Message = dict[str, Any]


BEAT = 0.25  # seconds
AWAITED = ("stopped", "terminated", "exited")  # the events that are kept until somebody asks


class Refused(UserError):
    """The adapter's own words about a request that it refused."""


class Client:
    def __init__(self, on_output: Callable[[Message], None], on_breakpoint: Callable[[Message], None]) -> None:
        self._messages: SimpleQueue[Message | None] = SimpleQueue()
        self._interrupted = False
        self._responses: dict[int, Message] = {}
        self._events: list[Message] = []
        self._seq = 0
        self._on_event = {"output": on_output, "breakpoint": on_breakpoint}
        self._session = InProcess(self._messages.put)

    def request(self, command: str, **arguments: Any) -> Message:
        """The body of the response. Raises Refused. Ctrl-C cancels: an expression may never end."""
        seq = self.send(command, **arguments)
        try:
            return self.response(seq)
        except KeyboardInterrupt:
            self.send("cancel", requestId=seq)
            self.response(seq)
            raise  # it was done already: what comes after it is not

    def order(self, command: str, **arguments: Any) -> None:
        """A request that is answered at once, so that Ctrl-C is for the wait that follows. Raises Refused."""
        seq, pressed = self.send(command, **arguments), False
        while True:
            try:
                self.response(seq)
            except KeyboardInterrupt:
                pressed = True
            else:
                self._interrupted |= pressed
                return

    def send(self, command: str, **arguments: Any) -> int:
        self._seq += 1
        given = {key: value for key, value in arguments.items() if value is not None}
        self._session.send({"seq": self._seq, "type": "request", "command": command, "arguments": given})
        return self._seq

    def response(self, seq: int) -> Message:
        while seq not in self._responses:
            self._take()
        response = self._responses.pop(seq)
        if not response["success"]:
            raise Refused(response["body"]["error"]["format"])
        body: Message = response.get("body", {})
        return body

    def next_event(self, *names: str, patience: float | None = None) -> Message:
        """Wait for the next event of one of these names. Raises Empty after so many seconds of silence."""
        while True:
            for n, event in enumerate(self._events):
                if event["event"] in names:
                    return self._events.pop(n)
            self._take(patience)

    def forget_events(self) -> None:
        """What came of a program that is over."""
        self._events.clear()

    def _take(self, patience: float | None = None) -> None:
        message = self._next_message(patience)
        if message["type"] == "response":
            self._responses[message["request_seq"]] = message
        elif message["event"] in self._on_event:
            self._on_event[message["event"]](message["body"])
        elif message["event"] in AWAITED:
            self._events.append(message)

    def _next_message(self, patience: float | None) -> Message:
        """Python sees a signal that comes just before a wait only after it: so no wait is long."""
        waited = 0.0
        while True:
            if self._interrupted:
                self._interrupted = False
                raise KeyboardInterrupt
            try:
                message = self._messages.get(timeout=BEAT)
            except Empty:
                waited += BEAT
                if patience is not None and waited >= patience:
                    raise
            else:
                if message is not None:
                    return message

    @contextmanager
    def attending(self) -> Iterator[None]:
        """Ctrl-C waits here for the next wait."""
        self._interrupted = False
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: object) -> None:
        self._interrupted = True
        self._messages.put(None)

    def close(self) -> None:
        self._session.close()
