"""Names that lead where a test says, and databases that several files of tests ask."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support import databases
from tests.support.databases import Server

Resolver = Callable[..., None]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """One worker process for all tests of a file; its folder is that of all tests here."""
    tools = Tools.standard(Policy((str(tmp_path_factory.getbasetemp()),)))
    yield tools
    tools.close()


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


NEEDS = {"postgresql": ("postgres", "postgresql"), "mysql": ("mariadbd", "mariadb-server-core")}


def needed(kind: str) -> None:
    name, package = NEEDS[kind]
    if databases.program(name) is None and "CI" not in os.environ:
        pytest.skip(f"apt-get install {package}")


def server_of(kind: str, start: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    needed(kind)
    with start() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    yield from server_of("postgresql", databases.postgresql)


@pytest.fixture(scope="session")
def mysql() -> Iterator[Server]:
    yield from server_of("mysql", databases.mariadb)
