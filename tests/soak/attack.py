"""Clients that mean no good, each on a thread of its own, while others work."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq

from llmspell_kernel.jupyter.connection import CHANNELS, read_connection
from tests.service.kernels import SECONDS, Running
from tests.soak.garbage import Garbage

KINDS = (zmq.DEALER, zmq.DEALER, zmq.REQ, zmq.ROUTER, zmq.SUB, zmq.XSUB, zmq.PUSH, zmq.PAIR)
OPEN = 20  # connections that stay while others come
PORTS = (*CHANNELS, "metrics", "dap")


class Attack:
    """``sent``: how many of them, by where they went."""

    def __init__(self, kernel: Running, seed: int) -> None:
        self.sent = dict.fromkeys(PORTS, 0)
        self._ports = [(name, int(kernel.told[f"{name}_port"])) for name in PORTS]
        connection = read_connection(str(kernel.path))
        self._context = zmq.Context()
        self._open: deque[socket.socket] = deque()
        self._over = threading.Event()
        self.problem: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._go_on, args=(way, Garbage(seed, connection)))
            for way in (self._messages, self._bytes)
        ]

    def _go_on(self, way: Callable[[Garbage], None], garbage: Garbage) -> None:
        try:
            while not self._over.is_set():
                way(garbage)
        except BaseException as problem:
            self.problem = problem

    def _messages(self, garbage: Garbage) -> None:
        random = garbage.random
        name, port = random.choice(self._ports[: len(CHANNELS)])
        kind = random.choice(KINDS)
        with self._context.socket(kind) as one:
            one.linger, one.sndtimeo = 100, 100
            one.connect(f"tcp://127.0.0.1:{port}")
            for _ in range(random.randrange(20)):
                try:
                    frames = garbage.frames()
                    one.send_multipart(frames if kind != zmq.XSUB else frames[:1])  # libzmq aborts over some of more
                except zmq.ZMQError:  # it takes no more, or this kind of socket not this
                    break
                self.sent[name] += 1

    def _bytes(self, garbage: Garbage) -> None:
        random = garbage.random
        name, port = random.choice(self._ports)
        one = socket.create_connection(("127.0.0.1", port), SECONDS)
        one.settimeout(0.05)
        self._open.append(one)
        try:
            for _ in range(random.randrange(4)):
                one.sendall(garbage.raw())
                self.sent[name] += 1
            if random.random() < 0.5:
                one.recv(1000)
        except OSError:  # hung up on, or it has nothing to say
            pass
        while len(self._open) > OPEN:  # what is in the middle of something stalls, and then it is gone
            self._open.popleft().close()

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()
        self._context.destroy(linger=0)


@contextmanager
def attacked(kernel: Running, seed: int) -> Iterator[Attack]:
    attack = Attack(kernel, seed)
    attack.begin()
    try:
        yield attack
    finally:
        attack.end()
    assert attack.problem is None, attack.problem
