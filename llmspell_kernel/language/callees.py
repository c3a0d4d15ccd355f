"""What is called at the cursor, and which tool's parameters are written there. Pure; any thread."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmspell_kernel.language.api import TOOL_NAME, Definition
from llmspell_kernel.language.context import Context, Open
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.tables import Member
from llmspell_kernel.language.text import Span
from llmspell_kernel.language.values import Evaluator, Value, World

LAST_NAME = re.compile(rb"(.*?)\s*([.:])\s*([A-Za-z_]\w*)\s*\Z", re.S)
RUNNERS = ("execute", "invoke", "invokeTool")


class Callee(NamedTuple):
    """``owner`` and ``mark`` where it is ``owner.name`` or ``owner:name``."""

    owner: Value | None
    mark: str
    member: Member | None
    value: Value | None

    @property
    def definition(self) -> Definition | None:
        if self.member is not None:
            return self.member.definition
        return self.value.definition if self.value is not None else None


class Given(NamedTuple):
    """A table of a tool's parameters at the cursor. ``path``: the keys from it down to where the cursor is."""

    tool: str
    table: Open
    path: tuple[str, ...]


class Cursor:
    """What the words around the cursor mean."""

    def __init__(self, world: World, document: Document, context: Context, offset: int) -> None:
        self.context = context
        self.document = document
        self.evaluator = Evaluator(world, document, offset)

    def value(self, span: Span) -> Value | None:
        return self.evaluator.of_text(self.document.now.text.data[span.start : span.end])

    def callee(self, opened: Open) -> Callee | None:
        if opened.callee is None:
            return None
        text = self.document.now.text.data[opened.callee.start : opened.callee.end]
        match = LAST_NAME.match(text)
        if match is None:
            return Callee(None, "", None, self.evaluator.of_text(text))
        owner = self.evaluator.of_text(match[1])
        member = self.evaluator.member(owner, match[3].decode())
        return Callee(owner, match[2].decode(), member, self.evaluator.of_member(member) if member else None)

    def given(self) -> Given | None:
        """Whether the cursor is where parameters of a tool are given."""
        opens, path = self.context.opens, list[str]()
        for index in range(len(opens) - 1, -1, -1):
            opened = opens[index]
            if opened.bracket != "{":
                return None
            tool = self._tool(opens, index)
            if tool is not None:
                return Given(tool, opened, tuple(reversed(path)))
            if index == 0 or (above := opens[index - 1]).bracket != "{" or above.key is None:
                return None
            path.append(above.key)
        return None

    def _tool(self, opens: tuple[Open, ...], index: int) -> str | None:
        """The tool whose parameters this table is."""
        opened = opens[index]
        if opened.callee is not None:
            return self._executed(opened, 0, None)
        above = opens[index - 1] if index > 0 else None
        if above is None:
            return None
        if above.bracket == "(":
            return self._executed(above, above.argument, above.first)
        if above.key is None and above.bracket == "{":
            return self._listed(opens, index - 1)
        return None

    def _executed(self, call: Open, argument: int, first: str | None) -> str | None:
        callee = self.callee(call)
        if callee is None or callee.owner is None or callee.definition is None:
            return None
        definition = callee.definition
        if callee.owner.kind == "tool":
            return callee.owner.text if definition.name == "execute" and argument < 2 else None
        takes_tool = any(one.type == TOOL_NAME for one in definition.parameters)
        return first if takes_tool and definition.name in RUNNERS and argument == 1 else None

    def _listed(self, opens: tuple[Open, ...], index: int) -> str | None:
        """In ``Tool.map("name", { {…} })`` and ``Tool.all{ {"name", {…}} }``; ``index``: the table around."""
        around = opens[index]
        call = opens[index - 1] if index > 0 and opens[index - 1].bracket == "(" else None
        if call is not None and self._path(call) == "Tool.map" and call.argument == 1:
            return call.first
        outer = opens[index - 1] if index > 0 and opens[index - 1].bracket == "{" else None
        if outer is None or around.argument != 1:
            return None
        holder = outer if outer.callee is not None else opens[index - 2] if index > 1 else None
        return around.first if holder is not None and self._path(holder) == "Tool.all" else None

    def _path(self, call: Open) -> str:
        callee = self.callee(call)
        return callee.definition.path if callee is not None and callee.definition is not None else ""
