"""The connection file: where a kernel's sockets are and with which key messages are signed. No sockets here.

A file that a launcher has written is followed exactly; one that we write is for its owner's eyes alone.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
LOOPBACK = "127.0.0.1"


class Connection(NamedTuple):
    """Port 0: the system chooses one when the socket is bound. ``ports`` are in the order of `CHANNELS`."""

    key: str
    ports: tuple[int, ...] = (0,) * len(CHANNELS)
    ip: str = LOOPBACK
    transport: str = "tcp"
    signature_scheme: str = "hmac-sha256"
    kernel_name: str = "llmspell"

    def address(self, channel: str) -> str:
        port = self.ports[CHANNELS.index(channel)]
        if self.transport == "ipc":
            return f"ipc://{self.ip}-{port}"
        return f"tcp://{self.ip}:{port or '*'}"

    def with_ports(self, ports: tuple[int, ...]) -> Connection:
        return self._replace(ports=ports)


def new_connection() -> Connection:
    return Connection(os.urandom(32).hex())


def runtime_folder() -> str:
    """Where Jupyter looks for connection files (jupyter_core.paths.jupyter_runtime_dir)."""
    if given := os.environ.get("JUPYTER_RUNTIME_DIR"):
        return given
    from llmspell_kernel.jupyter.kernelspec import user_folder

    return os.path.join(user_folder(), "runtime")


def read_connection(path: str) -> Connection:
    """Raises UserError: no such file, no JSON, something missing or of a wrong kind."""
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except OSError as error:
        raise UserError(f"cannot read the connection file {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"the connection file {path} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"the connection file {path} holds no object")
    ports = tuple(_port(path, values, f"{channel}_port") for channel in CHANNELS)
    transport = _text(path, values, "transport", "tcp")
    if transport not in ("tcp", "ipc"):
        raise UserError(f"{path}: `transport` is tcp or ipc, not {transport!r}")
    if transport == "ipc" and not all(ports):
        raise UserError(f"{path}: with the transport ipc every port needs a number")
    return Connection(
        _text(path, values, "key", ""), ports, _text(path, values, "ip", LOOPBACK), transport,
        _text(path, values, "signature_scheme", "hmac-sha256"), _text(path, values, "kernel_name", "llmspell"),
    )  # fmt: skip


def _port(path: str, values: dict[str, Any], name: str) -> int:
    port = values.get(name)
    if type(port) is not int or not 0 <= port < 65536:
        raise UserError(f"{path}: `{name}` must be a port number" + (", and is missing" if port is None else ""))
    return port


def _text(path: str, values: dict[str, Any], name: str, default: str) -> str:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise UserError(f"{path}: `{name}` must be a string")
    return value


def write_connection(path: str, connection: Connection, **more: Any) -> None:
    """Whole or not at all, readable by its owner alone. Raises UserError."""
    values: dict[str, Any] = {f"{name}_port": port for name, port in zip(CHANNELS, connection.ports, strict=True)}
    fields = connection._asdict()
    del fields["ports"]
    folder = os.path.dirname(os.path.abspath(path))
    draft = os.path.join(folder, f".kernel-{os.getpid()}-{os.urandom(8).hex()}")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({**values, **fields, **more}, file, indent=2)
        os.replace(draft, path)
    except OSError as error:
        with suppress(OSError):  # it may never have been there
            os.remove(draft)
        raise UserError(f"cannot write the connection file {path}: {error.strerror or error}") from error
