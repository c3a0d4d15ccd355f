"""Trees of tree-sitter: parsed anew from the old one, and what is asked of nodes everywhere. Any thread."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node, Parser, Tree

from llmspell_kernel.language.text import decoded
from llmspell_kernel.lua.syntax import LANGUAGE

FUNCTIONS = frozenset({"function_declaration", "function_definition"})
INDEXES = frozenset({"dot_index_expression", "method_index_expression"})


def parsed(data: bytes, old: tuple[bytes, Tree] | None = None) -> Tree:
    """The tree of a text. ``old``: a text and its tree, which is used up; what both have in common is kept."""
    parser = Parser(LANGUAGE)
    if old is None:
        return parser.parse(data)
    before, tree = old
    if before == data:
        return tree
    start, old_end, new_end = difference(before, data)
    tree.edit(start, old_end, new_end, _point(before, start), _point(before, old_end), _point(data, new_end))
    return parser.parse(data, tree)


def difference(before: bytes, now: bytes) -> tuple[int, int, int]:
    """What two texts don't have in common: where it begins, where it ends in the one and in the other."""
    start = _common(before, now)
    tail = _common_tail(before, now, min(len(before), len(now)) - start)
    return start, len(before) - tail, len(now) - tail


def _common(a: bytes, b: bytes) -> int:
    """How many bytes are the same at the start: halves are compared, which C does."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_tail(a: bytes, b: bytes, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(data: bytes, offset: int) -> tuple[int, int]:
    return data.count(b"\n", 0, offset), offset - (data.rfind(b"\n", 0, offset) + 1)


# Nodes ------------------------------------------------------------------------------------------------


def node_text(node: Node | None) -> str:
    return "" if node is None or node.text is None else decoded(node.text)


def parents(node: Node | None) -> Iterator[Node]:
    """The node and what is around it, from the inside."""
    while node is not None:
        yield node
        node = node.parent


def around(node: Node | None, *kinds: str) -> Node | None:
    return next((one for one in parents(node) if one.type in kinds), None)


def at(root: Node, start: int, end: int | None = None) -> Node:
    """The smallest node that holds these bytes."""
    return root.descendant_for_byte_range(start, start if end is None else end) or root


def walk(node: Node) -> Iterator[Node]:
    """A node and all in it, in the order of the text. No recursion: a sum may have 10,000 terms."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def expressions(node: Node | None) -> list[Node]:
    """What an expression_list, a variable_list or arguments hold."""
    return [] if node is None else [one for one in node.named_children if one.type not in ("comment", "attribute")]


def string_value(node: Node | None) -> str | None:
    """What a literal string says; None where it is none or has escapes."""
    if node is None or node.type != "string":
        return None
    content = "".join(node_text(one) for one in node.named_children if one.type == "string_content")
    return None if "\\" in content and node_text(node)[:1] != "[" else content


def is_key(field: Node) -> bool:
    """Whether a table's field is ``name = value``."""
    children = field.children
    return len(children) > 2 and children[0].type in ("identifier", "global") and children[1].type == "="
