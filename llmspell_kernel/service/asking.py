"""Asking kernels over their control channels, several at once; each wait has an end. One thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic
from typing import Any

import zmq

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import read_connection
from llmspell_kernel.jupyter.messages import Author
from llmspell_kernel.jupyter.wire import Wire, WireError

Json = dict[str, Any]
PATIENCE = 2.0  # seconds: control answers at once, whatever a kernel does


def ask(paths: Sequence[str], kind: str, seconds: float = PATIENCE) -> list[Json | None]:
    """The kernels' answers, by their connection files; None where there is none."""
    answers: list[Json | None] = [None] * len(paths)
    with zmq.Context() as context:
        asked = {}
        for place, path in enumerate(paths):
            try:
                socket, wire = _sent(context, path, kind)
            except (UserError, zmq.ZMQError):  # no connection file (any more)
                continue
            asked[socket] = place, wire
        _gather(asked, answers, monotonic() + seconds)
        context.destroy(linger=0)
    return answers


def _sent(context: zmq.Context[Any], path: str, kind: str) -> tuple[zmq.Socket[bytes], Wire]:
    connection = read_connection(path)
    wire = Wire(connection.key.encode(), connection.signature_scheme)
    socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.setsockopt(zmq.IDENTITY, os.urandom(16).hex().encode())
    socket.connect(connection.address("control"))
    socket.send_multipart(wire.write(Author("service").message(kind, {})))
    return socket, wire


def _gather(asked: dict[zmq.Socket[bytes], tuple[int, Wire]], answers: list[Json | None], end: float) -> None:
    poller = zmq.Poller()
    for socket in asked:
        poller.register(socket, zmq.POLLIN)
    waiting = len(asked)
    while waiting and (left := end - monotonic()) > 0:
        for socket, _ in poller.poll(int(left * 1000) + 1):
            place, wire = asked[socket]
            try:
                answers[place] = wire.read(socket.recv_multipart()).content
            except WireError:  # somebody else's kernel: it is as silent as one that is gone
                pass
            poller.unregister(socket)
            waiting -= 1
