"""A client of a kernel over ZeroMQ. One thread; every wait has an end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

import zmq

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import Connection
from llmspell_kernel.jupyter.messages import Author, Json, Message
from llmspell_kernel.jupyter.wire import Wire

CHANNELS = ("shell", "control", "stdin")
PATIENCE = 30.0  # seconds for an answer, unless told otherwise


class NoAnswer(UserError):
    """The kernel did not answer in time."""


class Executed(NamedTuple):
    reply: Json
    broadcasts: list[Message]


class Client:
    def __init__(self, connection: Connection, username: str = "client", topics: Sequence[bytes] = (b"",)) -> None:
        """``topics``: beginnings of the types of broadcasts that are wanted; all of them unless given."""
        self._author = Author(username)
        self._context = zmq.Context()
        name = os.urandom(16).hex().encode()
        self._wires = {channel: Wire(connection.key.encode(), connection.signature_scheme) for channel in CHANNELS}
        self._wires["iopub"] = Wire(connection.key.encode(), connection.signature_scheme)
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        for channel in (*CHANNELS, "iopub"):
            made = self._sockets[channel] = self._context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
            made.linger, made.rcvhwm, made.sndhwm = 0, 0, 0
            if channel != "iopub":
                made.setsockopt(zmq.IDENTITY, name)
            made.connect(connection.address(channel))
        for topic in topics:
            self._sockets["iopub"].setsockopt(zmq.SUBSCRIBE, topic)

    def wait_until_heard(self, seconds: float = PATIENCE) -> None:
        """Until broadcasts arrive here. Raises NoAnswer."""
        while self.receive("iopub", seconds).type != "iopub_welcome":
            pass

    def send(self, channel: str, kind: str, content: Json, parent: Json | None = None) -> str:
        """Gives the id of the message."""
        message = self._author.message(kind, content, parent)
        self._sockets[channel].send_multipart(self._wires[channel].write(message))
        return str(message.header["msg_id"])

    def receive(self, channel: str, seconds: float = PATIENCE) -> Message:
        """The next message that comes. Raises NoAnswer."""
        if not self._sockets[channel].poll(max(int(seconds * 1000), 0)):
            raise NoAnswer(f"the kernel did not answer within {seconds:g} s ({channel})")
        return self._wires[channel].read(self._sockets[channel].recv_multipart())

    def reply_to(self, id: str, channel: str = "shell", seconds: float = PATIENCE) -> Message:
        """The reply to a request; replies to others that come before it are dropped. Raises NoAnswer."""
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
        read: Callable[[str], str] | None = None,
        seconds: float = PATIENCE,
        **more: object,
    ) -> Executed:
        """Run a cell to its end. ``heard`` is given each broadcast as it comes; ``read`` gives a line after a prompt.

        ``seconds`` may pass between two messages. Raises NoAnswer.
        """
        id = self.send("shell", "execute_request", {"code": code, "allow_stdin": read is not None, **more})
        broadcasts: list[Message] = []
        iopub, stdin = self._sockets["iopub"], self._sockets["stdin"]
        poller = zmq.Poller()
        poller.register(iopub, zmq.POLLIN)
        if read is not None:
            poller.register(stdin, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(int(seconds * 1000)))
            if not ready:
                raise NoAnswer(f"the kernel said nothing for {seconds:g} s")
            if read is not None and stdin in ready:
                asked = self.receive("stdin")
                self.send("stdin", "input_reply", {"value": read(str(asked.content.get("prompt", "")))}, asked.header)
            if iopub not in ready or (message := self.receive("iopub")).parent.get("msg_id") != id:
                continue
            broadcasts.append(message)
            heard(message)
            if message.type == "status" and message.content.get("execution_state") == "idle":
                return Executed(self.reply_to(id, "shell", seconds).content, broadcasts)

    def close(self) -> None:
        self._context.destroy(linger=0)
