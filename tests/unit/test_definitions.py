"""Which functions a text defines, by the names that a person would call them by."""

from __future__ import annotations

import pytest

from llmspell_kernel.debug.probing import Spots
from llmspell_kernel.lua.definitions import path_of
from llmspell_kernel.lua.lines import Compiler
from llmspell_kernel.lua.syntax import LANGUAGE

assert LANGUAGE


def found(text: str, name: str, file: str | None = "/project/sub/geometry.lua") -> list[int]:
    """The lines where functions of this name begin."""
    path = path_of(name)
    assert path is not None
    data = text.encode()
    active = Compiler().lines_of_functions(data, b"=text")
    return [entry.line for _, entry in Spots().entries(data, active, [path], file)]


@pytest.mark.parametrize(
    ("text", "names", "others"),
    [
        ("function f()\n x()\nend", ["f", "_G.f"], ["g", "M.f", "ff"]),
        ("local function f()\n x()\nend", ["f"], ["M.f"]),
        ("local f <const> = function()\n x()\nend", ["f"], []),
        ("function M.f()\n x()\nend", ["f", "M.f", "M:f"], ["N.f", "M"]),
        ("function M:f()\n x()\nend", ["f", "M.f", "M:f"], ["N.f"]),
        ("function A.B.C:f()\n x()\nend", ["f", "C:f", "B.C.f", "A.B.C.f"], ["A.f", "A.B.f"]),
        ("M.f = function()\n x()\nend", ["f", "M.f"], []),
        ("M['f'] = function()\n x()\nend", ["f", "M.f"], []),
        ("_G.f = function()\n x()\nend", ["f", "_G.f"], []),
        ("_ENV['f'] = function()\n x()\nend", ["f"], []),
        ("a, M.f, b = 1, function()\n x()\nend", ["f", "M.f"], ["a", "b"]),
        ("global = function()\n x()\nend", ["global"], []),  # a word of the grammar, not of Lua's
        ("a, global = 1, function()\n x()\nend", ["global"], ["a"]),
        ("global.f = function()\n x()\nend", ["f", "global.f"], []),
        ("local global = {} function global:f()\n x()\nend\nreturn global", ["geometry.f"], []),
        ("local M = { f = function()\n x()\nend }", ["f", "M.f"], []),
        ("local M = { ['f'] = function()\n x()\nend }", ["f", "M.f"], []),
        ("a, M = 1, { sub = { f = function()\n x()\nend } }", ["f", "M.sub.f", "sub.f"], ["M.f", "a.sub.f"]),
        ("get().f = function()\n x()\nend", ["f"], []),
        ("call { f = function()\n x()\nend }", ["f"], ["call.f"]),
        ("f =\nfunction()\n x()\nend", [], []),
        ("local f = f or function()\n x()\nend", [], ["f"]),
        ("f(function()\n x()\nend)", [], ["f"]),
        ("-- f = function() end\nlocal s = 'f = function'", [], ["f"]),
    ],
)
def test_names_of_definitions(text: str, names: list[str], others: list[str]) -> None:
    assert [found(text, name) for name in names] == [[2]] * len(names)
    assert [found(text, name) for name in others] == [[]] * len(others)


@pytest.mark.parametrize(
    "text",
    [
        "local M = {}\nfunction M.area()\n x()\nend\nreturn M -- that is all",
        "return {\narea = function()\n x()\nend }",
        "local M = {\narea = function()\n x()\nend }\nreturn M",
    ],
)
def test_what_a_file_returns_has_the_name_of_its_module(text: str) -> None:
    for name in ("area", "geometry.area", "sub.geometry.area"):
        assert found(text, name) == [3]
    assert found(text, "sub.area") == found(text, "area.geometry") == []
    assert found(text, "sub.area", "/project/sub/init.lua") == [3]
    assert found(text, "geometry.area", None) == []


def test_a_function_that_begins_on_a_line_of_its_own() -> None:
    assert found("local\nf\n=\nfunction()\n\n x()\nend\nlocal function g() f() end", "f") == [6]


def test_all_functions_of_a_name() -> None:
    text = "function A.f() x() end\nfunction B.f() x() end\nB.f = function() x() end\nlocal function f() return f() end"
    assert found(text, "f") == [1, 2, 3, 4]
    assert found(text, "B.f") == [2, 3]


def test_a_function_of_a_long_file() -> None:
    filler = "".join(f"function filler{n}()\n  local f = {n}\n  return f\nend\n" for n in range(500))
    text = filler + "function M.wanted(x)\n  local function inner() end\n  return x\nend\n" + filler
    assert found(text, "M.wanted") == [2002]
