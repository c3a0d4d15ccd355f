"""Where things are: definitions, references, renames. Pure but for the files of the workspace; any thread."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.language.api import FOLDER, Definition, api
from llmspell_kernel.language.context import KEYWORDS
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.meaning import Meaning, meaning
from llmspell_kernel.language.names import Binding, Names, Occurrence
from llmspell_kernel.language.text import Span, encoded
from llmspell_kernel.language.trees import at, is_key
from llmspell_kernel.language.values import Evaluator, Member, span
from llmspell_kernel.language.workspace import Workspace

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")


class Place(NamedTuple):
    """``span`` is in ``document``; where there is none, only a line of a file is known."""

    path: str
    document: Document | None
    span: Span
    line: int = 0


class Reference(NamedTuple):
    document: Document
    span: Span
    write: bool
    declaration: bool


# Definitions ------------------------------------------------------------------------------------------


def definition(world: Workspace, document: Document, offset: int, everyday: bool = True) -> list[Place]:
    found = meaning(world, document, offset)
    if found is None:
        return []
    if found.kind in ("tool", "parameter"):
        return _tool(world, found.name)
    if found.value is not None and found.value.kind == "tool" and not everyday:
        return _tool(world, found.value.text)
    if found.definition is not None:
        return [_described(found.definition)]
    if not everyday:
        return []
    if found.kind == "module":
        module = world.module(found.name, document.path)
        return [] if module is None else [Place(module.path, module, Span(0, 0))]
    if found.member is not None:
        return _member(found.member)
    return _binding(world, document, found)


def _tool(world: Workspace, name: str) -> list[Place]:
    source = world.tools.source(name)
    return [] if source is None else [Place(source.path, None, Span(0, 0), source.line)]


def _described(definition: Definition) -> Place:
    path = os.path.join(FOLDER, definition.file)
    with open(path, "rb") as file:
        line = file.read(definition.at).count(b"\n")
    return Place(path, None, Span(0, 0), line)


def _member(member: Member) -> list[Place]:
    if member.document is None or member.name_node is None:
        return []
    return [Place(member.document.path, member.document, span(member.name_node))]


def _binding(world: Workspace, document: Document, found: Meaning) -> list[Place]:
    binding = found.binding
    if binding is None:
        return []
    if binding.variable is not None and binding.declared is not None:
        size = len(encoded(binding.name)) if binding.variable.kind != "self" else 0
        return [Place(document.path, document, Span(binding.declared, binding.declared + size))]
    for one in _first(document, world.documents()):
        written = [use for use in one.now.names.uses_of_global(binding.name) if use.role == "write"]
        if written:
            return [Place(one.path, one, Span(written[0].start, written[0].end))]
    return []


def _first(document: Document, documents: Iterator[Document]) -> Iterator[Document]:
    yield document
    yield from (one for one in documents if one is not document)


# References -------------------------------------------------------------------------------------------


def references(world: Workspace, document: Document, offset: int) -> list[Reference]:
    """All, the declaration too."""
    found = meaning(world, document, offset)
    if found is None:
        return []
    if found.kind == "tool":
        return list(_tool_references(world, found.name))
    if found.member is not None and found.member.document is not None and found.member.name_node is not None:
        return list(_member_references(world, found.member))
    binding = found.binding
    if binding is None:
        return []
    if binding.variable is not None:
        return [_reference(document, one) for one in document.now.names.occurrences(binding)]
    return [
        _reference(one, use)
        for one in _first(document, world.documents())
        for use in one.now.names.uses_of_global(binding.name)
    ]


def _reference(document: Document, one: Occurrence) -> Reference:
    return Reference(document, Span(one.start, one.end), one.role != "read", one.role == "declare")


def _tool_references(world: Workspace, name: str) -> Iterator[Reference]:
    pattern = re.compile(rb"""["']""" + re.escape(encoded(name)) + rb"""["']""")
    for document in world.documents():
        for match in pattern.finditer(document.now.data):
            found = meaning(world, document, match.start() + 1)
            if found is not None and found.kind == "tool":
                yield Reference(document, found.span, False, False)


def _member_references(world: Workspace, member: Member) -> Iterator[Reference]:
    """Every ``x.name`` where x is that table, as far as it can be told."""
    assert member.name_node is not None and member.document is not None
    target = (member.document, member.name_node.start_byte)
    pattern = re.compile(rb"(?<![\w])" + re.escape(encoded(member.name)) + rb"(?![\w])")
    for document in _first(member.document, world.documents()):
        for match in pattern.finditer(document.now.data):
            found = _member_at(world, document, Span(*match.span()), target[1] if document is target[0] else None)
            if found is None or found.name_node is None or (found.document, found.name_node.start_byte) != target:
                continue
            is_target = document is target[0] and match.start() == target[1]
            yield Reference(document, Span(*match.span()), is_target, is_target)


def _member_at(world: Workspace, document: Document, place: Span, own: int | None) -> Member | None:
    node = at(document.now.root, place.start, place.end)
    above = node.parent
    if node.type != "identifier" or above is None:
        return None
    evaluator = Evaluator(world, document)
    if above.type in ("dot_index_expression", "method_index_expression") and above.children[-1] == node:
        return evaluator.member(evaluator.value(above.children[0]), document.now.text.string(place))
    if own == place.start and above.type == "field" and is_key(above):
        table = above.parent
        return evaluator.member(evaluator.value(table), document.now.text.string(place))
    return None


def highlights(world: Workspace, document: Document, offset: int) -> list[Reference]:
    return [one for one in references(world, document, offset) if one.document is document]


# Renaming ---------------------------------------------------------------------------------------------


def renamable(world: Workspace, document: Document, offset: int) -> Span:
    """The word that would be renamed. Raises UserError: it can't be, and why."""
    found = meaning(world, document, offset)
    if found is None:
        raise UserError("there is no name here that could be renamed")
    if found.kind in ("tool", "parameter", "module") or found.definition is not None:
        raise UserError(f"{found.name} is not this program's to rename")
    binding = found.binding
    if binding is not None and binding.variable is not None and binding.variable.kind == "self":
        raise UserError("self is Lua's own name; it can't be renamed")
    if binding is not None and binding.variable is None and binding.name in api().globals:
        raise UserError(f"{binding.name} is not this program's to rename")
    if binding is None and (found.member is None or found.member.name_node is None):
        raise UserError(f"it is not known what {found.name} is a field of")
    return found.span


def renamed(world: Workspace, document: Document, offset: int, name: str) -> list[Reference]:
    """The places where the name is to be replaced. Raises UserError: it can't be, and why."""
    renamable(world, document, offset)
    if not IDENTIFIER.match(name) or name.encode() in KEYWORDS:
        raise UserError(f"{name!r} is not a name in Lua")
    found = meaning(world, document, offset)
    places = references(world, document, offset)
    if found is not None and found.binding is not None:
        for one in {id(place.document): place.document for place in places}.values():
            _check(one.now.names, found.binding, [place.span for place in places if place.document is one], name)
    return places


def _check(names: Names, binding: Binding, places: list[Span], name: str) -> None:
    """The new name must not mean something else at one of the places, nor take away another's meaning."""
    if name == binding.name:
        return
    problem = UserError(f"there is another {name} where {binding.name} is used")
    if any(name in names.visible(place.start) or name in names.visible(place.end) for place in places):
        raise problem
    others = names.uses_of_global(name)
    if binding.variable is None:
        if others:
            raise problem
        return
    first, last = (binding.base + one for one in binding.variable.seen)
    if any(first <= one.start <= last for one in others):
        raise problem
