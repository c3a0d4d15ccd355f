"""What the text of a chunk says: places where it can be stopped, and the names seen there. Any thread.

tree-sitter reads the text; nothing is run, and a tree is only walked where somebody asks. Where the text
holds what the grammar does not know, `Syntax.readable` is False and nothing else can be relied on.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Literal, NamedTuple

from tree_sitter import Language, Node, Parser, Tree

from llmspell_kernel.lua.lines import Function


def _grammar() -> Language:
    """The package's one compiled module; the package itself imports importlib.resources, a third of our start."""
    package = find_spec("tree_sitter_lua")
    assert package is not None and package.submodule_search_locations is not None, "tree-sitter-lua is not installed"
    name = "tree_sitter_lua._binding"
    spec = PathFinder.find_spec(name, package.submodule_search_locations)
    assert spec is not None
    binding = module_from_spec(spec)
    return Language(binding.language())


LANGUAGE = _grammar()
STATEMENTS = frozenset(
    {
        "variable_declaration",
        "assignment_statement",
        "function_call",
        "function_declaration",
        "if_statement",
        "while_statement",
        "for_statement",
        "return_statement",
        "break_statement",
        "goto_statement",
    }
)
HEADS = {"if_statement": "condition", "for_statement": "clause"}
BLOCKS = frozenset({"chunk", "block"})
FUNCTIONS = frozenset({"function_declaration", "function_definition"})
NAMES = frozenset({"identifier", "global"})  # the grammar also knows a later Lua, where that is a word
LAST = frozenset({"return_statement", "break_statement", "goto_statement", "label_statement"})
LINE_END, LONG = re.compile(rb"\n"), re.compile(rb"\[=*\[|\\z|\\\r?\n")
# The head of a function that declares no local; its end.
NAMED = re.compile(rb"[ \t]*function[ \t]+[\w.:]+[ \t]*\([^()\n]*\)[ \t\r]*$", re.MULTILINE)
END = re.compile(rb"[ \t]*end\b")
LOCAL = re.compile(rb"\blocal[ \t]*(?:--.*)?$")
BLANK = bytes(byte if byte in b"\r\n" else 32 for byte in range(256))
# What may follow a condition, a loop's head or a statement on its last line if nothing there can lead back before it.
NOTHING_MORE = re.compile(rb"[ \t]*(?:;|then\b|do\b)?[ \t\r]*(?:--(?!\[=*\[).*)?$", re.MULTILINE)
SIMPLE = frozenset({"variable_declaration", "assignment_statement", "function_call", "return_statement"})


class Place(NamedTuple):
    """Where a program can be stopped.

    Lines and columns count from 1, columns in UTF-16 code units as DAP's do. ``start`` and ``end`` are bytes
    of the text: a statement; the condition of a while, elseif or until; the ``end`` of a function. ``hidden``:
    how many variables Lua keeps there for the for loops around. ``nodes``: the way from the root.
    """

    kind: Literal["statement", "condition", "end"]
    line: int
    column: int
    last_line: int
    last_column: int
    start: int
    end: int
    function: Function
    hidden: int
    is_loop: bool  # a for statement: its line is run again at each turn
    nodes: tuple[Node, ...]

    @property
    def body(self) -> int:
        """Where its function begins: several may begin and end on the same lines."""
        function = _function_around(self.nodes)
        return -1 if function is None else function.start_byte


class Name(NamedTuple):
    """A local variable. ``number``: it is the counter of a loop that never assigns to it. ``at``: the byte
    where a ``local`` names it; -1: something else declares it."""

    text: str
    number: bool = False
    at: int = -1


class Syntax:
    def __init__(self, text: bytes, read: bytes | None = None) -> None:
        """``read``: the text with some functions emptied (`outline`), where nothing will be asked about them."""
        self.text = text
        self._tree: Tree = Parser(LANGUAGE).parse(text if read is None else read)
        self._root = self._tree.root_node
        # A carriage return alone ends a line to Lua, not to the parser.
        self._has_other_lines = b"\r" in text and text.count(b"\r") != text.count(b"\r\n")
        self._declared: dict[int, list[tuple[int, Node]]] = {}  # of a block: from where on, name

    @property
    def root(self) -> Node:
        return self._root

    @property
    def readable(self) -> bool:
        return not (self._root.has_error or self._has_other_lines)

    @property
    def last_token(self) -> int:
        """Where the program ends: what follows are comments and white space."""
        children = [node for node in self._root.children if node.type != "comment"]
        end: int = children[-1].end_byte if children else 0
        return end

    @property
    def expression(self) -> Node | None:
        """What a chunk that only returns one expression returns."""
        statement = self._root.children[0] if len(self._root.children) == 1 else None
        if not self.readable or statement is None or statement.type != "return_statement":
            return None
        values = statement.named_children[0].named_children if statement.named_children else []
        return values[0] if len(values) == 1 else None

    # Places -------------------------------------------------------------------------------------

    def places(self, first: int, last: int) -> list[Place]:
        """The places that begin in these lines, in the order of the text."""
        found = [place for place in self._walk((self._root,), first, last, 0) if first <= place.line <= last]
        return sorted(found, key=lambda place: place.start)

    def _walk(self, path: tuple[Node, ...], first: int, last: int, hidden: int) -> Iterator[Place]:
        node = path[-1]
        yield from self._own_places(path, hidden)
        inside = 0 if node.type in FUNCTIONS else hidden + _hidden(node)
        for child in _children(node, first, last):
            yield from self._walk((*path, child), first, last, inside if child.type == "block" else hidden)

    def _own_places(self, path: tuple[Node, ...], hidden: int) -> Iterator[Place]:
        node = path[-1]
        above = path[-2] if len(path) > 1 else None
        if node.type in STATEMENTS and above is not None and above.type in BLOCKS:
            condition = node.child_by_field_name("condition") if node.type == "while_statement" else None
            if condition is not None:
                yield self._place("condition", (*path, condition), hidden, node)
            else:
                yield self._place("statement", path, hidden)
        elif node.type in ("elseif_statement", "repeat_statement"):
            condition = node.child_by_field_name("condition")
            if condition is not None:
                yield self._place("condition", (*path, condition), hidden)
        if node.type in FUNCTIONS:
            end, body = node.children[-1], node.child_by_field_name("body")
            if end.type == "end" and not (body is not None and _last_statement(body) in LAST):
                yield self._place("end", (*path, end), 0)

    def _place(self, kind: Literal["statement", "condition", "end"], path: tuple[Node, ...], hidden: int,
               begin: Node | None = None) -> Place:  # fmt: skip
        node = path[-1]
        seen = begin if begin is not None and begin.start_point.row == node.start_point.row else node
        function = _function_around(path)
        return Place(
            kind,
            node.start_point.row + 1,
            self._column(seen.start_byte),
            node.end_point.row + 1,
            self._column(node.end_byte),
            node.start_byte,
            node.end_byte,
            Function(0, 0) if function is None else lines_of(function),
            hidden,
            node.type == "for_statement",
            path,
        )

    def _column(self, offset: int) -> int:
        line = self.text[self.text.rfind(b"\n", 0, offset) + 1 : offset]
        if line.isascii():
            return len(line) + 1
        return len(line.decode("utf-8", "replace").encode("utf-16-le")) // 2 + 1

    def entry(self, function: Node) -> Place:
        """Where a function begins: before its first statement, which the program comes to once in a call. That is a
        loop itself, not its condition."""
        path = _way_to(function)
        body = function.child_by_field_name("body")
        while body is not None and (first := _first_statement(body)) is not None:
            path = (*path, body, first)
            body = first.child_by_field_name("body") if first.type == "do_statement" else None
        if path[-1] is not function:
            return self._place("statement", path, 0)
        return self._place("end", (*path, function.children[-1]), 0)

    def until(self, place: Place) -> int:
        """The last line of what is executed when the program comes to this place; 0 if that is one line, or if
        a jump back to the first may come from there.

        Lua comes back to the first line of a statement when it calls what is begun there, after its arguments.
        """
        node = place.nodes[-1]
        head = node.child_by_field_name(HEADS.get(node.type, ""))
        node = node if head is None else head
        repeat = place.nodes[-2] if len(place.nodes) > 1 else None
        if repeat is not None and repeat.type == "repeat_statement" and repeat.start_point.row + 1 == place.line:
            return 0
        last = node.end_point.row + 1
        return last if last > place.line and NOTHING_MORE.match(self.text, node.end_byte) else 0

    def goes_on(self, line: int, active: Mapping[Function, set[int]]) -> int:
        """`until` of what is executed on a line where nothing begins: of the statement that it is a part of."""
        around = [place for place in self._walk((self._root,), line, line, 0) if place.line < line <= place.last_line]
        own = [place for place in around if line in active.get(place.function, ())]
        return self.until(own[-1]) if own else 0

    # Names --------------------------------------------------------------------------------------

    def names(self, place: Place) -> dict[str, Name]:
        """The locals and upvalues seen at a place."""
        seen: dict[str, Name] = {}
        for above, below in zip(reversed(place.nodes[:-1]), reversed(place.nodes[1:]), strict=True):
            for name in reversed(list(self._visible(above, below, place))):
                seen.setdefault(name.text, name)
        return seen

    def names_on(self, function: Function, line: int) -> dict[str, Name]:
        """The names seen where what stands first on a line of a function begins, or what goes on there."""
        on = [one for one in self._walk((self._root,), line, line, 0) if one.function == function]
        there = [one for one in on if one.line == line] or [one for one in on if one.line < line <= one.last_line][-1:]
        return self.names(there[0]) if there else {}

    def names_before(self, statement: Node) -> dict[str, Name]:
        return self.names(self._place("statement", _way_to(statement), 0))

    def is_vararg(self, place: Place) -> bool:
        """Whether ``...`` may be used there."""
        function = _function_around(place.nodes)
        if function is None:
            return True
        parameters = function.child_by_field_name("parameters")
        return parameters is not None and any(node.type == "vararg_expression" for node in parameters.children)

    def _visible(self, above: Node, below: Node, place: Place) -> Iterator[Name]:
        """What ``above`` declares that is seen in its child ``below``."""
        if above.type in BLOCKS:
            seen = (one for begin, one in self._declarations(above) if begin <= below.start_byte)
            yield from (Name(_text(one), at=one.start_byte) for one in seen)
            if below.type == "function_declaration" and below is not place.nodes[-1] and _is_local(below):
                name = below.child_by_field_name("name")
                yield Name(_text(name), at=-1 if name is None else name.start_byte)
        elif above.type in FUNCTIONS and below.type in ("block", "end"):
            name = above.child_by_field_name("name")
            if name is not None and name.type == "method_index_expression":
                yield Name("self")
            parameters = above.child_by_field_name("parameters")
            yield from (Name(_text(one)) for one in _identifiers(parameters))
            if below.type == "end":
                yield from self._body_names(above)
        elif above.type == "for_statement" and below.type == "block":
            yield from self._loop_names(above)
        elif above.type == "repeat_statement" and below.type != "block":
            yield from self._body_names(above)

    def _body_names(self, node: Node) -> Iterator[Name]:
        body = node.child_by_field_name("body")
        if body is not None:
            yield from (Name(_text(one), at=one.start_byte) for _, one in self._declarations(body))

    def _loop_names(self, loop: Node) -> Iterator[Name]:
        clause = loop.child_by_field_name("clause")
        if clause is None:
            return
        if clause.type == "for_numeric_clause":
            name = _text(clause.child_by_field_name("name"))
            body = self.text[clause.end_byte : loop.end_byte].decode("utf-8", "replace")
            assigned = rf"\b{name}\b\s*(?:=(?!=)|,|<)|\bfunction\s+{name}\b"
            yield Name(name, number=re.search(assigned, body) is None)
        else:
            yield from (Name(_text(one)) for one in _identifiers(clause.children[0]))

    def _declarations(self, block: Node) -> list[tuple[int, Node]]:
        """The locals of a block and from which byte each is seen."""
        found = self._declared.get(block.id)
        if found is None:
            found = self._declared[block.id] = list(_declared_in(block))
        return found


def _function_around(path: tuple[Node, ...]) -> Node | None:
    inside = path[:-1] if path[-1].type in FUNCTIONS else path
    return next((node for node in reversed(inside) if node.type in FUNCTIONS), None)


def outline(text: bytes, functions: Iterable[Function], lines: Sequence[int]) -> bytes | None:
    """The text without what stands between the first and the last line of the functions that hold none of these
    lines (sorted), and without all of a function that is no local: a tenth of the work to read. What is left may be
    no Lua where a string or parameters go over several lines. None: lines are not what they seem."""
    if text.count(b"\r") != text.count(b"\r\n"):
        return None
    starts = [0, *(found.end() for found in LINE_END.finditer(text))]
    pieces, at, done = [], 0, 0
    found = sorted(functions, key=lambda one: (one.first, -one.last))
    final = max((last for _, last in found), default=0)  # the end of the text is to stay where it is
    for first, last in found:
        index = bisect_left(lines, first)
        if first <= done or last < first + 2 or (index < len(lines) and lines[index] <= last):
            continue
        begin, end, done = starts[first], starts[last - 1], last
        if LONG.search(text, starts[first - 1], begin):
            continue
        start, word = starts[first - 1], END.match(text, end)
        if last < final and word and NAMED.match(text, start) and not _is_after_local(text, starts, first):
            begin, end = start, word.end()
        pieces += [text[at:begin], text[begin:end].translate(BLANK)]
        at = end
    return b"".join([*pieces, text[at:]])


def _is_after_local(text: bytes, starts: Sequence[int], line: int) -> bool:
    """Whether the word ``local`` stands before this line, with comments between at most."""
    for index in range(line - 2, -1, -1):
        before = text[starts[index] : starts[index + 1]].strip()
        if before and not before.startswith(b"--"):
            return LOCAL.search(before) is not None
    return False


def _declared_in(block: Node) -> Iterator[tuple[int, Node]]:
    for statement in block.children:
        if statement.type == "variable_declaration":
            inner = statement.named_children[0] if statement.named_children else None
            names = inner if inner is None or inner.type == "variable_list" else inner.named_children[0]
            yield from ((statement.end_byte, one) for one in _identifiers(names))
        elif statement.type == "function_declaration" and _is_local(statement):
            name = statement.child_by_field_name("name")
            yield from ((statement.end_byte, one) for one in (name,) if one is not None)


def _statements(block: Node) -> list[Node]:
    return [child for child in block.named_children if child.type not in ("comment", "empty_statement")]


def _last_statement(block: Node) -> str | None:
    kinds = [statement.type for statement in _statements(block)]
    return kinds[-1] if kinds else None


def _first_statement(block: Node) -> Node | None:
    return next(iter(_statements(block)), None)


def _way_to(node: Node) -> tuple[Node, ...]:
    """From the root."""
    way = [node]
    while (above := way[-1].parent) is not None:
        way.append(above)
    return tuple(reversed(way))


def _hidden(node: Node) -> int:
    """What a loop keeps: limit, step and counter, or iterator, state, control and what is to be closed."""
    clause = node.child_by_field_name("clause") if node.type == "for_statement" else None
    return 0 if clause is None else 3 if clause.type == "for_numeric_clause" else 4


def _is_local(function: Node) -> bool:
    return function.children[0].type == "local"


def _identifiers(node: Node | None) -> Iterator[Node]:
    return (child for child in (node.children if node is not None else ()) if child.type == "identifier")


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def lines_of(function: Node) -> Function:
    """Lua counts from the word ``function`` to ``end``."""
    word = next(child for child in function.children if child.type == "function")
    return Function(word.start_point.row + 1, function.end_point.row + 1)


def _children(node: Node, first: int, last: int) -> Iterator[Node]:
    """The children that touch these lines; those before them are skipped without being looked at."""
    cursor = node.walk()
    if cursor.goto_first_child_for_point((first - 1, 0)) is None:
        return
    while cursor.node is not None and cursor.node.start_point.row < last:
        yield cursor.node
        if not cursor.goto_next_sibling():
            return
