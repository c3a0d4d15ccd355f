"""Which breakpoints of a chunk are compiled in, and how (llmspell_kernel/lua/probes.py). No thread of its own.

What a record says of its places goes to Lua (breakpoints.lua) as plain data; a place is known by the byte of the
text at which it begins. Importing this imports a parser: it is only imported where there are breakpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tree_sitter import Node

from llmspell_kernel.debug.model import Location
from llmspell_kernel.lua.definitions import (
    Path,
    definitions,
    function_at,
    functions_on,
    is_meant,
    mentions,
    module_of,
    signature,
)
from llmspell_kernel.lua.expressions import read
from llmspell_kernel.lua.lines import Function, Memory
from llmspell_kernel.lua.probes import (
    SLOTS,
    Probe,
    arguments_of,
    condition_function,
    message_function,
    with_probes,
)
from llmspell_kernel.lua.syntax import Place, Syntax, lines_of, outline
from llmspell_kernel.lua.unkept import names_around

Record = dict[str, Any]
Active = Mapping[Function, set[int]]  # the lines of each function for which Lua has code


class Prepared(NamedTuple):
    """``text`` gives the chunk as a function; ``places`` tells what its probes are."""

    text: bytes
    places: list[dict[str, Any]]


class Spot(NamedTuple):
    """``lead``: the first place of its function on its line, at which a hook can stop too."""

    start: int
    column: int
    lead: bool


class Entry(NamedTuple):
    """Where a function begins. ``place``: as records have it; ``start`` below 0: no probe stands there."""

    line: int
    column: int
    place: dict[str, Any]


class Spots:
    """Places of texts; of the last few it remembers what it has found."""

    def __init__(self, runtime: str = "lua54") -> None:
        self._runtime = runtime
        self._syntax: Memory[Syntax] = Memory()
        self._on_line: Memory[dict[int, list[tuple[Place, bool]]]] = Memory()  # what `_places` has found
        self._found: Memory[dict[Any, list[tuple[Path, Entry]]]] = Memory()  # what `entries` has found
        self._around: dict[bytes, tuple[frozenset[int], Syntax]] = {}  # what was read of the last text for some lines

    def expect(self, text: bytes, active: Active, lines: Sequence[int]) -> None:
        """Questions about these lines will follow: read what is needed for them."""
        known = self._around[text][0] if text in self._around else frozenset()
        if known and known.issuperset(lines):
            return
        wanted = known.union(lines)
        read = outline(text, active, sorted(wanted))
        syntax = Syntax(text, read) if read is not None else None
        if syntax is not None and syntax.readable:
            self._around = {text: (wanted, syntax)}

    def _syntax_of(self, text: bytes, lines: Sequence[int]) -> Syntax:
        known, syntax = self._around.get(text, (frozenset(), None))
        if syntax is not None and known.issuperset(lines):
            return syntax
        return self._syntax.get(text, lambda: Syntax(text))

    def names_around(self, text: bytes, function: Function, line: int) -> dict[str, str | bool]:
        """What is to be known of the locals seen there that Lua may not know."""
        return names_around(self._syntax.get(text, lambda: Syntax(text)), function, line)

    def _places(self, text: bytes, active: Active, first: int, last: int) -> list[tuple[Place, bool]]:
        """Places in these lines and whether each leads, or none: the text is not to be touched.

        Where Lua has no code for a statement on its line, no hook would stop, and so a probe does not.
        """
        syntax = self._syntax_of(text, range(first, last + 1))
        if not syntax.readable or b"__llmspell" in text:
            return []
        found, seen = [], set()
        for place in syntax.places(first, last):
            if place.line not in active.get(place.function, ()):
                continue
            found.append((place, (place.line, place.function) not in seen))
            seen.add((place.line, place.function))
        return found

    def place_into(self, record: Record, text: bytes, active: Active, line: int, column: int | None) -> Spot | None:
        """Add to a record where on its line it stands: the places that lead, or the one at a column."""
        known = self._on_line.get(text, dict)
        if line not in known:
            known[line] = self._places(text, active, line, line)
        found = known[line]
        if not found:
            self._part_into(record, text, active, line)
            return None
        chosen = _first_of_each_body(found)
        if column is not None:
            chosen = ([one for one in found if one[0].column <= column] or found[:1])[-1:]
        syntax = self._syntax_of(text, [line])
        ends = {one.function: 0 for one, _ in found}
        for one, _ in found:
            ends[one.function] = max(ends[one.function], syntax.until(one))
        record["places"] = [_place_data(place, lead, ends[place.function]) for place, lead in chosen]
        place, lead = chosen[0]
        return Spot(place.start, place.column, lead)

    def _part_into(self, record: Record, text: bytes, active: Active, line: int) -> None:
        """Of a line inside of an expression: how far the statement goes on, for Lua may come back to it from there."""
        syntax = self._syntax_of(text, [line])
        until = syntax.goes_on(line, active) if syntax.readable else 0
        if until > line:
            record["until"] = until

    def entries(self, text: bytes, active: Active, paths: Sequence[Path], file: str | None) -> list[tuple[Path, Entry]]:
        """Which of these names a text defines, and where those functions begin."""
        found = self._found.get(text, dict)
        key = tuple(paths), file
        if key not in found:
            found[key] = list(self._find(text, active, paths, file))
        return found[key]

    def _find(
        self, text: bytes, active: Active, paths: Sequence[Path], file: str | None
    ) -> Iterator[tuple[Path, Entry]]:
        offsets = mentions(text, paths)
        lines = {text.count(b"\n", 0, offset) + more for offset in offsets for more in (1, 2)}
        while offsets:  # again with the functions themselves and where they begin, unless that is on the next line
            self.expect(text, active, sorted(lines))
            syntax = self._syntax_of(text, sorted(lines))
            defined = list(definitions(syntax, offsets, module_of(file)))
            begins = {(lines_of(one).first, syntax.entry(one).line) for _, one in defined}
            more = {line for both in begins for line in both} - lines
            if not more:
                break
            lines |= more
        told = set()
        for path, function in defined if offsets and syntax.readable else ():
            for wanted in paths:
                if is_meant(wanted, path) and (wanted, function.start_byte) not in told:
                    told.add((wanted, function.start_byte))
                    if (entry := self._entry(text, active, syntax, function)) is not None:
                        yield wanted, entry

    def _entry(self, text: bytes, active: Active, syntax: Syntax, function: Node) -> Entry | None:
        """A hook stops at the first line for which Lua has code; a probe only stands where that is the same."""
        place, own = syntax.entry(function), lines_of(function)
        if not active.get(own):
            return None
        line = min(active[own])
        is_there = place.line == line and b"__llmspell" not in text
        same = list(functions_on(syntax, own))
        alike = [one for one in same if signature(one) == signature(function)]
        data = {**_place_data(place, alike[0] == function, 0), "line": line, "body": function.start_byte}
        if len(same) > 1:
            data["parameters"], data["vararg"] = signature(function)
        return Entry(line, place.column, {**data, "start": place.start if is_there else -1 - function.start_byte})

    def locations(self, text: bytes, active: Active, first: int, last: int) -> list[Location]:
        """Where a program can stop in these lines; one inside of an expression has no column."""
        lines = {line for lines in active.values() for line in lines if first <= line <= last}
        found = [
            Location(place.line, place.column, place.last_line, place.last_column)
            for place, _ in (self._places(text, active, min(lines), max(lines)) if lines else ())
        ]
        bare = lines - {location.line for location in found}
        return sorted([*found, *(Location(line) for line in bare)], key=lambda one: (one.line, one.column or 0))

    def prepare(self, text: bytes, records: Sequence[Record]) -> Prepared | None:
        """A chunk with the probes that these records ask for; None: there are none."""
        wanted: dict[int, list[Record]] = {}
        data: dict[int, dict[str, Any]] = {}
        for record in records:
            for place in record.get("places", ()):
                if place["start"] >= 0:
                    wanted.setdefault(place["start"], []).append(record)
                    if place["start"] not in data or "body" not in place:
                        data[place["start"]] = place
        if not wanted:
            return None
        lines = [place["line"] for place in data.values()]
        syntax, places = self._syntax_of(text, lines), {}
        for line in set(lines):
            places.update({place.start: place for place in syntax.places(line, line)})
        for start, place in data.items():
            if start not in places and (function := function_at(syntax, place["body"])) is not None:
                places[start] = syntax.entry(function)
        probes, described = [], []
        for slot, start in enumerate(sorted(wanted)):
            probe, more = _probe(1 + slot * SLOTS, syntax, places[start], wanted[start], self._runtime)
            probes.append(probe)
            described.append({**data[start], "slot": probe.slot, "kind": probe.kind, **more})
        return Prepared(with_probes(syntax, probes), described)


def _first_of_each_body(found: list[tuple[Place, bool]]) -> list[tuple[Place, bool]]:
    """A line stops in each function on it. Of two that begin and end there only the first place leads: to a hook they
    are one."""
    firsts: dict[int, tuple[Place, bool]] = {}
    for one in found:
        firsts.setdefault(one[0].body, one)
    return list(firsts.values())


def _place_data(place: Place, lead: bool, until: int) -> dict[str, Any]:
    """``until``: see `Syntax.until`, of all that stands on this line of the function."""
    return {
        "start": place.start,
        "line": place.line,
        "first": place.function.first,
        "last": place.function.last,
        "hidden": place.hidden,
        "loop": place.is_loop,
        "until": until,
        "lead": lead,
    }


def _probe(
    slot: int, syntax: Syntax, place: Place, records: list[Record], runtime: str
) -> tuple[Probe, dict[str, str]]:
    """The probe for what is asked at a place, and what Lua must know of it."""
    record = records[0]
    condition, message = record.get("condition"), record.get("message")
    if len(records) > 1 or not (condition or message):
        return Probe(slot, place), {}
    seen, is_vararg = syntax.names(place), syntax.is_vararg(place)
    if condition:
        expression = read(condition, seen, is_vararg)
        if expression.kind == "inline":
            return Probe(slot, place, "inline", expression.text), {"baked": condition}
        if expression.kind == "guarded":
            probe = Probe(slot, place, "guarded", "", arguments_of([expression], runtime))
            return probe, {"baked": condition, "condition": condition_function(expression, runtime)}
        return Probe(slot, place), {}
    assert message is not None
    parts = [part if isinstance(part, str) else read(part[0], seen, is_vararg) for part in message]
    expressions = [part for part in parts if not isinstance(part, str)]
    if any(one.kind == "free" for one in expressions):
        return Probe(slot, place), {}
    probe = Probe(slot, place, "log", "", arguments_of(expressions, runtime))
    return probe, {"baked": record["template"], "message": message_function(parts, runtime)}
