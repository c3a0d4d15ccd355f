"""What a policy says of names and addresses."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import connect
from llmspell_kernel.tools.sandbox.hosts import canonical_host, check_address, check_name, literal, rule
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.web import get, pages, refused


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
        "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1",
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
