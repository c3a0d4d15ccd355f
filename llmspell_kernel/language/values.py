"""What an expression is, as far as its text tells: a tool, a value of a class, a module, a table. Pure; any thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

from tree_sitter import Node

from llmspell_kernel.language.annotations import doc_above
from llmspell_kernel.language.api import Definition, api
from llmspell_kernel.language.document import Document, Snapshot
from llmspell_kernel.language.names import Binding
from llmspell_kernel.language.running import Running
from llmspell_kernel.language.tables import Member, call_arguments, function_doc, initializer, table_members
from llmspell_kernel.language.text import encoded
from llmspell_kernel.language.tools import Tools
from llmspell_kernel.language.trees import FUNCTIONS, around, at, expressions, node_text, parsed, string_value

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
    def registers(self, name: str) -> bool: ...
    def runtime(self, path: str) -> str: ...


class Value(NamedTuple):
    """``text``: the tool's name, the class. ``node`` is in ``document``: a table, a function. ``behind``: where a
    table's metatable has what it has not itself."""

    kind: Literal["tool", "class", "definition", "table", "function"]
    text: str = ""
    definition: Definition | None = None
    node: Node | None = None
    document: Document | None = None
    behind: Value | None = None


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
        key, memo = ("value", binding.declared), self.now.memo
        known = memo.get(key)
        if key in memo:  # None: it is being found out just now
            return known if isinstance(known, Value) else None
        memo[key] = None
        found = self._given_metatable(binding, self._of_declaration(binding))
        if found is not None and found.document in (None, self.document):
            memo[key] = found
        else:
            del memo[key]
        return found

    def _of_declaration(self, binding: Binding) -> Value | None:
        variable, where = binding.variable, binding.declared
        assert variable is not None and where is not None
        name = at(self.now.root, where, where + 1)
        if variable.kind == "self":
            return self._self(name)
        if variable.kind == "parameter":
            return self._parameter(name) or self._assigned(binding)
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

    def _given_metatable(self, binding: Binding, value: Value | None) -> Value | None:
        """A table that gets a metatable in a statement of its own: ``setmetatable(o, self)``."""
        if value is None or value.kind != "table" or value.behind is not None:
            return value
        given_one = rb"setmetatable\s*\(\s*" + re.escape(encoded(binding.name)) + rb"\s*,"
        if re.search(given_one, self.now.data) is None:
            return value
        for one in self.now.names.occurrences(binding):
            name = at(self.now.root, one.start, one.end)
            call = name.parent.parent if name.parent is not None and name.parent.type == "arguments" else None
            given = call_arguments(call) if call is not None else []
            if (
                call is not None
                and given[:1] == [name]
                and node_text(call.child_by_field_name("name")) == "setmetatable"
            ):
                return value._replace(behind=self._behind(given))
        return value

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
            return self.of_type(kinds[0]) if kinds else self._returned(callee)
        definition = callee.definition
        if definition is None:
            return None
        if definition.path == "require":
            return self._module(string_value(arguments[0]) if arguments else None)
        if definition.path == "setmetatable":
            return self._with_metatable(arguments)
        if definition.type == HANDLE:
            name = string_value(arguments[0]) if arguments else None
            return Value("tool", name) if name is not None else self.of_type(HANDLE)
        return self.of_type(definition.type.partition(",")[0])

    def _returned(self, function: Value) -> Value | None:
        """What a function gives: the first of its values that can be told. A tool only where there is no choice."""
        assert function.node is not None and function.document is not None
        memo, key = function.document.now.memo, ("returned", function.node.start_byte)
        if key not in memo:
            memo[key] = None  # a function that calls itself
            returns = list(_returns(function.node))
            evaluator = Evaluator(self.world, function.document, None, self._depth)
            values = (evaluator.value(one) for one in returns)
            found = next((one for one in values if one is not None), None)
            if found is None or found.document not in (None, function.document):
                del memo[key]  # other files may change
                return found
            memo[key] = found if found.kind != "tool" or len(returns) == 1 else None
        known = memo[key]
        return known if isinstance(known, Value) else None

    def _with_metatable(self, arguments: list[Node]) -> Value | None:
        own, behind = self.value(arguments[0]) if arguments else None, self._behind(arguments)
        if own is None:
            return behind
        return own._replace(behind=behind) if own.kind == "table" else own

    def _behind(self, arguments: list[Node]) -> Value | None:
        index = self.member(self.value(arguments[1]) if len(arguments) > 1 else None, "__index")
        return self.of_member(index) if index is not None else None

    def _binary(self, node: Node) -> Value | None:
        """``a or {}``, ``a .. b``. Which of two tools it is can't be told."""
        left, sign, right = node.children[0], node.children[1].type, node.children[-1]
        if sign == "..":
            return Value("class", "string")
        if sign not in ("or", "and"):
            return None
        found = (self.value(left) if sign == "or" else None) or self.value(right)
        return None if found is not None and found.kind == "tool" else found

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
            found = table_members(value.document, value.node).get(name)
            return found or (self.member(value.behind, name) if value.behind is not None else None)
        definition = _described(value).get(name)
        return None if definition is None else defined(definition)

    def members(self, value: Value | None) -> Iterator[Member]:
        if value is not None and value.kind == "table" and value.node is not None and value.document is not None:
            own = table_members(value.document, value.node)
            yield from own.values()
            behind = self.members(value.behind) if value.behind is not None else ()
            yield from (one for one in behind if one.name not in own)
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
    "binary_expression": Evaluator._binary,
    "parenthesized_expression": Evaluator._inner,
}


def defined(definition: Definition) -> Member:
    kind: Literal["function", "method", "field"] = "field"
    if definition.kind in ("function", "method"):
        kind = "method" if definition.kind == "method" else "function"
    return Member(definition.name, kind, definition)


def _returns(function: Node) -> Iterator[Node]:
    """The first value of each `return` of a function, not of those inside of it."""
    pending = list(function.children)
    while pending:
        node = pending.pop()
        if node.type == "return_statement":
            yield from expressions(node.named_children[0] if node.named_children else None)[:1]
        elif node.type not in FUNCTIONS:
            pending += node.named_children
