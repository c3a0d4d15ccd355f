"""Who a kernel's clients are, and how many there may be. Any thread.

A client is a connection to the shell socket over which a request has come; it is one until it is closed. Which
connection a message came over, and when that ends, libzmq tells by file descriptors.
"""

from __future__ import annotations

import struct
import threading

import zmq

ACCEPTED, DISCONNECTED = int(zmq.EVENT_ACCEPTED), int(zmq.EVENT_DISCONNECTED)
UNKNOWN = -1  # a connection of which nothing is told
EVENTS, READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
EVENT = struct.Struct("=Hi")  # what it was, and the file descriptor


class Clients:
    def __init__(self, socket: zmq.Socket[bytes], most: int | None) -> None:
        self.most = most
        self.refused = 0
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._members: set[int] = set()
        self._events = socket.get_monitor_socket(ACCEPTED | DISCONNECTED)
        self._socket = socket

    def fileno(self) -> int:
        """Becomes readable when there may be something to `look` at."""
        descriptor = self._events.getsockopt(zmq.FD)
        assert isinstance(descriptor, int)
        return descriptor

    def look(self) -> None:
        """Take notice of who has come and gone."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        while not self._events.closed and int(self._events.getsockopt(EVENTS)) & READABLE:
            event, descriptor = EVENT.unpack(self._events.recv()[: EVENT.size])
            self._events.recv()  # the address, which is ours
            if event == ACCEPTED:
                self._open.add(descriptor)
            else:
                self._open.discard(descriptor)
                self._members.discard(descriptor)

    def admit(self, descriptor: int) -> bool:
        """A request came over this connection: whether it is to be answered."""
        if descriptor in self._members and self.most is None:
            return True
        if descriptor == UNKNOWN:
            return self.most is None
        with self._lock:
            self._look()
            if descriptor in self._members or descriptor not in self._open:  # it has been closed since
                return True
            if self.most is not None and len(self._members) >= self.most:
                self.refused += 1
                return False
            self._members.add(descriptor)
            return True

    def count(self) -> int:
        with self._lock:
            self._look()
            return len(self._members)

    def close(self) -> None:
        with self._lock:
            self._socket.disable_monitor()
            self._events.close()
