"""HTTP as tools speak it: bounded, checked, explained."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import zlib
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import Answer, client, fetch
from tests.support.web import HERE, Request, get, pages, refused, talking
from tests.unit.tools.conftest import Resolver

# Size --------------------------------------------------------------------------------------------------

ZEROS = b"\0" * 30_000_000


def packed(kind: str) -> bytes:
    bare = zlib.compressobj(wbits=-15)
    return {"gzip": gzip.compress(ZEROS), "deflate": zlib.compress(ZEROS), "bare": bare.compress(ZEROS) + bare.flush()}[
        kind
    ]


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bare"])
@pytest.mark.parametrize("path", ["/", "/redirected"])
def test_a_bomb_ends_where_the_limit_is(kind: str, path: str) -> None:
    def bomb(request: Request) -> None:
        coding = kind.replace("bare", "deflate")
        status = 200 if request.path == "/" else 302
        request.answer(packed(kind), status, Content_Encoding=coding, Location="/")

    with pages({"*": bomb}) as server:
        error = refused(server.url(path), max_bytes=1_000_000)
        assert "more than 1000000 bytes" in str(error)
        if path == "/":
            assert get(server.url(path), max_bytes=len(ZEROS)).body == ZEROS


def test_an_endless_answer_ends() -> None:
    def endless(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with talking(endless) as line:
        assert "more than" in str(refused(f"http://127.0.0.1:{line.port}/", max_bytes=300_000))
        assert line.gone.wait(10)


def test_the_policy_bounds_every_answer() -> None:
    with pages({"/": b"x" * 2000}) as server:
        policy = HERE._replace(max_file_bytes=1000)
        assert "more than 1000 bytes" in str(refused(server.url(), policy))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", b"x"),
        ("gzip", b"not packed"),
        ("gzip", gzip.compress(b"x" * 999, mtime=0)[:-12]),
        ("deflate", b"\x78\x9c\xff\xff"),
    ],
)
def test_what_can_not_be_unpacked_is_said_so(coding: str, body: bytes) -> None:
    with pages({"/": lambda r: r.answer(body, Content_Encoding=coding)}) as server:
        assert (refused(server.url()).details or {})["kind"] == "protocol"


def test_members_and_what_stands_behind_them() -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"
    with pages(
        {
            "/": lambda r: r.answer(body, Content_Encoding="gzip"),
            "/none": lambda r: r.answer(b"", Content_Encoding="gzip"),
        }
    ) as server:
        assert get(server.url()).body == b"one two"
        assert get(server.url("/none")).body == b""


# What is sent, what comes back ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nEvil: 1"}, {"X\r\nEvil": "1"}, {"X": "a\nb"}, {"": "x"}, {"X Y": "1"}, {"X": "\0"}, {"Ä": "1"}],
)
def test_a_header_is_one_header(headers: dict[str, str]) -> None:
    with pages({"/": b""}) as server:
        assert refused(server.url(), headers=headers).code == "invalid_parameters"
        assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://h/",
        "http://",
        "http:///x",
        "//h/",
        "http://[::1",
        "http://a:b:c/",
        "http://h:99999/",
        "file:///etc/passwd",
        "http://\udcff/",
        "http://a b/",
    ],
)
def test_what_is_no_address(url: str) -> None:
    assert refused(url).code == "invalid_parameters"


def test_a_password_in_an_address_is_not_told() -> None:
    assert "hunter2" not in str(refused("ftp://me:hunter2@h/"))


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain; charset=latin-1", b"\xe4", "ä"),
        ("text/plain", "ä".encode(), "ä"),
        ("application/octet-stream", b"\xff\x00", "\udcff\x00"),
        ("text/plain; charset=no-such", b"x", "x"),
        ("text/plain; charset=utf-16", b"\xff", "\udcff"),
        ("text/plain; charset=hex", b"zz", "zz"),
    ],
)
def test_texts_by_their_charset(kind: str, body: bytes, text: str) -> None:
    with pages({"/": lambda r: r.answer(body, kind=kind)}) as server:
        assert get(server.url()).text() == text


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_a_server_says_it_is_an_answer_or_a_tool_error(data: bytes) -> None:
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    with talking(say) as line:
        try:
            assert isinstance(get(f"http://127.0.0.1:{line.port}/"), Answer)
        except ToolError as error:
            assert str(error)


def test_others_use_httpx_as_they_know_it() -> None:
    away = {"/": b"1 2 3", "/away": lambda r: r.redirect("http://10.1.1.1/")}
    with pages(away) as server, client(Call(HERE, seconds=10)) as web:
        assert [web.get(server.url()).text for _ in range(3)] == ["1 2 3"] * 3
        with pytest.raises(ToolError) as raised:
            web.get(server.url("/away"))
        assert raised.value.code == "not_allowed"
        with web.stream("GET", server.url()) as streamed:
            assert b"".join(streamed.iter_raw()) == b"1 2 3"


# TLS ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def served(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_https_with_an_authority_that_is_trusted(authority: trustme.CA, trusted: None) -> None:
    with pages({"/": b"private"}, served(authority, "localhost", "127.0.0.1"), host="localhost") as server:
        answer = get(server.url())
        assert answer.body == b"private"
        assert answer.spent["tls"] > 0


def test_the_name_is_checked_not_the_address(authority: trustme.CA, trusted: None, resolver: Resolver) -> None:
    resolver("right.test", ["127.0.0.1"])
    with pages({"/": b"private"}, served(authority, "right.test"), host="right.test") as server:
        assert get(server.url()).body == b"private"
        assert "certificate is not accepted" in str(refused(f"https://127.0.0.1:{server.port}/"))


def test_a_certificate_of_nobody_is_refused(authority: trustme.CA) -> None:
    with pages({"/": b""}, served(authority, "127.0.0.1")) as server:
        error = refused(server.url())
        assert "the certificate is not accepted" in str(error)
        assert (error.details or {})["kind"] == "tls"
        assert server.asked == []


def test_a_handshake_that_never_ends_does() -> None:
    with talking(lambda connection: None) as line:
        assert refused(f"https://127.0.0.1:{line.port}/", seconds=0.2).code == "timeout"
        assert line.gone.wait(10)


def test_plain_http_where_tls_is_expected() -> None:
    with pages({"/": b""}) as server:
        assert "TLS with 127.0.0.1" in str(refused(server.url().replace("http:", "https:")))


def test_a_tls_connection_is_woken_too(authority: trustme.CA, trusted: None) -> None:
    arrived, over = threading.Event(), threading.Event()

    def hang(_: Request) -> None:
        arrived.set()
        over.wait(20)

    with pages({"/": hang}, served(authority, "127.0.0.1")) as server:
        call = Call(HERE, seconds=30)
        threading.Thread(target=lambda: arrived.wait(10) and call.cancel()).start()
        with pytest.raises(ToolError) as raised:
            fetch(call, "GET", server.url())
        assert raised.value.code == "cancelled"
        over.set()
