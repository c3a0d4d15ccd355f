"""file_search: lines that fit a pattern, in files and folders. Any thread.

Links are not followed, files that are not text are left out, and a pattern that needs ages is an error (patterns.py).
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

import regex

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.data import patterns
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.sandbox.policy import MEGABYTE
from llmspell_kernel.tools.spec import Example, Result, tool

LEFT_OUT = (".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "target")
MOST_MATCHES = 10_000
LONGEST = 1_000  # characters of a line that are shown
PEEK = 8192
# What could match the end of a line, or tell that one from the end of the text.
ACROSS_LINES = re.compile(r"\\[^wdbB.()\[\]{}*+?^$|\\/\- ]|\[\^|\[:|\(\?|[\0-\x1f]")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@tool(
    category="filesystem",
    level="restricted",
    examples=[
        Example(
            "Find a word",
            {"pattern": "world", "path": "{folder}", "context_lines": 0},
            text="hello.txt:1:Hello, world!",
            result={"total_matches": 1, "files_with_matches": 1},
        ),
        Example(
            "By a pattern, in some files",
            {"pattern": "^A.*London$", "path": "{folder}", "use_regex": True, "include_extensions": ["csv"]},
            text="people.csv-1-name,age,city\npeople.csv:2:Ada,36,London\npeople.csv-3-Grace,85,New York\n"
            "people.csv:4:Alan,41,London",
        ),
        Example("A wrong pattern", {"pattern": "(", "path": "{folder}", "use_regex": True}, error="failed"),
    ],
)
def file_search(
    call: Call,
    pattern: str,
    path: str,
    recursive: bool = True,
    case_sensitive: bool = True,
    use_regex: bool = False,
    context_lines: int = 2,
    include_extensions: list[str] | None = None,
    exclude_extensions: list[str] | None = None,
    exclude_dirs: list[str] | None = None,
    max_file_size: int = 10 * MEGABYTE,
    max_matches_per_file: int = 100,
    max_depth: int = 20,
) -> Result:
    """Search files for a text or a regular expression, line by line.

    Args:
        pattern: What is looked for.
        path: The file, or the folder whose files are searched.
        recursive: Whether folders in the folder are searched too.
        case_sensitive: Whether upper and lower case are different.
        use_regex: Whether `pattern` is a regular expression.
        context_lines: How many lines around each match are told.
        include_extensions: Only files with one of these endings, as txt or .txt.
        exclude_extensions: No files with one of these endings.
        exclude_dirs: Names of folders that are not searched; by default those of version control and packages.
        max_file_size: Larger files (bytes) are left out.
        max_matches_per_file: After how many lines that fit the rest of a file is left out.
        max_depth: How deep folders in folders are searched.
    """
    if not pattern:
        raise ToolError("`pattern` must not be empty", code="invalid_parameters")
    for name, value in (("context_lines", context_lines), ("max_depth", max_depth)):
        if not 0 <= value <= 100:
            raise ToolError(f"`{name}` must be from 0 to 100", code="invalid_parameters")
    if max_matches_per_file < 1 or max_file_size < 1:
        raise ToolError("`max_matches_per_file` and `max_file_size` must be at least 1", code="invalid_parameters")
    lines = _Lines(pattern if use_regex else regex.escape(pattern), not case_sensitive)
    search = _Search(call, lines, context_lines, max_matches_per_file, max_file_size)
    endings = _endings(include_extensions), _endings(exclude_extensions)
    left_out = set(LEFT_OUT if exclude_dirs is None else exclude_dirs)
    with files.told("search", path), call.policy.place(path) as place:
        search.all(_files(place, endings, left_out, max_depth if recursive else 0))
    return search.result()


def _endings(extensions: list[str] | None) -> tuple[str, ...] | None:
    return None if extensions is None else tuple("." + one.lower().lstrip("*").lstrip(".") for one in extensions)


def _files(
    place: files.Place, endings: tuple[Sequence[str] | None, Sequence[str] | None], left_out: set[str], depth: int
) -> Iterator[files.Found]:
    status = place.folder.status(place.name)
    if not stat.S_ISDIR(status.st_mode):
        yield files.Found(place.folder, place.name, place.name, status)
        return
    include, exclude = endings
    with place.folder.inner(place.name) as folder:
        for found in files.walk(folder, lambda one: one.name not in left_out, depth):
            ending = os.path.splitext(found.name)[1].lower()
            if found.is_file and (include is None or ending in include) and (exclude is None or ending not in exclude):
                yield found


class _Lines:
    """The lines that fit a pattern. Most patterns can't match the end of a line: they are looked for in all lines at
    once, which costs a fifth."""

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        self._each = patterns.compiled(pattern, ignore_case)
        self._all = None if ACROSS_LINES.search(pattern) else patterns.compiled("(?m)" + pattern, ignore_case)

    def fitting(self, lines: list[str]) -> Iterator[tuple[int, int]]:
        """Numbers of lines, from 0, and the place of the first match in each."""
        if self._all is not None:
            if lines:
                yield from self._in_all("\n".join(lines), self._all)
            return
        for number, line in enumerate(lines):
            match = next(patterns.found(self._each, line), None)
            if match is not None:
                yield number, match.start()

    def _in_all(self, text: str, wanted: regex.Pattern[str]) -> Iterator[tuple[int, int]]:
        number, start = 0, 0
        while start <= len(text):
            match = next(patterns.found(wanted, text, start), None)
            if match is None:
                return
            number += text.count("\n", start, match.start())
            line = text.rfind("\n", 0, match.start()) + 1
            yield number, match.start() - line
            end = text.find("\n", match.start())
            if end < 0:
                return
            number, start = number + 1, end + 1


class _Search:
    """What has been found so far."""

    def __init__(self, call: Call, wanted: _Lines, context: int, most: int, max_size: int) -> None:
        self._call, self._wanted, self._context, self._most, self._max_size = call, wanted, context, most, max_size
        self._matches: list[dict[str, Any]] = []
        self._text: list[str] = []
        self._left_out = {"binary": 0, "too_large": 0, "unreadable": 0}
        self._searched = self._with_matches = 0
        self._truncated = False

    def all(self, found: Iterator[files.Found]) -> None:
        for one in found:
            self._call.check()
            if one.status.st_size > self._max_size:
                self._left_out["too_large"] += 1
                continue
            try:
                with one.folder.reading(one.name) as file:
                    text = _text_of(file, self._max_size)
            except (OSError, ToolError):
                self._left_out["unreadable"] += 1
                continue
            if text is None:
                self._left_out["binary"] += 1
                continue
            self._file(one.path, text)
            if len(self._matches) >= MOST_MATCHES:
                self._truncated = True
                return

    def _file(self, path: str, text: str) -> None:
        self._searched += 1
        lines = text.splitlines()
        fitting = list(islice(self._wanted.fitting(lines), self._most + 1))
        self._truncated = self._truncated or len(fitting) > self._most
        del fitting[self._most :]
        if not fitting:
            return
        self._with_matches += 1
        for number, column in fitting:
            before = lines[max(number - self._context, 0) : number]
            after = lines[number + 1 : number + 1 + self._context]
            self._matches.append(
                {
                    "path": path, "line": number + 1, "column": column + 1, "text": lines[number][:LONGEST],
                    "before": [one[:LONGEST] for one in before], "after": [one[:LONGEST] for one in after],
                }
            )  # fmt: skip
        self._text += _shown(path, lines, [number for number, _ in fitting], self._context)

    def result(self) -> Result:
        fields = {
            "matches": self._matches, "total_matches": len(self._matches), "files_searched": self._searched,
            "files_with_matches": self._with_matches, "left_out": self._left_out, "truncated": self._truncated,
        }  # fmt: skip
        return Result(fields, "\n".join(self._text))


def _text_of(file: BinaryIO, most: int) -> str | None:
    """None: what is in it is no text."""
    start = file.read(PEEK)
    for mark, encoding in MARKS:
        if start.startswith(mark):
            return (start + file.read(most)).decode(encoding, "replace")
    if b"\0" in start:
        return None
    raw = start + file.read(most)
    return raw.decode("utf-8", "surrogateescape")


def _shown(path: str, lines: list[str], fitting: list[int], context: int) -> list[str]:
    """As grep does: PATH:LINE:TEXT, and with - around it; -- where lines are left out."""
    shown: list[str] = []
    matched, last = set(fitting), -1
    for number in fitting:
        start = max(number - context, last + 1)
        if context and 0 <= last < start - 1:
            shown.append("--")
        for n in range(start, min(number + context + 1, len(lines))):
            sign = ":" if n in matched else "-"
            shown.append(f"{path}{sign}{n + 1}{sign}{lines[n][:LONGEST]}")
            last = n
    return shown
