"""What is shown about the word at the cursor. Pure; any thread."""

from __future__ import annotations

from typing import NamedTuple

from llmspell_kernel.language.api import OURS
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.meaning import Meaning, meaning
from llmspell_kernel.language.running import Field
from llmspell_kernel.language.tables import function_doc, function_signature, initializer
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.trees import around, at, node_text
from llmspell_kernel.language.values import Value, World
from llmspell_kernel.language.words import definition_text, lua, parameter_text, tool_text

LONGEST = 120


class Hover(NamedTuple):
    text: str  # Markdown
    span: Span


def hover(world: World, document: Document, offset: int, everyday: bool = True) -> Hover | None:
    found = meaning(world, document, offset)
    if found is None:
        return None
    running = running_name(world, document, offset)
    if running is not None:
        return Hover(running_text(*running, None), found.span)
    text = _text(world, document, found, everyday)
    return None if text is None else Hover(text, found.span)


def running_text(path: str, field: Field, said: str | None) -> str:
    """``said``: by the kernel."""
    return f"{lua(said or f'{path}: {field.kind}')}\n\nIn kernel {field.kernel}"


def running_name(world: World, document: Document, offset: int) -> tuple[str, Field] | None:
    """A global, or a field of one, of which only a running kernel knows; how it is written, and what is known."""
    found = meaning(world, document, offset)
    if found is None or found.definition is not None or found.value is not None or found.member is not None:
        return None
    path = found.name
    if found.kind == "member":
        node = at(document.now.root, found.span.start, found.span.end)
        path = node_text(node.parent)
        root = document.now.names.find(node.parent.start_byte) if node.parent is not None else None
        if root is None or root.variable is not None:
            return None
    elif found.kind != "name" or found.binding is None or found.binding.variable is not None:
        return None
    field = world.running.find(path)
    return None if field is None else (path, field)


def _text(world: World, document: Document, found: Meaning, everyday: bool) -> str | None:
    if found.kind in ("tool", "parameter"):
        info = world.tools.info(found.name)
        if info is None or found.kind == "tool":
            return None if info is None else tool_text(info)
        parameter = info.parameter(found.parameter)
        return None if parameter is None else parameter_text(parameter, info.name)
    if found.definition is not None:
        return definition_text(found.definition) if everyday or found.definition.file in OURS else None
    if found.value is not None and found.value.kind == "tool":
        info = world.tools.info(found.value.text)
        return None if info is None else tool_text(info)
    if not everyday:
        return None
    if found.member is not None:
        return "\n\n".join(filter(None, [lua(found.member.detail or found.name), found.member.doc]))
    return _name(document, found)


def _name(document: Document, found: Meaning) -> str | None:
    binding = found.binding
    if binding is None:
        return None
    if binding.variable is None and found.value is None:
        return lua(f"global {found.name}")
    kind = "global" if binding.variable is None else binding.variable.kind
    attribute = (
        f" <{binding.variable.attribute}>" if binding.variable is not None and binding.variable.attribute else ""
    )
    if found.value is not None and found.value.kind == "function" and found.value.node is not None:
        word = "local function" if binding.variable is not None else "function"
        doc = function_doc(found.value.node).text
        return "\n\n".join(filter(None, [lua(f"{word} {function_signature(found.name, found.value.node)}"), doc]))
    shown = {"parameter": "(parameter)", "loop": "(loop)", "self": "(self)"}.get(kind, kind)
    return lua(f"{shown} {found.name}{attribute}{_given(document, found)}")


def _given(document: Document, found: Meaning) -> str:
    value: Value | None = found.value
    if value is not None and value.kind == "class":
        return f": {value.text.removeprefix('llmspell.')}"
    where = found.binding.declared if found.binding is not None else None
    if where is None or around(at(document.now.root, where, where + 1), "variable_declaration") is None:
        return ""
    text = node_text(initializer(at(document.now.root, where, where + 1)))
    first = text.partition("\n")[0]
    return f" = {first if len(first) < LONGEST and first == text else first[:LONGEST] + ' …'}" if text else ""
