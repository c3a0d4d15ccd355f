"""``llmspell.toml``: settings of a project, found in the working folder or above it. Any thread.

    [lua]
    stdlib = "safe"        # or "full"
    path = ["lib"]         # more folders for require, relative to the file
    memory = 256           # MB
    timeout = 10           # seconds
    runtime = "luajit"     # or "lua54"

    [tools]
    allowed_paths = ["data"]

What a command line or a launch configuration says comes first. An unknown key is an error.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError

NAME = "llmspell.toml"


class Config(NamedTuple):
    safe: bool = False
    lua_path: tuple[str, ...] = ()
    memory_mb: float | None = None
    seconds: float | None = None
    allowed_paths: tuple[str, ...] | None = None
    runtime: str | None = None


def find(folder: str) -> str | None:
    """The nearest llmspell.toml at or above a folder."""
    folder = os.path.abspath(folder)
    while True:
        path = os.path.join(folder, NAME)
        if os.path.isfile(path):
            return path
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def read(folder: str = ".") -> Config:
    """Raises UserError: not TOML, an unknown key, a value of a wrong type."""
    path = find(folder)
    if path is None:
        return Config()
    from llmspell_kernel.toml import parse  # a TOML parser costs as much as the Lua state

    data = parse(path)
    base = os.path.dirname(path)
    reader = _Reader(path, data)
    config = Config(
        reader.choice("lua", "stdlib", ("full", "safe")) == "safe",
        tuple(os.path.join(base, one) for one in reader.texts("lua", "path") or ()),
        reader.number("lua", "memory"),
        reader.number("lua", "timeout"),
        _allowed(base, reader.texts("tools", "allowed_paths")),
        reader.choice("lua", "runtime", ("lua54", "luajit")),
    )
    reader.finish()
    return config


def _allowed(base: str, paths: list[str] | None) -> tuple[str, ...] | None:
    return None if paths is None else tuple(os.path.join(base, one) for one in paths)


class _Reader:
    """Reads known keys; what is left over at the end is unknown."""

    def __init__(self, path: str, data: dict[str, Any]) -> None:
        self._path = path
        self._left = {(table, key): value for table, keys in data.items() for key, value in self._table(table, keys)}
        self._tables = list(data)
        self._known: list[str] = []

    def _table(self, name: str, keys: Any) -> list[tuple[str, Any]]:
        if not isinstance(keys, dict):
            raise UserError(f"{self._path}: {name} must be a table, [{name}]")
        return list(keys.items())

    def _take(self, table: str, key: str) -> Any:
        self._known.append(f"{table}.{key}")
        return self._left.pop((table, key), None)

    def _wrong(self, table: str, key: str, what: str) -> UserError:
        return UserError(f"{self._path}: {table}.{key} must be {what}")

    def choice(self, table: str, key: str, choices: tuple[str, ...]) -> str | None:
        value: str | None = self._take(table, key)
        if value is None or value in choices:
            return value
        raise self._wrong(table, key, " or ".join(map(repr, choices)))

    def number(self, table: str, key: str) -> float | None:
        value = self._take(table, key)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0):
            return value
        raise self._wrong(table, key, "a number above 0")

    def texts(self, table: str, key: str) -> list[str] | None:
        value = self._take(table, key)
        if value is None or (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            return value
        raise self._wrong(table, key, "a list of strings")

    def finish(self) -> None:
        for table, key in self._left:
            raise self._unknown(f"{table}.{key}", self._known)
        tables = sorted({name.partition(".")[0] for name in self._known})
        for table in self._tables:
            if table not in tables:
                raise self._unknown(table, tables)

    def _unknown(self, name: str, known: list[str]) -> UserError:
        from difflib import get_close_matches  # only to explain a mistake

        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return UserError(f"{self._path}: unknown setting {name}; {hint}")
