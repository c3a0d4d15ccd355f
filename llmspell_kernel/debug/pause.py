"""A stop of the program, and the questions it answers. Lua thread only.

Frame ids and references are never used twice: one that is stale raises UserError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from llmspell_kernel.debug.hooks import Hooks
from llmspell_kernel.debug.model import (
    Completion,
    ExceptionInfo,
    ExceptionMode,
    Frame,
    Parameter,
    Scope,
    Stopped,
    Thread,
    Value,
    Variable,
)
from llmspell_kernel.debug.recall import Recall
from llmspell_kernel.debug.sources import Sources
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.keywords import KEYWORDS
from llmspell_kernel.lua.values import data, text

MAX_THREADS = 1000
MAX_FRAMES = 5_000  # of one thread at a time: on a deep stack each costs a walk from its top
TEXT_LIMIT = 10_000
SCOPE_NAMES = {
    "locals": "Locals",
    "varargs": "Varargs",
    "upvalues": "Upvalues",
    "returnValue": "Return Value",
    "globals": "Globals",
}
# What is typed at last: fields of a name, perhaps, with keys that are written there; and what no names follow, for
# nobody knows what it is before it has run: `f().`, `"x":`, `1.`.
CHAIN = re.compile(
    r"""(?:([A-Za-z_]\w*(?:\s*\.\s*\w+|\[\s*(?:\w+|"[^"\\]*"|'[^'\\]*')\s*\])*)\s*([.:])\s*)?([A-Za-z_]\w*)?$"""
)
UNKNOWN = re.compile(r"(?<!\.)[.:]\s*(?:[A-Za-z_]\w*)?$")


class NotStopped(UserError):
    def __init__(self) -> None:
        super().__init__("the program is not paused")


class Ticket:
    """Stands for a question that was asked, to cancel it."""

    def __init__(self) -> None:
        self.cancelled = False


class _Place(NamedTuple):
    thread: int
    at: int  # from the top of the thread's stack


class Pause:
    def __init__(self, hooks: Hooks, sources: Sources, stopped: Stopped, first_frame: int) -> None:
        self.stopped = stopped
        self._hooks = hooks
        self._sources = sources
        self._places: dict[int, _Place] = {}
        self._ids: dict[_Place, int] = {}
        self.next_frame = first_frame
        self.python_error: tuple[str, str, str] | None = None
        self.recall = Recall()

    # Threads and frames -----------------------------------------------------------------------

    def threads(self) -> list[Thread]:
        """The main program, its coroutines; those that wait for the one that stopped first."""
        flat = self._hooks.ask(b"threads", MAX_THREADS)
        found = {}
        for id, place, status in _groups(flat, 3):
            found[id] = Thread(id, "main" if id == 1 else _thread_name(id, text(place), text(status)))
        return [found[id] for id in sorted(found)]

    def frames(self, thread: int, start: int, count: int) -> tuple[list[Frame], int]:
        """Frames ``start`` … of a thread and of those that wait for it; and how many there are.

        ``count`` 0: the top of each thread. Of a deep stack whose end has not been seen the number is what
        is known to be there: more than has been asked for, and more each time.
        """
        frames: list[Frame] = []
        total, count = 0, min(count, MAX_FRAMES)
        resumers = self._hooks.ask(b"resumers", thread)
        for number, id in enumerate((thread, *resumers)):
            if number:
                if _wanted(total, start, count):
                    frames.append(self._label(id))
                total += 1
            room = count - len(frames) if count else MAX_FRAMES
            found, length, is_all = self._own_frames(id, max(start - total, 0), room)
            frames += found
            total += length
            if not is_all:  # what follows has no number yet
                break
        return frames, total

    def parameters(self, frame: int, hex: bool = False) -> list[Parameter]:
        """What the function of a Lua frame takes, with the values of now."""
        flat = self._hooks.ask(b"parameters", *self._place(frame), hex)
        return [Parameter(*map(text, group)) for group in _groups(flat, 3)]

    def _own_frames(self, thread: int, start: int, count: int) -> tuple[list[Frame], int, bool]:
        total, is_all, *flat = self._hooks.ask(b"frames", thread, start, count)
        return [self._frame(thread, *group) for group in _groups(flat, 6)], total, is_all

    def _frame(self, thread: int, at: int, name: bytes, kind: bytes, source: bytes, short: bytes, line: int) -> Frame:
        id = self._frame_id(_Place(thread, at))
        if kind != b"lua":
            return Frame(id, text(name), "tool" if kind == b"tool" else "c", None, 0)
        chunk_text = None
        if source.startswith(b"="):
            (chunk_text,) = self._hooks.ask(b"text_of", source) or (None,)
        known = self._sources.of(source, short, chunk_text)
        is_top = at == 0 and thread == self.stopped.thread
        stands = is_top and self.stopped.reason != "exception"
        library = not stands and self._sources.is_library(known)
        column = self.stopped.column if is_top else 1
        return Frame(id, text(name), "lua", known, max(line, 0), library, column)

    def _label(self, thread: int) -> Frame:
        id = self._frame_id(_Place(-thread, 0))
        return Frame(id, "resumed by " + ("main" if thread == 1 else f"coroutine {thread}"), "label", None, 0)

    def _frame_id(self, place: _Place) -> int:
        id = self._ids.get(place)
        if id is None:
            id = self.next_frame
            self.next_frame += 1
            self._ids[place] = id
            self._places[id] = place
        return id

    def _place(self, frame: int) -> _Place:
        place = self._places.get(frame)
        if place is None:
            raise UserError(f"frame {frame} is gone: the program has gone on since")
        return place

    # Scopes and variables ----------------------------------------------------------------------

    def scopes(self, frame: int) -> list[Scope]:
        place = self._place(frame)
        if place.thread < 0:
            return []
        flat = self._hooks.ask(b"scopes", place.thread, place.at)
        return [
            Scope(
                SCOPE_NAMES[kind.decode()],
                kind.decode(),
                reference,
                named,
                indexed,
                kind == b"globals",
            )
            for kind, reference, named, indexed in _groups(flat, 4)
        ]

    def children(
        self, reference: int, filter: str = "", start: int = 0, count: int = 0, hex: bool = False
    ) -> list[Variable]:
        """The children ``start`` … of what a reference opens; ``count`` 0: all of them.

        ``filter``: "indexed" for 1 … #t, "named" for the others, "" for both in this order.
        """
        return variables_of(self._hooks.ask(b"children", reference, data(filter), start, count, hex))

    def set_variable(self, reference: int, name: str, expression: str, hex: bool = False) -> Value:
        """Assign to a child of a reference, without metamethods."""
        self.recall.forget()
        return _value(*self._hooks.ask(b"set", reference, data(name), data(expression), *self._top(), hex))

    def _top(self) -> tuple[int, int]:
        return 0, 0

    # Expressions -----------------------------------------------------------------------------------

    def evaluate(self, expression: str, frame: int | None, context: str, hex: bool = False) -> Value:
        """Run an expression (or statements) in a frame, or among the globals.

        ``context`` is DAP's: "clipboard" gives long strings whole. Metamethods run, as in the program.
        """
        self.recall.forget()
        limit = None if context == "clipboard" else TEXT_LIMIT
        return _value(*self._hooks.ask(b"evaluate", data(expression), *self._where(frame), hex, limit))

    def apply(self, function: Any, expression: str, frame: int | None) -> tuple[Any, ...]:
        """What a Lua function makes of the value of an expression in a frame."""
        self.recall.forget()
        return self._hooks.ask(b"apply", function, data(expression), *self._where(frame))

    def set_expression(self, target: str, expression: str, frame: int | None, hex: bool = False) -> Value:
        self.recall.forget()
        arguments = (data(target), data(expression), *self._where(frame), hex)
        return _value(*self._hooks.ask(b"set_expression", *arguments))

    def _where(self, frame: int | None) -> tuple[int, int]:
        if frame is None:
            return 0, 0
        place = self._place(frame)
        return (place.thread, place.at) if place.thread > 0 else (0, 0)

    def completions(self, text_typed: str, column: int, frame: int | None) -> list[Completion]:
        """What may stand before ``column`` (from 1): locals, upvalues, globals, fields, keywords."""
        found = CHAIN.search(text_typed[: column - 1])
        owner, mark, prefix = found.groups("") if found else ("", "", "")
        if not owner and UNKNOWN.search(text_typed[: column - 1]):
            return []
        flat = self._hooks.ask(b"names", data(owner), *self._where(frame))
        start = column - 1 - len(prefix)
        names = [
            Completion(text(name), _completion_kind(kind, owner, mark), start, len(prefix))
            for name, kind in _groups(flat, 2)
            if text(name).startswith(prefix) and not (mark == ":" and kind != b"function")
        ]
        if not owner:
            names += [
                Completion(word, "keyword", start, len(prefix))
                for word in KEYWORDS
                if word.startswith(prefix) and prefix
            ]
        return sorted(names)

    # The error ---------------------------------------------------------------------------------------

    def exception(self) -> ExceptionInfo:
        """The error the program stopped at. Raises UserError when it stopped for another reason."""
        type_name, message, filter, trace, is_tool = self._hooks.ask(b"problem")
        inner = None
        if is_tool and self.python_error is not None:
            name, description, python_trace = self.python_error
            inner = ExceptionInfo(name, description, "always", name, python_trace)
        mode: ExceptionMode = "unhandled" if filter == b"uncaught" else "always"
        return ExceptionInfo(text(filter), text(message), mode, text(type_name), text(trace), inner)


def _groups(flat: Any, size: int) -> Iterator[tuple[Any, ...]]:
    return zip(*[iter(flat)] * size, strict=True)


def _wanted(position: int, start: int, count: int) -> bool:
    return position >= start and (count == 0 or position < start + count)


def _thread_name(id: int, place: str, status: str) -> str:
    return f"coroutine {id}" + (f" ({place})" if place else "")


def _value(shown: bytes, type_name: bytes, reference: int, named: int, indexed: int) -> Value:
    return Value(text(shown), text(type_name), reference, named, indexed)


def variables_of(flat: Any) -> list[Variable]:
    """From what inspect.lua's ``children`` gives."""
    return [_variable(*group) for group in _groups(flat, 8)]


def _variable(
    name: bytes, shown: bytes, type_name: bytes, reference: int, named: int, indexed: int,
    path: bytes | bool, flags: bytes,
) -> Variable:  # fmt: skip
    value = _value(shown, type_name, reference, named, indexed)
    evaluate_name = text(path) if isinstance(path, bytes) else None
    return Variable(text(name), value, evaluate_name, b"l" in flags, b"r" in flags, b"i" in flags)


def _completion_kind(kind: bytes, owner: str, mark: str) -> Any:
    if kind == b"function":
        return "method" if mark == ":" else "function"
    return "field" if owner else "variable"
