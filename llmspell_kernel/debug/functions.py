"""Breakpoints on functions, by name: which of them stand where. `Breakpoints` owns this, and locks it.

A name is looked for in the text of each chunk that is loaded (llmspell_kernel/lua/definitions.py). What is found is a
breakpoint on a place like any other, so it is compiled in or watched for like one. A name that no text defines is
looked up among the program's values when something is called (names.lua), and stands from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.debug.model import BreakpointState, FunctionBreakpoint, Source
from llmspell_kernel.debug.sources import Key
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.lines import Memory

if TYPE_CHECKING:
    from llmspell_kernel.debug.probing import Entry, Spots

Record = dict[str, Any]
Path = tuple[str, ...]
NO_NAME = "a function is named as in `add`, `geometry.add` or `account:deposit`, not {!r}"
NOT_YET = "the program has not loaded a function of this name yet"
NOT_LUA = "this function is not written in Lua: there is no line to stop at"
SAME_LINE = "another such function stands on this line; the breakpoint takes effect when this file is loaded again"


class _Known(NamedTuple):
    id: int
    wanted: FunctionBreakpoint
    path: Path
    record: Record  # what is asked; not yet where
    problem: str | None  # why it can't be hit at all


class _Found(NamedTuple):
    source: Source
    record: Record
    column: int | None
    is_lead: bool


class Functions:
    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._in_texts: dict[Key, list[_Found]] = {}  # of chunks that are loaded
        self._values: dict[int, tuple[Key, _Found]] = {}  # by id
        self._not_lua: set[int] = set()
        self._told: dict[int, BreakpointState] = {}
        self._glances: Memory[bool] = Memory()  # whether texts name any of them

    def __bool__(self) -> bool:
        return bool(self._known)

    def replace(
        self,
        wanted: Sequence[FunctionBreakpoint],
        next_id: Callable[[], int],
        record: Callable[[int, FunctionBreakpoint], Record],
    ) -> None:
        """Replace them all; nothing is found yet. One that is asked for again keeps its id."""
        old = {known.wanted: known.id for known in self._known}
        self._known = [self._one(old.pop(one, 0) or next_id(), one, record) for one in wanted]
        self.forget()
        self._told, self._glances = {}, Memory()

    def _one(self, id: int, wanted: FunctionBreakpoint, record: Callable[[int, FunctionBreakpoint], Record]) -> _Known:
        from llmspell_kernel.lua.definitions import path_of  # a parser: only for who has function breakpoints

        path = path_of(wanted.name)
        if path is None:
            return _Known(id, wanted, (), {}, NO_NAME.format(wanted.name))
        try:
            return _Known(id, wanted, path, record(id, wanted), None)
        except UserError as error:
            return _Known(id, wanted, path, {}, str(error))

    def forget(self) -> None:
        """Nothing is loaded."""
        self._in_texts, self._values, self._not_lua = {}, {}, set()

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(known.path for known in self._known if known.problem is None)

    # Where they are ------------------------------------------------------------------------------------

    def may_be_in(self, text: bytes) -> bool:
        """At a glance: whether it is worth to be read."""
        if not self.paths:
            return False
        from llmspell_kernel.lua.definitions import mentions

        return self._glances.get(text, lambda: bool(mentions(text, self.paths)))

    def search(
        self, spots: Spots, source: Source, text: bytes, active: Any, probed: AbstractSet[int] = frozenset()
    ) -> list[_Found]:
        """What this text defines. ``probed``: where it has probes, once it is loaded."""
        if not self.may_be_in(text):
            return []
        found = []
        for path, entry in spots.entries(text, active, self.paths, source.path):
            for known in self._known:
                if known.path == path and known.problem is None:
                    found.append(_at(known, source, entry, probed))
        return found

    def loaded(self, key: Key, found: list[_Found]) -> None:
        self._in_texts[key] = found

    def bind(self, id: int, source: Source, key: Key, first: int, last: int, line: int) -> None:
        """A name means this function of a source now."""
        known = next((one for one in self._known if one.id == id), None)
        if known is not None:
            place = {"start": -1, "line": line, "first": first, "last": last, "hidden": 0, "loop": False, "until": 0,
                     "lead": True}  # fmt: skip
            record = {**known.record, "line": line, "places": [place], "entry": True}
            self._values[id] = key, _Found(source, record, None, True)

    def not_lua(self, id: int) -> None:
        self._not_lua.add(id)

    def records(self, key: Key) -> list[Record]:
        values = [found.record for where, found in self._values.values() if where == key]
        return [*(found.record for found in self._in_texts.get(key, ())), *values]

    def names(self) -> list[tuple[int, Path]]:
        """Those that no text defines."""
        found = {one.record["id"] for all in self._in_texts.values() for one in all}
        return [(k.id, k.path) for k in self._known if k.problem is None and k.id not in found | self._not_lua]

    # What is told --------------------------------------------------------------------------------------

    def states(self) -> list[BreakpointState]:
        self._told = {known.id: self._state(known) for known in self._known}
        return list(self._told.values())

    def changed(self) -> list[BreakpointState]:
        """What is different from what has been told."""
        before = self._told
        return [state for state in self.states() if before.get(state.id) != state]

    def state(self, id: int) -> BreakpointState | None:
        return self._told.get(id)

    def _state(self, known: _Known) -> BreakpointState:
        if known.problem is not None or known.id in self._not_lua:
            return BreakpointState(known.id, False, 0, None, known.problem or NOT_LUA, "failed")
        all = [one for found in self._in_texts.values() for one in found if one.record["id"] == known.id]
        if known.id in self._values:
            all.append(self._values[known.id][1])
        if not all:
            return BreakpointState(known.id, False, 0, None, NOT_YET, "pending")
        first = next((one for one in all if one.is_lead), all[0])
        line, source, column = first.record["line"], first.source, first.column
        if first.is_lead:
            return BreakpointState(known.id, True, line, source, column=column)
        return BreakpointState(known.id, False, line, source, SAME_LINE, "pending", column)


def _at(known: _Known, source: Source, entry: Entry, probed: AbstractSet[int]) -> _Found:
    record = {**known.record, "line": entry.line, "places": [entry.place], "entry": True}
    return _Found(source, record, entry.column, entry.place["lead"] or entry.place["start"] in probed)
