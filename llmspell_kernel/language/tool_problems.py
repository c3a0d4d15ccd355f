"""What is wrong with calls of tools: their names, their parameters. Pure; any thread.

What is said of a function depends on its text and on what the names mean that it takes from outside: it is
remembered by both, so that a keystroke costs one function, not all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.calls import (
    COMPUTED,
    Calls,
    Named,
    ToolCall,
    asked,
    fields,
    is_exact,
    registered,
    root_name,
)
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.names import Binding, Part
from llmspell_kernel.language.tables import span
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.tools import Info, Schema, nearest, type_text
from llmspell_kernel.language.trees import node_text, string_value
from llmspell_kernel.language.values import Evaluator, World

LITERALS = {"string": "string", "number": "number", "true": "boolean", "false": "boolean", "table_constructor": "table",
            "function_definition": "function"}  # fmt: skip
UNKNOWN = "unknown-tool"
NAMED_TYPES = {"array": "table", "object": "table", "integer": "number"}


class Fix(NamedTuple):
    """``edits``: what replaces which bytes."""

    title: str
    edits: tuple[tuple[Span, str], ...]


class Problem(NamedTuple):
    code: str
    message: str
    span: Span
    severity: Literal["error", "warning", "hint"]
    fixes: tuple[Fix, ...] = ()


def tool_problems(world: World, document: Document) -> list[Problem]:
    checker = _Checker(world, document)
    found = checker.part(document.now.names.root, 0, {}, is_root=True)
    if not any(one.code == UNKNOWN for one in found):
        return found
    return [one for one in found if one.code != UNKNOWN or not _may_be_there(world, document, one)]


def _may_be_there(world: World, document: Document, problem: Problem) -> bool:
    """A tool that another file makes, that is asked for, or that is made under a name that is not to be seen."""
    name = document.now.text.string(problem.span).strip("[]=")
    is_computed = COMPUTED.search(document.now.text.data) is not None
    return is_computed or name in asked(document) or world.registers(name)


class _Checker:
    """Bound names are given as what they mean; a Part's problems count from its start."""

    def __init__(self, world: World, document: Document) -> None:
        self._world = world
        self._document = document
        self._calls = Calls(world, document)
        self._evaluator = Evaluator(world, document)
        self._places = self._calls.places()
        self._own = registered(document)
        self._known, self._used = _kept(document, (world.tools.version, self._own))

    def part(self, part: Part, base: int, bound: dict[str, Binding], is_root: bool = False) -> list[Problem]:
        first, last = (bisect_left(self._places, one) for one in (base, base + part.length))
        if first == last:
            return []
        if is_root:
            return self._fresh(part, base, bound, self._places[first:last])
        text = self._document.now.data[base : base + part.length]
        roots = self._roots(text, self._places[first:last])
        meanings = tuple((name, self._meaning(bound.get(name))) for name in roots if name in part.free)
        if any(meaning is None for _, meaning in meanings):
            return self._fresh(part, base, bound, self._places[first:last])
        key = (text, meanings)
        found = self._used.get(key)
        if found is None:
            found = self._known.get(key)
        if found is None:
            found = self._fresh(part, base, bound, self._places[first:last])
        self._used[key] = found
        return found

    def _roots(self, text: bytes, places: list[int]) -> tuple[str, ...]:
        """The names that calls in a function's text begin with."""
        found = self._used.get(text) or self._known.get(text)
        if found is None:
            calls = (self._calls.at(place) for place in places)
            found = tuple(sorted({root_name(call) for call in calls if call is not None}))
        self._used[text] = found
        return tuple(found)

    def _meaning(self, binding: Binding | None) -> str | None:
        """What tells whether a name means the same as before; None where that is too much to say."""
        if binding is None:
            return ""
        value = self._evaluator.of_binding(binding)
        if value is None:
            return "?"
        if value.kind in ("table", "function"):
            return None
        return f"{value.kind} {value.text} {value.definition.path if value.definition is not None else ''}"

    def _fresh(self, part: Part, base: int, bound: dict[str, Binding], places: list[int]) -> list[Problem]:
        found = []
        inner = [(base + one.at, base + one.at + one.part.length) for one in part.inner]
        for place in places:
            index = bisect_left(inner, (place + 1,)) - 1
            if index < 0 or place >= inner[index][1]:
                call = self._calls.at(place)
                found += [_moved(one, -base) for one in self._of(call)] if call is not None else []
        for one in part.inner:
            seen = {name: Binding(name, variable, part, base) for name, variable in one.bound.items()}
            seen |= {name: binding for name, binding in bound.items() if name not in seen and name in one.part.free}
            found += [_moved(problem, one.at) for problem in self.part(one.part, base + one.at, seen)]
        return found

    def _of(self, call: Node) -> Iterator[Problem]:
        for one in self._calls.of(call):
            info = self._world.tools.info(one.name)
            if info is not None and isinstance(one, ToolCall):
                yield from _parameters(info, one)
            elif info is None and isinstance(one, Named) and one.name not in self._own:
                yield _unknown_tool(self._world, one)


def _kept(document: Document, version: object) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What was found in the last text, and where to put what is used of it now."""
    used: dict[Any, Any] = {}
    last = document.kept.get("tool problems")
    document.kept["tool problems"] = (version, used)
    return (last[1], used) if isinstance(last, tuple) and last[0] == version else ({}, used)


def _moved(problem: Problem, by: int) -> Problem:
    fixes = tuple(
        Fix(one.title, tuple((_shifted(place, by), new) for place, new in one.edits)) for one in problem.fixes
    )
    return problem._replace(span=_shifted(problem.span, by), fixes=fixes)


def _shifted(place: Span, by: int) -> Span:
    return Span(place.start + by, place.end + by)


def _unknown_tool(world: World, named: Named) -> Problem:
    near = nearest(world.tools, named.name)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    inner = Span(named.node.start_byte + 1, named.node.end_byte - 1)
    if node_text(named.node).startswith("["):
        near, inner = [], span(named.node)
    fixes = tuple(Fix(f"Change to {one!r}", ((inner, one),)) for one in near)
    return Problem(UNKNOWN, f"no tool named {named.name!r}{hint}", inner, "error", fixes)


def _parameters(info: Info, call: ToolCall) -> Iterator[Problem]:
    table = call.parameters
    if table is not None and table.type != "table_constructor":
        return
    given = {} if table is None else {one.name: one for one in fields(table)}
    if table is None or is_exact(table):
        missing = info.missing({name for name, one in given.items() if one.value.type != "nil"})
        if missing:
            yield _missing(info, call, missing)
    if table is None:
        return
    known = {one.name: one for one in info.parameters()}
    for name, field in given.items():
        if name in known:
            yield from _mistyped(name, known[name].schema, field.value)
        elif not info.takes_others:
            yield _unknown_parameter(info, name, field.key, list(known), set(given))


def _missing(info: Info, call: ToolCall, names: list[str]) -> Problem:
    plural = "parameters" if len(names) > 1 else "parameter"
    text = ", ".join(f"{name} = {_example(info, name)}" for name in names)
    where = call.call.child_by_field_name("name") if call.call.type == "function_call" else call.call.children[0]
    fixes = (Fix(f"Add {', '.join(names)}", (_addition(call, text),)),)
    shown = span(where.children[-1] if where is not None and where.children else where or call.call)
    return Problem("missing-parameter", f"{info.name} needs the {plural} {', '.join(names)}", shown, "error", fixes)


def _example(info: Info, name: str) -> str:
    parameter = info.parameter(name)
    if parameter is None:
        return "nil"
    if parameter.choices:
        first = parameter.choices[0]
        return f'"{first}"' if isinstance(first, str) else str(first)
    kind = parameter.type.partition("|")[0]
    return {"string": '""', "boolean": "false", "integer": "0", "number": "0"}.get(kind, "{}")


def _addition(call: ToolCall, text: str) -> tuple[Span, str]:
    table = call.parameters
    if table is not None:
        opening = table.children[0].end_byte
        is_spaced = table.children[1].start_byte > opening
        return Span(opening, opening), f" {text}{',' if len(table.children) > 2 else ''}{'' if is_spaced else ' '}"
    arguments = call.call.child_by_field_name("arguments")
    assert arguments is not None, "a call has arguments"
    if arguments.children[0].type != "(":  # f"name": the parameters are one more argument
        return span(arguments), f"({node_text(arguments)}, {{ {text} }})"
    close, some = arguments.children[-1].start_byte, bool(arguments.named_children)
    return Span(close, close), f", {{ {text} }}" if some else f"{{ {text} }}"


def _unknown_parameter(info: Info, name: str, key: Node, known: list[str], given: set[str]) -> Problem:
    near = [one for one in get_close_matches(name, known, 3) if one not in given]
    hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(known) or 'none'}"
    where = span(key) if key.type != "string" else Span(key.start_byte + 1, key.end_byte - 1)
    fixes = tuple(Fix(f"Change to {one!r}", ((where, one),)) for one in near)
    return Problem("unknown-parameter", f"{info.name} has no parameter {name!r}{hint}", where, "error", fixes)


def _mistyped(name: str, schema: Schema, value: Node) -> Iterator[Problem]:
    """Of literals only: what a variable holds is not known here."""
    literal = string_value(value)
    choices = schema.get("enum")
    if choices and literal is not None and literal not in choices:
        yield _wrong_choice(name, literal, [str(one) for one in choices], value)
        return
    given = LITERALS.get(value.type)
    allowed = _allowed(schema)
    if given is None or not allowed or given in allowed:
        if given == "number" and _is_fraction(value) and allowed == {"number"} and type_text(schema) == "integer":
            yield Problem("wrong-type", f"{name}: expected integer, got {node_text(value)}", span(value), "error")
        return
    if given == "number" and "string" in allowed and not choices:
        fix = Fix(f'Change to "{node_text(value)}"', ((span(value), f'"{node_text(value)}"'),))
        yield Problem("wrong-type", f"{name}: expected string, got number", span(value), "error", (fix,))
        return
    fixes = _conversions(literal, allowed, value)
    yield Problem("wrong-type", f"{name}: expected {type_text(schema)}, got {given}", span(value), "error", fixes)


def _conversions(literal: str | None, allowed: set[str], value: Node) -> tuple[Fix, ...]:
    if literal is None:
        return ()
    if ("boolean" in allowed and literal in ("true", "false")) or ("number" in allowed and _is_number(literal)):
        return (Fix(f"Change to {literal}", ((span(value), literal),)),)
    return ()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text and text.lower() not in ("nan", "inf", "infinity")


def _wrong_choice(name: str, literal: str, choices: list[str], value: Node) -> Problem:
    near = get_close_matches(literal, choices, 3)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it is one of {', '.join(choices)}"
    quote = node_text(value)[:1]
    fixes = tuple(Fix(f"Change to {one!r}", ((span(value), f"{quote}{one}{quote}"),)) for one in near if quote != "[")
    return Problem("wrong-value", f"{name}: {literal!r} is not allowed{hint}", span(value), "error", fixes)


def _allowed(schema: Schema) -> set[str]:
    """Lua's types that a schema takes; empty where it does not say."""
    if "enum" in schema:
        return {_lua_type(one) for one in schema["enum"]}
    kinds: list[str] = []
    for one in schema.get("anyOf", (schema,)):
        kind = one.get("type")
        if kind is None:
            return set()
        kinds += [kind] if isinstance(kind, str) else kind
    return {NAMED_TYPES.get(kind, kind) for kind in kinds if kind != "null"}


def _lua_type(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


def _is_fraction(value: Node) -> bool:
    text = node_text(value).lower()
    try:
        return not text.startswith("0x") and not float(text).is_integer()
    except ValueError:
        return False
