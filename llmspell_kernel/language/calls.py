"""Calls of tools in a text: which tool, and the table of its parameters. Pure; any thread.

Which argument names a tool is not known here: api.lua says so, by the type `llmspell.ToolName`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.api import TOOL_NAME, Definition, api
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.tables import call_arguments
from llmspell_kernel.language.trees import INDEXES, around, at, is_key, node_text, string_value
from llmspell_kernel.language.values import Evaluator, Value, World

REGISTERED = re.compile(rb"""\bTool\s*\.\s*register\s*\(\s*["']([^"'\r\n]+)["']""")
COMPUTED = re.compile(rb"""\bTool\s*\.\s*register\s*\(\s*[^"'\s]""")  # under a name that is not to be seen
ASKED = re.compile(rb"""\bTool\s*\.\s*exists\s*\(?\s*["']([^"'\r\n]+)["']""")


class Named(NamedTuple):
    """A text that names a tool."""

    name: str
    node: Node


class ToolCall(NamedTuple):
    """``parameters`` is None where none are given; ``call`` is what a fix may add them to."""

    name: str
    call: Node
    parameters: Node | None


class Field(NamedTuple):
    key: Node
    name: str
    value: Node


@cache
def _pattern() -> re.Pattern[bytes]:
    """Calls of functions that take a tool's name, or parameters: only those are looked at."""
    takes = {
        one.name
        for members in api().classes.values()
        for one in members.values()
        if any(TOOL_NAME in parameter.type for parameter in one.parameters)
    }
    words = "|".join(sorted(takes | {"execute", "invoke", "all"})).encode()
    return re.compile(rb"[.:]\s*(?:" + words + rb")\s*[(\[{\"']")


def root_name(call: Node) -> str:
    """The name at the very left of what is called; "" where it is no name."""
    node: Node | None = call
    while node is not None and node.type in ("function_call", *INDEXES, "bracket_index_expression"):
        node = node.children[0] if node.children else None
    return node_text(node) if node is not None and node.type == "identifier" else ""


def callee_definition(value: Value | None) -> Definition | None:
    return None if value is None else value.definition


class Calls:
    """Of one document as it is now."""

    def __init__(self, world: World, document: Document) -> None:
        self._evaluator = Evaluator(world, document)
        self._document = document

    def places(self) -> list[int]:
        """Where the arguments begin of what may be calls of tools."""
        return [match.end() - 1 for match in _pattern().finditer(self._document.now.data)]

    def at(self, place: int) -> Node | None:
        """The call whose arguments begin at a byte."""
        call = around(at(self._document.now.root, place, place + 1), "function_call")
        name = call.child_by_field_name("name") if call is not None else None
        return call if name is not None and name.end_byte <= place else None

    def of(self, call: Node) -> Iterator[Named | ToolCall]:
        name = call.child_by_field_name("name")
        if name is None or name.type not in ("dot_index_expression", "method_index_expression"):
            return
        owner = self._evaluator.value(name.children[0])
        definition = callee_definition(self._evaluator.value(name))
        if owner is None or definition is None:
            return
        arguments = call_arguments(call)
        if owner.kind == "tool":
            if definition.name == "execute":
                own = arguments[1:] if name.type == "dot_index_expression" and len(arguments) > 1 else arguments
                yield ToolCall(owner.text, call, own[0] if own else None)
            return
        yield from _by_definition(definition, call, arguments)


def registered(document: Document) -> frozenset[str]:
    """Tools that a program itself makes; remembered."""
    found = document.now.memo.get("registered")
    if not isinstance(found, frozenset):
        found = document.now.memo["registered"] = _named(REGISTERED, document)
    return found


def asked(document: Document) -> frozenset[str]:
    """Tools of which a program asks whether they are there."""
    return _named(ASKED, document)


def _named(pattern: re.Pattern[bytes], document: Document) -> frozenset[str]:
    return frozenset(match[1].decode("utf-8", "replace") for match in pattern.finditer(document.now.text.data))


def _by_definition(definition: Definition, call: Node, arguments: list[Node]) -> Iterator[Named | ToolCall]:
    if definition.path == "Tool.all":
        yield from _all(arguments)
        return
    for index, parameter in enumerate(definition.parameters):
        if parameter.type not in (TOOL_NAME, f"{TOOL_NAME}[]") or index >= len(arguments):
            continue
        for named in _names(arguments[index]):
            yield named
            if definition.name in ("execute", "invoke", "invokeTool"):
                yield ToolCall(named.name, call, arguments[index + 1] if index + 1 < len(arguments) else None)
            elif definition.path == "Tool.map" and index + 1 < len(arguments):
                for one in entries(arguments[index + 1]):
                    if one.type == "table_constructor":
                        yield ToolCall(named.name, one, one)


def _names(argument: Node) -> Iterator[Named]:
    for node in entries(argument) if argument.type == "table_constructor" else [argument]:
        name = string_value(node)
        if name is not None:
            yield Named(name, node)


def _all(arguments: list[Node]) -> Iterator[Named | ToolCall]:
    for one in entries(arguments[0]) if arguments else ():
        pair = entries(one)
        name = string_value(pair[0]) if pair else None
        if name is not None:
            yield Named(name, pair[0])
            if len(pair) > 1:
                yield ToolCall(name, pair[1], pair[1])


def entries(table: Node) -> list[Node]:
    """The values of a table without keys."""
    if table.type != "table_constructor":
        return []
    fields = [one for one in table.named_children if one.type == "field"]
    return [one.named_children[0] for one in fields if len(one.named_children) == 1 and not is_key(one)]


def fields(table: Node) -> list[Field]:
    """The fields with a name: ``a = 1`` and ``["a"] = 1``."""
    found = []
    for one in table.named_children:
        if one.type != "field":
            continue
        children = one.children
        if is_key(one):
            found.append(Field(children[0], node_text(children[0]), children[2]))
        elif len(children) > 4 and children[0].type == "[" and (key := string_value(children[1])) is not None:
            found.append(Field(children[1], key, children[4]))
    return found


def is_exact(table: Node) -> bool:
    """Whether all keys are to be seen: no ``[k] = v``, no ``f()`` at the end that might give more."""
    listed = [one for one in table.named_children if one.type == "field"]
    return len(fields(table)) == len(listed)


def tool_at(document: Document, world: World, node: Node) -> str | None:
    """The tool that a text names."""
    call = around(node, "function_call")
    while call is not None:
        for one in Calls(world, document).of(call):
            if isinstance(one, Named) and one.node.start_byte <= node.start_byte and node.end_byte <= one.node.end_byte:
                return one.name
        call = around(call.parent, "function_call")
    return None
