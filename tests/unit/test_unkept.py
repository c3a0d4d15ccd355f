"""What the text says of locals that Lua does not know on a line."""

from __future__ import annotations

import pytest

from llmspell_kernel.lua.lines import Function
from llmspell_kernel.lua.syntax import Syntax
from llmspell_kernel.lua.unkept import names_around

MAIN = Function(0, 0)


@pytest.mark.parametrize(
    ("declaration", "value"),
    [
        ("local x <const> = 5", "5"),
        ("local x<const>=-0x10", "- 0x10"),
        ("local a, x <const> = 1, nil", "nil"),
        ("local x <const>, b <close> = 'a b', nil", "'a b'"),
        ("local y <const> = 2 local x <const> = (y + 1) // y", "( (2) + 1 ) // (2)"),
        ("local y <const> = 2 local x <const> = y do local y <const> = 3 end", "(2)"),
        ("local x <const> = -- five\n 5", "5"),
        ("local x <close> = nil", True),
        ("local x = 5", True),
        ("local x <const> = {}", True),
        ("local x <const> = f()", True),
        ("local x <const> = 'a' .. f", True),
        ("local x <const>, y = 1", "1"),
        ("local y, x <const> = f()", True),
        ("local x x = 1 local x = 2", False),
        ("local function x() end", True),
        ("local function x() end do local x end", False),
    ],
)
def test_a_declaration(declaration: str, value: str | bool) -> None:
    text = f"{declaration}\nprint()\n"
    assert names_around(Syntax(text.encode()), MAIN, text.count("\n"))["x"] == value


def test_what_hides_a_constant_is_what_is_meant() -> None:
    text = b"local x <const> = 1\nlocal function f(x)\nreturn x\nend\nfor x = 1, 2 do\nprint(x)\nend\nprint(x)\n"
    syntax = Syntax(text)
    assert [names_around(syntax, *where)["x"] for where in ((Function(2, 4), 3), (MAIN, 6), (MAIN, 8))] == [
        False,
        False,
        "1",
    ]


def test_a_line_in_the_middle_of_a_statement_is_that_statement() -> None:
    syntax = Syntax(b"local x <const> = 1\nprint(\n  y\n)\nlocal z <const> = 2\n")
    assert names_around(syntax, MAIN, 3) == {"x": "1"}
    assert names_around(syntax, MAIN, 99) == {}
    assert names_around(Syntax(b"local x <const> = = 1\nprint()\n"), MAIN, 2) == {}
