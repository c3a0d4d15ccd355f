"""Where a breakpoint may stand, what it asks, when it holds. Any thread may call.

A breakpoint moves to the next line where a statement really is. It is ``verified`` once its
file is loaded; before that it is ``pending`` and stands where the file on disk says it will.
"""

from __future__ import annotations

import os
import re
import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from llmspell_kernel.debug.model import Breakpoint, BreakpointState, Source
from llmspell_kernel.debug.sources import Key, Sources, key_of
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.lines import Compiler
from llmspell_kernel.lua.values import data

HIT_CONDITION = re.compile(r"\s*(==|>=|<=|=|>|<|%)?\s*(\d+)\s*")
HIT_HELP = "a hit condition is N, == N, >= N, > N, < N, <= N or % N"
Record = dict[str, Any]


class _Known(NamedTuple):
    id: int
    wanted: Breakpoint
    source: Source
    state: BreakpointState
    record: Record | None  # for the hook; None: it can't be hit


class Breakpoints:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._compiler = Compiler()
        self._lock = threading.Lock()
        self._known: dict[Key, list[_Known]] = {}
        self._last_id = 0

    def set(self, source: Source, wanted: Sequence[Breakpoint]) -> list[BreakpointState]:
        """Replace the breakpoints of a source. One that is asked for again keeps its id."""
        key = key_of(source)
        with self._lock:
            old = {known.wanted: known.id for known in self._known.get(key, [])}
            ids = [old.pop(b, 0) or self._next_id() for b in wanted]
            self._known[key] = self._resolve(source, list(zip(ids, wanted, strict=True)))
            return [known.state for known in self._known[key]]

    def loaded(self, source: Source) -> list[BreakpointState]:
        """A source has been loaded: what has changed for its breakpoints."""
        key = key_of(source)
        with self._lock:
            before = self._known.get(key)
            if not before:
                return []
            after = self._resolve(source, [(known.id, known.wanted) for known in before])
            self._known[key] = after
        return [new.state for old, new in zip(before, after, strict=True) if old.state != new.state]

    def unload(self) -> None:
        """A new run: nothing is loaded yet."""
        with self._lock:
            for key, known in self._known.items():
                if known:
                    source = known[0].source
                    self._known[key] = self._resolve(source, [(k.id, k.wanted) for k in known])

    def records(self, source: Source) -> list[Record]:
        """What the hook needs to know of a source's breakpoints."""
        with self._lock:
            known = self._known.get(key_of(source), [])
            return [dict(k.record) for k in known if k.record is not None]

    def state(self, id: int) -> BreakpointState | None:
        with self._lock:
            for known in self._known.values():
                for one in known:
                    if one.id == id:
                        return one.state
        return None

    def locations(self, source: Source, first: int, last: int) -> list[int]:
        """The lines from ``first`` to ``last`` on which a program can stop."""
        return [line for line in self._lines(source) if first <= line <= last]

    def check(self, expression: str) -> str | None:
        """The parser's message about an expression, or None."""
        return self._compiler.check(b"return " + data(expression) + b"\n")

    def next_id(self) -> int:
        with self._lock:
            return self._next_id()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _lines(self, source: Source) -> list[int]:
        name = b"@" + data(source.path) if source.path else b"=" + data(source.name)
        return self._compiler.active_lines(self._sources.text(source), name)

    def _resolve(self, source: Source, wanted: list[tuple[int, Breakpoint]]) -> list[_Known]:
        chunk_name = self._sources.chunk_name(source)
        is_loaded = chunk_name is not None or source.reference > 0
        try:
            lines, problem = self._lines(source), None
        except UserError as error:
            lines, problem = [], str(error)
        return [self._one(source, id, b, lines, problem, is_loaded) for id, b in wanted]

    def _one(
        self,
        source: Source,
        id: int,
        wanted: Breakpoint,
        lines: list[int],
        problem: str | None,
        is_loaded: bool,
    ) -> _Known:
        def failed(message: str) -> _Known:
            state = BreakpointState(id, False, wanted.line, source, message, "failed")
            return _Known(id, wanted, source, state, None)

        if problem is not None:
            if problem.startswith("cannot read") and not is_loaded and not os.path.isdir(source.path or ""):
                message = f"{problem}; the breakpoint waits until the program loads it"
                state = BreakpointState(id, False, wanted.line, source, message, "pending")
                return _Known(id, wanted, source, state, None)
            return failed(problem if problem.startswith("cannot") else f"not Lua: {problem}")
        at = bisect_left(lines, wanted.line)
        if at == len(lines):
            return failed(f"there is no statement on line {wanted.line} or after it")
        try:
            record = self._record(id, wanted, lines[at])
        except UserError as error:
            return failed(str(error))
        if is_loaded:
            state = BreakpointState(id, True, lines[at], source)
        else:
            message = "the program has not loaded this file yet"
            state = BreakpointState(id, False, lines[at], source, message, "pending")
        return _Known(id, wanted, source, state, record)

    def _record(self, id: int, wanted: Breakpoint, line: int) -> Record:
        record: Record = {"id": id, "line": line}
        if wanted.condition and wanted.condition.strip():
            problem = self.check(wanted.condition)
            if problem:
                raise UserError(f"condition: {problem}")
            record["condition"] = wanted.condition
        if wanted.hit_condition and wanted.hit_condition.strip():
            record["hit_test"], record["hit_count"] = hit_condition(wanted.hit_condition)
        if wanted.log_message:
            record["message"] = self._message(wanted.log_message)
        return record

    def _message(self, template: str) -> list[str | list[str]]:
        parts = log_message(template)
        for part in parts:
            if isinstance(part, list) and (problem := self.check(part[0])):
                raise UserError(f"log message: {problem}")
        return parts


def hit_condition(text: str) -> tuple[str, int]:
    """``N`` and ``= N`` mean ``== N``: the N-th hit. Raises UserError."""
    found = HIT_CONDITION.fullmatch(text)
    if found is None:
        raise UserError(f"hit condition {text!r}: {HIT_HELP}")
    test, number = found[1] or "==", int(found[2])
    if test == "%" and number == 0:
        raise UserError(f"hit condition {text!r}: every 0th hit never comes")
    return ("==" if test == "=" else test), number


def log_message(template: str) -> list[str | list[str]]:
    """Texts, and expressions as lists of one, of a template with ``{expression}``.

    ``{{`` and ``}}`` are braces. Braces of a table constructor and strings in an expression are
    understood. Raises UserError for a brace that is not closed.
    """
    parts: list[str | list[str]] = []
    literal = ""
    at = 0
    while at < len(template):
        char = template[at]
        if template[at : at + 2] in ("{{", "}}"):
            literal += char
            at += 2
        elif char == "{":
            end = _closing(template, at)
            parts += [literal, [template[at + 1 : end]]] if literal else [[template[at + 1 : end]]]
            literal = ""
            at = end + 1
        else:
            literal += char
            at += 1
    return [*parts, literal] if literal else parts


def _closing(template: str, start: int) -> int:
    depth = 0
    quote = ""
    at = start
    while at < len(template):
        char = template[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise UserError(f"log message: the brace at character {start + 1} is not closed")
