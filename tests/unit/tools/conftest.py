"""For tests of the network: names that lead where a test says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

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
