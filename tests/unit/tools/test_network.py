"""What a policy says of hosts holds, whatever a name leads to and wherever a server points."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.call import Call
from llmspell_kernel.tools.hosts import canonical_host, check_address, check_name, literal, rule
from llmspell_kernel.tools.network import Network, connect
from llmspell_kernel.tools.policy import Policy
from llmspell_kernel.tools.web import Answer, client, fetch
from tests.support.web import Request, pages, talking, unused_port

HERE = Policy(allowed_hosts=("127.0.0.1",))
Resolver = Callable[..., None]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """A world whose names lead where the test says: each look-up of a name takes the next of its lists."""
    real, names = socket.getaddrinfo, dict[str, list[list[str]]]()

    def lookup(host: Any, port: Any, *args: Any, **flags: Any) -> Any:
        if host not in names:
            return real(host, port, *args, **flags)
        found = names[host].pop(0) if len(names[host]) > 1 else names[host][0]
        return [entry for address in found for entry in real(address, port, *args, **flags)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    def leads(name: str, *answers: list[str]) -> None:
        names[name] = list(answers)

    return leads


def get(url: str, policy: Policy = HERE, seconds: float = 10, **more: Any) -> Answer:
    return fetch(Call(policy, seconds=seconds), "GET", url, **more)


def refused(url: str, policy: Policy = HERE, **more: Any) -> ToolError:
    with pytest.raises(ToolError) as raised:
        get(url, policy, **more)
    return raised.value


def verdict(policy: Policy, host: str, *addresses: str, port: int = 80) -> str:
    """The rule that refuses a host, or ""."""
    try:
        name = canonical_host(host)
        check_name(policy, name, port)
        for one in addresses or (name,):
            address = literal(one)
            assert address is not None
            check_address(policy, name, address, port)
    except ToolError as error:
        assert error.code == "not_allowed"
        return str((error.details or {})["rule"])
    return ""


# What is local -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::7f00:1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1::1", "100::1",
        "::ffff:0:127.0.0.1", "4000::1",
    ],
)  # fmt: skip
def test_what_is_not_of_the_public_internet_is_refused(address: str) -> None:
    assert verdict(Policy(), "host.test", address) == "tools.allowed_hosts"
    assert verdict(Policy(), address) == "tools.allowed_hosts"
    assert verdict(Policy(allowed_hosts=("*", "host.test", "*.test")), "host.test", address) == "tools.allowed_hosts"


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_the_public_internet_is_reached(address: str) -> None:
    assert verdict(Policy(), "host.test", address) == ""


@pytest.mark.parametrize(
    "spelling",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "0",
        "[::ffff:127.0.0.1]",
        "localhost.",
        "LOCALHOST",
        "127。0。0。1",
        "１２７.0.0.1",
    ],
)
def test_no_spelling_of_loopback_gets_through(spelling: str) -> None:
    with pytest.raises(ToolError) as raised:
        connect(Call(Policy()), spelling, 9)
    assert raised.value.code == "not_allowed"
    assert (raised.value.details or {})["kind"] in ("loopback", "unspecified")
    assert refused(f"http://{spelling}:9/", Policy()).code in ("not_allowed", "invalid_parameters")


def test_the_error_names_the_line_that_would_allow_it() -> None:
    with pages({"/": b"secret"}) as server:
        error = refused(server.url(), Policy())
        assert f'[tools] allowed_hosts = ["127.0.0.1:{server.port}"]' in str(error)
        assert (error.details or {})["rule"] == "tools.allowed_hosts"
        assert get(server.url(), Policy(allowed_hosts=(f"127.0.0.1:{server.port}",))).body == b"secret"


# Rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "host", "port", "holds"),
    [
        ("example.org", "example.org", 80, True),
        ("Example.ORG.", "example.org", 80, True),
        ("example.org", "www.example.org", 80, False),
        ("example.org", "badexample.org", 80, False),
        ("*.example.org", "www.example.org", 80, True),
        ("*.example.org", "a.b.example.org", 80, True),
        ("*.example.org", "example.org", 80, False),
        ("*.example.org", "badexample.org", 80, False),
        ("example.org:8080", "example.org", 8080, True),
        ("example.org:8080", "example.org", 80, False),
        ("bücher.example", "xn--bcher-kva.example", 80, True),
        ("*", "anything.example", 1, True),
    ],
)
def test_rules_that_are_names(entry: str, host: str, port: int, holds: bool) -> None:
    assert rule(entry, "allowed_hosts").names(host, port) is holds
    only = Policy(allowed_hosts=(entry,), only_allowed_hosts=True)
    assert verdict(only, host, "1.1.1.1", port=port) == ("" if holds else "tools.only_allowed_hosts")
    denied = Policy(denied_hosts=(entry,))
    assert verdict(denied, host.upper() + ".", "1.1.1.1", port=port) == ("tools.denied_hosts" if holds else "")


@pytest.mark.parametrize(
    ("entry", "address", "port", "holds"),
    [
        ("10.0.0.0/8", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "192.168.2.3", 80, False),
        ("10.0.0.0/8:5432", "10.1.2.3", 5432, True),
        ("10.0.0.0/8:5432", "10.1.2.3", 80, False),
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("::1", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
        ("[fd00::/8]:80", "fd12::1", 80, True),
        ("fe80::/10", "fe80::1%lo", 80, True),
        ("localhost", "127.0.0.5", 80, True),
        ("localhost:80", "::1", 80, True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", 80, True),
        ("127.0.0.1", "2002:7f00:1::", 80, True),
    ],
)  # fmt: skip
def test_rules_that_are_addresses(entry: str, address: str, port: int, holds: bool) -> None:
    assert (verdict(Policy(allowed_hosts=(entry,)), "host.test", address, port=port) == "") is holds
    both = Policy(allowed_hosts=("0.0.0.0/0", "::/0"), denied_hosts=(entry,))
    assert (verdict(both, "host.test", address, port=port) == "tools.denied_hosts") is holds


@pytest.mark.parametrize(
    "entry", ["http://example.org", "example.org/path", "300.1.1.1", "a b", "", "x:99999", "*.*.x", "[::1"]
)
def test_a_rule_that_is_none_closes_the_way(entry: str) -> None:
    error = refused("http://1.1.1.1/", Policy(allowed_hosts=(entry,)))
    assert "allowed_hosts of llmspell.toml is not a host" in str(error)
    error = refused("http://1.1.1.1/", Policy(denied_hosts=(entry,)))
    assert "denied_hosts of llmspell.toml is not a host" in str(error)


def test_denied_is_stronger_than_allowed() -> None:
    with pages({"/": b""}) as server:
        policy = Policy(allowed_hosts=("127.0.0.0/8",), denied_hosts=(f"127.0.0.1:{server.port}",))
        assert (refused(server.url(), policy).details or {})["rule"] == "tools.denied_hosts"
        assert server.asked == []


def test_a_host_that_can_not_be_allowed_is_not_even_looked_up() -> None:
    looked_up: list[str] = []
    original = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda host, *a, **k: looked_up.append(host) or original(host, *a, **k))
        policy = Policy(allowed_hosts=("good.test",), only_allowed_hosts=True)
        assert refused("http://secret-in-the-name.evil.test/", policy).code == "not_allowed"
        assert refused("http://evil.test/", Policy(denied_hosts=("*.test", "evil.test"))).code == "not_allowed"
    assert looked_up == []


# Names -------------------------------------------------------------------------------------------------


def test_a_public_name_that_leads_inside_is_refused(resolver: Resolver) -> None:
    with pages({"/": b"secret"}) as server:
        resolver("innocent.test", ["127.0.0.1"])
        for policy in (Policy(), Policy(allowed_hosts=("innocent.test", "*.test", "*"), only_allowed_hosts=True)):
            error = refused(f"http://innocent.test:{server.port}/", policy)
            assert (error.details or {})["kind"] == "loopback"
        assert server.asked == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(resolver: Resolver) -> None:
    """DNS rebinding: the second answer would lead elsewhere."""
    with pages({"/": b"checked"}) as server:
        resolver("rebinding.test", ["127.0.0.1"], ["127.0.0.2"])
        assert get(f"http://rebinding.test:{server.port}/").body == b"checked"
        assert refused(f"http://rebinding.test:{server.port}/").code == "not_allowed"


def test_of_several_addresses_only_allowed_ones_are_used(resolver: Resolver) -> None:
    with pages({"/": b"four"}) as server:
        resolver("both.test", ["::1", "127.0.0.2", "127.0.0.1"])
        policy = Policy(allowed_hosts=("127.0.0.1",), denied_hosts=("127.0.0.2",))
        assert get(f"http://both.test:{server.port}/", policy).body == b"four"


def test_an_address_that_does_not_answer_is_not_the_last(resolver: Resolver) -> None:
    with pages({"/": b"second"}) as server:
        resolver("two.test", ["127.0.0.9", "127.0.0.1"])
        assert get(f"http://two.test:{server.port}/", Policy(allowed_hosts=("localhost",))).body == b"second"


def test_a_name_that_is_none_is_said_so() -> None:
    error = refused("http://no-such-host.invalid/")
    assert "can't look up no-such-host.invalid" in str(error)
    assert (error.details or {})["kind"] == "dns"


def test_a_resolver_that_hangs_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hang.wait(30) and [])
    try:
        assert refused("http://slow.test/", seconds=0.05).code == "timeout"
        call = Call(HERE, seconds=30)
        threading.Timer(0.05, call.cancel).start()
        with pytest.raises(ToolError) as raised:
            fetch(call, "GET", "http://slow.test/")
        assert raised.value.code == "cancelled"
    finally:
        hang.set()


# Redirects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/",
        "http://localhost.localdomain.test/",
        "http://169.254.169.254/",
        "http://[::1]:{port}/",
        "//0x7f.2:{port}/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_what_is_refused_is_refused(resolver: Resolver, target: str, status: int) -> None:
    resolver("localhost.localdomain.test", ["10.1.1.1"])
    with pages({"/": lambda request: request.redirect(target.format(port=server.port), status)}) as server:
        error = refused(server.url())
        assert error.code == "not_allowed"
        assert len(server.asked) == 1


def test_redirects_elsewhere_than_http_end() -> None:
    for target in (
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:25/x",
        "http://",
        "http://[",
        "javascript:1",
    ):
        with pages({"/": lambda request, to=target: request.redirect(to)}) as server:
            error = refused(server.url())
            assert error.code in ("failed", "invalid_parameters"), target


def test_redirects_are_followed_and_counted() -> None:
    def count(request: Request) -> None:
        n = int(request.path.rpartition("=")[2])
        if n:
            request.redirect(f"/?n={n - 1}")
        else:
            request.answer(b"there")

    with pages({"/": count}) as server:
        answer = get(server.url("/?n=3"))
        assert (answer.body, answer.redirects) == (b"there", [server.url(f"/?n={n}") for n in (3, 2, 1)])
        assert "too often" in str(refused(server.url("/?n=11")))
        assert get(server.url("/?n=1"), redirects=0).status == 302


def test_what_is_secret_stays_with_the_host_it_is_for() -> None:
    with pages({"/": b""}) as other, pages({"/": lambda r: r.redirect(other.url())}) as server:
        get(server.url(), headers={"Authorization": "Bearer secret", "Cookie": "a=b", "X-Other": "1"})
        assert server.asked[0].headers["Authorization"] == "Bearer secret"
        assert not {"Authorization", "Cookie"} & set(other.asked[0].headers)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    with pages({"/": b"straight"}) as server:
        assert get(server.url()).body == b"straight"


# Time --------------------------------------------------------------------------------------------------


def drip(before: bytes) -> Callable[[socket.socket], None]:
    """A server that sends a byte now and then, for ever."""

    def handle(connection: socket.socket) -> None:
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


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_slow_drip_does_not_outlast_the_call(before: bytes) -> None:
    with talking(drip(before)) as line:
        assert refused(f"http://127.0.0.1:{line.port}/", seconds=0.2).code == "timeout"
        assert line.gone.wait(10)
        policy = Call(HERE, seconds=20)
        with pytest.raises(ToolError, match="longer than 0.2 s"):
            fetch(policy, "GET", f"http://127.0.0.1:{line.port}/", seconds=0.2)


def test_a_server_that_does_not_read_does_not_outlast_the_call() -> None:
    hold = threading.Event()
    with talking(lambda connection: hold.wait(20) and None) as line:
        call = Call(HERE, seconds=0.3)
        with pytest.raises(ToolError) as raised:
            fetch(call, "POST", f"http://127.0.0.1:{line.port}/", body=b"x" * 50_000_000)
        assert raised.value.code == "timeout"
        hold.set()


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"])
def test_a_call_that_is_given_up_closes_its_connection(before: bytes) -> None:
    arrived = threading.Event()

    def silent(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(before)
        arrived.set()

    with talking(silent) as line:
        call = Call(HERE, seconds=30)
        threading.Thread(target=lambda: arrived.wait(10) and call.cancel()).start()
        with pytest.raises(ToolError) as raised:
            fetch(call, "GET", f"http://127.0.0.1:{line.port}/")
        assert raised.value.code == "cancelled"
        assert line.gone.wait(10)


def test_a_raw_connection_is_checked_and_woken() -> None:
    with talking(lambda connection: connection.sendall(b"hello")) as line:
        with pytest.raises(ToolError) as raised:
            connect(Call(Policy()), "127.0.0.1", line.port)
        assert raised.value.code == "not_allowed"
        call = Call(HERE, seconds=30)
        with connect(call, "127.0.0.1", line.port) as sock:
            assert sock.recv(5) == b"hello"
            threading.Timer(0.05, call.cancel).start()
            assert sock.recv(5) == b""
        with pytest.raises(ToolError, match="cancelled"):
            connect(call, "127.0.0.1", line.port)


@pytest.mark.parametrize("port", [0, -1, 65536, 10**9])
def test_ports_that_are_none(port: int) -> None:
    with pytest.raises(ToolError, match="from 1 to 65535"):
        connect(Call(HERE), "127.0.0.1", port)


def test_nobody_there() -> None:
    port = unused_port()
    error = refused(f"http://127.0.0.1:{port}/")
    assert str(error) == f"can't connect to 127.0.0.1:{port}: connection refused"


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
        ("gzip", gzip.compress(b"x" * 999)[:-12]),
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


@given(st.text(max_size=40))
def test_whatever_a_host_is_called_it_is_a_name_or_an_error(text: str) -> None:
    try:
        assert canonical_host(text).isascii()
    except ToolError as error:
        assert error.code == "invalid_parameters"


@given(st.ip_addresses())
def test_what_python_calls_local_is_refused(address: Any) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert verdict(Policy(), "host.test", str(address)) == "tools.allowed_hosts"


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


def test_waiting_ends_with_the_call() -> None:
    with Network(Call(HERE, seconds=0.05)) as network, pytest.raises(ToolError) as raised:
        network.wait(30)
    assert raised.value.code == "timeout"
