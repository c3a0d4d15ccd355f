"""Locals that the text shows around a place, and Lua does not know there. Any thread.

Lua keeps no variable for a constant (``local N <const> = 5``), and a function has of the locals around it only
those that it uses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tree_sitter import Node

from llmspell_kernel.lua.lines import Function
from llmspell_kernel.lua.syntax import FUNCTIONS, Name, Syntax

LITERALS = frozenset({"number", "string", "true", "false", "nil"})
OPERATIONS = frozenset({"parenthesized_expression", "unary_expression", "binary_expression"})


def names_around(syntax: Syntax, function: Function, line: int) -> dict[str, str | bool]:
    """What is to be known of each local that is seen on a line: the value of a constant; whether it is a local of the
    main chunk and the only one of its name there."""
    names = syntax.names_on(function, line) if syntax.readable else {}
    of_main = Counter(_declared_in_main(syntax.root)) if names else Counter()
    return {name: _what(syntax, one, of_main) for name, one in names.items()}


def _what(syntax: Syntax, name: Name, of_main: Counter[str]) -> str | bool:
    node = _node(syntax, name)
    if node is None:
        return False
    constant = _constant(syntax, node)
    return (of_main[name.text] == 1 and _is_of_main(node)) if constant is None else constant


def _node(syntax: Syntax, name: Name | None) -> Node | None:
    if name is None or name.at < 0:
        return None
    return syntax.root.descendant_for_byte_range(name.at, name.at + 1)


def _is_of_main(node: Node) -> bool:
    above = node.parent
    if above is not None and above.type in FUNCTIONS:  # its own name
        above = above.parent
    while above is not None and above.type not in FUNCTIONS:
        above = above.parent
    return above is None


def _declared_in_main(node: Node) -> Iterator[str]:
    for child in node.children:
        if child.type in FUNCTIONS:
            if child.children[0].type == "local":
                yield _text(child.child_by_field_name("name"))
        elif child.type in ("variable_list", "for_numeric_clause"):
            yield from (_text(one) for one in child.children if one.type == "identifier")
        else:
            yield from _declared_in_main(child)


def _constant(syntax: Syntax, name: Node) -> str | None:
    """The expression that Lua puts in the place of a name."""
    names = name.parent
    if names is None or names.type != "variable_list" or not _is_const(name.next_sibling):
        return None
    assignment = names.parent
    values = _named(assignment.children[-1]) if assignment is not None else []
    at = [one.id for one in _named(names) if one.type == "identifier"].index(name.id)
    return _folded(syntax, values[at], name) if at < len(values) else None


def _is_const(attribute: Node | None) -> bool:
    return attribute is not None and attribute.type == "attribute" and _text(attribute).strip("<> ") == "const"


def _folded(syntax: Syntax, node: Node, name: Node) -> str | None:
    if node.type in LITERALS:
        return _text(node)
    if node.type == "identifier":
        declaration = _statement_of(name)
        found = _node(syntax, syntax.names_before(declaration).get(_text(node)))
        constant = None if found is None else _constant(syntax, found)
        return None if constant is None else f"({constant})"
    if node.type not in OPERATIONS:
        return None
    parts = [_folded(syntax, one, name) if one.is_named else _text(one) for one in node.children]
    return " ".join(part for part in parts if part is not None) if None not in parts else None


def _statement_of(node: Node) -> Node:
    while node.parent is not None and node.type != "variable_declaration":
        node = node.parent
    return node


def _named(node: Node) -> list[Node]:
    return [one for one in node.named_children if one.type != "comment"]


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8", "surrogateescape")
