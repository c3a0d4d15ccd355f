"""Where statements really are: the active lines of a chunk, from the code Lua makes of it.

`string.dump` holds, for each instruction, the line the line hook will see: the truth about
where a program can stop. A scratch state compiles; nothing is run. Any thread may call.
The format is that of Lua 5.4 (ldump.c, lundump.c).
"""

from __future__ import annotations

import threading
from itertools import accumulate
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.state import new_state
from llmspell_kernel.lua.values import text as to_text

COMPILE = b"""
local load, dump = load, string.dump
return function(text, name)
    local f, problem = load(text, name, "t")
    if f then return dump(f), nil end
    return nil, problem
end
"""
HEADER_SIZE = 31  # signature … LUAC_NUM
ABSOLUTE = 0x80  # lineinfo: the line is in abslineinfo (ABSLINEINFO as a byte)
CONSTANT_SIZES = {0x00: 0, 0x01: 0, 0x11: 0, 0x03: 8, 0x13: 8}  # nil, false, true, integer, float


class Compiler:
    """A scratch Lua state that checks syntax and finds active lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._compile: Any = None

    def check(self, text: bytes, name: bytes = b"=input") -> str | None:
        """The syntax error of a chunk, or None."""
        return self._dump(text, name)[1]

    def active_lines(self, text: bytes, name: bytes) -> list[int]:
        """Sorted lines on which a program can stop. Raises UserError: a syntax error."""
        code, problem = self._dump(text, name)
        if code is None:
            raise UserError(problem or "not Lua source")
        return active_lines(code)

    def _dump(self, text: bytes, name: bytes) -> tuple[bytes | None, str | None]:
        with self._lock:
            if self._compile is None:
                self._compile = new_state().execute(COMPILE)
            code, problem = self._compile(text, name)
        return code, None if problem is None else to_text(problem)


def active_lines(code: bytes) -> list[int]:
    """The active lines in the output of ``string.dump``."""
    lines: set[int] = set()
    _Dump(code).function(lines)
    return sorted(lines)


class _Dump:
    """A cursor over a binary chunk."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._at = HEADER_SIZE + 1  # and the number of upvalues of the main function

    def function(self, lines: set[int]) -> None:
        self._string()  # source
        line = self._size()  # linedefined
        self._size()  # lastlinedefined
        is_vararg = self._code[self._at + 1]
        self._at += 3
        self._skip(4)
        for _ in range(self._size()):
            self._constant()
        self._skip(3)  # upvalues
        for _ in range(self._size()):
            self.function(lines)
        self._lines(line, bool(is_vararg), lines)
        self._names()

    def _lines(self, line: int, is_vararg: bool, lines: set[int]) -> None:
        count = self._size()
        deltas = self._code[self._at : self._at + count]
        self._at += count
        absolute = {self._size(): self._size() for _ in range(self._size())}
        found = self._walk(line, deltas, absolute)
        lines.update(found[1:] if is_vararg else found)  # a vararg function first moves arguments

    def _walk(self, line: int, deltas: bytes, absolute: dict[int, int]) -> list[int]:
        if not absolute:
            steps = (d - 256 if d > 127 else d for d in deltas)
            return list(accumulate(steps, initial=line))[1:]
        found = []
        for at, delta in enumerate(deltas):
            if delta == ABSOLUTE:
                line = absolute[at]
            else:
                line += delta - 256 if delta > 127 else delta
            found.append(line)
        return found

    def _names(self) -> None:
        for _ in range(self._size()):  # local variables: name, start, end
            self._string()
            self._size()
            self._size()
        for _ in range(self._size()):  # upvalue names
            self._string()

    def _constant(self) -> None:
        kind = self._code[self._at]
        self._at += 1
        if kind in (0x04, 0x14):
            self._string()
        else:
            self._at += CONSTANT_SIZES[kind]

    def _string(self) -> None:
        size = self._size()
        self._at += max(size - 1, 0)

    def _skip(self, width: int) -> None:
        count = self._size()
        self._at += width * count

    def _size(self) -> int:
        value = 0
        while True:
            byte = self._code[self._at]
            self._at += 1
            value = value << 7 | byte & 0x7F
            if byte & 0x80:
                return value
