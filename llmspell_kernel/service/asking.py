"""Asking kernels over their control channels, several at once; each wait has an end. One thread.

Nobody waits for what will not come: where nothing listens libzmq says so, and a kernel of another language, which does
not know our question, answers the one that is sent behind it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

import zmq

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import read_connection
from llmspell_kernel.jupyter.messages import Author
from llmspell_kernel.jupyter.wire import Wire, WireError

Json = dict[str, Any]
PATIENCE = 2.0  # seconds: control answers at once, whatever a kernel does
KNOWN = "kernel_info_request"  # to all kernels


class _Asked(NamedTuple):
    place: int
    kind: str
    wire: Wire
    socket: zmq.Socket[bytes]
    refused: zmq.Socket[bytes]  # readable when nothing listens there

    def answer(self) -> Json | None:
        try:
            message = self.wire.read(self.socket.recv_multipart())
        except WireError:  # somebody else's kernel: it is as silent as one that is gone
            return None
        return message.content if message.type == self.kind.removesuffix("_request") + "_reply" else None


def ask(paths: Sequence[str], kind: str, seconds: float = PATIENCE) -> list[Json | None]:
    """The kernels' answers, by their connection files; None where there is none."""
    answers: list[Json | None] = [None] * len(paths)
    with zmq.Context() as context:
        asked = []
        for place, path in enumerate(paths):
            try:
                asked.append(_sent(context, place, path, kind))
            except (UserError, zmq.ZMQError):  # no connection file (any more)
                continue
        _gather(asked, answers, monotonic() + seconds)
        context.destroy(linger=0)
    return answers


def _sent(context: zmq.Context[Any], place: int, path: str, kind: str) -> _Asked:
    connection, author = read_connection(path), Author("service")
    wire = Wire(connection.key.encode(), connection.signature_scheme)
    socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.setsockopt(zmq.IDENTITY, os.urandom(16).hex().encode())
    refused = socket.get_monitor_socket(zmq.EVENT_CONNECT_RETRIED)
    socket.connect(connection.address("control"))
    for one in dict.fromkeys((kind, KNOWN)):
        socket.send_multipart(wire.write(author.message(one, {})))
    return _Asked(place, kind, wire, socket, refused)


def _gather(asked: Sequence[_Asked], answers: list[Json | None], end: float) -> None:
    waiting, poller = list(asked), zmq.Poller()
    for one in waiting:
        poller.register(one.socket, zmq.POLLIN)
        poller.register(one.refused, zmq.POLLIN)
    while waiting and (left := end - monotonic()) > 0:
        ready = dict(poller.poll(int(left * 1000) + 1))
        for one in [one for one in waiting if one.socket in ready or one.refused in ready]:
            if one.socket in ready:
                answers[one.place] = one.answer()
            waiting.remove(one)
            poller.unregister(one.socket)
            poller.unregister(one.refused)
