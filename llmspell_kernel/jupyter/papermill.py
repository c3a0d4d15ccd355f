"""Parameters of notebooks in Lua, for papermill.

papermill knows of other languages through nothing but this: it imports what the entry points ``papermill.engine``
name. So there is an engine, which is papermill's own, and its module tells how values are written in Lua. Only
papermill imports it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from papermill.engines import NBClientEngine
from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

from llmspell_kernel.lua.keywords import KEYWORDS

NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f\ud800-\udfff]')
TYPES = {"true": "boolean", "false": "boolean", "table_constructor": "table", "number": "number", "string": "string"}
LEAST, MOST = -(2**63), 2**63 - 1


class Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own."""


class LuaTranslator(Translator):  # type: ignore[misc]
    """Values as Lua writes them. Parameters are globals: a cell's locals end with it."""

    @classmethod
    def translate_escaped_str(cls, value: Any) -> str:
        return f'"{SPECIAL.sub(_escaped, str(value))}"'

    @classmethod
    def translate_none(cls, value: None) -> str:
        return "nil"

    @classmethod
    def translate_int(cls, value: int) -> str:
        if not LEAST <= value <= MOST:
            raise PapermillException(f"{value} is no integer of Lua's, which have 64 bits; give a float or a string")
        return "math.mininteger" if value == LEAST else str(value)  # whose digits alone are too large

    @classmethod
    def translate_float(cls, value: float) -> str:
        if math.isnan(value):
            return "(0/0)"
        if math.isinf(value):
            return "math.huge" if value > 0 else "-math.huge"
        return repr(value)

    @classmethod
    def translate_dict(cls, value: dict[Any, Any]) -> str:
        fields = ", ".join(f"{cls._key(key)} = {cls.translate(one)}" for key, one in value.items())
        return f"{{ {fields} }}" if fields else "{}"

    @classmethod
    def _key(cls, key: Any) -> str:
        if isinstance(key, str) and _is_name(key):
            return key
        return f"[{cls.translate(key)}]"

    @classmethod
    def translate_list(cls, value: list[Any]) -> str:
        return f"{{ {', '.join(map(cls.translate, value))} }}" if value else "{}"

    @classmethod
    def comment(cls, text: str) -> str:
        return f"-- {text}".strip()

    @classmethod
    def assign(cls, name: str, value: str) -> str:
        return f"{name if _is_name(name) else f'_G[{cls.translate_str(name)}]'} = {value}"

    @classmethod
    def inspect(cls, cell: Any) -> list[Parameter]:
        """The globals that the cell assigns, each with what comments say of it: above, or behind on its line."""
        from llmspell_kernel.language.trees import parsed

        return [one for node in parsed(cell["source"].encode()).root_node.children for one in _assigned(node)]


def _is_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None and name not in KEYWORDS


def _escaped(match: re.Match[str]) -> str:
    one = match[0]
    if one in '\\"':
        return "\\" + one
    return f"\\u{{{ord(one):X}}}" if ord(one) > 127 else f"\\{ord(one):03}"


def _assigned(statement: Any) -> Iterator[Parameter]:
    from llmspell_kernel.language.annotations import doc_above, read
    from llmspell_kernel.language.trees import node_text

    if statement.type != "assignment_statement":
        return
    above, after, behind = doc_above(statement), statement.next_sibling, read([])
    if after is not None and after.type == "comment" and after.start_point.row == statement.end_point.row:
        behind = read([node_text(after).lstrip("-").strip()])
    names, values = (one.named_children for one in statement.named_children)
    for name, value in zip(names, values, strict=False):
        if name.type == "identifier":
            kind = behind.type or above.type or TYPES.get(value.type, "None")
            yield Parameter(node_text(name), kind, node_text(value), behind.text or above.text)


papermill_translators.register("lua", LuaTranslator)
