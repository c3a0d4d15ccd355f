"""Which functions a text defines, by the names that a person would call them by. Pure; any thread.

``function M.add``, ``M.add = function``, ``M["add"] = function``, ``local M = { add = function … }``: each has the
name M.add. Where a module's file returns M, its name is the module's too: geometry.add.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from llmspell_kernel.lua.lines import Function
from llmspell_kernel.lua.syntax import FUNCTIONS, NAMES, Syntax, lines_of

Path = tuple[str, ...]
NAME = re.compile(r"[^\W\d]\w*(?:\s*[.:]\s*[^\W\d]\w*)*(?:\s*\(\s*\))?")
# What follows a name where a function may get it: `= function`, among others, after an attribute, in brackets; what
# stands before it in the head of a function.
VALUE = re.compile(rb"""\s*(?:["']\s*\]\s*)?(?:<\s*\w+\s*>\s*)?(?:=(?!=)|,)""")
HEAD, PARAMETERS = re.compile(rb"\s[\w\x80-\xff.:\s]*"), re.compile(rb"\s*\(")
FAR = 200  # bytes that a name with its path may be long


def path_of(name: str) -> Path | None:
    """The parts of ``module.object:method``; None: it is no name. ``_G.add`` is add."""
    if NAME.fullmatch(name.strip()) is None:
        return None
    parts = tuple(part.strip() for part in re.split(r"[.:]", name.strip().removesuffix("()").rstrip("( )")))
    return parts[1:] if len(parts) > 1 and parts[0] == "_G" else parts


def mentions(text: bytes, paths: Iterable[Path]) -> list[int]:
    """Where functions of these names may be defined, at a glance: offsets of the last parts of the names."""
    last = {path[-1].encode("utf-8", "surrogateescape") for path in paths}
    words = b"|".join(re.escape(word) for word in sorted(last, key=len, reverse=True))
    found = re.finditer(rb"(?<![\w\x80-\xff])(?:" + words + rb")(?![\w\x80-\xff])", text)
    return [one.start() for one in found if VALUE.match(text, one.end()) or _is_head(text, *one.span())]


def _is_head(text: bytes, start: int, end: int) -> bool:
    """Whether the word is the last of a name between ``function`` and parameters."""
    if not PARAMETERS.match(text, end):
        return False
    word = text.rfind(b"function", max(0, start - FAR), start)
    return word >= 0 and HEAD.fullmatch(text, word + len(b"function"), start) is not None


def definitions(syntax: Syntax, places: Iterable[int], module: Path) -> Iterator[tuple[Path, Node]]:
    """The functions that are defined at these offsets, with their names. ``module``: of the file, as ``require`` might
    be told it, with its folders before. A function is told once for each of its names."""
    returned = _returned(syntax.root)
    for offset in places:
        word = syntax.root.descendant_for_byte_range(offset, offset + 1)
        for path, function in _defined_by(word):
            yield path, function
            if returned is not None and path[0] == returned:
                yield (*module, *path[1:]), function


def is_meant(wanted: Path, path: Path) -> bool:
    """``add`` is M.add too, and sub.add is module.sub.add."""
    return path[-len(wanted) :] == wanted


def _returned(root: Node) -> str | None:
    """The variable that a chunk returns at its end; "" for a table that is made there."""
    statements = [node for node in root.named_children if node.type != "comment"]
    if not statements or statements[-1].type != "return_statement":
        return None
    values = statements[-1].named_children
    value = values[0].children[0] if values and values[0].children else None
    if value is None:
        return None
    return _word(value) if value.type in NAMES else "" if value.type == "table_constructor" else None


def _defined_by(word: Node | None) -> Iterator[tuple[Path, Node]]:
    """The function whose name ends with this word, if it stands where a name is given."""
    target = word
    while target is not None and target.parent is not None:
        parent = target.parent
        if parent.type == "function_declaration" and parent.child_by_field_name("name") == target:
            yield from _named(_path(target), parent)
        elif parent.type == "variable_list":
            yield from _named(_path(target), _value_of(target, parent))
        elif parent.type == "field" and parent.child_by_field_name("name") == target:
            yield from _named(_field_path(parent), parent.child_by_field_name("value"))
        elif _is_last_part(target, parent):
            target = parent
            continue
        return


def _is_last_part(part: Node, whole: Node) -> bool:
    """Of an expression that may be a name: ``add`` in M.add, M:add or M["add"]."""
    if whole.type == "string":
        return True
    field = {"dot_index_expression": "field", "method_index_expression": "method", "bracket_index_expression": "field"}
    return whole.type in field and whole.child_by_field_name(field[whole.type]) == part


def _named(path: Path | None, function: Node | None) -> Iterator[tuple[Path, Node]]:
    if path is not None and function is not None and function.type in FUNCTIONS:
        yield path, function


def _value_of(target: Node, names: Node) -> Node | None:
    """What an assignment gives to one of its variables."""
    assignment = names.parent
    values = assignment.children[-1] if assignment is not None else None
    if values is None or values.type != "expression_list":
        return None
    targets = _targets(names)
    index, given = targets.index(target), [node for node in values.named_children if node.type != "comment"]
    return given[index] if index < len(given) else None


def _field_path(field: Node) -> Path | None:
    """Of a field in a constructor: what the table is assigned to comes before."""
    name = field.child_by_field_name("name")
    own = _path(name) if name is not None else None
    table = field.parent
    above = table.parent if table is not None else None
    if own is None or above is None or table is None:
        return None
    if above.type == "field":
        before = _field_path(above)
    elif above.type == "expression_list" and above.parent is not None and above.parent.type == "return_statement":
        is_of_chunk = above.parent.parent is not None and above.parent.parent.type == "chunk"
        before = ("",) if is_of_chunk else None
    elif above.type == "expression_list" and above.parent is not None and above.parent.children[0] != above:
        before = _assigned(table, above)
    else:
        before = None
    return (*before, *own) if before is not None else own


def _assigned(value: Node, values: Node) -> Path | None:
    names = values.parent.children[0] if values.parent is not None else None
    if names is None or names.type != "variable_list":
        return None
    given = [node for node in values.named_children if node.type != "comment"]
    targets = _targets(names)
    index = given.index(value)
    return _path(targets[index]) if index < len(targets) else None


def _targets(names: Node) -> list[Node]:
    return [node for node in names.children if node.type not in ("attribute", "comment", ",")]


def _path(node: Node) -> Path | None:
    """Of a name as it is written; None where it is more than names: f().add is add alone."""
    if node.type == "string" or node.type in NAMES:
        word = _word(node)
        return (word,) if word else None
    parts = [node.child_by_field_name("table"), node.children[-1] if node.type != "bracket_index_expression" else
             node.child_by_field_name("field")]  # fmt: skip
    own = _path(parts[1]) if parts[1] is not None and parts[1].type in ("identifier", "string") else None
    if own is None:
        return None
    table = parts[0]
    known = (*NAMES, "dot_index_expression", "bracket_index_expression")
    before = _path(table) if table is not None and table.type in known else None
    whole = (*(before or ()), *own)
    return whole[1:] if len(whole) > 1 and whole[0] in ("_G", "_ENV") else whole


def _word(node: Node) -> str:
    if node.type == "string":
        content = node.child_by_field_name("content")
        return "" if content is None or content.text is None else content.text.decode("utf-8", "replace")
    return "" if node.text is None else node.text.decode("utf-8", "replace")


def module_of(path: str | None) -> Path:
    """What a file's module may be called: /a/geometry/init.lua is a.geometry."""
    if path is None:
        return ("",)
    parts = path.replace("\\", "/").removesuffix(".lua").split("/")
    return tuple(parts[:-1] if parts[-1] == "init" and len(parts) > 1 else parts)


def function_at(syntax: Syntax, start: int) -> Node | None:
    """The function whose text begins there."""
    node = syntax.root.descendant_for_byte_range(start, start + 8)
    while node is not None and not (node.type in FUNCTIONS and node.start_byte == start):
        node = node.parent
    return node


def functions_on(syntax: Syntax, lines: Function) -> Iterator[Node]:
    """Those that begin and end on these lines."""
    pending = [syntax.root]
    while pending:
        node = pending.pop()
        if node.type in FUNCTIONS and lines_of(node) == lines:
            yield node
        for child in reversed(node.named_children):
            if child.start_point.row < lines.first and child.end_point.row + 1 >= lines.last:
                pending.append(child)


def signature(function: Node) -> tuple[int, bool]:
    """How many parameters it has, as Lua counts them, and whether more may follow."""
    name, parameters = function.child_by_field_name("name"), function.child_by_field_name("parameters")
    given = [node.type for node in (parameters.children if parameters is not None else ())]
    is_method = name is not None and name.type == "method_index_expression"
    return given.count("identifier") + is_method, "vararg_expression" in given
