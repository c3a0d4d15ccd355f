"""A port of a kernel's own for editors: each that comes there is attached to this kernel. Threads of its own."""

from __future__ import annotations

import socket
import threading

from llmspell_dap.transports import tcp
from llmspell_kernel.cli import attaching
from llmspell_kernel.jupyter.connection import LOOPBACK, Connection


def listen(port: int) -> socket.socket:
    """For this machine alone, wherever the kernel listens: no key is asked for here. Raises UserError: it is in use."""
    return tcp.listen(LOOPBACK, port)


def serve(listener: socket.socket, connection: Connection) -> None:
    """Let editors in, until the process ends."""
    threading.Thread(
        target=tcp.attach_all,
        args=(listener, lambda arguments, heard: attaching.Kernel(connection, heard)),
        name="editors",
        daemon=True,
    ).start()
