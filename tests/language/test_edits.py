"""However a text came to be, what is said of it is what a fresh reading says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.problems import problems
from llmspell_kernel.language.text import Encoding, Text, decoded, encoded
from llmspell_kernel.language.tools import Registered
from llmspell_kernel.language.trees import parsed
from llmspell_kernel.language.workspace import Workspace

PIECES = st.sampled_from(
    ["local x = 1\n", "local function f(a)\n  return a + x\nend\n", "f(", ")", "end", "\n", "\r\n", "\r", "if x then\n",
     "é", "😀", "\ud83d", "[[", "]]", '"', "--", "t.a = { b = 1 }\n", "function t.m() x = y end\n", " ", "x", "::l::\n"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)
EDITS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 12), TEXTS), max_size=6)


@given(TEXTS, EDITS)
@settings(max_examples=150, deadline=None)
def test_lines_after_edits_are_the_lines_of_the_text(start: str, edits: list[tuple[int, int, str]]) -> None:
    text = Text(encoded(start))
    for at, length, new in edits:
        begin = at % (len(text.data) + 1)
        text = text.edited(begin, min(begin + length, len(text.data)), encoded(new))
        assert text.starts == Text(text.data).starts


@given(TEXTS, EDITS)
@settings(max_examples=100, deadline=None)
def test_trees_and_names_after_edits_are_those_of_the_text(start: str, edits: list[tuple[int, int, str]]) -> None:
    document = Document(encoded(start))
    for at, length, new in edits:
        assert document.now.names is not None
        begin = at % (len(document.now.text.data) + 1)
        document.edit(begin, min(begin + length, len(document.now.text.data)), encoded(new))
        now, fresh = document.now, parsed(document.now.data)
        assert len(now.data) == len(now.text.data)
        if not fresh.root_node.has_error:  # of broken texts tree-sitter may say either
            assert str(now.root) == str(fresh.root_node)
            assert _said(document) == _said(Document(now.data))


LINES = st.sampled_from(
    ["local x = 1\n", "function f(a)\n  return a + x\nend\n", "f()\n", "x =\n", "return x\n", "--[[\n", "]]\n", "do\n", "end\n",
     "x = [[\n", "#!lua\n", "\ufeff", "  ", "local z = t.\n", "goto l\n", "::l::\n", "repeat\n", "until x\n", "break\n", "f", "\n",
     "local t <const> = {}\n", "t = nil\n", "(f)()\n", "--", "'", "return", "\\\n"]
)  # fmt: skip
START = "function f(a)\n  return a\nend\nlocal t = { f }\nfunction g()\n  f(t)\nend\nf(g)\n"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(-1, 1), LINES), min_size=1, max_size=12))
@settings(max_examples=400, deadline=None)
def test_nothing_is_blanked_in_a_text_that_is_lua(edits: list[tuple[int, int, str]]) -> None:
    document = Document(encoded(START))
    for line, lines, new in edits:
        starts, data = document.now.text.starts, document.now.text.data
        assert document.now.root is not None
        begin = starts[line % len(starts)]
        end = begin if lines < 1 else document.now.text.line_span(line % len(starts)).end
        document.edit(begin - (lines < 0 < begin), min(end, len(data)), encoded(new))
        _is_right(document)


def _is_right(document: Document) -> None:
    now = document.now
    assert len(now.data) == len(now.text.data)
    if now.problem is None:
        assert now.is_sound or parsed(now.text.data).root_node.has_error
    if now.is_sound and not now.root.has_error:
        assert now.problem is None or not now.problem.is_grammar


@pytest.mark.parametrize(
    "typed",
    [
        [(4, "--[[ "), (7, "]]\n")],  # a comment over several functions
        [(4, "x = [[ "), (7, "]]\n")],
        [(3, "return 1\n")],  # not the last statement
        [(7, "return 1"), (8, "\n")],
        [(2, "end return 1 --")],
        [(7, "\ufeff")],
        [(4, "#!lua\n")],  # only a first line may be that
        [(0, "#!lua\n"), (5, "local z = t.")],
        [(4, "do "), (8, "end\n"), (4, "local x = 1\n")],
        [(3, "goto l\n"), (8, "::l::\n")],
    ],
)
def test_what_is_typed_letter_by_letter_is_read_as_it_stands(typed: list[tuple[int, str]]) -> None:
    document = Document(encoded(START))
    for line, text in typed:
        at = document.now.text.starts[line]
        for letter in text:
            assert document.now.root is not None
            document.edit(at, at, letter.encode())
            at += 1
            _is_right(document)


CALLS = st.sampled_from(
    ['local c = Tool.get("calculator")\n', 'local c = Tool.get("nope")\n', "local c = {}\n", "do\n", "end\n", "Tool = {}\n",
     'function f()\n  c:execute{ input = 1 }\nend\n', 'function g(c)\n  c:execute{}\nend\n',
     'local h = function() return function() return c:execute{ x = 1 } end end\n', 'Tool.execute("calculator", {})\n']
)  # fmt: skip


@given(st.lists(CALLS, min_size=1, max_size=8), st.lists(st.tuples(st.integers(0, 20), CALLS), max_size=5))
@settings(max_examples=80, deadline=None)
def test_problems_after_edits_are_those_of_the_text(lines: list[str], edits: list[tuple[int, str]]) -> None:
    both = Workspace(Registered(), [])
    document = Document("".join(lines).encode())
    for at, new in edits:
        problems(both, document)
        start = document.now.text.starts[at % len(document.now.text.starts)]
        document.edit(start, start, new.encode())
    if document.now.problem is None:
        assert problems(both, document) == problems(both, Document(document.now.text.data))


def _said(document: Document) -> object:
    names = document.now.names
    found = {one.key: names.occurrences(one) for one in names.variables()}
    return found, {name: names.uses_of_global(name) for name in names.globals()}


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
@settings(max_examples=150, deadline=None)
def test_positions_go_there_and_back(start: str, encoding: Encoding) -> None:
    text = Text(encoded(start))
    characters = decoded(text.data)
    for index in range(len(characters) + 1):
        offset = len(encoded(characters[:index]))
        if text.data[offset - 1 : offset + 1] == b"\r\n":
            continue  # between the two there is no position
        line, character = text.position(offset, encoding)
        assert text.offset(line, character, encoding) == offset


def test_positions_count_utf_16_units() -> None:
    text = Text("a😀é = 1".encode())
    assert text.position(5) == (0, 3)
    assert text.offset(0, 4) == 7


def test_a_position_within_a_pair_is_before_it() -> None:
    assert Text("😀x".encode()).offset(0, 1) == 0


def test_positions_beyond_the_end_are_the_end() -> None:
    text = Text(b"ab\r\ncd")
    assert (text.offset(0, 99), text.offset(9, 0), text.offset(1, 99)) == (2, 6, 6)


def test_only_lf_cr_and_both_end_a_line() -> None:
    assert Text("a\x0bb\x0cc\u2028d\x85e\n".encode()).starts == [0, 13]
