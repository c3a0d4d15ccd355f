"""What an expression is, as far as its text tells: a tool, a value of a class, a module, a table. Pure; any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

from tree_sitter import Node

from llmspell_kernel.language.annotations import Doc, doc_above, plain
from llmspell_kernel.language.api import Definition, api
from llmspell_kernel.language.document import Document, Snapshot
from llmspell_kernel.language.names import Binding
from llmspell_kernel.language.running import Running
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.tools import Tools
from llmspell_kernel.language.trees import FUNCTIONS, around, at, expressions, is_key, node_text, parsed, string_value

DEEPEST = 16
TOOL_CLASS, HANDLE = "llmspell.Tool", "llmspell.Handle"


class World(Protocol):
    """What a document stands in."""

    @property
    def tools(self) -> Tools: ...
    @property
    def running(self) -> Running: ...
    def module(self, name: str, path: str) -> Document | None: ...
    def defines(self, name: str) -> bool: ...
    def runtime(self, path: str) -> str: ...


class Value(NamedTuple):
    """``text``: the tool's name, the class. ``node`` is in ``document``: a table, a function."""

    kind: Literal["tool", "class", "definition", "table", "function"]
    text: str = ""
    definition: Definition | None = None
    node: Node | None = None
    document: Document | None = None


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


class Evaluator:
    """For one document as it is now. ``offset``: names are those seen there (of a text that is not in its tree)."""

    def __init__(self, world: World, document: Document, offset: int | None = None, depth: int = 0) -> None:
        self.world = world
        self.document = document
        self.now: Snapshot = document.now
        self._offset = offset
        self._depth = depth

    @cached_property
    def _visible(self) -> dict[str, Binding]:
        return self.now.names.visible(self._offset or 0)

    def binding(self, name: Node) -> Binding | None:
        if self._offset is None:
            return self.now.names.find(name.start_byte)
        text = node_text(name)
        return self._visible.get(text) or Binding(text, None, self.now.names.root, 0)

    # Expressions --------------------------------------------------------------------------------

    def of_text(self, text: bytes) -> Value | None:
        """An expression that is typed; names are those seen at ``offset``."""
        statement = next(iter(parsed(b"return " + text).root_node.named_children), None)
        values = expressions(statement.named_children[0]) if statement is not None and statement.named_children else []
        return self.value(values[0]) if values else None

    def value(self, node: Node | None) -> Value | None:
        if node is None or self._depth > DEEPEST:
            return None
        self._depth += 1
        try:
            reader = READERS.get(node.type)
            return None if reader is None else reader(self, node)
        finally:
            self._depth -= 1

    def _name(self, node: Node) -> Value | None:
        binding = self.binding(node)
        if binding is None:
            return None
        return self.of_binding(binding)

    def of_binding(self, binding: Binding) -> Value | None:
        evaluator = self if self._offset is None else Evaluator(self.world, self.document, None, self._depth)
        if binding.variable is None:
            definition = api().globals.get(binding.name)
            return Value("definition", "", definition) if definition else evaluator._assigned(binding)
        return evaluator._declared(binding)

    def _declared(self, binding: Binding) -> Value | None:
        """Remembered as long as the text is the same, but for what comes from other files."""
        key = ("value", binding.declared)
        known = self.now.memo.get(key)
        if isinstance(known, Value):
            return known
        found = self._of_declaration(binding)
        if found is not None and found.document in (None, self.document):
            self.now.memo[key] = found
        return found

    def _of_declaration(self, binding: Binding) -> Value | None:
        variable, where = binding.variable, binding.declared
        assert variable is not None and where is not None
        name = at(self.now.root, where, where + 1)
        if variable.kind == "self":
            return self._self(name)
        if variable.kind == "parameter":
            return self._parameter(name)
        if variable.kind == "function":
            return Value("function", "", None, name.parent, self.document)
        if variable.kind != "local":
            return None
        statement = around(name, "variable_declaration")
        doc = doc_above(statement) if statement is not None else None
        if doc is not None and doc.type:
            return self.of_type(doc.type)
        initial = initializer(name)
        return self.value(initial) if initial is not None else self._assigned(binding)

    def _assigned(self, binding: Binding) -> Value | None:
        """The first value that is assigned to a name."""
        for one in self.now.names.occurrences(binding):
            if one.role == "write":
                name = at(self.now.root, one.start, one.end)
                function = name.parent
                if function is not None and function.type == "function_declaration":
                    return Value("function", "", None, function, self.document)
                return self.value(initializer(name))
        return None

    def _self(self, inside: Node) -> Value | None:
        function = around(inside, "function_declaration")
        name = function.child_by_field_name("name") if function is not None else None
        return self.value(name.children[0]) if name is not None and name.children else None

    def _parameter(self, name: Node) -> Value | None:
        function = around(name, *FUNCTIONS)
        if function is None:
            return None
        said = function_doc(function).parameter(node_text(name))
        return self.of_type(said.type) if said is not None else None

    def of_type(self, kind: str) -> Value | None:
        return Value("class", kind.rstrip("?")) if kind and api().members(kind) else None

    def _index(self, node: Node) -> Value | None:
        name = node.children[-1]
        member = self.member(self.value(node.children[0]), node_text(name))
        return None if member is None else self.of_member(member)

    def of_member(self, member: Member) -> Value | None:
        if member.definition is not None:
            return Value("definition", "", member.definition)
        if member.value is None or member.document is None:
            return None
        if member.value.type in FUNCTIONS:
            return Value("function", "", None, member.value, member.document)
        if member.document is self.document and self._offset is None:
            return self.value(member.value)
        return Evaluator(self.world, member.document, None, self._depth).value(member.value)

    def _call(self, node: Node) -> Value | None:
        callee = self.value(node.child_by_field_name("name"))
        arguments = call_arguments(node)
        if callee is None:
            return None
        if callee.kind == "function" and callee.node is not None:
            kinds = function_doc(callee.node).returns
            return self.of_type(kinds[0]) if kinds else None
        definition = callee.definition
        if definition is None:
            return None
        if definition.path == "require":
            return self._module(string_value(arguments[0]) if arguments else None)
        if definition.path == "setmetatable":
            return self.value(arguments[0]) if arguments else None
        if definition.type == HANDLE:
            name = string_value(arguments[0]) if arguments else None
            return Value("tool", name) if name is not None else self.of_type(HANDLE)
        return self.of_type(definition.type.partition(",")[0])

    def _module(self, name: str | None) -> Value | None:
        document = None if name is None else self.world.module(name, self.document.path)
        if document is None:
            return None
        last = next((one for one in reversed(document.now.root.children) if one.type == "return_statement"), None)
        values = expressions(last.named_children[0]) if last is not None and last.named_children else []
        return Evaluator(self.world, document, None, self._depth).value(values[0]) if values else None

    def _table(self, node: Node) -> Value | None:
        if self._offset is not None:
            return None  # it is typed right now, and in no tree that stays
        return Value("table", "", None, node, self.document)

    def _function(self, node: Node) -> Value | None:
        return Value("function", "", None, node, self.document)

    def _string(self, node: Node) -> Value | None:
        return Value("class", "string")

    def _inner(self, node: Node) -> Value | None:
        return self.value(next(iter(node.named_children), None))

    # Members ------------------------------------------------------------------------------------

    def member(self, value: Value | None, name: str) -> Member | None:
        if value is not None and value.kind == "table" and value.node is not None and value.document is not None:
            return table_members(value.document, value.node).get(name)
        definition = _described(value).get(name)
        return None if definition is None else defined(definition)

    def members(self, value: Value | None) -> Iterator[Member]:
        if value is not None and value.kind == "table" and value.node is not None and value.document is not None:
            yield from table_members(value.document, value.node).values()
        yield from map(defined, _described(value).values())


def _described(value: Value | None) -> dict[str, Definition]:
    """What the description says that a value has."""
    if value is None:
        return {}
    if value.kind == "tool":
        return api().members(HANDLE)
    if value.kind == "class":
        return api().members(value.text)
    definition = value.definition
    if definition is None or definition.kind not in ("table", "field"):
        return {}
    return api().members(definition.type)


READERS: dict[str, Callable[[Evaluator, Node], Value | None]] = {
    "identifier": Evaluator._name,
    "global": Evaluator._name,
    "dot_index_expression": Evaluator._index,
    "method_index_expression": Evaluator._index,
    "function_call": Evaluator._call,
    "table_constructor": Evaluator._table,
    "function_definition": Evaluator._function,
    "string": Evaluator._string,
    "parenthesized_expression": Evaluator._inner,
}


def call_arguments(call: Node) -> list[Node]:
    return expressions(call.child_by_field_name("arguments"))


def defined(definition: Definition) -> Member:
    kind: Literal["function", "method", "field"] = "field"
    if definition.kind in ("function", "method"):
        kind = "method" if definition.kind == "method" else "function"
    return Member(definition.name, kind, definition)


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
    if function.type == "function_declaration":
        return doc_above(function)
    statement = around(function, "variable_declaration", "assignment_statement")
    if statement is not None and statement.parent is not None and statement.parent.type == "variable_declaration":
        statement = statement.parent
    return doc_above(statement) if statement is not None else Doc()


def parameters(function: Node) -> list[str]:
    listed = function.child_by_field_name("parameters")
    return [] if listed is None else [node_text(one) for one in listed.named_children if one.type != "comment"]


def function_signature(name: str, function: Node) -> str:
    doc = function_doc(function)
    given = f": {plain(', '.join(doc.returns))}" if doc.returns else ""
    shown = [str(doc.parameter(one) or one) for one in parameters(function)]
    return f"{name}({', '.join(shown)}){given}"


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
    """``M.x = …``, ``function M.x()`` for the ``M`` that the table was assigned to."""
    binding = _named_by(document, table)
    if binding is None:
        return
    now = document.now
    for one in now.names.occurrences(binding):
        index = at(now.root, one.start, one.end).parent
        if index is None or index.type not in ("dot_index_expression", "method_index_expression"):
            continue
        key, above = index.children[-1], index.parent
        if above is None or index.children[0].start_byte != one.start or key.type != "identifier":
            continue
        if above.type == "function_declaration":
            yield node_text(key), key, above
        elif above.type == "variable_list":
            yield node_text(key), key, initializer(index)


def _named_by(document: Document, table: Node) -> Binding | None:
    statement = around(table, "assignment_statement", "function_call", "field")
    if statement is not None and statement.type == "function_call":  # setmetatable({}, …)
        statement = around(statement.parent, "assignment_statement", "field", "function_call")
    if statement is None or statement.type != "assignment_statement" or not statement.named_children:
        return None
    names = expressions(statement.named_children[0])
    return document.now.names.find(names[0].start_byte) if names and names[0].type == "identifier" else None


def span(node: Node) -> Span:
    return Span(node.start_byte, node.end_byte)
