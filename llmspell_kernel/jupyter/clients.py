"""Who a kernel's clients are, and how many there may be. Any thread.

A client is who has sent a request that uses the kernel: anything on shell, to debug on control. It is known by its
name (its routing identity, the same on all of its sockets), and is one until each connection over which it has done so
is closed. Which connection a message came over, and when that ends, libzmq tells by file descriptors.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping

import zmq

ACCEPTED, DISCONNECTED = int(zmq.EVENT_ACCEPTED), int(zmq.EVENT_DISCONNECTED)
UNKNOWN = -1  # a connection of which nothing is told
EVENTS, READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
EVENT = struct.Struct("=Hi")  # what it was, and the file descriptor


class _Door:
    """A socket: its connections, and by whom those are that have been used."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.open: set[int] = set()
        self.names: dict[int, bytes] = {}
        self.events = socket.get_monitor_socket(ACCEPTED | DISCONNECTED)
        self._socket = socket

    def look(self) -> None:
        while not self.events.closed and int(self.events.getsockopt(EVENTS)) & READABLE:
            event, descriptor = EVENT.unpack(self.events.recv()[: EVENT.size])
            self.events.recv()  # the address, which is ours
            if event == ACCEPTED:
                self.open.add(descriptor)
            else:
                self.open.discard(descriptor)
                self.names.pop(descriptor, None)

    def close(self) -> None:
        self._socket.disable_monitor()
        self.events.close()


class Clients:
    def __init__(self, sockets: Mapping[str, zmq.Socket[bytes]], most: int | None) -> None:
        """``sockets``: by channel, those over which a kernel is used."""
        self.most = most
        self._lock = threading.Lock()
        self._doors = {channel: _Door(socket) for channel, socket in sockets.items()}

    def filenos(self) -> list[int]:
        """They become readable when there may be something to `look` at."""
        return [int(door.events.getsockopt(zmq.FD)) for door in self._doors.values()]

    def look(self) -> None:
        """Take notice of who has come and gone."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        for door in self._doors.values():
            door.look()

    def admit(self, channel: str, descriptor: int, name: bytes) -> bool:
        """A request came over this connection, from who has this name: whether it is to be answered."""
        door = self._doors[channel]
        if descriptor in door.names and self.most is None:
            return True
        if descriptor == UNKNOWN:
            return self.most is None
        with self._lock:
            self._look()
            if descriptor in door.names or descriptor not in door.open:  # it has been closed since
                return True
            known = self._names()
            if self.most is not None and len(known) >= self.most and name not in known:
                return False
            door.names[descriptor] = name
            return True

    def _names(self) -> set[bytes]:
        return {name for door in self._doors.values() for name in door.names.values()}

    def count(self) -> int:
        with self._lock:
            self._look()
            return len(self._names())

    def close(self) -> None:
        with self._lock:
            for door in self._doors.values():
                door.close()
