"""Rows of a database as plain data, no more of them than are asked for. Any thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call

MAX_ROWS = 100_000
MAX_BYTES = 10_000_000  # of all rows of an answer, about
Parameters = Sequence[Any] | Mapping[str, Any] | None


class Ask(NamedTuple):
    """A statement. ``reads``: it is to change nothing."""

    sql: str
    parameters: Parameters
    reads: bool
    max_rows: int


class Found(NamedTuple):
    """``affected``: rows that were changed; None: the statement reads, or nobody knows."""

    columns: list[str]
    rows: list[dict[str, Any]]
    truncated: bool = False
    affected: int | None = None
    last_id: int | None = None


def collected(call: Call, names: Iterable[str], rows: Iterable[Sequence[Any]], most: int) -> Found:
    """Reads until there are as many rows as may be, or as many bytes."""
    columns = distinct(names)
    found: list[dict[str, Any]] = []
    left = MAX_BYTES
    for row in rows:
        call.check()
        made = dict(zip(columns, map(plain, row), strict=True))
        left -= sum(_size(one) for one in made.values())
        if len(found) == most or (left < 0 and found):
            return Found(columns, found, truncated=True)
        if left < 0:
            raise ToolError(f"one row has more than {MAX_BYTES} bytes; select less of it")
        found.append(made)
    return Found(columns, found)


def distinct(names: Iterable[str]) -> list[str]:
    """Two columns of a name become ``name`` and ``name_2``."""
    found: dict[str, None] = {}
    for name in names:
        number, unique = 2, name
        while unique in found:
            number, unique = number + 1, f"{name}_{number}"
        found[unique] = None
    return list(found)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else 8 if not isinstance(value, list | dict) else len(str(value))


def plain(value: Any) -> Any:
    """Numbers, texts, lists and tables. A decimal is a number if a float holds it exactly, else its digits."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return str(value)  # UUIDs, addresses, intervals, ranges


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and value.adjusted() < 18:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def parameters(given: Any, table: Callable[[Any], Any] = json.dumps) -> Parameters:
    """Values as drivers take them; ``table``: makes of a table, and of a list in a table, what the database stores."""
    if given is None:
        return None
    if isinstance(given, dict):
        return {key: _parameter(value, table) for key, value in given.items()}
    return [_parameter(value, table) for value in given]


def _parameter(value: Any, table: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict | list):
        return table(value)
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ToolError("a parameter has half of a surrogate pair in it", code="invalid_parameters") from error
    try:
        return raw.decode()
    except UnicodeDecodeError:  # bytes that are no text
        return raw


def as_text(found: Found) -> str:
    """For people: a line a row, columns side by side."""
    if not found.columns:
        return "done" if found.affected is None else f"{found.affected} row{'s' * (found.affected != 1)} changed"
    lines = [[_cell(row[name]) for name in found.columns] for row in found.rows]
    widths = [max(map(len, column)) for column in zip(map(_cell, found.columns), *lines, strict=True)]
    table = [map(_cell, found.columns), ["-" * width for width in widths], *lines]
    text = "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table)
    more = " (there are more)" if found.truncated else ""
    return f"{text}\n{len(found.rows)} row{'s' * (len(found.rows) != 1)}{more}"


def _cell(value: Any) -> str:
    text = "NULL" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"
