"""WebSockets over connections that the policy has allowed (network.py); wsproto says what the bytes mean.

    with opened(call, "wss://…", {}, ["graphql-transport-ws"], 30, 10**6) as channel:
        channel.send("hello")
        for text in channel: …

No extension is offered, so that nothing unpacks to more than was sent. The tool's thread.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto import events as told
from wsproto.utilities import ProtocolError

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network
from llmspell_kernel.tools.network.http import AGENT, checked_url, encoded


class Channel:
    """``protocol``: what the server has chosen. ``reason``: why it ended."""

    def __init__(self, network: Network, sock: socket.socket, max_bytes: int) -> None:
        self.protocol = self.reason = ""
        self._network, self._sock, self._left, self._most = network, sock, max_bytes, max_bytes
        self._wire = WSConnection(ConnectionType.CLIENT)

    def ask(self, host: str, target: str, headers: Mapping[str, str], protocols: list[str]) -> None:
        """The handshake. Raises ToolError."""
        more = [(b"User-Agent", AGENT.encode()), *encoded(headers)]
        self._write(told.Request(host=host, target=target, subprotocols=protocols, extra_headers=more))
        for event in self._events():
            if isinstance(event, told.AcceptConnection):
                self.protocol = event.subprotocol or ""
                return
            if isinstance(event, told.RejectConnection | told.RejectData):
                status = getattr(event, "status_code", "an error")
                raise ToolError(f"{host} answers {status}, and no WebSocket", details={"kind": "protocol"})
        raise ToolError(f"{host} ended the connection before there was a WebSocket", details={"kind": "connection"})

    def send(self, text: str) -> None:
        self._write(told.TextMessage(data=text))

    def __iter__(self) -> Iterator[str]:
        """The texts that come, until the server ends it. Raises ToolError: time or size is over."""
        parts: list[str] = []
        for event in self._events():
            if isinstance(event, told.TextMessage):
                parts.append(event.data)
                if event.message_finished:
                    yield "".join(parts)
                    parts = []
            elif isinstance(event, told.Ping):
                self._write(event.response())
            elif isinstance(event, told.CloseConnection):
                self.reason = f"{event.code} {event.reason or ''}".strip()
                self._farewell(event)
                return
            elif isinstance(event, told.BytesMessage):
                raise ToolError("the server sends bytes where texts are meant", details={"kind": "protocol"})

    def close(self) -> None:
        try:
            self._write(told.CloseConnection(code=1000))
        except (ToolError, ProtocolError):
            pass  # it is over already

    def _farewell(self, event: told.CloseConnection) -> None:
        try:
            self._write(event.response())
        except (ToolError, ProtocolError):
            pass

    def _write(self, event: Any) -> None:
        data = self._wire.send(event)
        self._sock.settimeout(self._network.left())
        try:
            self._sock.sendall(data)
        except TimeoutError as error:
            raise self._network.late("the server") from error
        except OSError as error:
            raise self._broken(error) from error

    def _events(self) -> Iterator[Any]:
        try:
            while True:
                yield from list(self._wire.events())
                data = self._read()
                self._wire.receive_data(data or None)
                if not data:
                    self.reason = self.reason or "without a word"
                    yield from list(self._wire.events())
                    return
        except ProtocolError as error:
            raise ToolError(f"the server does not speak WebSocket: {error}", details={"kind": "protocol"}) from error

    def _read(self) -> bytes:
        self._sock.settimeout(self._network.left())
        try:
            data = self._sock.recv(65536)
        except TimeoutError as error:
            raise self._network.late("the server") from error
        except OSError as error:
            raise self._broken(error) from error
        if not data:
            self._network.left()  # given up?
        self._left -= len(data)
        if self._left < 0:
            raise ToolError(f"the server sends more than {self._most} bytes", details={"kind": "size"})
        return data

    def _broken(self, error: OSError) -> ToolError:
        self._network.left()
        return ToolError(f"the connection broke: {error.strerror or error}".lower(), details={"kind": "connection"})


@contextmanager
def opened(
    call: Call, url: str, headers: Mapping[str, str], protocols: list[str], seconds: float, max_bytes: int
) -> Iterator[Channel]:
    """A connection to a ws:// or wss:// address. Raises ToolError."""
    address = checked_url("http" + url.strip()[2:])
    secure = address.scheme == "https"
    port = address.port or (443 if secure else 80)
    with Network(call, seconds) as network:
        sock = network.connect(address.host, port)
        if secure:
            sock = network.secure(sock, address.host)
        channel = Channel(network, sock, max_bytes)
        channel.ask(address.netloc.decode(), address.raw_path.decode(), headers, protocols)
        try:
            yield channel
        finally:
            channel.close()
