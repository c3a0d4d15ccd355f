"""``status_request``: what a kernel tells of itself. Any thread."""

from __future__ import annotations

import os
import time
from typing import Any

from llmspell_kernel import __version__
from llmspell_kernel.jupyter.connection import CHANNELS
from llmspell_kernel.jupyter.kernel import Kernel
from llmspell_kernel.jupyter.zmq_server import Server

Json = dict[str, Any]


STATES = ("idle", "busy", "paused")


def state_of(kernel: Kernel) -> str:
    if kernel.is_paused():
        return "paused"
    return "idle" if kernel.current is None else "busy"


def report(kernel: Kernel, server: Server, about: Json, started: float) -> Json:
    """``about``: what is known of how it was started; ``started``: when, as time.time() has it."""
    return {
        "status": "ok",
        "version": __version__,
        "pid": os.getpid(),
        "state": state_of(kernel),
        "started": started,
        "uptime_seconds": round(time.time() - started, 3),
        "ports": dict(zip(CHANNELS, server.connection.ports, strict=True)),
        "ip": server.connection.ip,
        "clients": server.clients.count(),
        "max_clients": server.clients.most,
        "executions": kernel.count,
        "last_activity": kernel.last_activity,
        **about,
    }
