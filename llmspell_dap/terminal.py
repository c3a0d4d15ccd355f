"""A terminal of the client's for the program (``console: integratedTerminal``).

The client runs `lend` in its terminal (DAP ``runInTerminal``). That process hands the terminal's three
file descriptors to the adapter, which puts them where the program's stdin, stdout and stderr are, and
stays until the session ends. The adapter's own channel has been moved away from these before.
Unix only: file descriptors travel through a socket in a folder that only the user can enter.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable

from llmspell_kernel.errors import UserError

DIED = b"!"
MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")


class Terminal:
    def __init__(self, ready: Callable[[], None], lost: Callable[[], None]) -> None:
        """``ready``: the program has the terminal. ``lost``: the terminal is gone. Any thread."""
        if not hasattr(socket, "send_fds"):
            raise UserError("a terminal can't be lent on this platform; use console: internalConsole")
        self._folder = tempfile.mkdtemp(prefix="llmspell-")
        self._path = os.path.join(self._folder, "terminal")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen(1)
        self._connection: socket.socket | None = None
        self._closed = False
        self._saved: list[int] = []
        threading.Thread(target=self._serve, args=(ready, lost), name="terminal", daemon=True).start()

    @property
    def command(self) -> list[str]:
        """Not by ``-m``: it is run in the program's folder, whose modules would take the place of Python's."""
        return [sys.executable, MAIN, "--terminal", self._path]

    def _serve(self, ready: Callable[[], None], lost: Callable[[], None]) -> None:
        try:
            connection, _ = self._listener.accept()
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
        except OSError:  # closed before the client has opened it
            return
        self._connection = connection
        self._saved = [os.dup(n) for n in range(3)]
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
            os.close(descriptor)
        ready()
        for _ in iter(lambda: _received(connection), b""):
            lost()
        if not self._closed:
            lost()

    def close(self) -> None:
        """Give the terminal back."""
        self._closed = True
        for target, descriptor in enumerate(self._saved):
            os.dup2(descriptor, target)
            os.close(descriptor)
        self._saved = []
        if self._connection is not None:
            self._connection.shutdown(socket.SHUT_RDWR)  # a thread reads from it
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except OSError:
        return b""


def lend(path: str) -> int:
    """Run in the client's terminal: hand it over, and keep it open until the session ends."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError as error:
        print(f"llmspell: the debug session is gone ({error.strerror})", file=sys.stderr)
        return 1

    def interrupted(number: int, frame: object) -> None:
        connection.send(DIED)

    signal.signal(signal.SIGINT, interrupted)
    socket.send_fds(connection, [b"t"], [0, 1, 2])
    while connection.recv(1):
        pass
    return 0
