"""What LuaJIT's code of a chunk tells: its active lines; and a function made a main chunk. See lines.py.

The format is that of LuaJIT 2.1 (lj_bcdump.h). Pure functions, but for `COMPILE`, which a scratch state runs.
"""

from __future__ import annotations

from collections.abc import Iterator

# Gives lines of numbers: a function's first and last line, then its active ones. What a line hook sees is the
# line of each instruction, but of the first: it is the head of the function.
COMPILE = b"""
local load, util, concat = load, require("jit.util"), table.concat
local function add(proto, out)
    local info, seen = util.funcinfo(proto), {}
    local line = info.linedefined == 0 and { 0, 0 } or { info.linedefined, info.lastlinedefined }
    for pc = 1, info.bytecodes - 1 do
        local at = util.funcinfo(proto, pc).currentline
        if not seen[at] then seen[at], line[#line + 1] = true, at end
    end
    out[#out + 1] = concat(line, " ")
    for n = -1, info.children and -65536 or 0, -1 do
        local inner = util.funck(proto, n)
        if inner == nil then break end
        if type(inner) == "proto" then add(inner, out) end
    end
    return out
end
return function(text, name)
    local f, problem = load(text, name, "t")
    if f then return concat(add(f, {}), "\\n"), nil end
    return nil, problem
end
"""
STRIPPED = 2  # of the flags: no debug information
VERSION = b"\x1bLJ\x02"


def lines_of_functions(told: bytes) -> Iterator[tuple[int, int, list[int]]]:
    """Of what `COMPILE` gives: first and last line of each function, and its active lines."""
    for row in told.splitlines():
        first, last, *lines = map(int, row.split())
        yield first, last, lines


def as_main(code: bytes) -> bytes | None:
    """The dump of a function as that of a main chunk, which begins on line 0: so LuaJIT's tracebacks call it.

    None if it is not understood.
    """
    if not code.startswith(VERSION) or code[4] & STRIPPED:
        return None
    size, at = _number(code, 5)  # of the chunk's name
    begin = start = at + size
    length, start = _number(code, begin)
    while start + length + 1 < len(code):  # the function itself comes last, then a zero
        begin = start + length
        length, start = _number(code, begin)
    proto = _moved_to_line_0(code[start : start + length])
    return code[:begin] + _written(len(proto)) + proto + b"\0"


def _moved_to_line_0(proto: bytes) -> bytes:
    """Lines are counted from the first one, in as many bytes as the number of lines needs."""
    at = 4  # flags, parameters, size of the frame, upvalues
    for _ in range(2):
        _, at = _number(proto, at)  # constants
    count, at = _number(proto, at)
    head = at
    size, at = _number(proto, at)
    first, at = _number(proto, at)
    extent, at = _number(proto, at)
    debug = len(proto) - size
    width, wider = _width(extent), _width(extent + first)
    table = proto[debug : debug + count * width]
    lines = [int.from_bytes(table[n : n + width], "little") + first for n in range(0, len(table), width)]
    moved = b"".join(line.to_bytes(wider, "little") for line in lines)
    rest = proto[debug + count * width :]
    numbers = _written(len(moved) + len(rest)) + _written(0) + _written(extent + first)
    return proto[:head] + numbers + proto[at:debug] + moved + rest


def _width(lines: int) -> int:
    return 1 if lines < 256 else 2 if lines < 65536 else 4


def _number(code: bytes, at: int) -> tuple[int, int]:
    """A ULEB128, and where it ends."""
    value = shift = 0
    while True:
        byte = code[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _written(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
