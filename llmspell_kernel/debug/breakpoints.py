"""Where a breakpoint may stand, what it asks, when it holds. Any thread may call.

A breakpoint moves to the next line where a statement really is. It is ``verified`` once its
file is loaded; before that it is ``pending`` and stands where the file on disk says it will.
What stands when its chunk is loaded is compiled in (probing.py); the hook watches for the rest.
"""

from __future__ import annotations

import os
import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.debug.functions import Functions
from llmspell_kernel.debug.model import Breakpoint, BreakpointState, FunctionBreakpoint, Location, Source
from llmspell_kernel.debug.sources import Key, Sources, key_of
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.lines import Compiler, Function
from llmspell_kernel.lua.values import data

if TYPE_CHECKING:
    from llmspell_kernel.debug.probing import Prepared, Spots

HIT_CONDITION = re.compile(r"\s*(==|>=|<=|=|>|<|%)?\s*(\d+)\s*")
HIT_HELP = "a hit condition is N, == N, >= N, > N, < N, <= N or % N"
Record = dict[str, Any]
INLINE = "a breakpoint inside of a line takes effect when the program loads this file again"


class _Known(NamedTuple):
    id: int
    wanted: Breakpoint
    source: Source
    state: BreakpointState
    record: Record | None  # for the hook; None: it can't be hit


class Breakpoints:
    def __init__(self, sources: Sources, probing: bool = True) -> None:
        """``probing``: compile breakpoints in; without, the hook does it all."""
        self._sources = sources
        self._probing = probing
        self._runtime = "lua54"
        self._compiler = Compiler()
        self._made_spots: Spots | None = None
        self._probed: dict[Key, set[int]] = {}  # where the last load of a source has probes
        self._prepared: dict[Key, set[int]] = {}  # where it will, if it can be loaded so
        self._lock = threading.Lock()
        self._known: dict[Key, list[_Known]] = {}
        self._functions = Functions()
        self._last_id = 0

    def set(self, source: Source, wanted: Sequence[Breakpoint]) -> list[BreakpointState]:
        """Replace the breakpoints of a source. One that is asked for again keeps its id."""
        key = key_of(source)
        with self._lock:
            old = {known.wanted: known.id for known in self._known.get(key, [])}
            ids = [old.pop(b, 0) or self._next_id() for b in wanted]
            self._known[key] = self._resolve(source, list(zip(ids, wanted, strict=True)))
            return [known.state for known in self._known[key]]

    def with_probes(self, source: Source, text: bytes | None) -> Prepared | None:
        """The text of a chunk that is to be loaded with its breakpoints compiled in; None if there are none or
        it must be loaded as it is. ``text`` None: that of the file."""
        key = key_of(source)
        with self._lock:
            before = self._known.get(key, [])
            if not (before or self._functions) or not self._probing:
                return None
            try:
                text = self._sources.text(source) if text is None else text
                known = self._resolve(source, [(one.id, one.wanted) for one in before], text) if before else []
                found = self._defined(source, text)
            except UserError:
                return None
            records = [one.record for one in (*known, *found) if one.record is not None]
            if not records:
                return None
            self._prepared[key] = {place["start"] for record in records for place in record.get("places", ())}
            return self._spots.prepare(text, records)

    def loaded(self, source: Source, probed: bool = False) -> list[BreakpointState]:
        """A source has been loaded, with probes or without: what has changed for its breakpoints."""
        key = key_of(source)
        with self._lock:
            prepared = self._prepared.pop(key, set())
            self._probed[key] = prepared if probed else set()
            self._search(source)
            before = self._known.get(key, [])
            after = self._resolve(source, [(known.id, known.wanted) for known in before]) if before else []
            self._known[key] = after
            changed = [new.state for old, new in zip(before, after, strict=True) if old.state != new.state]
            return [*changed, *(self._functions.changed() if self._functions else ())]

    def unload(self, runtime: str = "lua54") -> list[BreakpointState]:
        """A new run: nothing is loaded yet. In another ``runtime`` than before: what has changed by that."""
        changed: list[BreakpointState] = []
        with self._lock:
            self._probed.clear()
            self._functions.forget()
            is_other = runtime != self._runtime
            if is_other:
                self._runtime, self._compiler, self._made_spots = runtime, Compiler(runtime), None
            for key, before in self._known.items():
                if before:
                    after = self._resolve(before[0].source, [(k.id, k.wanted) for k in before])
                    self._known[key] = after
                    changed += [new.state for old, new in zip(before, after, strict=True) if old.state != new.state]
        return changed if is_other else []

    def records(self, source: Source) -> list[Record]:
        """What the hook needs to know of a source's breakpoints."""
        with self._lock:
            key = key_of(source)
            records = [known.record for known in self._known.get(key, []) if known.record is not None]
            return [dict(record) for record in (*records, *self._functions.records(key))]

    def state(self, id: int) -> BreakpointState | None:
        with self._lock:
            if (state := self._functions.state(id)) is not None:
                return state
            for known in self._known.values():
                for one in known:
                    if one.id == id:
                        return one.state
        return None

    def column(self, ids: Iterable[int]) -> int:
        """Where on their line these stand, all in one place; 1 if they were asked for without a column."""
        states = [self.state(id) for id in ids]
        return next((one.column for one in states if one is not None and one.column is not None), 1)

    # Functions ------------------------------------------------------------------------------------------

    def set_functions(self, wanted: Sequence[FunctionBreakpoint], loaded: Sequence[Source]) -> list[BreakpointState]:
        """Replace the breakpoints on functions. ``loaded``: what the program has loaded so far."""
        with self._lock:
            self._functions.replace(wanted, self._next_id, self._ask)
            for source in loaded if self._functions else ():
                self._search(source)
            return self._functions.states()

    def may_define(self, text: bytes) -> bool:
        """Whether one of those functions may be defined there."""
        with self._lock:
            return self._functions.may_be_in(text)

    def names(self) -> list[tuple[int, tuple[str, ...]]]:
        """Those that no text defines: ids, and names in parts."""
        with self._lock:
            return self._functions.names()

    def named(self, id: int, source: Source | None, lines: tuple[int, int, int] = (0, 0, 0)) -> list[BreakpointState]:
        """One of those names means a function on these lines of a source now, which begins on the third; or, without
        a source, one that is not written in Lua. Gives what has changed."""
        with self._lock:
            if source is None:
                self._functions.not_lua(id)
            else:
                self._functions.bind(id, source, key_of(source), *lines)
            return self._functions.changed()

    def is_function(self, id: int) -> bool:
        with self._lock:
            return self._functions.state(id) is not None

    def _search(self, source: Source) -> None:
        """Note which functions a source defines that is loaded."""
        if self._functions:
            key = key_of(source)
            try:
                found = self._defined(source, self._text(source), self._probed.get(key, frozenset()))
            except UserError:
                found = []
            self._functions.loaded(key, found)

    def _defined(self, source: Source, text: bytes, probed: AbstractSet[int] = frozenset()) -> list[Any]:
        if not self._functions.may_be_in(text):
            return []
        active = self._compiler.lines_of_functions(text, self._chunk_name(source))
        return self._functions.search(self._spots, source, text, active, probed)

    def locations(self, source: Source, first: int, last: int) -> list[Location]:
        """Where a program can stop in the lines from ``first`` to ``last``."""
        with self._lock:
            text = self._text(source)
            active = self._compiler.lines_of_functions(text, self._chunk_name(source))
            return self._spots.locations(text, active, first, last)

    def names_around(self, chunk: bytes, first: int, last: int, line: int) -> dict[str, str | bool]:
        """Of a line of a function: see `unkept.names_around`. Nothing if the text is not known."""
        source = self._sources.known(chunk)
        with self._lock:
            try:
                return (
                    {} if source is None else self._spots.names_around(self._text(source), Function(first, last), line)
                )
            except UserError:
                return {}

    def check(self, expression: str) -> str | None:
        """The parser's message about an expression, or None."""
        return self._compiler.check(b"return " + data(expression) + b"\n")

    def next_id(self) -> int:
        with self._lock:
            return self._next_id()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    @property
    def _spots(self) -> Spots:
        if self._made_spots is None:
            from llmspell_kernel.debug.probing import Spots  # a parser: only for who has breakpoints

            self._made_spots = Spots(self._runtime)
        return self._made_spots

    def _text(self, source: Source) -> bytes:
        return self._sources.text(source)

    def _chunk_name(self, source: Source) -> bytes:
        return b"@" + data(source.path) if source.path else b"=" + data(source.name)

    def _resolve(self, source: Source, wanted: list[tuple[int, Breakpoint]], text: bytes | None = None) -> list[_Known]:
        is_loaded = self._sources.chunk_name(source) is not None or source.reference > 0
        try:
            text = self._text(source) if text is None else text
            near = [one.line for _, one in wanted]
            lines, problem = self._compiler.lines_near(text, self._chunk_name(source), near), None
        except UserError as error:
            text, lines, problem = b"", [], str(error)
        if text and wanted:
            active = self._compiler.lines_of_functions(text, self._chunk_name(source))
            self._spots.expect(text, active, sorted({self._line(lines, one.line) for _, one in wanted}))
        return [self._one(source, id, b, lines, problem, is_loaded, text) for id, b in wanted]

    @staticmethod
    def _line(lines: list[int], wanted: int) -> int:
        """The next line where a statement is."""
        at = bisect_left(lines, wanted)
        return lines[at] if at < len(lines) else wanted

    def _one(
        self,
        source: Source,
        id: int,
        wanted: Breakpoint,
        lines: list[int],
        problem: str | None,
        is_loaded: bool,
        text: bytes,
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
        line = lines[at]
        column = wanted.column if line == wanted.line else None
        try:
            record = {**self._ask(id, wanted), "line": line}
            if wanted.log_message:
                record["template"], record["message"] = wanted.log_message, self._message(wanted.log_message)
        except UserError as error:
            return failed(str(error))
        active = self._compiler.lines_of_functions(text, self._chunk_name(source))
        place = self._spots.place_into(record, text, active, line, column)
        column = None if column is None or place is None else place.column
        if not is_loaded:
            message = "the program has not loaded this file yet"
            state = BreakpointState(id, False, line, source, message, "pending", column)
        elif place is not None and not place.lead and place.start not in self._probed.get(key_of(source), ()):
            state = BreakpointState(id, False, line, source, INLINE, "pending", column)
        else:
            state = BreakpointState(id, True, line, source, column=column)
        return _Known(id, wanted, source, state, record)

    def _ask(self, id: int, wanted: Breakpoint | FunctionBreakpoint) -> Record:
        """What a breakpoint asks before it stops. Raises UserError."""
        record: Record = {"id": id}
        if wanted.condition and wanted.condition.strip():
            problem = self.check(wanted.condition)
            if problem:
                raise UserError(f"condition: {problem}")
            record["condition"] = wanted.condition
        if wanted.hit_condition and wanted.hit_condition.strip():
            record["hit_test"], record["hit_count"] = hit_condition(wanted.hit_condition)
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
    if number < {"==": 1, "=": 1, "<=": 1, "%": 1, "<": 2}.get(test, 0):
        raise UserError(f"hit condition {text!r}: no hit is like that, they are counted from 1")
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
