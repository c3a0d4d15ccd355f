"""How a kernel is started: what its command line says, over what llmspell.toml says."""

from __future__ import annotations

from typing import NamedTuple

from llmspell_kernel.config import Config
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import CHANNELS, LOOPBACK, Connection, new_connection
from llmspell_kernel.jupyter.zmq_server import DEFAULT_LIMITS, Limits

MEGABYTE = 1024 * 1024


class Start(NamedTuple):
    """None: as llmspell.toml says."""

    connection_file: str | None = None
    id: str | None = None
    host: str | None = None
    port: int | None = None
    log_file: str | None = None
    pid_file: str | None = None
    idle_timeout: float | None = None
    max_clients: int | None = None
    metrics_port: int | None = None
    dap_port: int | None = None
    daemon: bool = False


def connection_of(start: Start, settings: Config) -> Connection:
    """A new one: five ports from the one that is wanted, or any. Raises UserError."""
    port = settings["kernel.port"] if start.port is None else start.port
    if not 0 <= port <= 65536 - len(CHANNELS):
        raise UserError(f"the port must be 0 (any) or one with {len(CHANNELS) - 1} more after it, not {port}")
    ports = tuple(range(port, port + len(CHANNELS))) if port else (0,) * len(CHANNELS)
    return new_connection()._replace(ip=start.host or LOOPBACK, ports=ports)


def limits_of(start: Start, settings: Config) -> Limits:
    clients = settings["kernel.max_concurrent_clients"] if start.max_clients is None else start.max_clients
    megabytes, linger = settings["kernel.max_message_size_mb"], settings["transport.zeromq.linger"]
    return DEFAULT_LIMITS._replace(
        clients=clients,
        message=int(min(megabytes * MEGABYTE, 2**62)),
        silence=settings["kernel.timeout_seconds"],
        linger=DEFAULT_LIMITS.linger if linger is None else linger,
        send_buffer=settings["transport.zeromq.sndbuf"],
        receive_buffer=settings["transport.zeromq.rcvbuf"],
    )


def memory_of(settings: Config) -> float | None:
    """MB for the programs of a kernel."""
    given = [mb for mb in (settings["lua.memory"], settings["kernel.max_memory_mb"]) if mb is not None]
    return min(given, default=None)
