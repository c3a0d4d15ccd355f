"""What can be written at the cursor. Pure; any thread.

First what only we know (tools, their parameters, members of our globals), then the everyday: locals, fields,
globals, modules, keywords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from llmspell_kernel.language.annotations import plain
from llmspell_kernel.language.api import OURS, TOOL_NAME, Definition, api
from llmspell_kernel.language.callees import Cursor, Given
from llmspell_kernel.language.context import KEYWORDS, Context, Open, context
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.labels import labels_seen
from llmspell_kernel.language.names import Binding
from llmspell_kernel.language.running import Field
from llmspell_kernel.language.tables import Member
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.tools import Info, Parameter
from llmspell_kernel.language.values import World
from llmspell_kernel.language.words import definition_text, lua, parameter_line, value_text

Kind = Literal["tool", "parameter", "value", "function", "method", "field", "variable", "module", "keyword", "table"]
MOST = 100
ATTRIBUTE = re.compile(rb"\blocal\s+[^=]*<\s*\Z")


class Item(NamedTuple):
    """``insert`` replaces the word at the cursor. ``order``: those with a smaller one come first. A tool's ``doc`` is
    left out: it is asked for when somebody looks."""

    label: str
    kind: Kind
    detail: str = ""
    doc: str = ""
    insert: str = ""
    order: str = "5"
    member: Member | None = None


class Completion(NamedTuple):
    """``word`` is what an item replaces. ``complete``: no more appear when more is typed."""

    word: Span
    items: list[Item]
    complete: bool


def complete(
    world: World, document: Document, offset: int, everyday: bool = True, only_known: bool = False
) -> Completion:
    """``only_known``: nothing of what can stand anywhere."""
    where = context(document.now.text, document.now.root, offset)
    found = list(_items(world, document, where, offset, everyday, only_known)) if where.where != "nothing" else []
    typed = document.now.text.string(Span(where.word.start, offset))
    fitting = [one for one in found if fits(one.label, typed)]
    fitting.sort(key=lambda one: (not one.label.lower().startswith(typed.lower()), one.order, one.label))
    shown = [one if one.member is None else _told(one, one.member) for one in fitting[:MOST]]
    return Completion(where.word, shown, len(fitting) <= MOST)


def fits(label: str, typed: str) -> bool:
    """Whether the letters typed are in it, in their order."""
    letters = iter(label.lower().replace("-", "_"))
    return all(letter in letters for letter in typed.lower().replace("-", "_"))


def _items(
    world: World, document: Document, where: Context, offset: int, everyday: bool, only_known: bool
) -> Iterator[Item]:
    cursor = Cursor(world, document, where, offset)
    given = cursor.given()
    if where.where == "string":
        yield from _texts(world, cursor, given, everyday)
    elif where.before in ("goto", "local", "for", "<") and _is_declared(document, where):
        yield from (Item(*one) for one in _declared(document, where, offset) if everyday)
    elif where.mark:
        yield from _members(cursor, where, everyday)
    elif given is not None and (info := world.tools.info(given.tool)) is not None:
        yield from _given(info, given, where)
        if where.inner is not None and where.inner.key is not None and not only_known:
            yield from _names(world, document, offset, everyday)
    else:
        yield from _options(cursor, where)
        yield from _quoted(world, cursor)
        if not only_known:
            yield from _names(world, document, offset, everyday)


# Texts ------------------------------------------------------------------------------------------------


def _texts(world: World, cursor: Cursor, given: Given | None, everyday: bool) -> Iterator[Item]:
    inner = cursor.context.inner
    if inner is None:
        return
    if given is not None and inner.key is not None:
        info = world.tools.info(given.tool)
        parameter = _inner_parameter(info, given, inner.key) if info is not None else None
        yield from (Item(str(one), "value", order="0") for one in (parameter.choices if parameter else ()))
        return
    kind, path = _argument(cursor, inner)
    if TOOL_NAME in kind:
        yield from (Item(name, "tool", "tool", order="0") for name in world.tools.names())
    elif path == "require" and everyday:
        yield from (Item(name, "module", order="0") for name in _modules(world, cursor.document))
    else:
        yield from (Item(one, "value", order="0") for one in api().choices(kind))


def _quoted(world: World, cursor: Cursor) -> Iterator[Item]:
    """The names of tools and choices where no quotation mark has been typed yet."""
    inner = cursor.context.inner
    kind = _argument(cursor, inner)[0] if inner is not None and inner.bracket == "(" else ""
    if TOOL_NAME in kind:
        yield from (Item(name, "tool", "tool", insert=f'"{name}"', order="0") for name in world.tools.names())
    yield from (Item(one, "value", insert=f'"{one}"', order="0") for one in api().choices(kind))


def _argument(cursor: Cursor, inner: Open) -> tuple[str, str]:
    """The type of the argument at the cursor and what is called."""
    opened = inner
    if inner.bracket == "{" and inner.callee is None and len(cursor.context.opens) > 1:
        opened = cursor.context.opens[-2]  # of a list: allowed_tools{ … }, Tool.all{ {"…"} }
        if opened.bracket == "{":
            holder = opened if opened.callee is not None or len(cursor.context.opens) < 3 else cursor.context.opens[-3]
            path = _path(cursor, holder)
            return (TOOL_NAME if inner.argument == 0 and path == "Tool.all" else ""), path
    callee = cursor.callee(opened)
    definition = callee.definition if callee is not None else None
    if callee is None or definition is None:
        return "", ""
    index = opened.argument if opened is not inner or inner.bracket == "(" else 0
    index += int(callee.mark == ":" and definition.kind == "function")
    parameter = definition.parameters[index] if index < len(definition.parameters) else None
    return (parameter.type if parameter is not None else ""), definition.path


def _path(cursor: Cursor, opened: Open) -> str:
    callee = cursor.callee(opened)
    return callee.definition.path if callee is not None and callee.definition is not None else ""


def _modules(world: World, document: Document) -> list[str]:
    names = getattr(world, "modules", None)
    return [] if names is None else list(names(document.path))


# Where names are made -----------------------------------------------------------------------------------


def _is_declared(document: Document, where: Context) -> bool:
    """``<`` begins an attribute in a declaration alone."""
    text = document.now.text
    line = text.data[text.starts[text.line_of(where.word.start)] : where.word.start]
    return where.before != "<" or ATTRIBUTE.search(line) is not None


def _declared(document: Document, where: Context, offset: int) -> Iterator[tuple[str, Kind]]:
    """Nothing of what is there already can follow `local`, or `for`."""
    if where.before == "goto":
        yield from ((one, "value") for one in labels_seen(document.now, offset))
    elif where.before == "<":
        yield from (("const", "keyword"), ("close", "keyword"))
    elif where.before == "local":
        yield "function", "keyword"


# Parameters -------------------------------------------------------------------------------------------


def _inner_parameter(info: Info, given: Given, key: str) -> Parameter | None:
    """The parameter, or the property of one, whose value is written."""
    for name in given.path:
        parameter = info.parameter(name)
        if parameter is None:
            return None
        info = info._replace(schema=parameter.schema)
    return info.parameter(key)


def _given(info: Info, given: Given, where: Context) -> Iterator[Item]:
    inner = where.inner
    if inner is None:
        return
    if inner.key is not None:
        parameter = _inner_parameter(info, given, inner.key)
        yield from _values(parameter) if parameter is not None else ()
        return
    for name in given.path:
        outer = info.parameter(name)
        info = info._replace(schema=outer.schema if outer is not None else {})
    taken = set(inner.keys)
    for index, one in enumerate(info.parameters()):
        if one.name not in taken and one.same_as not in taken:
            order = f"{'4' if one.same_as else '0' if one.required else '1'}{index:03}"
            needed = " (needed)" if one.required else ""
            yield Item(one.name, "parameter", one.type + needed, parameter_line(one), f"{one.name} = ", order)


def _values(parameter: Parameter) -> Iterator[Item]:
    for index, one in enumerate(parameter.choices):
        yield Item(value_text(one), "value", order=f"0{index:03}")
    if parameter.type == "boolean":
        yield from (Item(one, "value", order="0") for one in ("true", "false"))


def _options(cursor: Cursor, where: Context) -> Iterator[Item]:
    """The fields of a table that is described by a class: ``Tool.map(name, list, { concurrency = … })``."""
    inner = where.inner
    if inner is None or inner.bracket != "{" or inner.key is not None:
        return
    kind = _argument(cursor, inner)[0] if len(where.opens) > 1 or inner.callee is not None else ""
    for one in api().members(kind).values() if kind.startswith("llmspell.") else ():
        if one.kind == "field" and one.name.isidentifier() and one.name not in inner.keys:
            yield Item(one.name, "parameter", plain(one.type), one.doc.text, f"{one.name} = ", "0")


# Members and names ------------------------------------------------------------------------------------


def _members(cursor: Cursor, where: Context, everyday: bool) -> Iterator[Item]:
    value = cursor.value(where.owner) if where.owner is not None else None
    if value is None and where.owner is not None:
        path = cursor.document.now.text.string(where.owner)
        if path not in cursor.document.now.names.visible(where.owner.start):
            yield from _running(cursor.evaluator.world.running.fields(path), "1", where.mark == ":")
    for one in cursor.evaluator.members(value):
        is_ours = one.definition is not None and one.definition.file in OURS
        if (everyday or is_ours) and not (where.mark == ":" and one.kind == "field") and one.name.isidentifier():
            yield Item(one.name, one.kind, order="1", member=one)


def _told(item: Item, member: Member) -> Item:
    """What is said of a member is found out only for those that are shown."""
    doc = definition_text(member.definition) if member.definition is not None else member.doc
    return item._replace(detail=member.detail, doc=doc, member=None)


def _names(world: World, document: Document, offset: int, everyday: bool) -> Iterator[Item]:
    known, names = api().globals, document.now.names
    seen = names.visible(offset)
    running = {name: one for name, one in world.running.fields().items() if name not in known and name not in seen}
    yield from _running(running, "3")
    if everyday:
        yield from (_local(binding) for binding in seen.values())
        for name in names.globals():
            if name not in known and name not in seen and name not in running and name.isidentifier():
                yield Item(name, "variable", "global", order="3")
        yield from (Item(word.decode(), "keyword", order="6") for word in KEYWORDS)
    for definition in known.values():
        if "." not in definition.path and (everyday or definition.file in OURS):
            yield _global(definition)


def _running(fields: Mapping[str, Field], order: str, only_functions: bool = False) -> Iterator[Item]:
    for name, (kind, kernel) in fields.items():
        if name.isidentifier() and (kind == "function" or not only_functions):
            shown: Kind = "function" if kind == "function" else "table" if kind == "table" else "variable"
            yield Item(name, shown, f"{kind}, in kernel {kernel}", order=order)


def _local(binding: Binding) -> Item:
    kind = binding.variable.kind if binding.variable is not None else "local"
    return Item(binding.name, "function" if kind == "function" else "variable", kind, order="2")


def _global(definition: Definition) -> Item:
    kind: Kind = "function" if definition.kind == "function" else "table" if definition.kind == "table" else "variable"
    doc = definition.doc.text if kind != "function" else f"{lua(definition.signature())}\n\n{definition.doc.text}"
    return Item(definition.name, kind, definition.signature(), doc, order="3" if definition.file in OURS else "4")
