"""What was executed in this kernel: the last entries, bounded in number and size. Lua thread only."""

from __future__ import annotations

from collections import deque
from fnmatch import fnmatchcase
from typing import NamedTuple

MAX_ENTRIES, MAX_CHARACTERS = 1000, 1_000_000
MAX_OUTPUT = 1000  # characters of one result


class Entry(NamedTuple):
    number: int
    code: str
    output: str | None


class History:
    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._size = 0

    def add(self, number: int, code: str, output: str | None) -> None:
        entry = Entry(number, code, output and output[:MAX_OUTPUT])
        self._entries.append(entry)
        self._size += _size(entry)
        while len(self._entries) > MAX_ENTRIES or self._size > MAX_CHARACTERS:
            self._size -= _size(self._entries.popleft())

    def tail(self, n: int) -> list[Entry]:
        return list(self._entries)[-n:] if n > 0 else []

    def range(self, start: int, stop: int | None) -> list[Entry]:
        """From execution ``start`` to the one before ``stop``; all that follow for None."""
        return [one for one in self._entries if start <= one.number and (stop is None or one.number < stop)]

    def search(self, pattern: str, n: int | None, unique: bool) -> list[Entry]:
        """The last ``n`` whose code matches a pattern with ``*`` and ``?``."""
        found = [one for one in self._entries if fnmatchcase(one.code, pattern)]
        if unique:
            last = {one.code: one for one in found}
            found = sorted(last.values())
        return found if n is None else found[-n:] if n > 0 else []


def _size(entry: Entry) -> int:
    return len(entry.code) + len(entry.output or "")
