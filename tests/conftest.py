"""The `editor` of every scenario comes over each transport in turn, and once without the native stop."""

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


@pytest.fixture(params=["in-process", "counting", "stdio", "tcp"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    if request.param == "counting":
        monkeypatch.setenv("LLMSPELL_NATIVE", "0")
    if request.param in ("in-process", "counting"):
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
