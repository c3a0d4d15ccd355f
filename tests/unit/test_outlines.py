"""Breakpoints are found without reading all of a long text, and where they would have been found in all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.lua.lines import Compiler
from llmspell_kernel.lua.syntax import Place, Syntax, outline

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "examples", Path("/usr/share/lua/5.4"), Path("/usr/share/lua/5.3")]
TEXTS = sorted({path.resolve() for folder in FOLDERS for path in folder.rglob("*.lua")})
TRICKY = """\
local a = function() return [[
x ]] end
local b = function(one,
  two)
  return one
end
local c = function() local s = "\\
" return s end
local d = function() --[==[
]] ]==] local e = 1
  return e
end
function f()
  for i = 1, 2 do
    local g = function()
      return i
    end
    g()
  end
end
print(a, b, c, d)
local
function h(one)
  local inside = one
  return inside
end
function k() end function l(x)
  local y = x
  return y
end local after = 1
function string.p()
  local z = after
  return z
end local more = after
local -- a word

  -- and what it is for
function q()
  local n = more
  return n
end
G = q
print(more, h, G)
function r()
  local n = more
  return n
end
-- the end
"""


def found(syntax: Syntax, line: int) -> list[tuple[object, ...]]:
    """All but the nodes, and the names seen there."""
    return [
        (*(getattr(place, field) for field in Place._fields if field != "nodes"), sorted(syntax.names(place).items()))
        for place in syntax.places(line, line)
    ]


def compare(text: bytes, step: int) -> None:
    functions = Compiler().lines_of_functions(text, b"=text")
    whole = Syntax(text)
    for line in range(1, text.count(b"\n") + 2, step):
        read = outline(text, functions, [line])
        if read is None:
            continue
        syntax = Syntax(text, read)
        assert not syntax.readable or syntax.last_token == whole.last_token
        assert not syntax.readable or found(syntax, line) == found(whole, line), f"line {line}"


def next_line(lines: list[int], wanted: int) -> int | None:
    return next((line for line in lines if line >= wanted), None)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_part_of_the_lines_tells_the_next_one_from_each_that_is_asked_for(path: Path) -> None:
    text, compiler = path.read_bytes(), Compiler()
    if compiler.check(text) is None:
        every = compiler.active_lines(text, b"=text")
        wanted = range(1, text.count(b"\n") + 3, 1 + text.count(b"\n") // 50)
        some = compiler.lines_near(text, b"=text", wanted)
        assert [next_line(some, line) for line in wanted] == [next_line(every, line) for line in wanted]
        for line in wanted[::5]:
            assert next_line(compiler.lines_near(text, b"=text", [line]), line) == next_line(every, line)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_an_outline_tells_the_same_of_its_lines(path: Path) -> None:
    text = path.read_bytes()
    if Compiler().check(text) is None and Syntax(text).readable:
        compare(text, 1 + text.count(b"\n") // 20)


def test_strings_and_parameters_over_several_lines() -> None:
    compare(TRICKY.encode(), 1)


def test_an_outline_leaves_out_what_is_not_asked_for() -> None:
    text = TRICKY.encode()
    read = outline(text, Compiler().lines_of_functions(text, b"=text"), [20])
    assert read is not None and len(read) == len(text) and b"return i" not in read and b"print(a, b, c, d)" in read
