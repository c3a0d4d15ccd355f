"""Labels and the `goto`s that lead to them. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.document import Snapshot
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.trees import FUNCTIONS, at, node_text, parents

LABEL, GOTO = "label_statement", "goto_statement"


class Label(NamedTuple):
    """``declared`` is the name between the colons; ``gotos``: the names behind `goto`. ``taken``: the function's other
    labels."""

    name: str
    here: Span
    declared: Span
    gotos: tuple[Span, ...]
    taken: frozenset[str]


def label(now: Snapshot, offset: int) -> Label | None:
    """The label that is named at a place."""
    word = now.text.word(offset)
    node = at(now.root, word.start, word.end)
    above = node.parent
    if node.type != "identifier" or above is None or above.type not in (LABEL, GOTO):
        return None
    declared = above if above.type == LABEL else _reached(above)
    if declared is None or declared.parent is None:
        return None
    name = node_text(node)
    gotos = (one for one in _inside(declared.parent) if one.type == GOTO and _name(one) == name)
    taken = {_name(one) for one in _inside(_function(declared)) if one.type == LABEL}
    found = tuple(_span(one) for one in gotos if _reached(one) == declared)
    return Label(name, _span(above), _span(declared), found, frozenset(taken) - {name})


def labels_seen(now: Snapshot, offset: int) -> Iterator[str]:
    """Where a `goto` can lead from a place."""
    for block in _blocks(at(now.root, offset)):
        yield from (_name(one) for one in block.children if one.type == LABEL)


def _reached(goto: Node) -> Node | None:
    labels = (one for block in _blocks(goto) for one in block.children if one.type == LABEL)
    return next((one for one in labels if _name(one) == _name(goto)), None)


def _blocks(node: Node) -> Iterator[Node]:
    """What is around a place, up to its function."""
    for one in parents(node):
        if one.type in FUNCTIONS:
            return
        yield one


def _function(node: Node) -> Node:
    return list(_blocks(node))[-1]


def _inside(block: Node) -> Iterator[Node]:
    """In the order of the text, without inner functions."""
    pending = [block]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed([one for one in node.named_children if one.type not in FUNCTIONS])


def _name(statement: Node) -> str:
    return node_text(next((one for one in statement.named_children if one.type == "identifier"), None))


def _span(statement: Node) -> Span:
    name = next((one for one in statement.named_children if one.type == "identifier"), statement)
    return Span(name.start_byte, name.end_byte)
