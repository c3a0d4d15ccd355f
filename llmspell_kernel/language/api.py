"""What programs find defined, as api.lua and its two neighbours describe it. Any thread."""

from __future__ import annotations

import os
from functools import cache
from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.annotations import Doc, Named, choices, doc_above, doc_ending, plain
from llmspell_kernel.language.trees import expressions, node_text, parsed

FOLDER = os.path.dirname(__file__)
OURS, LUAS = ("api.lua", "api_agent.lua"), ("lua_basic.lua", "lua_system.lua")
TOOL_NAME = "llmspell.ToolName"
BEYOND = (
    "Workflow",
    "State",
    "Event",
    "Hook",
    "Session",
    "Artifact",
    "Streaming",
    "RAG",
    "Provider",
    "Replay",
    "LocalLLM",
)
PRIMITIVES = {"string": "stringlib"}


class Definition(NamedTuple):
    """A global, a member of one, or a member of a class; ``path`` is how a program writes it."""

    path: str
    name: str
    kind: Literal["function", "method", "field", "table"]
    doc: Doc
    parameters: tuple[Named, ...]
    type: str  # of a field; what a function gives
    file: str
    at: int

    def signature(self) -> str:
        if self.kind in ("field", "table"):
            return f"{self.path}: {plain(self.type) or 'table'}"
        given = f": {plain(self.type)}" if self.type else ""
        return f"{self.path}({', '.join(map(str, self.parameters))}){given}"


class Api(NamedTuple):
    """``globals``: by path (``Tool``, ``Tool.get``); ``classes``: their members by name; ``aliases``: of types."""

    globals: dict[str, Definition]
    classes: dict[str, dict[str, Definition]]
    aliases: dict[str, str]

    def members(self, kind: str) -> dict[str, Definition]:
        """What a value of a type has."""
        kind = kind.rstrip("?")
        return self.classes.get(PRIMITIVES.get(kind, kind), {})

    def choices(self, kind: str) -> list[str]:
        return choices(self.aliases.get(kind.rstrip("?"), kind))


@cache
def api() -> Api:
    found = Api({}, {}, {})
    for file in (*OURS, *LUAS):
        with open(os.path.join(FOLDER, file), "rb") as opened:
            _read(found, opened.read(), file)
    return found


def _read(found: Api, data: bytes, file: str) -> None:
    locals_: dict[str, str] = {}  # of the file: name → class
    for statement in parsed(data).root_node.children:
        if statement.type == "comment":
            after = statement.next_sibling
            if after is None or after.type != "comment" or after.start_point.row > statement.end_point.row + 1:
                _block(found, doc_ending(statement), file, statement)
        elif statement.type == "function_declaration":
            _function(found, statement, locals_, file)
        else:
            _table(found, statement, locals_, file)


def _block(found: Api, doc: Doc, file: str, comment: Node) -> None:
    """Comments that stand together: what they say of classes and types."""
    found.aliases.update(doc.aliases)
    if doc.name:
        members = found.classes.setdefault(doc.name, {})
        members.update({one.name: _field(one, one.name, file, comment.start_byte) for one in doc.fields})


def _field(one: Named, path: str, file: str, at: int) -> Definition:
    return Definition(path, one.name, "field", Doc(one.doc), (), one.type, file, at)


def _table(found: Api, statement: Node, locals_: dict[str, str], file: str) -> None:
    """``Tool = {}``, ``local Handle = {}``, ``math.pi = nil``."""
    doc, is_local = doc_above(statement), statement.type == "variable_declaration"
    assignment = next(iter(statement.named_children), None) if is_local else statement
    if assignment is None or assignment.type != "assignment_statement":
        return
    path = node_text(expressions(assignment.named_children[0])[0])
    owner, _, name = path.rpartition(".")
    kind = doc.name or doc.type
    if is_local:
        locals_[path] = kind
        return
    shape: Literal["table", "field"] = "table" if doc.name else "field"
    made = Definition(path, name, shape, doc, (), kind, file, statement.start_byte)
    found.globals[path] = made
    if doc.name:
        locals_[path] = kind
        found.classes.setdefault(kind, {})
    elif owner in locals_:
        found.classes[locals_[owner]][name] = made


def _function(found: Api, statement: Node, locals_: dict[str, str], file: str) -> None:
    target = statement.child_by_field_name("name")
    path, doc = node_text(target), doc_above(statement)
    owner, _, name = path.replace(":", ".").rpartition(".")
    names = [node_text(one) for one in (statement.child_by_field_name("parameters") or statement).named_children]
    parameters = tuple(doc.parameter(one) or Named("..." if one.startswith("...") else one) for one in names)
    made = Definition(path, name, "method" if ":" in path else "function", doc, parameters,
                      ", ".join(doc.returns), file, statement.start_byte)  # fmt: skip
    kind = locals_.get(owner)
    if kind is not None:
        short = name if owner not in found.globals else path
        found.classes.setdefault(kind, {})[name] = made._replace(path=short)
    if kind is None or owner in found.globals:
        found.globals[path] = made
