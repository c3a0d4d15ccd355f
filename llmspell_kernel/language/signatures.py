"""How what is called at the cursor is called. Pure; any thread."""

from __future__ import annotations

from typing import NamedTuple

from llmspell_kernel.language.annotations import Named
from llmspell_kernel.language.api import OURS
from llmspell_kernel.language.callees import Callee, Cursor
from llmspell_kernel.language.context import context
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.tables import function_doc, parameters
from llmspell_kernel.language.text import Span, decoded
from llmspell_kernel.language.values import World
from llmspell_kernel.language.words import parameter_label, parameter_line


class Signature(NamedTuple):
    """``parameters``: how each is written in the label, and what is said of it. ``active``: which is being written."""

    label: str
    doc: str
    parameters: list[tuple[str, str]]
    active: int | None


def signature(world: World, document: Document, offset: int, everyday: bool = True) -> Signature | None:
    where = context(document.now.text, document.now.root, offset)
    cursor = Cursor(world, document, where, offset)
    given = cursor.given()
    if given is not None:
        return _tool(world, given.tool, given.path[0] if given.path else given.table.key)
    for opened in reversed(where.opens):
        if opened.bracket == "(" and (callee := cursor.callee(opened)) is not None:
            return _call(document, callee, opened.callee, opened.argument, everyday)
    return None


def _tool(world: World, name: str, key: str | None) -> Signature | None:
    info = world.tools.info(name)
    if info is None:
        return None
    listed = [one for one in info.parameters() if not one.same_as]
    shown = [(parameter_label(one), parameter_line(one).removeprefix("- ")) for one in listed]
    wanted = info.parameter(key) if key is not None else None
    real = wanted.same_as or wanted.name if wanted is not None else None
    active = next((i for i, one in enumerate(listed) if one.name == real), None)
    return Signature(f"{info.name} {{ {', '.join(label for label, _ in shown)} }}", info.description, shown, active)


def _call(document: Document, callee: Callee, span: Span | None, argument: int, everyday: bool) -> Signature | None:
    definition = callee.definition
    if definition is not None and definition.kind in ("function", "method"):
        if not everyday and definition.file not in OURS:
            return None
        argument += int(callee.mark == ":" and definition.kind == "function")
        return _made(definition.path, list(definition.parameters), definition.doc.text, definition.type, argument)
    node = callee.value.node if callee.value is not None and callee.value.kind == "function" else None
    if node is None or span is None or not everyday:
        return None
    doc = function_doc(node)
    listed = [doc.parameter(one) or Named(one, "") for one in parameters(node)]
    is_method = callee.member is not None and callee.member.kind == "method"
    argument += int(callee.mark == ":" and not is_method) - int(callee.mark == "." and is_method)
    name = decoded(document.now.text.data[span.start : span.end])
    return _made(name, listed, doc.text, ", ".join(doc.returns), argument)


def _made(name: str, listed: list[Named], doc: str, given: str, argument: int) -> Signature:
    shown = [(str(one) if one.type else one.name, one.doc) for one in listed]
    last = len(shown) - 1
    if argument > last and shown and listed[-1].name == "...":
        argument = last
    label = f"{name}({', '.join(label for label, _ in shown)}){f': {given}' if given else ''}".replace("llmspell.", "")
    shown = [(label.replace("llmspell.", ""), doc) for label, doc in shown]
    return Signature(label, doc, shown, argument if 0 <= argument <= last else None)
