"""Problems that a comment silences, as lua-language-server has it: ``---@diagnostic disable-next-line: CODE``; or as
luacheck has it at the end of a line: ``-- luacheck: ignore``. Pure; any thread.

What Lua itself refuses can't be silenced.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmspell_kernel.language.text import Text
from llmspell_kernel.language.tool_problems import Problem

SAID = re.compile(rb"---\s*@diagnostic\s+(disable-next-line|disable-line|disable|enable)\b(?:\s*:\s*([^\r\n]*))?")
IGNORED = re.compile(rb"\S[^\r\n]*--\s*luacheck:\s*ignore\b([^\r\n]*)")
CODE = re.compile(rb"[\w-]+")
LUACHECKS = {b"1": "undefined-global", b"2": "unused-local", b"3": "unused-local"}  # by the first digit of its codes


class Silence(NamedTuple):
    """``codes``: none stands for all. From ``first`` to ``last``, which both belong to it."""

    first: int
    last: int
    codes: frozenset[str]

    def holds(self, line: int, code: str) -> bool:
        return self.first <= line <= self.last and (not self.codes or code in self.codes)


def without_silenced(text: Text, problems: list[Problem]) -> list[Problem]:
    silences = _silences(text) if b"@diagnostic" in text.data else []
    if b"luacheck:" in text.data:
        silences += _ignored(text)
    if not silences:
        return problems

    def is_told(one: Problem) -> bool:
        line = text.line_of(one.span.start)
        return one.code == "syntax" or not any(silence.holds(line, one.code) for silence in silences)

    return [one for one in problems if is_told(one)]


def _silences(text: Text) -> list[Silence]:
    found: list[Silence] = []
    for said in SAID.finditer(text.data):
        what, line = said[1], text.line_of(said.start())
        codes = frozenset(one.decode() for one in CODE.findall(said[2] or b""))
        if what == b"enable":
            found = [_ended(one, line, codes) for one in found]
        else:
            first = line + 1 if what == b"disable-next-line" else line
            found.append(Silence(first, len(text.starts) if what == b"disable" else first, codes))
    return found


def _ignored(text: Text) -> list[Silence]:
    found = []
    for said in IGNORED.finditer(text.data):
        line = text.line_of(said.end())
        codes = {LUACHECKS.get(one[:1], "") for one in CODE.findall(said[1]) if one.isdigit()}
        found.append(Silence(line, line, frozenset(codes or LUACHECKS.values())))
    return found


def _ended(silence: Silence, line: int, codes: frozenset[str]) -> Silence:
    """By an ``enable`` of the same."""
    is_same = not codes or (bool(silence.codes) and silence.codes <= codes)
    return silence._replace(last=min(silence.last, line - 1)) if is_same and silence.last > line else silence
