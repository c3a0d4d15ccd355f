"""What may be renamed, and where. Pure but for the files of the workspace; any thread."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from llmspell_kernel.errors import UserError
from llmspell_kernel.language.api import api
from llmspell_kernel.language.context import KEYWORDS
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.labels import label
from llmspell_kernel.language.meaning import Meaning, meaning
from llmspell_kernel.language.members import Reference, index_at, member_references, owner_of
from llmspell_kernel.language.names import Binding, Names
from llmspell_kernel.language.navigation import label_references, references
from llmspell_kernel.language.tables import comments_above
from llmspell_kernel.language.text import Span, encoded
from llmspell_kernel.language.trees import FUNCTIONS, around, at
from llmspell_kernel.language.undefined import ENVIRONMENT
from llmspell_kernel.language.values import Evaluator
from llmspell_kernel.language.workspace import Workspace

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")


def renamable(world: Workspace, document: Document, offset: int) -> Span:
    """The word that would be renamed. Raises UserError: it can't be, and why."""
    found = meaning(world, document, offset)
    if found is None:
        goto = label(document.now, offset)
        if goto is None:
            raise UserError("there is no name here that could be renamed")
        return goto.here
    if found.kind in ("tool", "parameter", "module") or found.definition is not None:
        raise UserError(f"{found.name} is not this program's to rename")
    binding = found.binding
    if binding is not None and binding.variable is not None and binding.variable.kind == "self":
        raise UserError("self is Lua's own name; it can't be renamed")
    if binding is not None and binding.name == ENVIRONMENT:
        raise UserError(f"{ENVIRONMENT} is Lua's own name; it can't be renamed")
    if binding is not None and binding.variable is None and binding.name in api().globals:
        raise UserError(f"{binding.name} is not this program's to rename")
    if binding is None and (found.member is None or found.member.name_node is None):
        raise UserError(f"it is not known what {found.name} is a field of")
    return found.span


def renamed(world: Workspace, document: Document, offset: int, name: str) -> list[Reference]:
    """The places where the name is to be replaced; those that are not certain are fields of who knows what. Raises
    UserError: it can't be, and why."""
    renamable(world, document, offset)
    if not IDENTIFIER.match(name) or name.encode() in KEYWORDS:
        raise UserError(f"{name!r} is not a name in Lua")
    if name == ENVIRONMENT:
        raise UserError(f"{ENVIRONMENT} is Lua's own name")
    found = meaning(world, document, offset)
    if found is None:
        return _label(document, offset, name)
    if found.binding is None:
        return _member(world, document, found, name)
    places = references(world, document, offset)
    if name != found.binding.name:
        _check_global(world, found.binding, name)
        for one in {id(place.document): place.document for place in places}.values():
            _check(one.now.names, found.binding, [place.span for place in places if place.document is one], name)
    said = _said_of_parameter(document, found.binding)
    return [*places, *(Reference(document, one, False, False) for one in said)]


def _label(document: Document, offset: int, name: str) -> list[Reference]:
    found = label(document.now, offset)
    if found is not None and name in found.taken:
        raise UserError(f"there is another label {name} in this function")
    return label_references(document, offset)


def _member(world: Workspace, document: Document, found: Meaning, name: str) -> list[Reference]:
    assert found.member is not None, "else it could not be renamed"
    index = index_at(document, found.span)
    evaluator = Evaluator(world, document)
    if name != found.name and index is not None and evaluator.member(owner_of(evaluator, index), name) is not None:
        raise UserError(f"the table has another field {name}")
    return list(member_references(world, found.member))


def _check_global(world: Workspace, binding: Binding, name: str) -> None:
    """Globals are the same in all files."""
    if binding.variable is not None:
        return
    if name in api().globals:
        raise UserError(f"{name} is Lua's or llmspell's own name")
    for one in world.documents():
        if encoded(name) in one.now.data and one.now.names.uses_of_global(name):
            raise UserError(f"there is another global {name}, in {os.path.basename(one.path)}")


def _check(names: Names, binding: Binding, places: list[Span], name: str) -> None:
    """The new name must not mean something else at one of the places, nor take away another's meaning."""
    problem = UserError(f"there is another {name} where {binding.name} is used")
    if any(name in names.visible(place.start) or name in names.visible(place.end) for place in places):
        raise problem
    if binding.variable is None:
        return
    first, last = (binding.base + one for one in binding.variable.seen)
    if any(first <= one.start <= last for one in names.uses_of_global(name)):
        raise problem


def _said_of_parameter(document: Document, binding: Binding) -> Iterator[Span]:
    """Its name in the comment above its function: ``---@param name``."""
    if binding.variable is None or binding.variable.kind != "parameter" or binding.declared is None:
        return
    function = around(at(document.now.root, binding.declared, binding.declared + 1), *FUNCTIONS)
    pattern = re.compile(rb"@param\s+(" + re.escape(encoded(binding.name)) + rb")(?!\w)")
    for comment in comments_above(function) if function is not None else ():
        for match in pattern.finditer(document.now.data, comment.start_byte, comment.end_byte):
            yield Span(*match.span(1))
