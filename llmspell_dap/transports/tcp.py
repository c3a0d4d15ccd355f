"""DAP over TCP: any number of clients, one after another and at the same time.

Each client gets a process of its own (a fork of the listening one, which has imported everything and
holds no Lua state): programs share neither working folder, nor environment, nor crashes. A client's
process ends with its client or with the listener. Without fork (Windows) each client gets a thread.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Callable

from llmspell_dap.driver import Driver, log
from llmspell_dap.transports.attached import Connect
from llmspell_dap.transports.native import take_over
from llmspell_dap.transports.streams import serve
from llmspell_kernel.errors import UserError

RESPITE = 1.0  # seconds until the next try where a client can't even be turned away
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def parse_address(text: str) -> tuple[str, int]:
    """``HOST:PORT``, ``[HOST]:PORT``, ``:PORT`` or ``PORT``. Raises UserError."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UserError(f"--listen takes [HOST:]PORT with a port from 0 to 65535, not {text!r}")
    return host, int(port)


def listen(host: str, port: int, allow_remote: bool = False, may: str = "run any program") -> socket.socket:
    """``may``: what a client may do. Raises UserError: the port is taken, or the address is not this machine's own."""
    if host not in LOOPBACK and not allow_remote:
        raise UserError(
            f"{host} can be reached from other machines, and a client may {may}; add --allow-remote if that is meant"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"cannot listen on {host}:{port}: {reason}; choose another port, 0 for any") from error
    listener.listen()
    return listener


def run(listener: socket.socket, announce: Callable[[str], None], connect: Connect | None = None) -> int:
    """Serve clients until SIGINT or SIGTERM. ``connect``: the way to a kernel that one attaches to."""
    fork = hasattr(os, "fork")
    lifeline, our_end = os.pipe() if fork else (-1, -1)
    if fork:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the clients' processes
    signal.signal(signal.SIGTERM, _interrupt)
    door = _Door(listener)
    host, port = listener.getsockname()[:2]
    announce(f"llmspell dap listening on {f'[{host}]' if ':' in host else host}:{port}")
    try:
        while True:
            connection = door.next()
            if connection is None:
                continue
            if not fork:
                threading.Thread(target=serve_connection, args=(connection, connect), daemon=True).start()
            elif _forked():
                _be_child(listener, connection, lifeline, our_end, connect)
            else:
                connection.close()
    except KeyboardInterrupt:
        return 0
    finally:
        listener.close()


def attach_all(listener: socket.socket, kernel: Connect) -> None:
    """Attach every client to one kernel, whatever it names, until the process ends. A thread for each."""
    door = _Door(listener)
    while True:
        connection = door.next()
        if connection is not None:
            threading.Thread(target=serve_connection, args=(connection, kernel, True), daemon=True).start()


class _Door:
    """Clients come in; when the process has no file descriptor left for one, it is turned away with a spare one."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def next(self) -> socket.socket | None:
        select.select([self._listener], [], [])  # accept needs a descriptor already while it waits
        try:
            return self._listener.accept()[0]
        except OSError as error:
            log(f"a client could not be let in: {error.strerror or error}")
            self._turn_away()
            return None

    def _turn_away(self) -> None:
        os.close(self._spare)
        self._listener.setblocking(False)  # it may have gone by itself
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            pass
        except OSError:
            threading.Event().wait(RESPITE)
        self._listener.setblocking(True)
        self._spare = os.open(os.devnull, os.O_RDONLY)


def _forked() -> bool:
    """Whether this is the new process. Where none can be made, the client is dropped."""
    try:
        return os.fork() == 0
    except OSError as error:
        log(f"no process for a client could be made: {error.strerror or error}")
        return False


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _be_child(
    listener: socket.socket, connection: socket.socket, lifeline: int, our_end: int, connect: Connect | None
) -> None:
    """The process of one client; never returns."""
    code = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        listener.close()
        os.close(our_end)
        threading.Thread(target=_until_parent_ends, args=(lifeline, connection), daemon=True).start()
        _serve(connection, lambda: os._exit(1), take_over, connect)
        code = 0
    finally:
        os._exit(code)


def _until_parent_ends(lifeline: int, connection: socket.socket) -> None:
    os.read(lifeline, 1)
    _hang_up(connection)


def serve_connection(connection: socket.socket, connect: Connect | None = None, is_fixed: bool = False) -> None:
    """A client of a process that serves others too."""
    with connection:
        try:
            _serve(connection, lambda: _hang_up(connection), connect=connect, is_fixed=is_fixed)
        finally:
            _hang_up(connection)  # the reader waits still, and as long as it does closing tells nobody


def _serve(
    connection: socket.socket,
    leave: Callable[[], None],
    prepare: Callable[[Driver], None] = lambda driver: None,
    connect: Connect | None = None,
    is_fixed: bool = False,
) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    serve(lambda: connection.recv(65536), connection.sendall, leave, prepare, connect, is_fixed)


def _hang_up(connection: socket.socket) -> None:
    """A read or write that waits fails now."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
