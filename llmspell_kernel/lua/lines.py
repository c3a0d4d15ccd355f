"""What the code that Lua makes of a chunk tells: its active lines; and a function made a main chunk.

`string.dump` holds, for each instruction, the line the line hook will see: the truth about
where a program can stop. A scratch state compiles; nothing is run. Any thread may call.
The format is that of Lua 5.4 (ldump.c, lundump.c); bytecode.py knows LuaJIT's.
"""

from __future__ import annotations

import re
import sys
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar

from llmspell_kernel.errors import UserError
from llmspell_kernel.lua import bytecode
from llmspell_kernel.lua.state import new_state
from llmspell_kernel.lua.values import text as to_text

T = TypeVar("T")
REMEMBERED = 16  # texts
COMPILE = b"""
local load, dump = load, string.dump
return function(text, name)
    local f, problem = load(text, name, "t")
    if f then return dump(f), nil end
    return nil, problem
end
"""
HEADER_SIZE = 31  # signature … LUAC_NUM
ABSOLUTE = -0x80  # lineinfo: the line is in abslineinfo
CONSTANT_SIZES = {0x00: 0, 0x01: 0, 0x11: 0, 0x03: 8, 0x13: 8}  # nil, false, true, integer, float


class Function(NamedTuple):
    """Lines of a function: Lua's ``linedefined`` and ``lastlinedefined``; the main chunk is 0, 0."""

    first: int
    last: int


class Memory(Generic[T]):
    """What has been made of the last few texts."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, T] = OrderedDict()

    def get(self, text: bytes, make: Callable[[], T]) -> T:
        found = self._known.pop(text, None)
        if found is None:
            found = make()
        self._known[text] = found
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


class Compiler:
    """A scratch Lua state that checks syntax and finds active lines."""

    def __init__(self, runtime: str = "lua54") -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._compile: Any = None
        self._lines: Memory[Mapping[Function, set[int]]] = Memory()

    def check(self, text: bytes, name: bytes = b"=input") -> str | None:
        """The syntax error of a chunk, or None."""
        return self._dump(text, name)[1]

    def active_lines(self, text: bytes, name: bytes) -> list[int]:
        """Sorted lines on which a program can stop. Raises UserError: a syntax error."""
        return sorted(set().union(*self.lines_of_functions(text, name).values()))

    def lines_near(self, text: bytes, name: bytes, wanted: Iterable[int]) -> list[int]:
        """Sorted lines on which a program can stop, of a part of it: the first from each of those on is among them.
        Raises UserError: a syntax error."""
        return _near(self.lines_of_functions(text, name), sorted(set(wanted)))

    def lines_of_functions(self, text: bytes, name: bytes) -> Mapping[Function, set[int]]:
        """The same by function; those that begin and end on the same lines are taken together."""
        return self._lines.get(text, lambda: self._read_lines(text, name))

    def _read_lines(self, text: bytes, name: bytes) -> Mapping[Function, set[int]]:
        code, problem = self._dump(text, name)
        if code is None:
            raise UserError(problem or "not Lua source")
        return lines_of_functions(code) if self._runtime == "lua54" else _lines_of_luajit(code)

    def _dump(self, text: bytes, name: bytes) -> tuple[bytes | None, str | None]:
        with self._lock:
            if self._compile is None:
                compile = COMPILE if self._runtime == "lua54" else bytecode.COMPILE
                self._compile = new_state(runtime=self._runtime).execute(compile)
            code, problem = self._compile(text, name)
        return code, None if problem is None else to_text(problem)


def lines_of_functions(code: bytes) -> Mapping[Function, set[int]]:
    """The active lines of each function in the output of ``string.dump``."""
    lines = _Lines()
    _Dump(code).function(lines.tables)
    return lines


def _near(functions: Mapping[Function, set[int]], wanted: Sequence[int]) -> list[int]:
    """No line between one that is wanted and the main chunk's next is that of a function which ends before or begins
    behind them."""
    main = functions.get(Function(0, 0), set())
    of_main = sorted(main)
    ends = [of_main[at] if (at := bisect_left(of_main, line)) < len(of_main) else sys.maxsize for line in wanted]
    found = set(main)
    for function in functions:
        at = bisect_right(wanted, function.last) - 1
        if at >= 0 and function.first <= ends[at]:
            found |= functions[function]
    return sorted(found)


def _lines_of_luajit(told: bytes) -> dict[Function, set[int]]:
    lines: dict[Function, set[int]] = {}
    for first, last, found in bytecode.lines_of_functions(told):
        lines.setdefault(Function(first, last), set()).update(found)
    return lines


def as_main(code: bytes) -> bytes | None:
    """The dump of a vararg function that begins on line 1, as that of a main chunk: so Lua's tracebacks call it.

    None if it is not understood. A main chunk is defined on line 0, and instructions count their lines from
    there: the first instruction's is one more.
    """
    cursor = _Dump(code)
    begin = cursor.skip_source()
    if cursor.size() != 1:
        return None
    cursor.size()
    end = cursor.at
    cursor.skip(3)
    count = cursor.size()
    at = _main_lines(code, end, count)
    if at is None or code[at] != 0:
        return None
    return code[:begin] + b"\x80\x80" + code[end:at] + b"\x01" + code[at + 1 :]


def _main_lines(code: bytes, begin: int, count: int) -> int | None:
    """Where the line table of the main function is. Everything that it nests stands before, without its size;
    so it is searched from the end: the place from which all that must follow ends where the code ends."""
    mark, high = _number(count), len(code)
    while (found := code.rfind(mark, begin, high)) >= 0:
        at = found + len(mark)
        if at + count <= len(code) and _Dump(code, at + count).is_rest():
            return at
        high = found + len(mark) - 1
    return None


def _number(value: int) -> bytes:
    """As ``dumpSize`` writes it."""
    digits = [value & 0x7F | 0x80]
    while value := value >> 7:
        digits.append(value & 0x7F)
    return bytes(reversed(digits))


@cache
def _numbers(count: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:[\x00-\x7f]*[\x80-\xff]){%d}" % count)


class _Table(NamedTuple):
    """The line table of one function: what each instruction adds to the line before it; lines that say themselves."""

    line: int
    deltas: bytes
    absolute: dict[int, int]
    is_vararg: bool

    def lines(self) -> list[int]:
        deltas = array("b", self.deltas)
        found = self._walk(deltas) if self.absolute else list(accumulate(deltas, initial=self.line))[1:]
        return found[1:] if self.is_vararg else found  # a vararg function first moves arguments

    def _walk(self, deltas: Iterable[int]) -> list[int]:
        found, line = [], self.line
        for at, delta in enumerate(deltas):
            line = self.absolute[at] if delta == ABSOLUTE else line + delta
            found.append(line)
        return found


class _Lines(Mapping[Function, set[int]]):
    """Lines by function, each table read when it is asked for: of a long text hardly any is."""

    def __init__(self) -> None:
        self.tables: dict[Function, list[_Table]] = {}
        self._read: dict[Function, set[int]] = {}

    def __getitem__(self, function: Function) -> set[int]:
        if function not in self._read:
            self._read[function] = {line for table in self.tables[function] for line in table.lines()}
        return self._read[function]

    def __iter__(self) -> Iterator[Function]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


class _Dump:
    """A cursor over a binary chunk."""

    def __init__(self, code: bytes, at: int = HEADER_SIZE + 1) -> None:
        self._code = code
        self.at = at  # after the header, and the number of upvalues of the main function

    def skip_source(self) -> int:
        self._string()
        return self.at

    def is_rest(self) -> bool:
        """Whether what follows a line table is all that there is: absolute lines, names."""
        try:
            for _ in range(self.size()):
                self.size()
                self.size()
            self._names()
        except IndexError:
            return False
        return self.at == len(self._code)

    def function(self, tables: dict[Function, list[_Table]]) -> None:
        self._string()  # source
        line = self.size()
        function = Function(line, self.size())
        is_vararg = self._code[self.at + 1]
        self.at += 3
        self.skip_items(4)
        self._constants()
        self.skip_items(3)  # upvalues
        for _ in range(self.size()):
            self.function(tables)
        tables.setdefault(function, []).append(self._table(line, bool(is_vararg)))
        self._names()

    def _table(self, line: int, is_vararg: bool) -> _Table:
        count = self.size()
        deltas = self._code[self.at : self.at + count]
        self.at += count
        absolute = {self.size(): self.size() for _ in range(self.size())}
        return _Table(line, deltas, absolute, is_vararg)

    def _names(self) -> None:
        """Of local variables, with their starts and ends; of upvalues."""
        self._skip_numbers(3 * self.size())  # names are ASCII
        for _ in range(self.size()):
            self._string()

    def _skip_numbers(self, count: int) -> None:
        """All that comes before the end of the last of so many sizes, and is ASCII."""
        found = _numbers(count).match(self._code, self.at) if count <= len(self._code) else None
        if found is None:
            raise IndexError
        self.at = found.end()

    def _constants(self) -> None:
        code = self._code
        for _ in range(self.size()):
            kind, size = code[self.at], code[self.at + 1]
            if kind in (0x04, 0x14):  # strings, most of them short
                self.at += 1
                if size & 0x80:
                    self.at += size & 0x7F or 1
                else:
                    self._string()
            else:
                self.at += 1 + CONSTANT_SIZES[kind]

    def _string(self) -> None:
        size = self.size()
        if size:
            self.at += size - 1

    def skip(self, count: int) -> None:
        self.at += count

    def skip_items(self, width: int) -> None:
        count = self.size()
        self.at += width * count

    def size(self) -> int:
        value = self._code[self.at]
        if value & 0x80:  # as nearly all are
            self.at += 1
            return value & 0x7F
        value = 0
        while True:
            byte = self._code[self.at]
            self.at += 1
            value = value << 7 | byte & 0x7F
            if byte & 0x80:
                return value
