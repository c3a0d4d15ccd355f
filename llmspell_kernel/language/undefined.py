"""Globals that nobody defines. Pure but for the files of the workspace; any thread.

Only what is certain is told. A program that asks whether a name is there (``if jit then``) knows that it may not be;
one that puts another table in the place of its globals (``local _ENV``, ``setfenv``) has others than we know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from llmspell_kernel.language.api import api
from llmspell_kernel.language.document import Document, Snapshot
from llmspell_kernel.language.names import Occurrence
from llmspell_kernel.language.tables import call_arguments
from llmspell_kernel.language.text import decoded
from llmspell_kernel.language.trees import INDEXES, at, expressions, node_text, string_value
from llmspell_kernel.language.values import World

ENVIRONMENT = "_ENV"
CELL = "vscode-notebook-cell:"  # what one cell defines another uses
REPLACE = ("setfenv", "module")  # of Lua 5.1: from there on names are other tables' fields
EARLIER = {  # of Lua 5.1, 5.2 and LuaJIT, and what stands for it today
    "unpack": "table.unpack",
    "loadstring": "load",
    **dict.fromkeys(("setfenv", "getfenv", "newproxy", "module", "jit", "bit", "bit32"), ""),
}
JITS = frozenset(EARLIER) - {"bit32"}
LUACHECK = re.compile(rb"--\s*luacheck:\s*(?:(?:read|new)\s+)?globals\s+([^\r\n]*)")
WORD = re.compile(rb"[A-Za-z_]\w*")
TABLES = ("_G", ENVIRONMENT)


def undefined(world: World, document: Document) -> Iterator[tuple[str, Occurrence]]:
    now = document.now
    names = now.names
    if document.path.startswith(CELL) or _is_computed(now):
        return
    replaced = [name for name in REPLACE if names.uses_of_global(name) and _is_called(now, name)]
    judged = replaced or [name for name in names.globals() if name not in api().globals and name != ENVIRONMENT]
    mentioned = mentioned_globals(now)
    if world.runtime(document.path) == "luajit":
        mentioned |= JITS
    own_environment = b"_ENV" in now.data
    for name in judged:
        uses = names.uses_of_global(name)
        if name in mentioned or any(one.role == "write" or _is_tested(now, name, one, len(uses)) for one in uses):
            continue
        if world.running.knows(name) or world.defines(name):
            continue
        yield from (
            (name, one) for one in uses if not (own_environment and ENVIRONMENT in names.visible(one.start))
        )  # fmt: skip


def defined_globals(document: Document) -> frozenset[str]:
    """The globals that a text defines; remembered."""
    now = document.now
    found = now.memo.get("defined globals")
    if not isinstance(found, frozenset):
        names = now.names
        written = (
            name for name in names.globals() if any(one.role == "write" for one in names.uses_of_global(name))
        )  # fmt: skip
        now.memo["defined globals"] = found = frozenset(written) | mentioned_globals(now)
    return found


def may_define(document: Document, name: bytes) -> bool:
    """Whether a text can define a global, by its words: nothing is parsed for it."""
    data = document.now.text.data
    if name not in data:
        return False
    word = re.escape(name)
    return re.search(rb"(?<!local )(?<![\w.:])" + word + rb"\s*=(?!=)", data) is not None or (
        re.search(rb"(?m)^\s*" + word + rb"\s*,|\bfunction\s+" + word + rb"\s*\(", data) is not None
        or re.search(rb"\b(?:_G|_ENV)\b[^\r\n]*\b" + word + rb"\b|luacheck:[^\r\n]*globals", data) is not None
    )


# What a program knows ---------------------------------------------------------------------------------


def mentioned_globals(now: Snapshot) -> frozenset[str]:
    """``_G.x``, ``_G["x"]``, ``rawset(_G, "x", …)``; and what a comment tells luacheck."""
    comments = LUACHECK.finditer(now.text.data) if b"luacheck:" in now.text.data else ()
    found = {decoded(word) for one in comments for word in WORD.findall(one[1])}
    for table in TABLES:
        for use in now.names.uses_of_global(table):
            node = at(now.root, use.start, use.end)
            name = _field(node)
            if name is not None:
                found.add(name)
    return frozenset(found)


def _field(table: Node) -> str | None:
    """Which field of a table is meant: behind a dot, in brackets, as the second argument of a call."""
    above = table.parent
    if above is None:
        return None
    if above.type in INDEXES:
        return node_text(above.children[-1]) if above.children[0] == table else None
    if above.type == "bracket_index_expression":
        return string_value(above.child_by_field_name("field"))
    given = call_arguments(above.parent) if above.type == "arguments" and above.parent is not None else []
    return string_value(given[1]) if len(given) > 1 and given[0] == table else None


def _is_computed(now: Snapshot) -> bool:
    """``_ENV = …``, ``setmetatable(_G, …)``, ``_G[name] = …``: any name may be there."""
    for table in TABLES:
        for use in now.names.uses_of_global(table):
            node = at(now.root, use.start, use.end)
            above = node.parent
            if use.role == "write" or above is None:
                return True
            if above.type == "arguments" and above.parent is not None:
                called = node_text(above.parent.child_by_field_name("name"))
                if called == "setmetatable" and expressions(above)[:1] == [node]:
                    return True
            is_indexed = above.type == "bracket_index_expression" and above.children[0] == node
            if is_indexed and string_value(above.child_by_field_name("field")) is None and _is_target(above):
                return True
    return False


def _is_target(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "variable_list"


def _is_called(now: Snapshot, name: str) -> bool:
    return any(
        (above := at(now.root, one.start, one.end).parent) is not None and above.type == "function_call"
        for one in now.names.uses_of_global(name)
    )


def _is_tested(now: Snapshot, name: str, use: Occurrence, times: int) -> bool:
    """Whether a program asks here if it is there; ``table.unpack or unpack`` takes an earlier Lua's. A name that
    is only once in a text, in a condition, is rather mistyped."""
    node = at(now.root, use.start, use.end)
    while node.parent is not None and node.parent.type == "parenthesized_expression":
        node = node.parent
    above = node.parent
    if above is None:
        return False
    is_expected = times > 1 or name in EARLIER or name.startswith("_")
    if above.type == "binary_expression":
        left, sign = above.children[0] == node, above.children[1].type
        if sign in ("and", "or"):
            return (left and is_expected) or name in EARLIER
        return sign in ("==", "~=") and any(one.type == "nil" for one in above.children)
    if above.type == "unary_expression":
        return is_expected and above.children[0].type == "not"
    if above.type == "arguments" and above.parent is not None:
        return node_text(above.parent.child_by_field_name("name")) == "type"
    return is_expected and above.child_by_field_name("condition") == node
