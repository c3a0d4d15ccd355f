"""A client of a kernel over ZeroMQ. One thread; a wait ends in time, or when the kernel does."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, NamedTuple

import zmq

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import Connection
from llmspell_kernel.jupyter.messages import Author, Json, Message
from llmspell_kernel.jupyter.waking import Presses, Wake
from llmspell_kernel.jupyter.wire import Wire, WireError

CHANNELS = ("shell", "control", "stdin")
PATIENCE = 30.0  # seconds for an answer, unless told otherwise
GREETING = 5.0  # seconds for the first one; a kernel that computes answers on control at once


class NoAnswer(UserError):
    """The kernel did not answer in time."""


class KernelGone(UserError):
    """The kernel has ended, or was never there."""


class Executed(NamedTuple):
    reply: Json
    broadcasts: list[Message]


class Client:
    def __init__(self, connection: Connection, username: str = "client", topics: Sequence[bytes] = (b"",)) -> None:
        """``topics``: beginnings of the types of broadcasts that are wanted; all of them unless given."""
        self._author = Author(username)
        self._context = zmq.Context()
        self.connection = connection
        self._gone: str | None = None  # why there is no kernel any more: another one at this address is not ours
        self._is_greeting = False
        self.presses: Presses | None = None  # Ctrl-C, which interrupts the kernel while we wait for it
        name = os.urandom(16).hex().encode()
        self._wires = {channel: Wire(connection.key.encode(), connection.signature_scheme) for channel in CHANNELS}
        self._wires["iopub"] = Wire(connection.key.encode(), connection.signature_scheme)
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        for channel in (*CHANNELS, "iopub"):
            made = self._sockets[channel] = self._context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
            made.linger, made.rcvhwm, made.sndhwm = 0, 0, 0
            if channel != "iopub":
                made.setsockopt(zmq.IDENTITY, name)
            if channel == "control":
                self._events = made.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED)
            made.connect(connection.address(channel))
        self._unwelcome = {topic.decode() for topic in topics}  # broadcasts that do not arrive yet, as far as we know
        for topic in topics:
            self._sockets["iopub"].setsockopt(zmq.SUBSCRIBE, topic)

    def wait_until_heard(self, seconds: float = PATIENCE) -> None:
        """Until all broadcasts arrive here. Raises NoAnswer or KernelGone."""
        while self._unwelcome:
            self.receive("iopub", seconds)

    def send(self, channel: str, kind: str, content: Json, parent: Json | None = None) -> str:
        """Gives the id of the message."""
        message = self._author.message(kind, content, parent)
        self._sockets[channel].send_multipart(self._wires[channel].write(message))
        return str(message.header["msg_id"])

    def receive(self, channel: str, seconds: float = PATIENCE) -> Message:
        """The next message that comes. Raises NoAnswer or KernelGone."""
        self._wait([self._sockets[channel]], seconds, channel)
        return self._take(channel)

    def _take(self, channel: str) -> Message:
        message = self._wires[channel].read(self._sockets[channel].recv_multipart())
        if message.type == "iopub_welcome":
            self._unwelcome.discard(str(message.content.get("subscription")))
        return message

    def next(self, channels: Sequence[str], wake: Wake) -> list[Message]:
        """The messages that come next, or none when it is rung. Raises KernelGone."""
        return self._next(channels, None, wake)

    def _next(self, channels: Sequence[str], seconds: float | None, *more: Wake) -> list[Message]:
        sockets = [self._sockets[channel] for channel in channels]
        ready = self._wait([*sockets, *more], seconds, ", ".join(channels))
        return [self._take(channel) for channel in channels if self._sockets[channel] in ready]

    def _wait(self, sockets: Sequence[Any], seconds: float | None, what: str = "") -> list[Any]:
        """Those of the sockets that have something."""
        if self._gone is not None:
            raise KernelGone(self._gone)
        poller = zmq.Poller()
        for one in (*sockets, self._events, *([self.presses] if self.presses else [])):
            poller.register(one, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(None if seconds is None else max(int(seconds * 1000), 0)))
            if not ready:
                raise NoAnswer(f"the kernel said nothing for {seconds:g} s ({what})")
            if self.presses and self.presses.fileno() in ready and self.presses.taken():
                self.send("control", "interrupt_request", {})
            if found := [one for one in sockets if (one.fileno() if isinstance(one, Wake) else one) in ready]:
                return found  # what it has said before it ended is heard before that
            if self._events in ready:
                self._trouble()

    def _trouble(self) -> None:
        number, _ = struct.unpack("=hi", self._events.recv_multipart()[0])
        where = self.connection.address("control")
        if number != zmq.EVENT_DISCONNECTED and not self._is_greeting:
            return  # it may be on its way: who has not asked whether it is there waits for it
        if number == zmq.EVENT_DISCONNECTED:
            self._gone = f"the kernel has ended ({where})"
        else:
            self._gone = (
                f"no kernel listens at {where}: it has ended, or runs elsewhere; llmspell kernel start starts one"
            )
        raise KernelGone(self._gone)

    def greet(self, seconds: float = GREETING) -> Json:
        """Find out whether we are understood; gives its kernel_info.

        Raises UserError: there is no kernel, or it doesn't take our key."""
        beat = self._context.socket(zmq.DEALER)
        beat.linger = 0
        beat.connect(self.connection.address("hb"))
        beat.send(b"are you there?")
        id = self.send("control", "kernel_info_request", {})
        end = monotonic() + seconds
        self._is_greeting = True
        try:
            while True:  # a welcome with another signature tells at once that the key is wrong
                for message in self._next(("iopub", "control"), end - monotonic()):
                    if message.parent.get("msg_id") == id and message.type == "kernel_info_reply":
                        return message.content
        except WireError:
            raise self._stranger() from None
        except NoAnswer:
            if beat.poll(0):  # it is alive, and drops what is signed with another key
                raise self._stranger() from None
            raise KernelGone(f"no kernel answers at {self.connection.address('control')}") from None
        finally:
            self._is_greeting = False
            beat.close()

    def _stranger(self) -> KernelGone:
        where = self.connection.address("control")
        return KernelGone(f"the kernel at {where} does not take this key; use the key of its connection file")

    def reply_to(self, id: str, channel: str = "shell", seconds: float = PATIENCE) -> Message:
        """The reply to a request; replies to others that come before it are dropped. Raises NoAnswer or KernelGone."""
        end = monotonic() + seconds
        while (message := self.receive(channel, end - monotonic())).parent.get("msg_id") != id:
            pass
        return message

    def request(self, kind: str, content: Json, channel: str = "shell", seconds: float = PATIENCE) -> Json:
        return self.reply_to(self.send(channel, kind, content), channel, seconds).content

    def execute(
        self,
        code: str,
        heard: Callable[[Message], None] = lambda message: None,
        read: Callable[[str], str | None] | None = None,
        seconds: float | None = PATIENCE,
        **more: object,
    ) -> Executed:
        """Run a cell to its end. ``heard`` is given each broadcast as it comes; ``read`` gives a line after a prompt,
        None at the end of the input; its KeyboardInterrupt interrupts the kernel.

        ``seconds`` may pass between two messages. Raises NoAnswer or KernelGone.
        """
        content = {"code": code, "allow_stdin": read is not None, **more}
        broadcasts: list[Message] = []

        def both(message: Message) -> None:
            broadcasts.append(message)
            heard(message)

        return Executed(self.converse("execute_request", content, both, read, seconds), broadcasts)

    def converse(
        self,
        kind: str,
        content: Json,
        heard: Callable[[Message], None],
        read: Callable[[str], str | None] | None = None,
        seconds: float | None = PATIENCE,
    ) -> Json:
        """A request on the shell channel with all that it causes; gives the reply. As `execute`."""
        id = self.send("shell", kind, content)
        iopub, stdin = self._sockets["iopub"], self._sockets["stdin"]
        waiting = [iopub] if read is None else [iopub, stdin]
        while True:
            ready = self._wait(waiting, seconds, kind)
            if read is not None and stdin in ready:
                self._give(read, self._take("stdin"))
            if iopub not in ready or (message := self._take("iopub")).parent.get("msg_id") != id:
                continue
            heard(message)
            if message.type == "status" and message.content.get("execution_state") == "idle":
                return self.reply_to(id, "shell", PATIENCE if seconds is None else seconds).content

    def _give(self, read: Callable[[str], str | None], asked: Message) -> None:
        try:
            line = read(str(asked.content.get("prompt", "")))
        except KeyboardInterrupt:
            self.send("control", "interrupt_request", {})
        else:
            self.send("stdin", "input_reply", {"value": line or "", "eof": line is None, "ends": True}, asked.header)

    def close(self) -> None:
        self._context.destroy(linger=0)
