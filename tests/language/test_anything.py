"""Whatever the text and wherever the cursor, every question has an answer, and its places are in the text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import UserError
from llmspell_kernel.language.completion import complete
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.hover import hover
from llmspell_kernel.language.looks import evaluatable, hints, inline_values, lenses, tokens
from llmspell_kernel.language.navigation import definition, references
from llmspell_kernel.language.problems import problems
from llmspell_kernel.language.renaming import renamed
from llmspell_kernel.language.shapes import folds, selections
from llmspell_kernel.language.signatures import signature
from llmspell_kernel.language.symbols import flat
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.tools import Registered
from llmspell_kernel.language.workspace import Workspace

PIECES = st.sampled_from(
    ["local ", "x", "y", " = ", "1", "function ", "f(", ")", "(", "{", "}", "end ", "\n", ".", ":", ",", '"', "'", "[[", "]]",
     "--", "--- @param x string\n", "---@type llmspell.Timer\n", "if ", "then ", "for ", "in ", "do ", "return ", "self",
     "Tool.get", 'Tool.get("calculator")', ":execute{", 'Tool.execute("calculator", {', "input = ", "M", "M.x", "require",
     'require("x")', "setmetatable(", "Agent.builder()", ":tool(", "é", "😀", "\r\n", "::l::", "goto l ", "<const>", "..."]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=25).map("".join)


@given(TEXTS, st.integers(0, 10_000), st.text(max_size=2))
@settings(max_examples=250, deadline=None)
def test_every_question_has_an_answer(text: str, where: int, typed: str) -> None:
    world = Workspace(Registered(), [])
    document = world.opened("/nowhere/main.lua", text.encode())
    at = where % (len(document.now.text.data) + 1)
    while document.now.text.data[at : at + 1] and document.now.text.data[at] & 0xC0 == 0x80:
        at -= 1  # positions of editors are between characters
    new = typed.encode("utf-8", "surrogatepass")
    document.edit(at, at, new)
    at += len(new)
    size = len(document.now.text.data)
    places = [complete(world, document, at).word, *(one.span for one in problems(world, document))]
    places += [one.span for one in tokens(document)] + [one.span for one in lenses(world, document)]
    places += [one.span for one in inline_values(document, Span(0, size), at)]
    places += [one.span for one, _ in flat(document)] + selections(document, at)
    places += [one.span for one in references(world, document, at) if one.document is document]
    places += [one.span for one in definition(world, document, at) if one.document is document]
    places += [fix for one in problems(world, document) for made in one.fixes for fix, _ in made.edits]
    for found in (hover(world, document, at), evaluatable(document, at)):
        places += [] if found is None else [found.span if hasattr(found, "span") else found[0]]
    assert all(0 <= one.start <= one.end <= size for one in places)
    assert all(0 <= one.first < one.last < len(document.now.text.starts) for one in folds(document))
    assert all(0 <= one.at <= size for one in hints(world, document, Span(0, size)))
    signature(world, document, at)
    try:
        renamed(world, document, at, "fresh")
    except UserError as refused:
        assert str(refused)


def test_a_document_is_what_its_edits_make_it() -> None:
    document = Document(b"ab")
    document.edit(1, 1, b"x")
    document.edit(0, 1, b"")
    assert document.now.text.data == b"xb"
