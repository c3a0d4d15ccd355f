"""Where things are: definitions, references. Pure but for the files of the workspace; any thread."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from llmspell_kernel.language.api import FOLDER, Definition
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.labels import label
from llmspell_kernel.language.meaning import Meaning, meaning
from llmspell_kernel.language.members import Reference, first, member_references
from llmspell_kernel.language.names import Occurrence
from llmspell_kernel.language.tables import Member, span
from llmspell_kernel.language.text import Span, encoded
from llmspell_kernel.language.undefined import may_define
from llmspell_kernel.language.workspace import Workspace


class Place(NamedTuple):
    """``span`` is in ``document``; where there is none, only a line of a file is known."""

    path: str
    document: Document | None
    span: Span
    line: int = 0


# Definitions ------------------------------------------------------------------------------------------


def definition(world: Workspace, document: Document, offset: int, everyday: bool = True) -> list[Place]:
    found = meaning(world, document, offset)
    if found is None:
        reached = label(document.now, offset) if everyday else None
        return [] if reached is None else [Place(document.path, document, reached.declared)]
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
    name = encoded(binding.name)
    for one in first(document, (one for one in world.documents() if may_define(one, name))):
        written = [use for use in one.now.names.uses_of_global(binding.name) if use.role == "write"]
        if written:
            return [Place(one.path, one, Span(written[0].start, written[0].end))]
    return []


# References -------------------------------------------------------------------------------------------


def references(world: Workspace, document: Document, offset: int) -> list[Reference]:
    """All, the declaration too."""
    found = meaning(world, document, offset)
    if found is None:
        return label_references(document, offset)
    if found.kind == "tool":
        return list(_tool_references(world, found.name))
    if found.member is not None and found.member.document is not None and found.member.name_node is not None:
        return list(member_references(world, found.member, only_certain=True))
    binding = found.binding
    if binding is None:
        return []
    if binding.variable is not None:
        return [_reference(document, one) for one in document.now.names.occurrences(binding)]
    return [
        _reference(one, use)
        for one in first(document, world.documents())
        if encoded(binding.name) in one.now.text.data  # else nothing is parsed for it
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


def label_references(document: Document, offset: int) -> list[Reference]:
    found = label(document.now, offset)
    if found is None:
        return []
    declared = Reference(document, found.declared, True, True)
    gotos = [Reference(document, one, False, False) for one in found.gotos]
    return sorted([declared, *gotos], key=lambda one: one.span)


def highlights(world: Workspace, document: Document, offset: int) -> list[Reference]:
    return [one for one in references(world, document, offset) if one.document is document]
