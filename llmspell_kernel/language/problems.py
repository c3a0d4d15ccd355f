"""What is wrong in a text: what Lua does not like, tools and their parameters, names. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.api import BEYOND, api
from llmspell_kernel.language.blanking import first_error
from llmspell_kernel.language.calls import Calls, Named, ToolCall, fields, is_exact
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.names import Occurrence, is_read
from llmspell_kernel.language.text import Span, Text
from llmspell_kernel.language.tools import Info, Schema, nearest, type_text
from llmspell_kernel.language.trees import node_text, string_value
from llmspell_kernel.language.values import World, span
from llmspell_kernel.lua.check import Problem as SyntaxProblem

LITERALS = {"string": "string", "number": "number", "true": "boolean", "false": "boolean", "table_constructor": "table",
            "function_definition": "function"}  # fmt: skip
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


def problems(world: World, document: Document, everyday: bool = True) -> list[Problem]:
    """In the order of the text. What only we know is told in any case."""
    found = list(tool_problems(world, document))
    if everyday:
        found += syntax_problems(document)
        found += name_problems(world, document)
    return sorted(found, key=lambda one: one.span)


# Lua's own complaint ----------------------------------------------------------------------------------


def syntax_problems(document: Document) -> Iterator[Problem]:
    now = document.now
    problem = now.problem
    if problem is not None:
        yield Problem("syntax", problem.message, _where(document, problem), "error")


def _where(document: Document, problem: SyntaxProblem) -> Span:
    """Lua names a line and a token. Where the token is not to be found, tree-sitter says where it gave up."""
    text = document.now.text
    if problem.line == 0:
        return Span(0, min(1, len(text.data)))
    line = text.line_span(min(_lsp_line(text, problem.line), len(text.starts) - 1))
    error = first_error(document.now.raw.root_node)
    if problem.near:
        near = problem.near.encode("utf-8", "surrogateescape")
        for start in (max(line.start, error.start_byte if error is not None else 0), line.start):
            at = text.data.find(near, start, line.end)
            if at >= 0:
                return Span(at, at + len(near))
    if problem.near is None and "near" in problem.message:
        return _last_word(text)
    if error is not None and line.start <= error.start_byte < line.end:
        return Span(error.start_byte, min(max(error.end_byte, error.start_byte + 1), line.end))
    content = text.data[line.start : line.end]
    return Span(line.start + len(content) - len(content.lstrip()), line.end)


def _lsp_line(text: Text, line: int) -> int:
    """Lua counts ``\\n\\r`` as one line end, editors as two."""
    data, at, seen = text.data, 0, 1
    if b"\n\r" not in data:
        return line - 1
    while seen < line:
        ends = [one for one in (data.find(b"\n", at), data.find(b"\r", at)) if one >= 0]
        if not ends:
            break
        end = min(ends)
        pair = data[end : end + 2]
        at, seen = end + (2 if pair in (b"\r\n", b"\n\r") else 1), seen + 1
    return text.line_of(at)


def _last_word(text: Text) -> Span:
    end = len(text.data.rstrip())
    start = text.word(end).start
    return Span(start if start < end else max(end - 1, 0), end)


# Tools ------------------------------------------------------------------------------------------------


def tool_problems(world: World, document: Document) -> Iterator[Problem]:
    calls = Calls(world, document)
    own: set[str] | None = None
    for one in calls.all():
        info = world.tools.info(one.name)
        if info is not None and isinstance(one, ToolCall):
            yield from _parameters(info, one)
        elif info is None and isinstance(one, Named):
            own = calls.registered() if own is None else own
            if one.name not in own:
                yield _unknown_tool(world, one)


def _unknown_tool(world: World, named: Named) -> Problem:
    near = nearest(world.tools, named.name)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    inner = Span(named.node.start_byte + 1, named.node.end_byte - 1)
    if node_text(named.node).startswith("["):
        near, inner = [], span(named.node)
    fixes = tuple(Fix(f"Change to {one!r}", ((inner, one),)) for one in near)
    return Problem("unknown-tool", f"no tool named {named.name!r}{hint}", inner, "error", fixes)


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
        return Span(opening, opening), f" {text}, " if len(table.children) > 2 else f" {text} "
    arguments = call.call.child_by_field_name("arguments")
    assert arguments is not None, "a call has arguments"
    if arguments.children[0].type != "(":  # f"name": the parameters are one more argument
        return span(arguments), f"({node_text(arguments)}, {{ {text} }})"
    close, some = arguments.children[-1].start_byte, bool(arguments.named_children)
    return Span(close, close), f", {{ {text} }}" if some else f"{{ {text} }}"


def _unknown_parameter(info: Info, name: str, key: Node, known: list[str], given: set[str]) -> Problem:
    from difflib import get_close_matches

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
    from difflib import get_close_matches

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


# Names ------------------------------------------------------------------------------------------------


def name_problems(world: World, document: Document) -> Iterator[Problem]:
    """Only of a text that Lua understands: in a broken one half of the names are not there yet."""
    now = document.now
    if now.problem is not None or not now.is_sound or now.root.has_error:
        return
    for name, uses in now.names.globals().items():
        if name not in api().globals and not any(one.role == "write" for one in uses):
            yield from (_undefined(name, one) for one in uses)
    for binding in now.names.variables():
        variable = binding.variable
        if variable is None or variable.kind not in ("local", "function") or variable.name.startswith("_"):
            continue
        if not is_read(variable) and variable.attribute != "close":
            start = binding.base + variable.at
            end = start + len(variable.name.encode("utf-8", "surrogatepass"))
            yield Problem("unused-local", f"{variable.name} is never used", Span(start, end), "hint")


def _undefined(name: str, use: Occurrence) -> Problem:
    where = Span(use.start, use.end)
    if name in BEYOND:
        return Problem("undefined-global", f"{name}: llmspell does not have this global", where, "warning")
    from difflib import get_close_matches

    near = get_close_matches(name, [one for one in api().globals if "." not in one], 1, 0.75)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    fixes = tuple(Fix(f"Change to {one!r}", ((where, one),)) for one in near)
    return Problem("undefined-global", f"no global named {name!r}{hint}", where, "warning", fixes)
