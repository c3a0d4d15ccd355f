"""Which name means which variable, in a whole chunk. Pure; any thread.

A function is read into a `Part`: its variables, the names it takes from outside (``free``) and the functions
inside of it. A Part counts its bytes from its own start and depends on its text alone, so after a keystroke only
the functions around it are read again (`Names.reader` keeps the others by their text). The chunk is a Part too;
what is free there is global.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.text import decoded
from llmspell_kernel.language.trees import FUNCTIONS, INDEXES, expressions, is_key

Kind = Literal["local", "parameter", "loop", "function", "self"]
NAMES = ("identifier", "global")  # the grammar knows Lua 5.5's word; here it is a name
DEEPEST = 120  # levels of blocks that are read; Lua itself allows some 200
SCOPED = frozenset({"do_statement", "while_statement", "for_statement", "repeat_statement", "if_statement", "block"})


class Use(NamedTuple):
    at: int
    write: bool


class Variable(NamedTuple):
    """``seen``: the bytes where the name means it. ``inner``: which functions of its Part use it."""

    name: str
    kind: Kind
    at: int
    attribute: str
    seen: list[int]
    uses: list[Use]
    inner: list[int]


class Inner(NamedTuple):
    """A function in a Part. ``bound``: which of its free names are variables here; the others are free here too."""

    at: int
    part: Part
    bound: dict[str, Variable]


class Part(NamedTuple):
    length: int
    variables: list[Variable]
    inner: list[Inner]
    free: dict[str, list[Use]]  # used by the function itself or (an empty list) only further inside
    marks: dict[int, Variable | str]  # what stands where: a variable, or the name of a free one


class Binding(NamedTuple):
    """What a name means: a variable of a Part that begins at ``base``, or a global (``variable`` is None)."""

    name: str
    variable: Variable | None
    part: Part
    base: int

    @property
    def declared(self) -> int | None:
        return None if self.variable is None else self.base + self.variable.at

    @property
    def key(self) -> tuple[str, int]:
        return self.name, -1 if self.variable is None else self.base + self.variable.at


class Occurrence(NamedTuple):
    start: int
    end: int
    role: Literal["declare", "read", "write"]
    upvalue: bool


class Names:
    def __init__(self, root: Part) -> None:
        self.root = root
        self._globals: dict[str, list[Occurrence]] = {}

    # Questions ----------------------------------------------------------------------------------

    def find(self, at: int) -> Binding | None:
        """What the name that begins at this byte means; None where no variable's name is."""
        way = self._way(at)
        for depth in range(len(way), 0, -1):  # a function's name stands in it and belongs to the one around
            part, base, _ = way[depth - 1]
            found = part.marks.get(at - base)
            if isinstance(found, str):
                return self._resolved(found, way[:depth])
            if found is not None:
                return Binding(found.name, found, part, base)
        return None

    def _way(self, at: int) -> list[tuple[Part, int, int]]:
        """The Parts around a byte, from the outside: part, where it begins, which function of the one before."""
        way = [(self.root, 0, -1)]
        while True:
            part, base, _ = way[-1]
            index = bisect_right(part.inner, at - base, key=lambda one: one.at) - 1
            if index < 0 or at >= base + part.inner[index].at + part.inner[index].part.length:
                return way
            way.append((part.inner[index].part, base + part.inner[index].at, index))

    def _resolved(self, name: str, way: list[tuple[Part, int, int]]) -> Binding:
        for (part, base, _), (_, _, index) in zip(reversed(way[:-1]), reversed(way[1:]), strict=True):
            variable = part.inner[index].bound.get(name)
            if variable is not None:
                return Binding(name, variable, part, base)
        return Binding(name, None, self.root, 0)

    def occurrences(self, binding: Binding) -> list[Occurrence]:
        """Where it is declared, read and written, in the order of the text."""
        variable, base, size = binding.variable, binding.base, len(binding.name.encode("utf-8", "surrogatepass"))
        if variable is None:
            return self.uses_of_global(binding.name)
        found = [Occurrence(base + use.at, base + use.at + size, _role(use), False) for use in variable.uses]
        if variable.kind != "self":
            found.append(Occurrence(base + variable.at, base + variable.at + size, "declare", False))
        for index in variable.inner:
            inner = binding.part.inner[index]
            found += _free_uses(inner.part, base + inner.at, binding.name, size)
        return sorted(found)

    def visible(self, at: int) -> dict[str, Binding]:
        """The local names that can be used at a byte."""
        found: dict[str, Binding] = {}
        for part, base, _ in reversed(self._way(at)):
            for variable in reversed(part.variables):
                if variable.seen[0] <= at - base <= variable.seen[1]:
                    found.setdefault(variable.name, Binding(variable.name, variable, part, base))
        return found

    def self_of(self, method: int) -> Binding | None:
        """The `self` of the method that begins at a byte."""
        part, base, _ = self._way(method)[-1]
        found = next((one for one in part.variables if one.kind == "self"), None)
        return None if found is None or base != method else Binding("self", found, part, base)

    def globals(self) -> list[str]:
        """The names that are no local variable's."""
        return list(self.root.free)

    def uses_of_global(self, name: str) -> list[Occurrence]:
        """In the order of the text; nothing where it is none."""
        if name not in self.root.free:
            return []
        if name not in self._globals:
            size = len(name.encode("utf-8", "surrogatepass"))
            uses = sorted(_free_uses(self.root, 0, name, size))
            self._globals[name] = [one._replace(upvalue=False) for one in uses]
        return self._globals[name]

    def parts(self) -> Iterator[tuple[Part, int]]:
        pending = [(self.root, 0)]
        while pending:
            part, base = pending.pop()
            yield part, base
            pending += [(one.part, base + one.at) for one in part.inner]

    def variables(self) -> Iterator[Binding]:
        for part, base in self.parts():
            yield from (Binding(one.name, one, part, base) for one in part.variables)


def is_read(variable: Variable) -> bool:
    return bool(variable.inner) or any(not use.write for use in variable.uses)


def _role(use: Use) -> Literal["read", "write"]:
    return "write" if use.write else "read"


def _free_uses(part: Part, base: int, name: str, size: int) -> list[Occurrence]:
    own = part.free.get(name)
    found = [Occurrence(base + use.at, base + use.at + size, _role(use), True) for use in own] if own else []
    for one in part.inner:
        if name in one.part.free and name not in one.bound:
            found += _free_uses(one.part, base + one.at, name, size)
    return found


# Reading ----------------------------------------------------------------------------------------------


class Reader:
    """Reads chunks; remembers the functions of the last one by their text."""

    def __init__(self) -> None:
        self._known: dict[bytes, Part] = {}
        self._used: dict[bytes, Part] = {}

    def read(self, root: Node, data: bytes) -> Names:
        self._used = {}
        part = _Function(self, data, 0).chunk(root)
        self._known = self._used
        return Names(part)

    def function(self, node: Node, data: bytes, depth: int) -> Part:
        text = data[node.start_byte : node.end_byte]
        part = self._used.get(text) or self._known.get(text)
        if part is None:
            part = _Function(self, data, node.start_byte, depth).function(node)
        self._keep(text, part)
        return part

    def _keep(self, text: bytes, part: Part) -> None:
        self._used[text] = part


class _Function:
    """One function as it is read. Every ``at`` counts from ``base``."""

    def __init__(self, reader: Reader, data: bytes, base: int, depth: int = 0) -> None:
        self._reader = reader
        self._data = data
        self._base = base
        self._depth = depth
        self._scopes: list[dict[str, Variable]] = [{}]
        self._part = Part(0, [], [], {}, {})

    def chunk(self, root: Node) -> Part:
        self._statements(root.children, len(self._data))
        return self._part._replace(length=len(self._data) + 1)

    def function(self, node: Node) -> Part:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        parameters = node.child_by_field_name("parameters")
        end = node.children[-1].start_byte
        seen = parameters.end_byte if parameters is not None else node.start_byte
        if name is not None and name.type == "method_index_expression":
            self._declare("self", "self", node.start_byte, seen, end)
        for one in parameters.children if parameters is not None else ():
            if one.type in NAMES:
                self._declare(self._text(one), "parameter", one.start_byte, seen, end)
        self._scopes.append({})
        if body is not None:
            self._statements(body.children, end)
        return self._part._replace(length=node.end_byte - self._base)

    # Names --------------------------------------------------------------------------------------

    def _text(self, node: Node) -> str:
        return decoded(self._data[node.start_byte : node.end_byte])

    def _declare(self, name: str, kind: Kind, at: int, seen: int, until: int, attribute: str = "") -> None:
        base = self._base
        variable = Variable(name, kind, at - base, attribute, [seen - base, until - base], [], [])
        hidden = self._scopes[-1].get(name)
        if hidden is not None:
            hidden.seen[1] = min(hidden.seen[1], seen - base - 1)
        self._part.variables.append(variable)
        if kind != "self":
            self._part.marks[variable.at] = variable
        self._scopes[-1][name] = variable

    def _lookup(self, name: str) -> Variable | None:
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)

    def _use(self, node: Node, write: bool = False) -> None:
        name, use = self._text(node), Use(node.start_byte - self._base, write)
        variable = self._lookup(name)
        self._part.marks[use.at] = name if variable is None else variable
        if variable is not None:
            variable.uses.append(use)
        else:
            self._part.free.setdefault(name, []).append(use)

    def _inner(self, node: Node) -> None:
        if self._depth > DEEPEST:
            return
        part = self._reader.function(node, self._data, self._depth + 1)
        index, bound = len(self._part.inner), dict[str, Variable]()
        scopes, free = self._scopes[::-1], self._part.free
        for name in part.free:
            for scope in scopes:
                if (variable := scope.get(name)) is not None:
                    bound[name] = variable
                    variable.inner.append(index)
                    break
            else:
                if name not in free:
                    free[name] = []
        self._part.inner.append(Inner(node.start_byte - self._base, part, bound))

    # Statements ---------------------------------------------------------------------------------

    def _statements(self, nodes: list[Node], end: int) -> None:
        """``end``: up to where what is declared here is seen."""
        for node in nodes:
            if node.type == "variable_declaration" and node.children[0].type == "local":
                self._local(node, end)
            elif node.type == "function_declaration":
                self._function_statement(node, end)
            elif node.type == "assignment_statement":
                self._assignment(node)
            elif node.type == "ERROR":
                self._statements(node.children, end)
            elif node.is_named and node.type not in ("comment", "goto_statement", "label_statement"):
                self._expression(node)

    def _local(self, node: Node, end: int) -> None:
        inner = next((one for one in node.named_children if one.type != "comment"), None)
        names = inner
        if inner is not None and inner.type == "assignment_statement":
            names = inner.named_children[0] if inner.named_children else None
            for value in inner.children[1:]:
                self._expression(value)
        variable, attribute = None, ""
        for one in (*(names.children if names is not None else ()), None):
            if one is not None and one.type == "attribute":
                attribute = "".join(self._text(word) for word in one.children if word.type == "identifier")
            elif one is None or one.type in NAMES:
                if variable is not None:
                    self._declare(self._text(variable), "local", variable.start_byte, node.end_byte, end, attribute)
                variable, attribute = one, ""

    def _function_statement(self, node: Node, end: int) -> None:
        name = node.child_by_field_name("name")
        if name is not None and node.children[0].type == "local":
            self._declare(self._text(name), "function", name.start_byte, name.end_byte, end)
        elif name is not None and name.type in NAMES:
            self._use(name, write=True)
        elif name is not None:
            self._expression(name)
        self._inner(node)

    def _assignment(self, node: Node) -> None:
        for one in node.children[:1]:
            for target in one.children:
                if target.type in NAMES:
                    self._use(target, write=True)
                else:
                    self._expression(target)
        for value in node.children[1:]:
            self._expression(value)

    def _expression(self, node: Node) -> None:
        """Whatever else: the names in it are read."""
        pending = [node]
        while pending:
            node = pending.pop()
            kind = node.type
            if kind in NAMES:
                if node.is_named or node.parent is None or node.parent.type != "variable_declaration":
                    self._use(node)
            elif kind in FUNCTIONS:
                self._inner(node)
            elif kind in SCOPED:
                self._block_statement(node)
            elif kind in INDEXES:
                pending.append(node.children[0])
            elif kind == "field":
                pending.extend(reversed(node.children[2:] if is_key(node) else node.children))
            elif kind not in ("attribute", "goto_statement", "string", "comment", "label_statement"):
                pending.extend(reversed(node.children))

    def _block_statement(self, node: Node) -> None:
        self._depth += 1
        if self._depth <= DEEPEST:
            if node.type == "for_statement":
                self._for(node)
            elif node.type == "block":
                self._block(node.children, node.end_byte)
            else:
                self._bodies(node)
        self._depth -= 1

    def _block(self, nodes: list[Node], end: int) -> None:
        self._scopes.append({})
        self._statements(nodes, end)
        self._scopes.pop()

    def _bodies(self, node: Node) -> None:
        """Of do, while, repeat, if and its branches: a body is seen until what comes after it."""
        children = node.children
        for index, one in enumerate(children):
            end = children[index + 1].start_byte if index + 1 < len(children) else _end_of(one)
            if one.type in ("elseif_statement", "else_statement"):
                self._bodies(one)
            elif one.type == "block" and node.type == "repeat_statement":
                self._scopes.append({})
                self._statements(one.children, node.end_byte)
                for rest in children[index + 1 :]:
                    self._expression(rest)
                self._scopes.pop()
                return
            elif one.type == "block":
                self._block(one.children, end)
            elif one.is_named or one.type in NAMES:
                self._expression(one)

    def _for(self, node: Node) -> None:
        clause, body = node.child_by_field_name("clause"), node.child_by_field_name("body")
        end = node.children[-1].start_byte
        names: list[Node] = []
        if clause is not None and clause.type == "for_numeric_clause":
            names = clause.children[:1]
        elif clause is not None and clause.children:
            names = expressions(clause.children[0])
        for one in clause.children[1:] if clause is not None else ():
            self._expression(one)
        self._scopes.append({})
        for one in names:
            seen = clause.end_byte if clause is not None else one.end_byte
            self._declare(self._text(one), "loop", one.start_byte, seen, end)
        self._block(body.children if body is not None else [], end)
        self._scopes.pop()


def _end_of(block: Node) -> int:
    """A branch's body ends where the next branch or ``end`` begins."""
    after = block.parent.next_sibling if block.parent is not None else None
    return after.start_byte if after is not None else block.end_byte
