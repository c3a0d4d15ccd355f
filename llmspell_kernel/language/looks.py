"""What is shown in the text besides the text: colours of names, hints, lenses, values. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.api import api
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.names import Binding
from llmspell_kernel.language.tables import call_arguments, parameters, span, table_members
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.trees import FUNCTIONS, around, at, expressions, node_text, walk
from llmspell_kernel.language.values import Evaluator, Value, World

LITERALS = frozenset({"string", "number", "true", "false", "nil", "table_constructor", "function_definition"})
INDEXES = ("dot_index_expression", "bracket_index_expression", "method_index_expression")


# Colours ----------------------------------------------------------------------------------------------


class Token(NamedTuple):
    span: Span
    kind: Literal["parameter", "variable"]
    modifiers: tuple[Literal["declaration", "readonly", "upvalue", "global", "defaultLibrary"], ...]


def tokens(document: Document, within: Span | None = None) -> list[Token]:
    """Parameters, upvalues and globals: what a grammar can't tell."""
    whole = within or Span(0, len(document.now.text.data))
    names = document.now.names
    found = [token for one in names.variables() for token in _of_variable(document, one, whole)]
    for name in names.globals():
        known: tuple[Literal["global", "defaultLibrary"], ...] = ("global",)
        if name in api().globals:
            known = ("global", "defaultLibrary")
        found += [
            Token(Span(one.start, one.end), "variable", known)
            for one in names.uses_of_global(name)
            if _meets(one.start, whole)
        ]
    return sorted(found)


def _meets(offset: int, whole: Span) -> bool:
    return whole.start <= offset < whole.end


def _of_variable(document: Document, binding: Binding, whole: Span) -> Iterator[Token]:
    variable = binding.variable
    if variable is None or not (variable.kind == "parameter" or variable.inner):
        return
    if binding.base + variable.at >= whole.end or binding.base + variable.seen[1] < whole.start:
        return
    kind: Literal["parameter", "variable"] = "parameter" if variable.kind == "parameter" else "variable"
    for one in document.now.names.occurrences(binding):
        if _meets(one.start, whole) and (kind == "parameter" or one.upvalue):
            said: list[Literal["declaration", "readonly", "upvalue", "global", "defaultLibrary"]] = []
            said += ["declaration"] if one.role == "declare" else []
            said += ["readonly"] if variable.attribute else []
            said += ["upvalue"] if one.upvalue else []
            yield Token(Span(one.start, one.end), kind, tuple(said))


# Hints ------------------------------------------------------------------------------------------------


class Hint(NamedTuple):
    at: int
    label: str


def hints(world: World, document: Document, within: Span) -> Iterator[Hint]:
    """The names of parameters, before arguments that do not say it themselves."""
    evaluator = Evaluator(world, document)
    for node in walk(document.now.root):
        if node.type == "function_call" and node.end_byte >= within.start and node.start_byte < within.end:
            arguments = call_arguments(node)
            if any(one.type in LITERALS for one in arguments):
                yield from _call_hints(evaluator, node, arguments, within)


def _call_hints(evaluator: Evaluator, call: Node, arguments: list[Node], within: Span) -> Iterator[Hint]:
    callee = call.child_by_field_name("name")
    names = _parameter_names(evaluator.value(callee), callee)
    for name, argument in zip(names, arguments, strict=False):
        is_plain = argument.type in LITERALS - {"function_definition", "table_constructor"}
        if is_plain and name != "..." and _meets(argument.start_byte, within):
            yield Hint(argument.start_byte, f"{name}:")


def _parameter_names(value: Value | None, callee: Node | None) -> list[str]:
    if value is None or callee is None:
        return []
    is_method = callee.type == "method_index_expression"
    if value.definition is not None:
        names = [one.name for one in value.definition.parameters]
        return names[1:] if is_method and value.definition.kind == "function" else names
    if value.node is None or value.node.type not in FUNCTIONS:
        return []
    name = value.node.child_by_field_name("name")
    has_self = name is not None and name.type == "method_index_expression"
    names = parameters(value.node)
    return names[1:] if is_method and not has_self else names


# Lenses -----------------------------------------------------------------------------------------------


class Lens(NamedTuple):
    """Run or debug the script (``function`` is "") or one of the functions that its module exports."""

    span: Span
    function: str


def lenses(world: World, document: Document) -> Iterator[Lens]:
    """On the script, and on the exported functions that need no arguments."""
    root = document.now.root
    if not any(one.is_named and one.type != "comment" for one in root.children):
        return
    yield Lens(Span(0, 0), "")
    last = next((one for one in reversed(root.children) if one.type == "return_statement"), None)
    values = expressions(last.named_children[0]) if last is not None and last.named_children else []
    value = Evaluator(world, document).value(values[0]) if values else None
    if value is None or value.kind != "table" or value.node is None or value.document is not document:
        return
    for member in table_members(document, value.node).values():
        function, name = member.value, member.name_node
        if function is None or name is None or function.type not in FUNCTIONS or member.kind == "method":
            continue
        if not parameters(function):
            yield Lens(span(name), member.name)


# Values while debugging -------------------------------------------------------------------------------


class InlineValue(NamedTuple):
    """``expression`` is None where it is a variable's name."""

    span: Span
    expression: str | None


def inline_values(document: Document, within: Span, stopped: int) -> list[InlineValue]:
    """The locals, and the fields that are read through them, in the function where the program has stopped, down to
    the line of the stop."""
    now = document.now
    function = around(at(now.root, stopped), *FUNCTIONS)
    end = now.text.line_span(now.text.line_of(stopped)).end
    listed = function.child_by_field_name("parameters") if function is not None else None
    area = Span(max(within.start, listed.start_byte if listed is not None else 0), min(within.end, end))
    found: dict[Span, InlineValue] = {}
    for binding in now.names.visible(stopped).values():
        for one in now.names.occurrences(binding):
            if area.start <= one.start < area.end:
                _add(found, now.root, Span(one.start, one.end), area)
    return sorted(found.values(), key=lambda one: one.span)


def _add(found: dict[Span, InlineValue], root: Node, place: Span, area: Span) -> None:
    found[place] = InlineValue(place, None)
    node = at(root, place.start, place.end)
    chain = node.parent
    while chain is not None and chain.type == "dot_index_expression" and chain.children[0].id == node.id:
        if chain.end_byte <= area.end and not _is_called(chain):
            found[span(chain)] = InlineValue(span(chain), node_text(chain))
        node, chain = chain, chain.parent


def _is_called(node: Node) -> bool:
    above = node.parent
    return above is not None and above.type in ("function_call", "function_declaration")


def evaluatable(document: Document, offset: int) -> tuple[Span, str] | None:
    """The expression at a place that can be evaluated without calling anything: ``a.b``, ``t[1]``; for ``o:m``, o.m."""
    now = document.now
    word = now.text.word(offset)
    node = at(now.root, word.start, word.end)
    if node.type not in ("identifier", "vararg_expression") or word.start == word.end:
        return None
    above = node.parent
    if above is not None and above.type in INDEXES and above.children[-1].id == node.id:
        node = above
    elif now.names.find(node.start_byte) is None:
        return None
    if any(one.type == "function_call" for one in walk(node)):
        return None
    if node.type == "method_index_expression":
        return span(node), f"{node_text(node.children[0])}.{node_text(node.children[-1])}"
    return span(node), node_text(node)
