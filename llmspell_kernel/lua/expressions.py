"""What an expression of a person may do, told from its text: which names it reads, whether it can raise. Any thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.lua.syntax import NAMES, Name, Syntax

Kind = Literal["inline", "guarded", "free"]
KNOWN = {  # functions of Lua's that neither yield nor call the program, but for metamethods
    "type", "tostring", "tonumber", "rawequal", "rawlen", "rawget", "select", "next", "getmetatable",
    *(f"math.{name}" for name in ("abs", "ceil", "floor", "fmod", "huge", "max", "min", "modf", "sqrt", "tointeger",
                                  "type", "ult")),
    *(f"string.{name}" for name in ("byte", "char", "find", "format", "len", "lower", "match", "reverse", "sub",
                                    "upper")),
    *(f"utf8.{name}" for name in ("char", "codepoint", "len", "offset")),
    "os.time", "os.clock", "os.date", "table.concat", "table.unpack",
}  # fmt: skip
METHODS = {"byte", "find", "format", "len", "lower", "match", "reverse", "sub", "upper"}  # of strings
CONSTANTS = {"string", "nil", "true", "false"}
ARITHMETIC = {"+", "-", "*", "/", "^", "%", "//"}
ORDER = {"<", "<=", ">", ">="}
STRING = "__llmspell_string"  # gives a string back and raises for anything else


class Expression(NamedTuple):
    """``inline``: it can't raise where these names are seen. ``guarded``: it can, but it neither yields nor runs
    for long. ``free``: nobody knows. ``names``: the locals and upvalues it reads; ``uses_globals``: and others.
    ``text`` is what to compile."""

    kind: Kind
    text: str
    names: tuple[str, ...] = ()
    vararg: bool = False
    uses_globals: bool = False


def read(text: str, seen: Mapping[str, Name], is_vararg: bool) -> Expression:
    """An expression as it would stand where the names ``seen`` are in scope."""
    free = Expression("free", text)
    if "\n" in text or "\r" in text or "--" in text or "__llmspell" in text:
        return free
    prefix = b"return "
    data = prefix + text.encode("utf-8", "surrogateescape")
    syntax = Syntax(data)
    root = syntax.expression
    if root is None:
        return free
    reader = _Reader(seen)
    try:
        reader.read(root)
    except _Free:
        return free
    if reader.vararg and not is_vararg:
        return free
    kind: Kind = "inline" if not reader.vararg and _type(root, seen) is not None else "guarded"
    for start, end in sorted(reader.strings, reverse=True):
        data = data[:start] + STRING.encode() + b"(" + data[start:end] + b")" + data[end:]
    text = data[len(prefix) :].decode("utf-8", "surrogateescape")
    return Expression(kind, text, tuple(reader.names), reader.vararg, reader.uses_globals)


class _Free(Exception):
    pass


class _Reader:
    """Walks an expression; raises _Free for what may run anything."""

    def __init__(self, seen: Mapping[str, Name]) -> None:
        self._seen = seen
        self.names: dict[str, None] = {}
        self.vararg = self.uses_globals = False
        self.strings: list[tuple[int, int]] = []  # receivers of methods: they must be strings

    def read(self, node: Node) -> None:
        if node.type in NAMES:
            self._name(_text(node))
        elif node.type == "vararg_expression":
            self.vararg = True
        elif node.type == "function_call":
            self._call(node)
        elif node.type in ("function_definition", "ERROR"):
            raise _Free
        else:
            for child in _operands(node):
                self.read(child)

    def _name(self, name: str) -> None:
        if name == "_ENV":
            raise _Free
        if name in self._seen:
            self.names[name] = None
        else:
            self.uses_globals = True

    def _call(self, node: Node) -> None:
        function, arguments = node.child_by_field_name("name"), node.child_by_field_name("arguments")
        if function is None or arguments is None:
            raise _Free
        if function.type == "method_index_expression":
            receiver, method = function.child_by_field_name("table"), function.child_by_field_name("method")
            if receiver is None or _text(method) not in METHODS:
                raise _Free
            self.read(receiver)
            self.strings.append((receiver.start_byte, receiver.end_byte))
        else:
            path = _text(function)
            if path not in KNOWN or path.partition(".")[0] in self._seen:
                raise _Free
            self.uses_globals = True
        self.read(arguments)


def _operands(node: Node) -> Iterator[Node]:
    """The children that are expressions: no names of fields."""
    for n, child in enumerate(node.children):
        is_key = node.type == "field" and n == 0 and child.type in NAMES and len(node.children) > 1
        is_field = node.field_name_for_child(n) == "field" and node.type == "dot_index_expression"
        if (child.is_named or child.type in NAMES) and not is_key and not is_field:
            yield child


def _type(node: Node, seen: Mapping[str, Name]) -> str | None:
    """ "number", "constant" or "any" for what can't raise; None for what can."""
    if node.type == "number":
        return "number"
    if node.type in CONSTANTS:
        return "constant"
    if node.type in NAMES:
        name = seen.get(_text(node))
        return None if name is None else "number" if name.number else "any"
    if node.type == "parenthesized_expression":
        return _type(node.children[1], seen)
    if node.type == "unary_expression":
        return _unary(node, seen)
    if node.type == "binary_expression":
        return _binary(node, seen)
    return None


def _unary(node: Node, seen: Mapping[str, Name]) -> str | None:
    operand = _type(node.children[-1], seen)
    operator = _text(node.children[0])
    if operator == "not" and operand is not None:
        return "constant"
    return "number" if operator == "-" and operand == "number" else None


def _binary(node: Node, seen: Mapping[str, Name]) -> str | None:
    left, right = _type(node.children[0], seen), _type(node.children[2], seen)
    operator = _text(node.children[1])
    if left is None or right is None:
        return None
    if operator in ("and", "or"):
        return left if left == right else "any"
    if operator in ("==", "~="):  # a metamethod runs for two tables or two userdata
        return "constant" if "any" not in (left, right) or left != right else None
    if left != "number" or right != "number":
        return None
    if operator in ORDER:
        return "constant"
    if operator in ("%", "//") and not (node.children[2].type == "number" and _text(node.children[2]).strip("0.")):
        return None  # by zero
    return "number" if operator in ARITHMETIC else None


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")
