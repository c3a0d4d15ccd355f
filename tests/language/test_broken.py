"""Texts somebody is typing: what does not fit is left out, the rest is understood."""

from __future__ import annotations

import pytest

from llmspell_kernel.language.document import Document
from tests.support.language import cursor, typed

FINE = "local M = {}\nfunction M.one(a)\n  local b = a\n  return b\nend\n"
AFTER = "function M.two(c)\n  return c\nend\nreturn M\n"


@pytest.mark.parametrize(
    "broken",
    [
        "local q = M.¦",
        "M.one(¦",
        "M:¦",
        "if M then¦",
        "local function three(¦",
        "M.one{ a = ¦",
        'local s = "abc¦',
        "local s = [[abc¦",
        "return function()¦",
        "for k, v in pairs(M) do\n  local z = v.¦",
        "foo(function()\n  M.¦",
        "local t = {\n  a = 1,\n  b = ¦",
        "-- [[\n)¦",
    ],
)
def test_what_stands_around_a_broken_line_is_understood(broken: str) -> None:
    document = typed(FINE + broken + "\n" + AFTER)
    assert not document.now.root.has_error
    names = document.now.names
    assert {"M", "a", "b", "c"} <= {one.name for one in names.variables()}


@pytest.mark.parametrize("broken", ["local x = calc:", "if x then", "x = = 1", "f(function()", "}}}", "local s = 'abc"])
def test_a_file_that_is_opened_broken_is_understood_where_it_is_not(broken: str) -> None:
    document = Document((FINE + broken + "\n" + AFTER).encode())
    assert not document.now.root.has_error
    assert {"M", "c"} <= {one.name for one in document.now.names.variables()}


def test_unindented_code_is_understood_too() -> None:
    text = "describe(function()\nlocal a = 1\nit(function()\nlocal b = a\nprint(b, \nend)\nend)\nlocal last = 1\n"
    document = Document(text.encode())
    assert not document.now.root.has_error
    assert "last" in {one.name for one in document.now.names.variables()}


@pytest.mark.parametrize(
    "data", [b"", b"\0\xff\xfe", b"(" * 5000, b"{" * 5000, b"do " * 3000, b"--[[", b"\xef\xbb\xbf#!x"]
)
def test_whatever_is_no_lua_is_survived(data: bytes) -> None:
    document = Document(data)
    assert len(document.now.data) == len(data)
    assert document.now.names.visible(len(data)) == {}


def test_a_sum_of_ten_thousand_terms_is_read() -> None:
    document = Document(b"local x = 1\nlocal y = " + b" + ".join([b"x"] * 10_000))
    (x,) = [one for one in document.now.names.variables() if one.name == "x"]
    assert len(document.now.names.occurrences(x)) == 10_001


def test_names_are_seen_at_a_line_that_is_being_typed() -> None:
    text, offset = cursor("local function f(a)\n  local b = a\n  local c = b.¦\nend\n")
    document = typed("local function f(a)\n  local b = a\n  local c = b.¦\nend\n")
    assert document.now.text.data == text.encode()
    assert {"f", "a", "b"} <= set(document.now.names.visible(offset))
