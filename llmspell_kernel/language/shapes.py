"""What can be folded, and what a selection grows to. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tree_sitter import Node, Query, QueryCursor

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.text import Span, Text
from llmspell_kernel.language.trees import at, parents
from llmspell_kernel.lua.syntax import LANGUAGE

FOLDED = Query(
    LANGUAGE,
    """[(function_declaration) (function_definition) (for_statement) (while_statement) (repeat_statement)
        (do_statement) (table_constructor) (arguments) (if_statement) (elseif_statement) (else_statement)
        (string)] @fold (comment) @comment""",
)


class Fold(NamedTuple):
    """Lines, from 0; the last one stays to be seen."""

    first: int
    last: int
    kind: Literal["region", "comment"]


def folds(document: Document) -> list[Fold]:
    text = document.now.text
    found = QueryCursor(FOLDED).captures(document.now.root)
    listed = {one for node in found.get("fold", ()) if (one := _fold(text, node)) is not None}
    listed.update(_comments(text, found.get("comment", [])))
    return sorted(listed)


def _fold(text: Text, node: Node) -> Fold | None:
    end = node.end_byte
    if node.type == "if_statement":  # up to its first branch
        branch = next((one for one in node.children if one.type in ("elseif_statement", "else_statement")), None)
        end = branch.start_byte if branch is not None else end
    elif node.type in ("elseif_statement", "else_statement"):
        after = node.next_sibling
        end = after.start_byte if after is not None else end
    first, last = text.line_of(node.start_byte), text.line_of(max(end - 1, node.start_byte))
    if node.type not in ("string",):
        last = text.line_of(end) - 1
    return Fold(first, last, "region") if last > first else None


def _comments(text: Text, comments: list[Node]) -> Iterator[Fold]:
    """Comments on lines of their own that follow one another."""
    first = last = -2
    for node in sorted(comments, key=lambda one: one.start_byte):
        start, end = text.line_of(node.start_byte), text.line_of(max(node.end_byte - 1, node.start_byte))
        is_alone = not text.data[text.starts[start] : node.start_byte].strip()
        if is_alone and start == last + 1:
            last = end
            continue
        if last > first:
            yield Fold(first, last, "comment")
        first, last = (start, end) if is_alone else (-2, -2)
    if last > first:
        yield Fold(first, last, "comment")


def selections(document: Document, offset: int) -> list[Span]:
    """Spans around a place, the smallest first, each within the next."""
    now = document.now
    word = now.text.word(offset)
    line = now.text.line_span(now.text.line_of(offset))
    found = [word] if word.end > word.start else [Span(offset, offset)]
    nodes = [Span(one.start_byte, one.end_byte) for one in parents(at(now.root, word.start, word.end))]
    if now.data[line.start : line.end] != now.text.data[line.start : line.end]:  # blanked: there are no nodes
        nodes = [line, *nodes]
    for one in (*nodes, Span(0, len(now.text.data))):
        last = found[-1]
        if one != last and one.start <= last.start and last.end <= one.end:
            found.append(one)
    return found
