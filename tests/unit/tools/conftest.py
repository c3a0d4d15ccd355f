"""Servers that several files of tests ask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.support import databases
from tests.support.databases import Server

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
