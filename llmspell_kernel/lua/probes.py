"""The text of a chunk with probes compiled in (docs/decisions/0002). Pure functions; any thread.

A probe stands on the line of its place, so no line number changes. It reads a table that is an upvalue of the
chunk, `TABLE`; what it calls and when is decided there, and can be changed without loading the chunk again.

| kind | before a statement |
|---|---|
| plain | ``if T[1] then T[1]() end`` |
| inline | ``if CONDITION then T[1]() end`` |
| guarded | ``if not T[2](T[3], _ENV, names …) then T[1]() end``, with ``pcall`` in T[2] and the condition in T[3] |
| log | ``if T[1] then T[1](_ENV, names …) end`` |

LuaJIT has no ``_ENV``: there it is the environment of the function, or nil where nobody reads a global.

In a condition of the program's, C, it is ``(not … or T[1]()) and (C)``; T[1] gives true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from llmspell_kernel.lua.expressions import STRING, Expression
from llmspell_kernel.lua.syntax import Place, Syntax

TABLE = "__llmspell"
SLOTS = 3  # of a probe, in the table


class Probe(NamedTuple):
    """``slot``: the first of its three. ``baked``: the condition or the message that is compiled in."""

    slot: int
    place: Place
    kind: str = "plain"
    baked: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def call(self) -> str:
        return f"{TABLE}[{self.slot}]({', '.join(self.arguments) if self.kind == 'log' else ''})"

    @property
    def test(self) -> str:
        """Truthy when the probe is to be called."""
        if self.kind == "inline":
            return self.baked
        if self.kind == "guarded":
            names = ", ".join((f"{TABLE}[{self.slot + 2}]", *self.arguments))
            return f"not {TABLE}[{self.slot + 1}]({names})"
        return f"{TABLE}[{self.slot}]"


def arguments_of(expressions: Iterable[Expression], runtime: str = "lua54") -> tuple[str, ...]:
    """What a function gets that evaluates these expressions elsewhere."""
    found = list(expressions)
    environment = "_ENV"
    if runtime == "luajit":
        environment = f"{TABLE}[0](1)" if any(one.uses_globals for one in found) else "nil"  # getfenv
    names = dict.fromkeys(name for one in found for name in one.names)
    return (environment, *names, *(["..."] if any(one.vararg for one in found) else []))


# Where a function reads globals, in LuaJIT: from the environment that it is given.
SET_ENVIRONMENT = "if _ENV and _ENV ~= __llmspell_env then __llmspell_env = _ENV __llmspell_setfenv(1, _ENV) end "


def _begin(second: str, parameters: str, runtime: str) -> str:
    more = "local __llmspell_env " if runtime == "luajit" else ""
    return (
        f"local __llmspell_inside, {second}, {STRING}, __llmspell_setfenv = ... {more}return function({parameters}) "
        f"{SET_ENVIRONMENT if more else ''}__llmspell_inside[1] = true "
    )


def condition_function(expression: Expression, runtime: str = "lua54") -> str:
    """Lua text: with the arguments (inside, hit, string, setfenv) it gives the function of a guarded probe.

    ``inside[1]`` is true while the condition is evaluated; ``hit`` is called when it holds, and raises.
    """
    parameters = ", ".join(arguments_of([expression]))
    return (
        f"{_begin('__llmspell_hit', parameters, runtime)}"
        f"local __llmspell_value = {expression.text} __llmspell_inside[1] = false "
        f"if __llmspell_value then __llmspell_hit() end end"
    )


def message_function(parts: Sequence[str | Expression], runtime: str = "lua54") -> str:
    """Lua text: with the arguments (inside, show, string, setfenv) it gives a function that gives the message."""
    parameters = ", ".join(arguments_of(part for part in parts if isinstance(part, Expression)))
    texts = [f"__llmspell_show({part.text})" if isinstance(part, Expression) else _quoted(part) for part in parts]
    return (
        f"{_begin('__llmspell_show', parameters, runtime)}"
        f"local __llmspell_value = {' .. '.join(texts)} __llmspell_inside[1] = false "
        f"return __llmspell_value end"
    )


def _quoted(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03d}" for b in data) + '"'


def with_probes(syntax: Syntax, probes: Sequence[Probe]) -> bytes:
    """Lua text that gives a function: the chunk, with `TABLE` as an upvalue."""
    pieces: list[tuple[int, int, str]] = []
    for probe in probes:
        place = probe.place
        if place.kind == "condition":
            pieces += [(place.start, 1, f"(not ({probe.test}) or {probe.call}) and ("), (place.end, 0, ")")]
        else:
            pieces.append((place.start, 1, f" if {probe.test} then {probe.call} end "))
    pieces.append((syntax.last_token, 2, " end"))
    out, at, text = [f"local {TABLE} return function(...) ".encode()], 0, syntax.text
    for offset, _, piece in sorted(pieces):
        out += [text[at:offset], piece.encode("utf-8", "surrogateescape")]
        at = offset
    return b"".join([*out, text[at:]])
