"""Which hosts may be reached: the rules of a policy, and what they say of a name and of an address. Pure; any thread.

A rule is a name (``example.org``), all names under one (``*.example.org``), all names (``*``), an address or a network
(``10.0.0.0/8``), each with an optional port (``example.org:8080``, ``[::1]:80``). What is denied is denied whatever
else says. Addresses that are not of the public internet are reached only if a rule of ``allowed_hosts`` has the
*address* in it: a name is somebody else's word, and may lead anywhere tomorrow. The one exception is ``localhost``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox.policy import Policy

Address = IPv4Address | IPv6Address
LOOPBACK = "127.0.0.0/8", "::1/128"
NAME = re.compile(r"(\*|(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*)")
HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f.]*:[0-9a-f:.]*(%[a-z0-9_.-]+)?")
PUBLIC_6 = IPv6Network("2000::/3")
EMBEDDING = {  # networks whose addresses lead to an IPv4 address: where it stands in them, in bits from the right
    IPv6Network("::/96"): 0, IPv6Network("::ffff:0:0/96"): 0, IPv6Network("64:ff9b::/96"): 0,
    IPv6Network("::ffff:0:0:0/96"): 0, IPv6Network("2002::/16"): 80,
}  # fmt: skip
# Public by its number, but it is the host of an Azure machine that answers there, with what is only for the machine.
AZURE = ip_address("168.63.129.16")
# "IETF protocol assignments": some clouds keep their metadata there, and older Pythons call it public.
ASSIGNED = IPv4Network("192.0.0.0/24")


class Rule(NamedTuple):
    """``name`` or ``networks``; ``port`` None: every one."""

    text: str
    name: str
    networks: tuple[str, ...]
    port: int | None

    def names(self, host: str, port: int) -> bool:
        """Whether it is about a host of this name. ``port`` 0: whatever port."""
        if self.port not in (None, port or self.port) or not self.name:
            return False
        if self.name.startswith("*"):
            return host.endswith(self.name[1:])
        return host == self.name

    def holds(self, address: Address, port: int) -> bool:
        """Whether it is about this address."""
        if self.port not in (None, port):
            return False
        plain = ip_address(address.packed)  # without a zone
        return any(plain in _network(one) for one in self.networks)


@lru_cache(1000)
def rule(text: str, where: str) -> Rule:
    """Raises ToolError: not a rule."""
    host, port = _split(text.strip().lower())
    if host == "localhost":
        return Rule(text, host, LOOPBACK, port)
    try:
        return Rule(text, "", (str(ip_network(host)),), port)
    except ValueError:
        pass
    name = _ascii(host.rstrip("."))
    if not NAME.fullmatch(name) or re.fullmatch(r"[\d.]+", name) or port == -1:
        raise ToolError(
            f"{text!r} in [tools] {where} of llmspell.toml is not a host: write example.org, *.example.org, "
            "192.0.2.1, 10.0.0.0/8 or [::1], and :PORT behind it if you like",
            details={"rule": f"tools.{where}", "value": text},
        )
    return Rule(text, name, (), port)


def _split(text: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+(?:/\d+)?)\](?::(\d{1,5}))?", text)
    parts = bracketed or re.fullmatch(r"([^:]+):(\d{1,5})", text)
    if not parts:
        return text, None
    port = None if parts[2] is None else int(parts[2])
    return parts[1], port if port is None or 0 < port < 65536 else -1


@lru_cache(1000)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    import idna  # tables of Unicode, for the few names that need them

    try:
        return idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return ""


def canonical_host(host: str) -> str:
    """A host as rules see it and as it is looked up: lower case, IDNA, no dot at the end. Raises ToolError."""
    name = _ascii(host.strip().lower()).removesuffix(".")
    name = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    if len(name) > 253 or not HOST.fullmatch(name):
        raise ToolError(f"{host!r} is not the name of a host", code="invalid_parameters")
    return name


def literal(host: str) -> Address | None:
    """The address that a canonical host is, unless it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def reached(address: Address) -> list[Address]:
    """The address, and those that it stands for: IPv4 addresses inside of IPv6 ones."""
    if isinstance(address, IPv4Address):
        return [address]
    plain = IPv6Address(address.packed)
    inside: list[Address] = [
        IPv4Address(int(plain) >> shift & 0xFFFFFFFF) for network, shift in EMBEDDING.items() if plain in network
    ]
    return [plain] if int(plain) < 2 or not inside else [inside[0], plain]


def kind(address: Address) -> str:
    """ "" for an address of the public internet, else what it is."""
    if address == AZURE:
        return "host-internal"
    words = {
        "loopback": address.is_loopback, "unspecified": address.is_unspecified or int(address) >> 24 == 0,
        "link-local": address.is_link_local, "multicast": address.is_multicast, "reserved": address.is_reserved,
        "private": address.is_private,
    }  # fmt: skip
    found = next((word for word, is_one in words.items() if is_one), "")
    public = address.is_global and address not in ASSIGNED and (isinstance(address, IPv4Address) or address in PUBLIC_6)
    return found or ("" if public else "special")


# What a policy says ----------------------------------------------------------------------------------


def check_name(policy: Policy, host: str, port: int) -> None:
    """Before a canonical host is looked up. Raises ToolError (``not_allowed``)."""
    address = literal(host)
    for one in _rules(policy.denied_hosts, "denied_hosts"):
        if one.names(host, port) or (address and any(one.holds(a, port) for a in reached(address))):
            raise _denied(host, port, one)
    allowed = _rules(policy.allowed_hosts, "allowed_hosts")
    if policy.only_allowed_hosts and not any(one.names(host, port) or one.networks for one in allowed):
        raise _not_among(host, port)  # a name that can't be allowed is not even looked up


def check_address(policy: Policy, host: str, address: Address, port: int) -> None:
    """Before an address that a canonical host has is connected to. Raises ToolError (``not_allowed``)."""
    parts = reached(address)
    for one in _rules(policy.denied_hosts, "denied_hosts"):
        if any(one.holds(part, port) for part in parts):
            raise _denied(host, port, one)
    allowed = _rules(policy.allowed_hosts, "allowed_hosts")
    if any(one.holds(part, port) for one in allowed for part in parts):
        return
    if policy.only_allowed_hosts and not any(one.names(host, port) for one in allowed):
        raise _not_among(host, port)
    local = next(filter(None, map(kind, _meant(parts))), "")
    if local:
        raise _local(host, address, port, local)


def _meant(parts: list[Address]) -> list[Address]:
    """What is judged: of a translated address the IPv4 address alone, as its network is nobody's."""
    return parts[:1] if len(parts) > 1 else parts


def _rules(texts: tuple[str, ...], where: str) -> list[Rule]:
    return [rule(text, where) for text in texts]


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _denied(host: str, port: int, one: Rule) -> ToolError:
    return ToolError(
        f"{host} may not be reached: [tools] denied_hosts of llmspell.toml has {one.text!r} in it",
        code="not_allowed", details={"rule": "tools.denied_hosts", "entry": one.text, "host": host, "port": port},
    )  # fmt: skip


def _not_among(host: str, port: int) -> ToolError:
    return ToolError(
        f"{host} is not among the allowed hosts, and only those may be reached; allow it in llmspell.toml: "
        f'[tools] allowed_hosts = ["{_shown(host, port)}"]',
        code="not_allowed", details={"rule": "tools.only_allowed_hosts", "host": host, "port": port},
    )  # fmt: skip


def _local(host: str, address: Address, port: int, word: str) -> ToolError:
    name = str(address) if literal(host) else f"{host} ({address})"
    return ToolError(
        f"{name} is a {word} address, not one of the public internet; allow it in llmspell.toml: "
        f'[tools] allowed_hosts = ["{_shown(str(address), port)}"]',
        code="not_allowed",
        details={
            "rule": "tools.allowed_hosts", "host": host, "address": str(address), "port": port, "kind": word,
        },
    )  # fmt: skip
