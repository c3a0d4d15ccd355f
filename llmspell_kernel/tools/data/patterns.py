"""Regular expressions that end: a pattern with nested repetitions may need ages for a short text.

The `regex` module understands Python's patterns, takes a time limit and lets other threads run meanwhile;
`re` does neither, and no Ctrl-C would reach the process. Any thread.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from llmspell_kernel.errors import ToolError

SECONDS = 5


def compiled(pattern: str, ignore_case: bool = False) -> regex.Pattern[str]:
    """Raises ToolError with what is wrong and where."""
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        raise ToolError(f"pattern {pattern!r}: {error}") from error


def found(pattern: regex.Pattern[str], text: str, start: int = 0) -> Iterator[regex.Match[str]]:
    """All matches from `start` on. Raises ToolError when finding them takes longer than `SECONDS`."""
    try:
        yield from pattern.finditer(text, start, timeout=SECONDS, concurrent=True)
    except TimeoutError as error:
        raise ToolError(f"pattern {pattern.pattern!r} takes longer than {SECONDS} s on this text") from error
