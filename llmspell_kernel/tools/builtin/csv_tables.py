"""CSV as tables of texts, and what kinds of values the texts are. Any thread."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from io import StringIO
from math import isfinite
from typing import Any, NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.schema import near

MAX_CHARACTERS, MAX_ROWS, MAX_COLUMNS = 50_000_000, 1_000_000, 10_000
DELIMITERS = (",", ";", "\t", "|")
NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
LINES_LOOKED_AT = 20
csv.field_size_limit(MAX_CHARACTERS)


class Table(NamedTuple):
    """``rows`` are as wide as there are columns; ``ragged``: (row, width) of those that were not, rows from 1."""

    columns: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    ragged: list[tuple[int, int]] = []

    def place(self, column: str) -> int:
        """Raises ToolError."""
        if column in self.columns:
            return self.columns.index(column)
        hint = near(str(column), self.columns, f"; there are {', '.join(self.columns[:30])}")
        raise ToolError(f"there is no column {column!r}{hint}", code="invalid_parameters")

    def column(self, name: str) -> list[str]:
        at = self.place(name)
        return [row[at] for row in self.rows]


def read(text: str, delimiter: str | None, header: bool, check: Callable[[], None]) -> Table:
    """Raises ToolError."""
    if len(text) > MAX_CHARACTERS:
        raise ToolError(f"a CSV text may have at most {MAX_CHARACTERS} characters")
    text = text.removeprefix("\ufeff")
    chosen = NAMES.get(delimiter or "", delimiter) or _delimiter(text)
    if len(chosen) != 1 or chosen in '"\r\n':
        raise ToolError(f"delimiter: expected one character, not {delimiter!r}", code="invalid_parameters")
    rows = _rows(text, chosen, check)
    if not rows:
        raise ToolError("the input has no rows; give CSV text")
    columns = _unique(rows.pop(0) if header else [f"column_{n}" for n in range(1, len(rows[0]) + 1)])
    if len(columns) > MAX_COLUMNS:
        raise ToolError(f"a table may have at most {MAX_COLUMNS} columns")
    ragged = [(n, len(row)) for n, row in enumerate(rows, 1) if len(row) != len(columns)]
    for n, _ in ragged:
        row = rows[n - 1]
        rows[n - 1] = [*row, *[""] * (len(columns) - len(row))][: len(columns)]
    return Table(columns, rows, chosen, ragged)


def _rows(text: str, delimiter: str, check: Callable[[], None]) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > MAX_ROWS:
                raise ToolError(f"a table may have at most {MAX_ROWS} rows")
            if len(rows) % 10_000 == 0:
                check()
    except csv.Error as error:
        raise ToolError(f"not CSV: {error} in row {len(rows) + 1}") from error
    return rows


def _delimiter(text: str) -> str:
    """The one that takes the first rows apart most evenly, and into most fields."""

    def evenness(delimiter: str) -> tuple[bool, int]:
        lines = StringIO(text[:100_000], newline="")
        widths = [
            len(row)
            for _, row in zip(range(LINES_LOOKED_AT), csv.reader(lines, delimiter=delimiter), strict=False)
            if row
        ]
        return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

    try:
        return max(DELIMITERS, key=evenness)
    except csv.Error:
        return ","


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for n, given in enumerate(names, 1):
        name = given.strip() or f"column_{n}"
        while name in seen:
            seen[name] += 1
            name = f"{name}_{seen[name]}"
        seen[name] = 1
        unique.append(name)
    return unique


def written(table: Table, delimiter: str = ",") -> str:
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue()


# Kinds of values --------------------------------------------------------------------------------------

INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")  # 007 is a text: a number would lose its zeros
NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{3}|\.\d{6})?)?")
BOOLEANS = {"true": True, "false": False}


def value(text: str) -> Any:
    """What a text is: None, bool, int, float, date, datetime, or itself."""
    text = text.strip()
    if not text:
        return None
    if text.lower() in BOOLEANS:
        return BOOLEANS[text.lower()]
    if text[0] in "+-.0123456789":
        return _number_or_date(text)
    return text


def _number_or_date(text: str) -> Any:
    if INTEGER.fullmatch(text) and text.isascii():
        return int(text)
    if NUMBER.fullmatch(text) and text.isascii() and isfinite(float(text)):
        return float(text)
    try:
        if DATE.fullmatch(text):
            return date.fromisoformat(text)
        if TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:  # the 30th of February
        pass
    return text


KINDS = {bool: "boolean", int: "integer", float: "number", date: "date", datetime: "datetime", str: "text"}


def kind(texts: Iterable[str]) -> str:
    """Of a column: the kind that all its values have; whole numbers among others are numbers. Or empty."""
    kinds = {KINDS[type(one)] for one in map(value, texts) if one is not None}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "text" if kinds else "empty"


def values(texts: list[str]) -> tuple[str, list[Any]]:
    """The kind of a column, and its values in that kind; what is empty is None."""
    of = kind(texts)
    if of == "text":
        return of, [text or None for text in texts]
    made = [value(text) for text in texts]
    return of, [None if one is None else float(one) for one in made] if of == "number" else made
