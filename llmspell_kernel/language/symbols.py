"""The functions and tables of a text, as an outline. Pure; any thread."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tree_sitter import Node, Query, QueryCursor

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.tables import parameters, span
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.trees import FUNCTIONS, expressions, node_text
from llmspell_kernel.lua.syntax import LANGUAGE

FOUND = Query(
    LANGUAGE,
    "[(function_declaration) (function_definition)] @function (chunk (variable_declaration) @variable)"
    " (chunk (assignment_statement) @variable)",
)


class Symbol(NamedTuple):
    """``span`` is all of it, ``name_span`` its name."""

    name: str
    kind: Literal["function", "method", "variable", "constant", "table"]
    detail: str
    span: Span
    name_span: Span
    children: list[Symbol]


def symbols(document: Document) -> list[Symbol]:
    """In the order of the text; a function's own functions are its children."""
    found = QueryCursor(FOUND).captures(document.now.root)
    listed = [one for node in found.get("function", ()) if (one := _function(node)) is not None]
    listed += [one for node in found.get("variable", ()) for one in _variables(node)]
    return _nested(sorted(listed, key=lambda one: (one.span.start, -one.span.end)))


def flat(document: Document) -> list[tuple[Symbol, str]]:
    """Each symbol with what it stands in."""
    pending = [(one, "") for one in reversed(symbols(document))]
    found = []
    while pending:
        one, around = pending.pop()
        found.append((one, around))
        pending += [(child, one.name) for child in reversed(one.children)]
    return found


def _nested(listed: list[Symbol]) -> list[Symbol]:
    roots: list[Symbol] = []
    around: list[Symbol] = []
    for one in listed:
        while around and around[-1].span.end < one.span.end:
            around.pop()
        (around[-1].children if around else roots).append(one)
        around.append(one)
    return roots


def _function(node: Node) -> Symbol | None:
    name = node.child_by_field_name("name") if node.type == "function_declaration" else _given_name(node)
    if name is None:
        return None
    kind: Literal["function", "method"] = "method" if name.type == "method_index_expression" else "function"
    return Symbol(node_text(name), kind, f"({', '.join(parameters(node))})", span(node), _within(name, node), [])


def _within(name: Node, node: Node) -> Span:
    """Editors want the name inside of the whole; ``f = function …`` has it before."""
    return (
        span(name) if node.start_byte <= name.start_byte else Span(node.start_byte, node.start_byte + len("function"))
    )


def _given_name(function: Node) -> Node | None:
    """``name = function``: in a table, an assignment or a declaration."""
    above = function.parent
    if above is not None and above.type == "field":
        return above.child_by_field_name("name")
    statement = above.parent if above is not None and above.type == "expression_list" else None
    if statement is None or statement.type != "assignment_statement" or above is None:
        return None
    values, names = expressions(above), expressions(statement.named_children[0])
    index = next((i for i, one in enumerate(values) if one.id == function.id), len(names))
    return names[index] if index < len(names) else None


def _variables(statement: Node) -> list[Symbol]:
    """Of the chunk; functions are told already."""
    inner = statement.named_children[0] if statement.type == "variable_declaration" else statement
    names = expressions(inner.named_children[0]) if inner.type == "assignment_statement" else expressions(inner)
    lists = [one for one in inner.named_children if one.type == "expression_list"]
    values = expressions(lists[0]) if lists else []
    found = []
    for index, name in enumerate(names):
        value = values[index] if index < len(values) else None
        if name.type != "identifier" or (value is not None and value.type in FUNCTIONS):
            continue
        is_table = value is not None and value.type == "table_constructor"
        whole = Span(name.start_byte, value.end_byte if value is not None and len(names) == 1 else name.end_byte)
        found.append(Symbol(node_text(name), "table" if is_table else _kind(name), "", whole, span(name), []))
    return found


def _kind(name: Node) -> Literal["variable", "constant"]:
    after = name.next_named_sibling
    return "constant" if after is not None and after.type == "attribute" else "variable"
