"""Lua values ↔ Python values, lossless for any bytes. Lua thread only.

| Lua | Python | and back |
|---|---|---|
| nil, boolean | None, bool | the same |
| integer, float | int, float | the same kind; an int beyond 64 bits becomes a float (an infinite one, if need be) |
| string | str (UTF-8, other bytes as surrogate escapes) | the same bytes; Python bytes too |
| table with keys 1 … n and no others | list | table |
| any other table, the empty one too | dict (string keys as str, integer keys as int) | table |
| ``JSON.null`` | None | nil |
| nil inside a list | – | a hole: the key is absent |
| function, thread, userdata | an error | – |

A table that contains itself is an error, and so is nesting beyond 100 levels.
"""

from __future__ import annotations

import math
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.state import lua_type

MAX_DEPTH = 100


class Null:
    """``JSON.null``: what stands for a null where Lua would have nothing."""

    def __repr__(self) -> str:
        return "null"


NULL = Null()
INTEGERS = range(-(2**63), 2**63)


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def data(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON may hold it, stands for no byte
        return b"".join(map(_character, text))


def _character(one: str) -> bytes:
    return one.encode("utf-8", "surrogateescape" if "\udc80" <= one <= "\udcff" else "surrogatepass")


def to_python(value: Any, depth: int = 0) -> Any:
    """A Lua value as plain Python data. Raises UserError for what has no such form."""
    if type(value) is bytes:
        return value.decode("utf-8", "surrogateescape")
    if value is None or isinstance(value, bool | int | float):
        return value
    if value is NULL:
        return None
    kind = lua_type(value)
    if kind == "table":
        return _table(value, depth + 1)
    raise UserError(f"a Lua {kind or type(value).__name__} can't be given to Python; give data")


def _table(table: Any, depth: int) -> dict[Any, Any] | list[Any]:
    if depth > MAX_DEPTH:
        raise UserError(f"a table contains itself or is nested deeper than {MAX_DEPTH} levels")
    items = [(key if type(key) is not bytes else text(key), to_python(value, depth)) for key, value in table.items()]
    count = len(items)
    if count and all(type(key) is int for key, _ in items):
        by_key = dict(items)
        if all(n in by_key for n in range(1, count + 1)):
            return [by_key[n] for n in range(1, count + 1)]
        return by_key
    found = {_key(key): value for key, value in items}
    if len(found) < count:  # to Python they are the same
        raise UserError("a table with both 1 and true (or 0 and false) as keys can't be given to Python")
    return found


def _key(key: Any) -> Any:
    if isinstance(key, str | int | float):
        return key
    raise UserError(f"a table with a {lua_type(key) or 'strange'} as a key can't be given to Python")


def _lua_key(key: Any) -> Any:
    """Lua has no nil or NaN as a key; lupa must not meet one (the error would skip Python's frames)."""
    if isinstance(key, str):
        return data(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return key if key in INTEGERS else _float(key)
    if isinstance(key, bytes | bool) or (isinstance(key, float) and key == key):
        return key
    raise UserError(f"a table can't have {key!r} as a key in Lua")


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_lua(lua: Any, value: Any, depth: int = 0) -> Any:
    """Plain Python data as a Lua value. Raises UserError for what has no such form."""
    kind = type(value)  # what is usual comes first: every result of a tool comes through here
    if kind is str:
        return data(value)
    if kind is bool or kind is float or value is None:
        return value
    if kind is dict and depth <= MAX_DEPTH:
        found = {}
        for key, one in value.items():
            made = to_lua(lua, one, depth + 1)
            if made is not None:
                found[data(key) if type(key) is str else _lua_key(key)] = made
        return lua.table_from(found)
    if isinstance(value, str):
        return data(value)
    if isinstance(value, bool | float | bytes | Null):
        return value
    if isinstance(value, int):
        return value if value in INTEGERS else _float(value)
    if depth > MAX_DEPTH:
        raise UserError(f"data contains itself or is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        pairs = ((_lua_key(k), to_lua(lua, v, depth + 1)) for k, v in value.items())
        return lua.table_from({k: v for k, v in pairs if v is not None})
    if isinstance(value, list | tuple):
        return lua.table_from({n: v for n, x in enumerate(value, 1) if (v := to_lua(lua, x, depth + 1)) is not None})
    raise UserError(f"a Python {type(value).__name__} can't be given to Lua; give plain data")
