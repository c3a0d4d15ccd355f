"""The `editor` of every scenario comes over each transport in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Client, InProcessWire, Server, StdioWire, TcpWire
from tests.support.editor import Editor


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One listening adapter for the whole run: its clients must not disturb each other."""
    server = Server()
    yield server
    assert server.close() == "", "the adapter wrote more than one line to stdout"


@pytest.fixture(params=["in-process", "stdio", "tcp"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    if request.param == "in-process":
        client = Client(InProcessWire)
    elif request.param == "stdio":
        client = Client(StdioWire)
    else:
        port = request.getfixturevalue("server").port
        client = Client(lambda receive: TcpWire(receive, port))
    yield client
    client.wire.close()


@pytest.fixture
def editor(client: Client, tmp_path: Path) -> Editor:
    return Editor(client, tmp_path)
