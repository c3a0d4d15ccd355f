"""The values in a text of many: JSON Lines, values one after the other, or the items of one array. Any thread.

They are read one by one: who stops asking has read no more than it needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmspell_kernel.errors import ToolError

DECODER = json.JSONDecoder()
BLANK = " \t\r\n\ufeff\x1e"  # byte order mark; record separator (RFC 7464)


def values(text: Any) -> Iterator[Any]:
    """Raises ToolError that says where a text is not JSON. What is no text is one value."""
    if not isinstance(text, str):
        return iter([text])
    start = _after_blanks(text, 0)
    if text.startswith("[", start) and not _is_line(text, start):
        return _items(text, start)
    return _one_by_one(text, start)


def _is_line(text: str, start: int) -> bool:
    """Whether the first line is a value of its own, and more follow: ``[1]\\n[2]``."""
    end = text.find("\n", start)
    if end < 0 or not text[end:].strip(BLANK):
        return False
    try:
        json.loads(text[start:end])
    except ValueError:
        return False
    return True


def _items(text: str, start: int) -> Iterator[Any]:
    """Of the array that begins there."""
    at = _after_blanks(text, start + 1)
    if not text.startswith("]", at):
        while True:
            value, end = _decoded(text, at)
            yield value
            at = _after_blanks(text, end)
            if not text.startswith(",", at):
                break
            at = _after_blanks(text, at + 1)
    if not text.startswith("]", at):
        raise _wrong(json.JSONDecodeError("Expecting ',' or ']'", text, at))
    rest = _after_blanks(text, at + 1)
    if rest < len(text):
        raise _wrong(json.JSONDecodeError("Extra data after the array", text, rest))


def _one_by_one(text: str, start: int) -> Iterator[Any]:
    while start < len(text):
        value, end = _decoded(text, start)
        yield value
        start = _after_blanks(text, end)


def _decoded(text: str, start: int) -> tuple[Any, int]:
    try:
        return DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _wrong(error) from error


def _wrong(error: json.JSONDecodeError) -> ToolError:
    return ToolError(
        f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}",
        details={"line": error.lineno, "column": error.colno},
    )


def _after_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start] in BLANK:
        start += 1
    return start
