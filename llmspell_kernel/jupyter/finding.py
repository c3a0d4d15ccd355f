"""Which kernel is meant: its id, its connection file, or HOST:PORT. No sockets here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import CHANNELS, LOOPBACK, Connection, read_connection, runtime_folder

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
    if (path := _named(which)) is not None:
        return _with_key(read_connection(path), key)
    address = ADDRESS.fullmatch(which)
    if address is not None and 0 < int(address["port"]) <= 65535 - len(CHANNELS) + 1:
        return _at((address["host"] or LOOPBACK).strip("[]"), int(address["port"]), key)
    raise UserError(_nobody(which))


def _with_key(connection: Connection, key: str | None) -> Connection:
    return connection if key is None else connection._replace(key=key)


def kernels() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of each connection file in the runtime folder: the kernel's id, the file, what is in it. It may have ended."""
    folder = runtime_folder()
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.startswith("kernel-") and name.endswith(".json"):
            path = os.path.join(folder, name)
            values = _values(path)
            if values is not None:
                id = values.get("kernel_id")
                yield id if isinstance(id, str) else name[len("kernel-") : -len(".json")], path, values


def _values(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except (OSError, ValueError, RecursionError):  # gone, or somebody else's
        return None
    return values if isinstance(values, dict) else None


def _named(which: str) -> str | None:
    return next((path for id, path, _ in kernels() if which in (id, os.path.basename(path)[: -len(".json")])), None)


def _at(host: str, port: int, key: str | None) -> Connection:
    for _, path, values in kernels():
        ip = values.get("ip")
        same = host == ip or (host in LOCAL and ip in LOCAL)
        if same and port in [values.get(f"{channel}_port") for channel in CHANNELS]:
            return _with_key(read_connection(path), key)
    key = os.environ.get(KEY) if key is None else key
    if key is None:
        raise UserError(
            f"no connection file here is of a kernel at {host}:{port}, and without its key no kernel listens; "
            f"give its connection file, or the key in it as --key or {KEY}"
        )
    ip = f"[{host}]" if ":" in host else host
    return Connection(key, tuple(range(port, port + len(CHANNELS))), ip)


def _nobody(which: str) -> str:
    ids = [id for id, _, _ in kernels()]
    if not ids:
        return f"no kernel named {which!r}, and none has a connection file in {runtime_folder()}; llmspell kernel start"
    near = get_close_matches(which, ids, 1)
    return f"no kernel named {which!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ids)}")
