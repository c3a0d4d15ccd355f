"""The text of a document: bytes, and where its lines begin. Values; any thread.

Everything in this folder counts in bytes of UTF-8, as tree-sitter does. Editors count lines, and in them the
code units of an encoding they have agreed on (UTF-16 unless they say otherwise); a line ends at ``\\n``,
``\\r\\n`` or ``\\r``, and at nothing else (LSP 3.17, "Text Documents").
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, NamedTuple

Encoding = Literal["utf-8", "utf-16", "utf-32"]
LINE_END = re.compile(rb"\r\n?|\n")
WORD = re.compile(rb"[A-Za-z_0-9\x80-\xff]*")
HIGH, LOW = re.compile(rb".[\xd8-\xdb]", re.S), re.compile(rb".[\xdc-\xdf]", re.S)  # halves of pairs, little-endian
CODECS = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
WIDTHS = {"utf-16": 2, "utf-32": 4}


class Position(NamedTuple):
    """As editors count: from 0, ``character`` in code units of the encoding."""

    line: int
    character: int


class Span(NamedTuple):
    """Bytes of a text."""

    start: int
    end: int

    def holds(self, offset: int) -> bool:
        return self.start <= offset <= self.end


def encoded(text: str) -> bytes:
    """What an editor sends may hold half a surrogate pair."""
    return text.encode("utf-8", "surrogatepass")


def decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


class Text:
    def __init__(self, data: bytes, starts: list[int] | None = None) -> None:
        self.data = data
        self.starts = [0, *(match.end() for match in LINE_END.finditer(data))] if starts is None else starts

    def edited(self, start: int, end: int, new: bytes) -> Text:
        """The text with the bytes from ``start`` to ``end`` replaced. Only the lines around are looked at."""
        data = b"".join((self.data[:start], new, self.data[end:]))
        shift, begin, new_end = len(new) - (end - start), max(start - 1, 0), start + len(new)
        first, last = bisect_right(self.starts, start - 1), bisect_right(self.starts, end)
        window = (begin + match.end() for match in LINE_END.finditer(data[begin : new_end + 1]))
        inside = [at for at in window if start <= at <= new_end]
        after = self.starts[last:]
        head = self.starts[:first] or [0]
        if start == 0:
            inside = [at for at in inside if at > 0]
        return Text(data, [*head, *inside, *([at + shift for at in after] if shift else after)])

    # Lines and positions ------------------------------------------------------------------------

    def line_of(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def line_span(self, line: int) -> Span:
        """A line without its end."""
        start = self.starts[line]
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.data)
        content = self.data[start:end]
        if content.endswith(b"\r\n"):
            return Span(start, end - 2)
        return Span(start, end - 1 if content.endswith((b"\n", b"\r")) else end)

    def position(self, offset: int, encoding: Encoding = "utf-16") -> Position:
        line = self.line_of(offset)
        before = self.data[self.starts[line] : offset]
        return Position(line, _units(before, encoding))

    def offset(self, line: int, character: int, encoding: Encoding = "utf-16") -> int:
        """Positions beyond a line's end or the text's are at that end, as the specification wants."""
        if line >= len(self.starts):
            return len(self.data)
        if line < 0:
            return 0
        start, end = self.line_span(line)
        content = self.data[start:end]
        if encoding == "utf-8" or content.isascii():
            return start + min(max(character, 0), len(content))
        codec, cut = CODECS[encoding], max(character, 0) * WIDTHS[encoding]
        units = decoded(content).encode(codec, "surrogatepass")
        if encoding == "utf-16" and HIGH.match(units, cut - 2) and LOW.match(units, cut):
            cut -= 2  # within a pair: before it
        return start + len(encoded(units[:cut].decode(codec, "surrogatepass")))

    def word(self, offset: int) -> Span:
        """The name or number around or beside a place; empty where there is none."""
        start = offset
        while start > 0 and (
            self.data[start - 1 : start].isalnum() or self.data[start - 1] in b"_" or self.data[start - 1] > 127
        ):
            start -= 1
        match = WORD.match(self.data, offset)
        return Span(start, match.end() if match else offset)

    def string(self, span: Span) -> str:
        return decoded(self.data[span.start : span.end])


def _units(data: bytes, encoding: Encoding) -> int:
    if encoding == "utf-8" or data.isascii():
        return len(data)
    return len(decoded(data).encode(CODECS[encoding], "surrogatepass")) // WIDTHS[encoding]
