"""What a policy says of hosts holds, whatever a name leads to and wherever a server points; and all ends in time."""

from __future__ import annotations

import socket
import threading

import pytest

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network, connect
from llmspell_kernel.tools.network.http import fetch
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.web import HERE, Request, drip, get, pages, refused, talking, unused_port
from tests.unit.tools.conftest import Resolver

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


def test_waiting_ends_with_the_call() -> None:
    with Network(Call(HERE, seconds=0.05)) as network, pytest.raises(ToolError) as raised:
        network.wait(30)
    assert raised.value.code == "timeout"
