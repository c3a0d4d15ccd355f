"""What the debugger says and is told: values without behaviour.

No thread owns these: they are immutable and may travel anywhere. Lines and columns
count from 1. Texts are ``str``; bytes of the program that are not UTF-8 appear as
surrogate escapes and are made presentable only at the edge.

NamedTuples, not dataclasses: importing dataclasses costs half of a whole start-up.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Union

StepKind = Literal["continue", "over", "into", "out"]
StopReason = Literal["entry", "breakpoint", "function breakpoint", "step", "pause", "exception"]
FrameKind = Literal["lua", "c", "tool", "label"]
ScopeKind = Literal["locals", "varargs", "upvalues", "globals", "returnValue"]
ExceptionMode = Literal["never", "always", "unhandled", "userUnhandled"]
RUNTIMES = ("lua54", "luajit")
DESCRIPTIONS = {
    "entry": "Paused on entry",
    "breakpoint": "Paused on breakpoint",
    "function breakpoint": "Paused on function breakpoint",
    "step": "Paused after step",
    "pause": "Paused",
    "exception": "Paused on error",
}
NOTES = {
    b"hook": "the program has set a debug hook of its own: in this coroutine breakpoints and steps do not "
    "stop until it takes the hook away\n",
    b"luajit": "LuaJIT: breakpoints that stand when a file is loaded are compiled in; while a step is under way, or "
    "for a breakpoint that comes later, the program is interpreted until then\n",
    b"finalizer": "the program can't be stopped in a finalizer (__gc): Lua calls no hook there\n",
    b"room": "the program has used up the C stack: the debugger can't stop it there\n",
}


class ProgramOptions(NamedTuple):
    """How a Lua program is to be run (DAP ``launch``, ``llmspell debug``)."""

    path: str
    args: tuple[str, ...] = ()
    cwd: str | None = None
    env: tuple[tuple[str, str | None], ...] = ()  # None removes the variable
    lua_path: tuple[str, ...] = ()
    stop_on_entry: bool = False
    debug: bool = True  # False: run without a debugger (DAP noDebug)
    capture: bool = True  # print, io.write … become Output events; False: the real stdout
    safe: bool = False
    memory_mb: float | None = None
    seconds: float | None = None
    runtime: str | None = None  # "lua54" (None) or "luajit"
    just_my_code: bool = True  # steps and errors pass over libraries


class Source(NamedTuple):
    """A text the program runs: a file (``path``), or a string given to load() (``reference``)."""

    name: str
    path: str | None = None
    reference: int = 0


class Breakpoint(NamedTuple):
    """What a person asked for on one line; ``column`` means one of several places on it."""

    line: int
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None
    column: int | None = None


class FunctionBreakpoint(NamedTuple):
    """Stop where functions of this name begin: ``add``, ``geometry.add``, ``account:deposit``."""

    name: str
    condition: str | None = None
    hit_condition: str | None = None


class BreakpointState(NamedTuple):
    """What became of a breakpoint. ``reason`` says why it is not verified (yet). A function that is not there has no
    line (0) and no source."""

    id: int
    verified: bool
    line: int
    source: Source | None
    message: str | None = None
    reason: Literal["pending", "failed"] | None = None
    column: int | None = None


class Location(NamedTuple):
    """Where a breakpoint may stand. Columns count UTF-16 code units; None inside of an expression."""

    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


class ExceptionFilter(NamedTuple):
    """Stop at errors: ``raised`` (each one), ``uncaught``, ``tool`` (raised by a Python tool)."""

    name: Literal["raised", "uncaught", "tool"]
    condition: str | None = None  # a Lua expression that sees the error value as `error`


class ExceptionFilterState(NamedTuple):
    id: int
    verified: bool
    message: str | None = None


class Step(NamedTuple):
    """How the program goes on after a pause. ``thread`` 0 means the one that stopped."""

    kind: StepKind
    thread: int = 0


class Thread(NamedTuple):
    """The main program (id 1) or a coroutine."""

    id: int
    name: str


class Frame(NamedTuple):
    """One level of a stack. ``id`` is valid while the program is paused, and never 0. ``library``: steps pass over
    it, and it is not where the program was stopped."""

    id: int
    name: str
    kind: FrameKind
    source: Source | None
    line: int  # 0 where there is no source
    library: bool = False
    column: int = 1  # another where a breakpoint inside of a line has stopped the program


class Parameter(NamedTuple):
    name: str
    type: str
    value: str


class Scope(NamedTuple):
    """``reference`` opens it with ``Pause.children``."""

    name: str
    kind: ScopeKind
    reference: int
    named: int
    indexed: int
    expensive: bool


class Value(NamedTuple):
    """A Lua value as a person sees it. ``reference`` 0: nothing to open."""

    text: str
    type: str
    reference: int = 0
    named: int = 0
    indexed: int = 0


class Variable(NamedTuple):
    name: str
    value: Value
    evaluate_name: str | None = None
    lazy: bool = False  # opening it runs the program's code (__tostring); shows exactly one child
    read_only: bool = False
    internal: bool = False  # not the program's own (metatable, "more …")


class Completion(NamedTuple):
    """``start`` and ``length``: the characters of the text (Python str indices) it replaces."""

    label: str
    kind: Literal["variable", "function", "field", "method", "keyword"]
    start: int
    length: int


class ExceptionInfo(NamedTuple):
    """The error a program stopped at. ``inner``: the Python exception behind a tool's error."""

    id: str
    description: str
    mode: ExceptionMode
    type_name: str
    traceback: str
    inner: ExceptionInfo | None = None


class Stopped(NamedTuple):
    reason: StopReason
    thread: int
    hit: tuple[int, ...] = ()  # ids of the breakpoints
    description: str | None = None
    text: str | None = None
    column: int = 1


class Resumed(NamedTuple):
    thread: int


class BreakpointChanged(NamedTuple):
    state: BreakpointState


class SourceLoaded(NamedTuple):
    source: Source


class Output(NamedTuple):
    """What the program wrote, or the debugger has to say (``console``, ``important``)."""

    category: Literal["stdout", "stderr", "console", "important"]
    text: str
    source: Source | None = None
    line: int = 0


class Ended(NamedTuple):
    """The program is over. ``error``: message and Lua traceback when it died of an error."""

    exit_code: int
    error: str | None = None


Event = Union[Stopped, Resumed, BreakpointChanged, SourceLoaded, Output, Ended]  # noqa: UP007
