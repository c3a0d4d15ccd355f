"""text_manipulator: what one does with texts. Any thread.

Characters are Unicode characters. A regular expression is Python's and has a time limit (patterns.py).
"""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Literal

import regex

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.text_forms import PLAIN, indent, reversed_text, titled, truncate, word_wrap
from llmspell_kernel.tools.data.patterns import compiled, found
from llmspell_kernel.tools.schema import Problems, signature
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_REGEX_TEXT = 1_000_000
MAX_RESULT = 100_000_000

Operation = Literal[
    "uppercase", "lowercase", "title", "capitalize", "trim", "reverse", "length", "count", "split", "join", "lines",
    "replace", "regex_replace", "regex_find", "substring", "repeat", "pad", "wrap", "slug", "contains", "starts_with",
    "ends_with", "snake_case", "camel_case", "pascal_case", "sanitize", "truncate", "indent", "dedent",
    "normalize_whitespace", "word_wrap",
]  # fmt: skip
WIDTHS = {"wrap": 70, "pad": 70, "word_wrap": 80, "truncate": 100, "indent": 4}
OPTIONS = {  # what else the parameters are called in `options`
    "from": "find", "pattern": "find", "to": "replacement", "with": "replacement", "delimiter": "separator",
    "length": "width", "max_length": "width", "spaces": "width", "size": "width", "times": "count", "limit": "count",
}  # fmt: skip


@tool(
    category="utility",
    pure=True,
    aliases={"text": "input"},
    examples=[
        Example("Make it loud", {"operation": "uppercase", "input": "hello"}, text="HELLO"),
        Example(
            "Take it apart", {"operation": "split", "input": "a, b", "separator": ", "}, text="a\nb", result=["a", "b"]
        ),
        Example(
            "Name it as Python does",
            {"operation": "snake_case", "input": "parseHTTPResponse"},
            text="parse_http_response",
        ),
        Example(
            "Shorten it", {"operation": "truncate", "input": "A long story", "options": {"length": 9}}, text="A long..."
        ),
    ],
)
def text_manipulator(
    operation: Operation,
    input: str | list[str] = "",
    find: str | None = None,
    replacement: str = "",
    separator: str | None = None,
    start: int = 1,
    finish: int = -1,
    count: int | None = None,
    width: int | None = None,
    ignore_case: bool = False,
    suffix: str = "...",
    options: dict[str, Any] | None = None,
) -> Result:
    """Change, measure, search or take apart a text.

    Args:
        operation: What to do.
        input: The text (for join: a list of texts, also in JSON, or a text whose lines are joined).
        find: What to look for (count, replace, contains …); a pattern for regex_replace, regex_find.
        replacement: What to put in its place.
        separator: What stands between the parts (split, join).
        start: The first character of a substring; negative from the end.
        finish: The last character of a substring.
        count: How often (repeat), or how many at most (replace, split, regex_find).
        width: The width of lines (wrap: 70, word_wrap: 80), of the result (pad: 70, truncate: 100), of what stands
            before each line (indent: 4).
        ignore_case: Whether a pattern ignores case.
        suffix: What shows that a text goes on (truncate).
        options: The same in a table: from, to, delimiter, length, spaces, times … or the parameters' own names.
            In it start and end of a substring count from 0, and the end is not part of it.
    """
    if options:
        return _with_options(operation, input, options)
    if operation == "join":
        parts = input if isinstance(input, list) else _parts(input)
        return _result((separator or "").join(parts))
    if isinstance(input, list):
        raise ToolError(f"{operation} takes one text, not a list", code="invalid_parameters")
    if operation in SIMPLE:
        return _result(SIMPLE[operation](input))
    if operation in SEARCHES:
        return _result(SEARCHES[operation](input, _needed(operation, find)))
    if operation in ("regex_replace", "regex_find"):
        return _regex(operation, input, _needed(operation, find), replacement, count or 0, ignore_case)
    if operation == "replace":
        return _result(_replace(input, _needed(operation, find), replacement, count))
    if operation == "split":
        return _result(input.split(separator, -1 if count is None else count - 1) if separator != "" else list(input))
    if operation == "substring":
        return _result(_substring(input, start, finish))
    if operation == "repeat":
        return _result(_repeat(input, 2 if count is None else count))
    return _result(_in_width(operation, input, WIDTHS[operation] if width is None else width, separator, suffix))


def _parts(text: str) -> list[str]:
    """A list of texts in JSON, or else the lines."""
    try:
        parts = json.loads(text) if text.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        parts = None
    texts = isinstance(parts, list) and all(isinstance(one, str) for one in parts)
    return parts if parts is not None and texts else text.splitlines()


def _with_options(operation: Operation, input: str | list[str], options: dict[str, Any]) -> Result:
    """What stands in the table is checked as the parameters are."""
    takes = signature(text_manipulator)
    given: dict[str, Any] = {}
    for name, value in options.items():
        if name in ("start", "end") and type(value) in (int, float):  # they count from 0 there
            given["start" if name == "start" else "finish"] = _from_zero(name, value)
        else:
            given[OPTIONS.get(name, name)] = value
    try:
        return text_manipulator(**takes.check({**given, "operation": operation, "input": input}))
    except Problems as error:
        raise ToolError(f"options: {error}", code="invalid_parameters") from None


def _from_zero(name: str, value: float) -> float:
    if name == "start":
        return value + 1 if value >= 0 else value
    return value if value >= 0 else value - 1


def _in_width(operation: str, text: str, width: int, separator: str | None, suffix: str) -> str:
    if operation == "truncate":
        return truncate(text, width, suffix)
    if operation == "pad":
        return text.ljust(_limited(width), (separator or " ")[0])
    if operation == "indent":
        _limited(len(text) + (text.count("\n") + 1) * max(width, 0))
        return indent(text, (separator or " ")[0] * width)
    if operation == "word_wrap":
        return word_wrap(text, max(width, 1))
    return "\n".join(textwrap.wrap(text, max(width, 1)))


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


SIMPLE: dict[str, Callable[[str], Any]] = {
    "uppercase": str.upper, "lowercase": str.lower, "title": titled, "capitalize": str.capitalize,
    "trim": str.strip, "reverse": reversed_text, "length": len, "lines": str.splitlines, "slug": slug,
    **PLAIN,
}  # fmt: skip
SEARCHES: dict[str, Callable[[str, str], Any]] = {
    "count": str.count, "contains": lambda text, find: find in text,
    "starts_with": str.startswith, "ends_with": str.endswith,
}  # fmt: skip


def _result(value: Any) -> Result:
    if isinstance(value, bool):
        return Result(value, "true" if value else "false")
    return Result(value, "\n".join(value) if isinstance(value, list) else str(value))


def _needed(operation: str, find: str | None) -> str:
    if find is None:
        raise ToolError(f"{operation} needs `find`", code="invalid_parameters")
    return find


def _regex(operation: str, text: str, pattern: str, replacement: str, count: int, ignore_case: bool) -> Result:
    if len(text) > MAX_REGEX_TEXT:
        raise ToolError(f"a regular expression takes a text of at most {MAX_REGEX_TEXT} characters")
    matches = found(compiled(pattern, ignore_case), text)
    if count > 0:
        matches = islice(matches, count)
    if operation == "regex_find":
        return _result([match.group(0) for match in matches])
    try:
        return _result(_replaced(text, matches, replacement))
    except (regex.error, IndexError) as error:
        raise ToolError(f"replacement {replacement!r}: {error}") from error


def _replaced(text: str, matches: Iterator[regex.Match[str]], replacement: str) -> str:
    parts, end, size = [], 0, len(text)
    references = replacement.count("\\")
    for match in matches:
        size = _limited(size + len(replacement) + references * len(match.group(0)))
        parts += [text[end : match.start()], match.expand(replacement)]
        end = match.end()
    return "".join([*parts, text[end:]])


def _limited(size: int) -> int:
    if size > MAX_RESULT:
        raise ToolError(f"the result would be longer than {MAX_RESULT} characters")
    return size


def _replace(text: str, find: str, replacement: str, count: int | None) -> str:
    times = text.count(find) if count is None or count < 0 else count
    _limited(len(text) + min(times, text.count(find)) * len(replacement))
    return text.replace(find, replacement, times)


def _substring(text: str, start: int, finish: int) -> str:
    """As Lua's string.sub, in characters."""
    first = max(len(text) + start, 0) if start < 0 else max(start - 1, 0)
    last = len(text) + finish + 1 if finish < 0 else finish
    return text[first : max(last, 0)]


def _repeat(text: str, count: int) -> str:
    _limited(len(text) * count)
    return text * count
