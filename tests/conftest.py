"""The `editor` of every scenario comes over each transport in turn, once without the native stop, and twice with
breakpoints that only the hook watches for: with its filter in C (where that was built) and without. ``--tier hook``
and ``--hook pure`` have it so everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.client import Client, InProcessWire, Server, StdioWire, TcpWire
from tests.support.editor import Editor

# Machines are noisy. In CI the same examples come each time, a failure is the change's; ours go on looking.
settings.register_profile("llmspell", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("llmspell")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tier", choices=["probe", "hook"], default="probe", help="how breakpoints are to be watched for")
    parser.addoption(
        "--hook", choices=["filtered", "pure"], default="filtered", help="whether the hook has its filter in C"
    )
    parser.addoption("--soak", default=1, type=float, help="for how many seconds tests/soak goes on")
    parser.addoption("--runtime", choices=["lua54", "luajit"], default="lua54", help="what runs the programs")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["LLMSPELL_TIER"] = config.getoption("--tier")
    os.environ["LLMSPELL_HOOK"] = config.getoption("--hook")
    Client.runtime = config.getoption("--runtime")
    config.addinivalue_line("markers", "lua54(reason): what LuaJIT has not, or does in another way")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--runtime") == "luajit":
        for item in items:
            if (marker := item.get_closest_marker("lua54")) is not None:
                item.add_marker(pytest.mark.skip(reason=f"LuaJIT: {marker.args[0]}"))


@pytest.fixture(autouse=True)
def _the_folder_stays() -> Iterator[None]:
    """A launch changes the folder of its process: whoever asks for one in the tests' own process goes back."""
    before = os.getcwd()
    yield
    after = os.getcwd()
    os.chdir(before)
    assert after == before, "the test has left the tests in another folder"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One listening adapter for the whole run: its clients must not disturb each other."""
    server = Server()
    yield server
    assert server.close() == "", "the adapter wrote more than one line to stdout"


@pytest.fixture(params=["in-process", "counting", "hook", "pure", "stdio", "tcp"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    if request.param == "counting":
        monkeypatch.setenv("LLMSPELL_NATIVE", "0")
    if request.param in ("hook", "pure"):
        monkeypatch.setenv("LLMSPELL_TIER", "hook")
    if request.param == "pure":
        monkeypatch.setenv("LLMSPELL_HOOK", "pure")
    if request.param in ("in-process", "counting", "hook", "pure"):
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
