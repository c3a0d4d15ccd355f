"""Servers on loopback that tests of the network start: HTTP by a table of pages, or bytes as they like.

with pages({"/": b"hello", "/away": lambda request: request.redirect("http://…")}) as server:
    server.url("/"); server.asked
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import Answer, fetch
from llmspell_kernel.tools.sandbox.policy import Policy

HERE = Policy(allowed_hosts=("127.0.0.1",))


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Request(BaseHTTPRequestHandler):
    """What a page may do with a request."""

    protocol_version = "HTTP/1.1"
    server: Any
    body: bytes

    def answer(self, body: bytes | str = b"", status: int = 200, kind: str = "text/plain", **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def redirect(self, to: str, status: int = 302) -> None:
        self.answer(b"", status, Location=to)

    def _handle(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), self.body))
        page = self.server.pages.get(self.path.partition("?")[0], self.server.pages.get("*"))
        try:
            if page is None:
                self.answer(b"nothing here", 404)
            elif callable(page):
                page(self)
            else:
                self.answer(page, kind="text/html; charset=utf-8")
        except OSError:
            self.close_connection = True  # the client has gone

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _handle

    def log_message(self, *_: object) -> None:
        pass


class Server:
    def __init__(self, server: ThreadingHTTPServer, scheme: str, host: str) -> None:
        self.port: int = server.server_address[1]
        self.asked: list[Asked] = server.asked  # type: ignore[attr-defined]
        self.base = f"{scheme}://{host}:{self.port}"

    def url(self, path: str = "/") -> str:
        return self.base + path


@contextmanager
def pages(table: Mapping[str, Any], tls: Any = None, host: str = "127.0.0.1") -> Iterator[Server]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    server.pages, server.asked = table, []  # type: ignore[attr-defined]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Server(server, "https" if tls else "http", host)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Line(NamedTuple):
    port: int
    gone: threading.Event  # a client that was connected has closed, or was closed


@contextmanager
def talking(handle: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[Line]:
    """A TCP server: `handle` says what each connection gets; at its end the client's end is waited for."""
    listener = socket.create_server((host, 0))
    gone, over = threading.Event(), threading.Event()

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                handle(connection)
                while connection.recv(65536):
                    pass
            except OSError:
                pass
            gone.set()

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Line(listener.getsockname()[1], gone)
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def drip(before: bytes, asked: bool = True) -> Callable[[socket.socket], None]:
    """A server that sends a byte now and then, for ever."""

    def handle(connection: socket.socket) -> None:
        if asked:
            connection.recv(65536)
        connection.sendall(before)
        connection.settimeout(0.01)
        while True:
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                connection.sendall(b"x")

    return handle


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def get(url: str, policy: Policy = HERE, seconds: float = 10, **more: Any) -> Answer:
    return fetch(Call(policy, seconds=seconds), "GET", url, **more)


def refused(url: str, policy: Policy = HERE, **more: Any) -> ToolError:
    with pytest.raises(ToolError) as raised:
        get(url, policy, **more)
    return raised.value
