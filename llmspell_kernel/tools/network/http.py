"""HTTP for tools: httpx over connections that the policy has allowed, within the call's time, of bounded size.

    answer = fetch(call, "GET", "https://example.org")          # whole
    with client(call) as web, web.stream("GET", url) as answer: # whatever httpx can

Each connection, also one that a redirect leads to, is a connection of network.py. The time that is left holds for every
read, so a server that sends a byte now and then gains nothing. Bodies are unpacked here, piece by piece: one that
unpacks to more than it may ends there. Proxies of the environment are not used: they would connect in our stead.
What goes wrong is a ToolError; its ``details.kind`` is dns, connection, tls or protocol. The tool's thread.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import httpcore
import httpx

from llmspell_kernel import __version__
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network, tls_context
from llmspell_kernel.tools.sandbox.hosts import canonical_host

MEGABYTE = 1024 * 1024
MAX_BYTES = 10 * MEGABYTE
MAX_REDIRECTS = 10
PIECE = 64 * 1024
AGENT = f"llmspell/{__version__}"
# What zlib is told to expect.
WINDOWS = {"gzip": 47, "x-gzip": 47, "deflate": 15}


class Answer(NamedTuple):
    """``redirects``: the addresses that led here. ``spent``: seconds by dns, connect, tls, first_byte, total."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    url: str
    redirects: list[str]
    spent: dict[str, float]
    version: str

    def text(self) -> str:
        """By the charset that is declared, else UTF-8; bytes that are not keep their value (surrogateescape)."""
        declared = httpx.Response(200, headers={"Content-Type": self.headers.get("content-type", "")}).charset_encoding
        try:
            return self.body.decode(declared or "utf-8", "surrogateescape")
        except (LookupError, UnicodeError):
            return self.body.decode("utf-8", "surrogateescape")

    @property
    def is_json(self) -> bool:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")


def fetch(
    call: Call,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    seconds: float | None = None,
    max_bytes: int = MAX_BYTES,
    redirects: int = MAX_REDIRECTS,
) -> Answer:
    """Ask for one thing, and read the whole answer. Raises ToolError; a status of 400 and more is no error."""
    start = perf_counter()
    address = checked_url(url)
    content = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    network = Network(call, seconds)
    with (
        _client(network, max_bytes, redirects) as web,
        explained(address.host),
        web.stream(method, address, headers=encoded(headers), content=content) as got,
    ):
        first = perf_counter() - start
        data = got.read()
    spent = {**network.spent, "first_byte": first, "total": perf_counter() - start}
    passed = [str(one.url) for one in got.history]
    return Answer(
        got.status_code, got.reason_phrase, dict(got.headers), data, str(got.url), passed, spent, got.http_version
    )


def client(
    call: Call,
    *,
    seconds: float | None = None,
    max_bytes: int = MAX_BYTES,
    redirects: int = MAX_REDIRECTS,
) -> httpx.Client:
    """For one call; to be closed. `max_bytes` holds for each body, `redirects` 0 gives redirects as they are."""
    return _client(Network(call, seconds), max_bytes, redirects)


def _client(network: Network, max_bytes: int, redirects: int) -> httpx.Client:
    return httpx.Client(
        transport=_Transport(network, min(max_bytes, network.policy.max_file_bytes)),
        timeout=None,  # what is left of the call's time
        follow_redirects=redirects > 0,
        max_redirects=redirects,
        trust_env=False,
        headers={"User-Agent": AGENT, "Accept-Encoding": "gzip, deflate"},
    )


def checked_url(url: str) -> httpx.URL:
    """Raises ToolError unless it is an http(s) address with a host."""
    try:
        address = httpx.URL(url.strip())
        url.encode()
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ToolError(f"{shown(url)} is not an address: {error}", code="invalid_parameters") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise ToolError(f"{shown(url)} is not an http:// or https:// address", code="invalid_parameters")
    canonical_host(address.host)
    return address


def shown(url: str) -> str:
    """An address in an error: not all of it, and without a password."""
    head, at, rest = url.partition("@")
    scheme, sep, _ = head.partition("://")
    text = f"{scheme}{sep}…@{rest}" if at and "/" not in head.removeprefix(scheme + sep) else url
    return repr(text if len(text) <= 200 else text[:200] + "…")


def encoded(headers: Mapping[str, str] | None) -> list[tuple[bytes, bytes]]:
    """Headers as bytes. Raises ToolError for one that would be two, or none."""
    made = []
    for name, value in (headers or {}).items():
        if not name.isascii() or not name or any(c <= " " or c in ':"(),/;<=>?@[\\]{}\x7f' for c in name):
            raise ToolError(f"{name!r} can't be the name of a header", code="invalid_parameters")
        if name.lower() in ("content-length", "transfer-encoding"):
            raise ToolError(f"{name} follows from what is sent; it can't be given", code="invalid_parameters")
        if any(c in "\r\n\0" for c in value):
            raise ToolError(
                f"the header {name} holds a line break or a zero byte, which would be another header",
                code="invalid_parameters",
            )
        made.append((name.encode(), value.strip(" \t").encode("utf-8", "surrogateescape")))
    return made


@contextmanager
def explained(host: str) -> Iterator[None]:
    """What httpx and httpcore raise, as errors that people read."""
    try:
        yield
    except httpx.TooManyRedirects as error:
        raise ToolError(f"{host} redirects too often", details={"kind": "redirects"}) from error
    except (httpx.UnsupportedProtocol, httpcore.UnsupportedProtocol) as error:
        raise ToolError(
            f"{host} leads to an address that is not http or https", details={"kind": "protocol"}
        ) from error
    except (httpx.LocalProtocolError, httpcore.LocalProtocolError) as error:
        raise ToolError(f"that can't be asked: {error}", code="invalid_parameters") from error
    except (httpx.RequestError, httpx.InvalidURL, httpx.StreamError, httpcore.ProtocolError) as error:
        raise ToolError(f"{host} does not answer in HTTP: {_first(error)}", details={"kind": "protocol"}) from error
    except (httpcore.NetworkError, httpcore.TimeoutException) as error:
        raise ToolError(f"the connection to {host} broke: {_first(error)}", details={"kind": "connection"}) from error


def _first(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200].lower() if lines else type(error).__name__


# Between httpx and the sockets ------------------------------------------------------------------------


class _Transport(httpx.BaseTransport):
    def __init__(self, network: Network, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pool = httpcore.ConnectionPool(network_backend=_Backend(network), ssl_context=tls_context())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url, host = request.url, request.url.host
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw, content=request.stream, extensions=request.extensions,
        )  # fmt: skip
        with explained(host):
            got = self._pool.handle_request(asked)
        headers = httpx.Headers(got.headers)
        body = _Body(got.stream, headers.pop("Content-Encoding", ""), host, self._max_bytes)
        return httpx.Response(got.status, headers=headers, stream=body, extensions=got.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any, encoding: str, host: str, most: int) -> None:
        self._stream, self._encoding, self._host, self._most = stream, encoding.strip().lower(), host, most

    def __iter__(self) -> Iterator[bytes]:
        left = self._most
        with explained(self._host):
            for piece in self._plain():
                left -= len(piece)
                if left < 0:
                    raise ToolError(
                        f"the answer of {self._host} has more than {self._most} bytes; "
                        "max_bytes, where a tool has it, and tools.max_file_mb allow more",
                        details={"kind": "size", "most": self._most},
                    )
                yield piece

    def _plain(self) -> Iterable[bytes]:
        if self._encoding in ("", "identity"):
            return self._stream  # type: ignore[no-any-return]  # httpcore says Any
        if self._encoding not in WINDOWS:
            raise ToolError(
                f"{self._host} answers in the encoding {self._encoding!r}, which is not gzip or deflate",
                details={"kind": "protocol"},
            )
        return unpacked(self._stream, WINDOWS[self._encoding], self._host)

    def close(self) -> None:
        self._stream.close()


def unpacked(packed: Iterable[bytes], window: int, host: str) -> Iterator[bytes]:
    """What gzip or deflate hold, in pieces of bounded size. Raises ToolError: broken."""
    codec = None
    try:
        for data in packed:
            while data:
                if codec is None:  # some servers mean the bare format by deflate
                    codec = zlib.decompressobj(-15 if window == 15 and data[0] & 15 != 8 else window)
                elif codec.eof:
                    if window == 15 or not data.startswith(b"\x1f"):
                        return  # what stands behind the end is nobody's
                    codec = zlib.decompressobj(window)  # gzip: one more member
                yield codec.decompress(data, PIECE)
                data = codec.unused_data if codec.eof else codec.unconsumed_tail
        if codec is not None:
            yield codec.flush()
    except zlib.error as error:
        raise ToolError(f"{host} sends what can't be unpacked: {error}", details={"kind": "protocol"}) from error
    if codec is not None and not codec.eof:
        raise ToolError(f"what {host} sends ends too early", details={"kind": "protocol"})


class _Backend(httpcore.NetworkBackend):
    def __init__(self, network: Network) -> None:
        self._network = network

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        return _Stream(self._network, self._network.connect(host, port))


class _Stream(httpcore.NetworkStream):
    def __init__(self, network: Network, sock: Any) -> None:
        self._network, self._sock = network, sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._within(timeout, httpcore.ReadError, partial(self._sock.recv, max_bytes))  # type: ignore[no-any-return]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            rest = rest[self._within(timeout, httpcore.WriteError, partial(self._sock.send, rest)) :]

    def _within(self, timeout: float | None, kind: type[Exception], do: Callable[[], Any]) -> Any:
        self._sock.settimeout(self._network.left(timeout))
        try:
            done = do()
        except TimeoutError as error:
            raise self._network.late("the answer") from error
        except OSError as error:
            self._network.left()  # it broke because it was given up?
            raise kind(getattr(error, "strerror", None) or str(error)) from error
        if not done:
            self._network.left()
        return done

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._network, self._network.secure(self._sock, server_hostname or "", ssl_context))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # an idle connection: has the server closed it?
            return _is_readable(self._sock)
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        return self._sock if info == "socket" else None


def _is_readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
