"""The Lua half of the debugger, as Python sees it. Lua thread only; it may come in the middle of a program.

``breakpoints.lua`` keeps breakpoints, ``probes.lua`` those that are compiled in, ``places.lua`` says which
the hook must watch for, ``names.lua`` what names of functions mean among the program's values, ``mine.lua`` which
functions are a library's, ``hook.lua`` (or ``hook_luajit.lua``) arms and steps, ``quiet.lua`` keeps most events from
it, ``stack.lua`` reads the stack for it, ``watch.lua`` sees coroutines, chunks and errors, ``inspect.lua`` and
``variables.lua`` answer questions, ``evaluate.lua`` runs expressions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from llmspell_kernel.debug.breakpoints import Record
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua import bytecode
from llmspell_kernel.lua.hook_filter import has_filter
from llmspell_kernel.lua.lines import as_main
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import AskError, LuaRuntime
from llmspell_kernel.lua.values import data, text, to_lua

FOLDER = os.path.dirname(__file__)


class Callbacks(NamedTuple):
    """What the hook calls, on the Lua thread, in the middle of the program."""

    stop: Callable[[bytes, int, bytes], tuple[bytes, int]]  # reason, thread, ids → step, thread
    attention: Callable[[], bytes | None]  # "pause", "end", "cancel" or nothing
    prepare: Callable[[bytes, bytes | None], Any]  # name, text of a chunk → text with probes, places
    loaded: Callable[[bytes, bool], Any]  # a chunk's name, whether it has probes → its breakpoints
    note: Callable[[int, bytes, bytes], None]  # id, what, message: trouble to report
    log: Callable[[int, bytes], None]  # id of a log point, lines
    soon: Callable[[], None]  # call `deliver_log` a little later
    is_library: Callable[[bytes], bool]  # whether a file (its chunk's name) is none of the program's own
    # id of a function breakpoint; chunk, first and last line, line where it begins → the chunk's breakpoints
    named: Callable[..., Any]
    around: Callable[[bytes, int, int, int], dict[str, str | bool]]  # chunk, lines of a function, line → see unkept.py


class Hooks:
    def __init__(self, runtime: LuaRuntime, callbacks: Callbacks) -> None:
        self._runtime = runtime
        prelude, is_jit = runtime.prelude, runtime.options.runtime == "luajit"

        run = self._run_file
        evaluator = run("evaluate.lua", prelude, lambda *where: self.table(callbacks.around(*where)))
        counting = runtime.native is None
        points = run("breakpoints.lua", prelude, evaluator, callbacks.note, callbacks.log, callbacks.soon)
        main = bytecode.as_main if is_jit else as_main
        probes = run("probes.lua", prelude, evaluator, points, callbacks.prepare, main)
        places = run("places.lua", prelude, points, probes)
        names = run("names.lua", prelude, evaluator, callbacks.named)
        mine = run("mine.lua", prelude, evaluator, callbacks.is_library)
        threads = run("threads.lua", prelude)
        calls = callbacks.stop, callbacks.attention, callbacks.note, counting
        if is_jit:
            hook = run("hook_luajit.lua", prelude, evaluator, points, probes, places, names, mine, threads, *calls)
        else:
            stack = run("stack.lua", prelude)
            tables = (
                runtime.fields(places)[b"wanted"],
                runtime.fields(mine)[b"passed"],
                runtime.fields(names)[b"watched"],
            )
            quiet = run("quiet.lua", prelude, *tables, has_filter(runtime))
            hook = run(
                "hook.lua", prelude, evaluator, points, probes, places, names, mine, threads, stack, quiet, *calls
            )
        watch = run("watch.lua", prelude, evaluator, probes, mine, hook, callbacks.loaded, callbacks.note)
        variables = run("variables.lua", prelude, evaluator, run("values.lua", prelude, evaluator))
        inspect = run("inspect.lua", prelude, evaluator, hook, watch, variables)
        self._hook, self._watch, self._points = map(runtime.fields, (hook, watch, points))
        self._inspect, self._mine = map(runtime.fields, (inspect, mine))
        runtime.keep_hooks(True)

    def _run_file(self, name: str, *arguments: Any) -> Any:
        with open(os.path.join(FOLDER, name), "rb") as file:
            return self._runtime.run_ours(file.read(), *arguments)

    def watch_loads(self) -> None:
        self._runtime.ask(self._watch[b"watch_loads"])

    def adopt_old(self) -> list[bytes]:
        """Watch what was loaded and made before; gives the names of files."""
        census = self._run_file("census.lua", self._runtime.prelude)
        return list(self._runtime.ask(self._watch[b"adopt_old"], census))

    def load_program(self, chunk: Chunk, function: Any) -> Any:
        """The program's chunk, with probes if breakpoints stand in it; else ``function``, as it was."""
        return self._runtime.call(self._watch[b"load_program"], chunk.name, chunk.text, function)

    def begin(self, reason: str | None) -> None:
        """Before a run; with a reason (entry, pause) it stops at the program's first line."""
        self._runtime.call(self._hook[b"begin"], None if reason is None else data(reason))

    def plan(self, name: bytes, records: Sequence[Record]) -> None:
        """Replace the breakpoints of the chunk with this name."""
        self._runtime.ask(self._hook[b"plan"], name, self.table(list(records)))

    def name(self, wanted: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Functions that are to be looked for by name: ids, and names in parts."""
        names = [{"id": id, "path": [data(part) for part in path]} for id, path in wanted]
        self._runtime.ask(self._hook[b"name"], self.table(names))

    def table(self, value: Any) -> Any:
        return to_lua(self._runtime.lua, value)

    def set_filters(self, filters: list[dict[str, Any]]) -> None:
        self._runtime.ask(self._watch[b"set_filters"], self.table(filters))

    def set_just_my_code(self, on: bool) -> None:
        """Whether steps and errors pass over libraries."""
        self._runtime.ask(self._mine[b"set"], on)

    def deliver_log(self) -> None:
        """What log points have said and waits for company."""
        self._runtime.call(self._points[b"is_time"])

    def detach(self) -> None:
        self.set_filters([])
        self._runtime.ask(self._hook[b"detach"])

    def rest(self) -> None:
        """Stop at nothing; breakpoints and filters may come again."""
        self.set_filters([])
        self._runtime.ask(self._hook[b"rest"])

    def forget(self) -> None:
        """The program goes on: all references are void."""
        self._runtime.ask(self._inspect[b"forget"])

    def ask(self, name: bytes, *arguments: Any) -> tuple[Any, ...]:
        """Call a function of inspect.lua. Raises UserError with the text of its error."""
        try:
            return self._runtime.ask(self._inspect[name], *arguments)
        except AskError as error:
            raise UserError(text(error.value) if type(error.value) is bytes else "failed") from error


def describe_error(error: BaseException) -> tuple[str, str, str]:
    """Type, message and traceback of a Python exception behind a tool's error."""
    import traceback  # only now: it costs as much as the whole state

    return type(error).__name__, str(error), "".join(traceback.format_exception(error))
