"""Which kernel a client means: its id, its connection file, or HOST:PORT. No sockets here."""

from __future__ import annotations

import os
import re

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import CHANNELS, LOOPBACK, Connection, read_connection
from llmspell_kernel.service import discovery

KEY = "LLMSPELL_KERNEL_KEY"
ADDRESS = re.compile(r"(?:(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>\d{1,5})")
LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "*")


def find_connection(which: str, key: str | None = None) -> Connection:
    """Raises UserError: there is no such kernel, or no key to speak to it.

    HOST:PORT is any port of a kernel whose connection file is here; of another one it is the first of five in a row
    (shell, iopub, stdin, control, heartbeat), and its key must be given, here or in the environment.
    """
    if os.path.sep in which or which.endswith(".json"):
        return _with_key(read_connection(which), key)
    address = ADDRESS.fullmatch(which)
    if address is not None and not any(one.id == which for one in discovery.every()) and _is_port(address["port"]):
        return _at((address["host"] or LOOPBACK).strip("[]"), int(address["port"]), key)
    return _with_key(read_connection(discovery.find(which).path), key)


def _is_port(text: str) -> bool:
    return 0 < int(text) <= 65535


def _with_key(connection: Connection, key: str | None) -> Connection:
    return connection if key is None else connection._replace(key=key)


def _at(host: str, port: int, key: str | None) -> Connection:
    for one in discovery.every():
        ip = one.told.get("ip")
        same = host == ip or (host in LOCAL and ip in LOCAL)
        if same and port in [one.told.get(f"{channel}_port") for channel in CHANNELS]:
            return _with_key(read_connection(one.path), key)
    key = os.environ.get(KEY) if key is None else key
    if key is None:
        raise UserError(
            f"no connection file here is of a kernel at {host}:{port}, and without its key no kernel listens; "
            f"give its connection file, or the key in it as --key or {KEY}"
        )
    if port + len(CHANNELS) - 1 > 65535:
        raise UserError(f"{host}:{port}: a kernel has five ports in a row from there, and these end at 65535")
    ip = f"[{host}]" if ":" in host else host
    return Connection(key, tuple(range(port, port + len(CHANNELS))), ip)
