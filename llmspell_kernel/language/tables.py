"""Tables and functions of a text: their fields, what is said of them. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.annotations import Doc, doc_above, plain
from llmspell_kernel.language.api import Definition
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.names import Binding
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.trees import FUNCTIONS, around, at, expressions, is_key, node_text


class Member(NamedTuple):
    """``value`` is where it is given, in the document of the table; ``name_node`` where it is named."""

    name: str
    kind: Literal["function", "method", "field"]
    definition: Definition | None = None
    name_node: Node | None = None
    value: Node | None = None
    document: Document | None = None

    @property
    def detail(self) -> str:
        if self.definition is not None:
            return self.definition.signature()
        if self.value is not None and self.value.type in FUNCTIONS:
            return function_signature(self.name, self.value)
        return _short(self.value)

    @property
    def doc(self) -> str:
        if self.definition is not None:
            return self.definition.doc.text
        is_function = self.value is not None and self.value.type in FUNCTIONS
        return function_doc(self.value).text if self.value is not None and is_function else ""


def table_members(document: Document, table: Node) -> dict[str, Member]:
    """The fields of a constructor, and those that are assigned through the name it was given."""
    memo = document.now.memo
    found = memo.get(("members", table.id))
    if not isinstance(found, dict):
        members: dict[str, Member] = {}
        for name, key, value in (*_own_fields(table), *_later_fields(document, table)):
            if name not in members:
                members[name] = _member(document, name, key, value)
        memo["members", table.id] = found = members
    return found


def _member(document: Document, name: str, key: Node, value: Node | None) -> Member:
    kind: Literal["function", "method", "field"] = "field"
    if value is not None and value.type in FUNCTIONS:
        is_method = key.parent is not None and key.parent.type == "method_index_expression"
        kind = "method" if is_method else "function"
    return Member(name, kind, None, key, value, document)


def _short(value: Node | None) -> str:
    text = node_text(value).partition("\n")[0]
    return text if len(text) < 60 else text[:57] + "…"


def _own_fields(table: Node) -> Iterator[tuple[str, Node, Node | None]]:
    for field in table.named_children:
        if field.type == "field" and is_key(field):
            yield node_text(field.children[0]), field.children[0], field.children[2]


def _later_fields(document: Document, table: Node) -> Iterator[tuple[str, Node, Node | None]]:
    """``M.x = …``, ``function M.x()`` for the ``M`` that the table was assigned to; for a class what its methods and
    its constructor give to an object too."""
    binding = _named_by(document, table)
    if binding is not None:
        yield from _fields_through(document, binding)


def _fields_through(
    document: Document, binding: Binding, seen: frozenset[tuple[str, int]] = frozenset()
) -> Iterator[tuple[str, Node, Node | None]]:
    now, seen = document.now, seen | {binding.key}
    later: list[Binding | Node] = []  # what is found through them comes after what is the table's own
    for one in now.names.occurrences(binding):
        node = at(now.root, one.start, one.end)
        index = node.parent
        if index is None or index.type not in ("dot_index_expression", "method_index_expression"):
            later += _object_of(document, node)
            continue
        key, above = index.children[-1], index.parent
        if above is None or index.children[0].start_byte != one.start or key.type != "identifier":
            continue
        if above.type == "function_declaration":
            yield node_text(key), key, above
            method = now.names.self_of(above.start_byte) if index.type == "method_index_expression" else None
            later += [method] if method is not None else []
        elif above.type == "variable_list":
            yield node_text(key), key, initializer(index)
    for other in later:
        if isinstance(other, Node):
            yield from _own_fields(other)
            named = _named_by(document, other)
            if named is not None and named.key not in seen:
                yield from _fields_through(document, named, seen)
        elif other.key not in seen:
            yield from _fields_through(document, other, seen)


def _object_of(document: Document, node: Node) -> Iterator[Binding | Node]:
    """The object that gets a class as its metatable: ``setmetatable({}, Class)``."""
    call = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
    given = call_arguments(call) if call is not None else []
    if (
        call is None
        or len(given) < 2
        or given[1] != node
        or node_text(call.child_by_field_name("name")) != "setmetatable"
    ):
        return
    if given[0].type == "table_constructor":
        yield given[0]
    elif given[0].type == "identifier":
        found = document.now.names.find(given[0].start_byte)
        if found is not None and found.variable is not None:
            yield found


def _named_by(document: Document, table: Node) -> Binding | None:
    statement = around(table, "assignment_statement", "function_call", "field")
    if statement is not None and statement.type == "function_call":  # setmetatable({}, …)
        statement = around(statement.parent, "assignment_statement", "field", "function_call")
    if statement is None or statement.type != "assignment_statement" or not statement.named_children:
        return None
    names = expressions(statement.named_children[0])
    return document.now.names.find(names[0].start_byte) if names and names[0].type == "identifier" else None


# Texts ------------------------------------------------------------------------------------------------


def initializer(name: Node) -> Node | None:
    """What a name in ``local a, b = 1, 2`` or ``a, b = 1, 2`` is given."""
    names = name.parent
    statement = names.parent if names is not None and names.type == "variable_list" else None
    if names is None or statement is None or statement.type != "assignment_statement":
        return None
    index = next((i for i, one in enumerate(expressions(names)) if one.start_byte == name.start_byte), None)
    lists = [one for one in statement.named_children if one.type == "expression_list"]
    values = expressions(lists[0]) if lists else []
    return values[index] if index is not None and index < len(values) else None


def function_doc(function: Node) -> Doc:
    """What is said above a function, or above the statement that gives it a name."""
    statement = _documented(function)
    return doc_above(statement) if statement is not None else Doc()


def comments_above(function: Node) -> Iterator[Node]:
    """Those that stand together above a function; the nearest first."""
    statement = _documented(function)
    comment = statement.prev_sibling if statement is not None else None
    while comment is not None and comment.type == "comment":
        yield comment
        comment = comment.prev_sibling


def _documented(function: Node) -> Node | None:
    if function.type == "function_declaration":
        return function
    statement = around(function, "variable_declaration", "assignment_statement")
    if statement is not None and statement.parent is not None and statement.parent.type == "variable_declaration":
        statement = statement.parent
    return statement


def parameters(function: Node) -> list[str]:
    listed = function.child_by_field_name("parameters")
    return [] if listed is None else [node_text(one) for one in listed.named_children if one.type != "comment"]


def function_signature(name: str, function: Node) -> str:
    doc = function_doc(function)
    given = f": {plain(', '.join(doc.returns))}" if doc.returns else ""
    shown = [str(doc.parameter(one) or one) for one in parameters(function)]
    return f"{name}({', '.join(shown)}){given}"


def call_arguments(call: Node) -> list[Node]:
    return expressions(call.child_by_field_name("arguments"))


def span(node: Node) -> Span:
    return Span(node.start_byte, node.end_byte)
