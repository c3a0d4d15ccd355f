"""Where a table's fields are used: ``x.name``, ``x["name"]``. Pure but for the files of the workspace; any thread."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.tables import Member, span
from llmspell_kernel.language.text import Span, encoded
from llmspell_kernel.language.trees import INDEXES, at, is_key
from llmspell_kernel.language.values import Evaluator, Value
from llmspell_kernel.language.workspace import Workspace


class Reference(NamedTuple):
    """``certain``: it is told of what it is a field; else it only has the name."""

    document: Document
    span: Span
    write: bool
    declaration: bool
    certain: bool = True


def member_references(world: Workspace, member: Member, only_certain: bool = False) -> Iterator[Reference]:
    """Every ``x.name`` where x is that table, and where it can't be told what x is."""
    assert member.document is not None, "a described member has no references"
    pattern = re.compile(rb"(?<!\w)" + re.escape(encoded(member.name)) + rb"(?!\w)")
    for document in first(member.document, world.documents()):
        if document is member.document or _may_use(document, member, only_certain):
            for match in pattern.finditer(document.now.data):
                found = _reference(Evaluator(world, document), Span(*match.span()), member)
                if found is not None and (found.certain or not only_certain):
                    yield found


def _may_use(document: Document, member: Member, only_certain: bool) -> bool:
    """By the words of another file, which is not parsed for it: who knows the table for certain requires its file."""
    data, name = document.now.text.data, re.escape(encoded(member.name))
    folder, file = os.path.split(member.document.path if member.document is not None else "")
    stems = (file.partition(".")[0], os.path.basename(folder))  # "shapes" is shapes.lua, or shapes/init.lua
    if only_certain and not any(encoded(one) in data for one in stems if one):
        return False
    return re.search(rb"[.:]\s*" + name + rb"(?!\w)|[\"']" + name + rb"[\"']", data) is not None


def _reference(evaluator: Evaluator, place: Span, member: Member) -> Reference | None:
    assert member.name_node is not None, "it has a name in a text"
    index = index_at(evaluator.document, place)
    if index is None:
        return None
    is_own = evaluator.document is member.document and place.start == member.name_node.start_byte
    owner = owner_of(evaluator, index)
    found = evaluator.member(owner, member.name)
    if found is not None and _where(found) == _where(member):
        return Reference(evaluator.document, place, _is_write(index), is_own)
    if owner is None and index.type != "field":
        return Reference(evaluator.document, place, _is_write(index), False, False)
    return None


def _where(member: Member) -> tuple[Document | None, int]:
    return member.document, member.name_node.start_byte if member.name_node is not None else -1


def first(document: Document, documents: Iterator[Document]) -> Iterator[Document]:
    yield document
    yield from (one for one in documents if one is not document)


def index_at(document: Document, place: Span) -> Node | None:
    """The ``x.name``, ``x:name``, ``x["name"]`` or ``{ name = … }`` in which a name stands at a place."""
    node = at(document.now.root, *place)
    above = node.parent
    if node.type == "string_content" and span(node) == place and above is not None:
        node, above = above, above.parent
        is_index = above is not None and above.type == "bracket_index_expression"
        return above if above is not None and is_index and above.child_by_field_name("field") == node else None
    if node.type != "identifier" or above is None:
        return None
    if above.type in INDEXES and above.children[-1] == node:
        return above
    return above if above.type == "field" and is_key(above) and above.children[0] == node else None


def owner_of(evaluator: Evaluator, index: Node) -> Value | None:
    return evaluator.value(index.parent if index.type == "field" else index.children[0])


def _is_write(index: Node) -> bool:
    above = index.parent
    return index.type == "field" or (above is not None and above.type in ("variable_list", "function_declaration"))
