"""What the word at the cursor means. Pure; any thread."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.api import Definition
from llmspell_kernel.language.calls import Calls, ToolCall, tool_at
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.names import NAMES, Binding
from llmspell_kernel.language.tables import Member, call_arguments, span
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.trees import INDEXES, around, at, is_key, node_text, parents, string_value
from llmspell_kernel.language.values import Evaluator, Value, World


class Meaning(NamedTuple):
    """``name``: of the tool, the module, the name. ``parameter``: a key in the parameters of tool ``name``."""

    kind: Literal["tool", "parameter", "module", "definition", "member", "name"]
    span: Span
    name: str
    parameter: str = ""
    definition: Definition | None = None
    member: Member | None = None
    binding: Binding | None = None
    value: Value | None = None


def meaning(world: World, document: Document, offset: int) -> Meaning | None:
    now = document.now
    word = now.text.word(offset)
    if word.start == word.end:
        word = Span(offset, offset)
    node = at(now.root, word.start, max(word.end, word.start))
    string = around(node, "string")
    if string is not None and string.start_byte < offset < string.end_byte:
        return _string(world, document, string)
    if node.type not in NAMES or now.data[word.start : word.end] != now.text.data[word.start : word.end]:
        return None
    above = node.parent
    if above is not None and above.type == "field" and is_key(above) and above.children[0] == node:
        return _key(world, document, node)
    evaluator = Evaluator(world, document)
    if above is not None and above.type in INDEXES and above.children[-1] == node:
        member = evaluator.member(evaluator.value(above.children[0]), node_text(node))
        definition = None if member is None else member.definition
        return Meaning("member", span(node), node_text(node), "", definition, member)
    return _name(evaluator, node)


def _name(evaluator: Evaluator, node: Node) -> Meaning | None:
    binding = evaluator.binding(node)
    if binding is None:
        return None
    value = evaluator.of_binding(binding)
    if binding.variable is None and value is not None and value.definition is not None:
        return Meaning("definition", span(node), binding.name, "", value.definition, None, binding)
    return Meaning("name", span(node), binding.name, "", None, None, binding, value)


def _string(world: World, document: Document, string: Node) -> Meaning | None:
    value = string_value(string)
    inner = Span(string.start_byte + 1, string.end_byte - 1)
    tool = tool_at(document, world, string)
    if tool is not None:
        return Meaning("tool", inner, tool)
    call = around(string, "function_call")
    if call is None or not value or node_text(call.child_by_field_name("name")) != "require":
        return None
    return Meaning("module", inner, value) if call_arguments(call)[:1] == [string] else None


def _key(world: World, document: Document, key: Node) -> Meaning | None:
    """A key in a table: a tool's parameter, or a field of the table."""
    table = around(key, "table_constructor")
    call = tool_call_of(world, document, table)
    if call is not None and call.parameters is not None and call.parameters == table:
        return Meaning("parameter", span(key), call.name, node_text(key))
    evaluator = Evaluator(world, document)
    member = evaluator.member(evaluator.value(table), node_text(key))
    return Meaning("member", span(key), node_text(key), "", None, member)


def tool_call_of(world: World, document: Document, node: Node | None) -> ToolCall | None:
    """The call of a tool in whose parameters something stands."""
    calls = Calls(world, document)
    for one in parents(node):
        if one.type == "function_call":
            for found in calls.of(one):
                if isinstance(found, ToolCall) and _holds(found, node):
                    return found
    return None


def _holds(call: ToolCall, node: Node | None) -> bool:
    table = call.parameters
    return (
        table is not None
        and node is not None
        and table.start_byte <= node.start_byte
        and node.end_byte <= table.end_byte
    )
