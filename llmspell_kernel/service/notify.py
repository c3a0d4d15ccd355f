"""What systemd is told of a service whose unit says ``Type=notify`` (sd_notify(3))."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """``READY=1``, ``STOPPING=1``. Nobody may be listening."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
    except OSError:
        return
