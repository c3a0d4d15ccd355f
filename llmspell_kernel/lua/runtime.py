"""A Lua state with everything a program finds defined; runs chunks. Knows nothing of debuggers.

Every method runs on the thread that owns Lua, but `interrupt`, `attention` and `end_processes`, which
any thread may call.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.lua import processes
from llmspell_kernel.lua.api import Api
from llmspell_kernel.lua.loader import VERSIONS, Chunk, debian_cpath, debian_path, search_path
from llmspell_kernel.lua.native import Native, native_stop
from llmspell_kernel.lua.state import implementation, new_state, open_to_modules
from llmspell_kernel.lua.values import NULL, data, text, to_lua

if TYPE_CHECKING:
    from llmspell_kernel.lua.luajit import JitState
    from llmspell_kernel.tools.registry import Tools

MEGABYTE = 1024 * 1024
INSISTENCE = (2, 5, 10, 20, 50, 100, 200)  # milliseconds
FOLDER = os.path.dirname(__file__)
Write = Callable[[bytes, bytes, bytes, int], None]  # stream, data, chunk name, line


class Options(NamedTuple):
    """``write`` takes what the program prints; None leaves it to the real stdout. ``runtime``: "lua54" or "luajit".
    ``stoppable``: what LuaJIT has compiled can be stopped too, which costs a little (luajit.py)."""

    lua_path: tuple[str, ...] = ()
    safe: bool = False
    memory_mb: float | None = None
    write: Write | None = None
    runtime: str = "lua54"
    stoppable: bool = False


DEFAULTS = Options()


class ProgramError(UserError):
    """A program died of an error: the message and Lua's traceback."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


class Interrupted(UserError):
    """The program was stopped from outside; the text says by what."""


class Exit(Exception):
    """The program called os.exit (only where its output is captured)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code % 256  # what a process can tell of it


class LuaRuntime:
    watch: Callable[[], AbstractContextManager[Any]] = staticmethod(nullcontext)
    errand: Callable[[], None] | None = None  # done when `attention` is felt, before the debugger has hooks of its own

    def __init__(self, tools: Callable[[], Tools], options: Options = DEFAULTS) -> None:
        """``tools`` is called when the program first uses one: most start-ups need none."""
        self.options = options
        self._limit = 0 if options.memory_mb is None else limit_in_bytes(options.memory_mb)
        self._bounded = False
        self._room = self._lifted if options.memory_mb else nullcontext
        self._lupa = implementation(options.runtime)
        self.lua = new_state(bool(options.memory_mb), options.runtime)
        self._modules = open_to_modules(options.runtime)
        self._jit: JitState | None = None
        self.compile: Callable[[bytes], Any] = self.lua.eval(
            b"function(text) return load(text, '=[llmspell]', 't') end"
        )
        self.native: Native | JitState | None = (
            native_stop(self.lua, self._lupa.__file__) if options.runtime == "lua54" else self._luajit()
        )
        # A hook that it has set may be felt as late as when Lua closes the state: it lives as long.
        self.compile(b"debug.getregistry()['llmspell.native'] = ...")(self.native)
        self.api = Api(self.lua, tools, options.safe)
        self._interruption: UserError | Exit | None = None
        self._felt = threading.Event()
        self.running = False
        self._answer: list[Any] = []
        self.prelude = self._prelude()
        self._functions = functions_of(self.prelude)
        self._dispatcher = self._functions[b"dispatcher"]()
        self._dispatcher_address = int(self._functions[b"address"](self._dispatcher), 16)
        self._asking = False

    def _luajit(self) -> JitState | None:
        """Make LuaJIT ready for our Lua files; the native stop."""
        from llmspell_kernel.lua.luajit import JitState

        self._jit = jit = JitState(self.lua, self._lupa.__file__)
        support = self.compile(_text_of("luajit.lua"))(jit.main_thread, jit.mask_address)
        self.compile = support[b"load"]
        self._jit_support = support
        native = None if os.environ.get("LLMSPELL_NATIVE") == "0" else jit
        if native is not None and self.options.stoppable:
            support[b"keep_profiler" if jit.watch_compiled() else b"never_compile"]()
        return native

    _jit_support: Any = None

    def _prelude(self) -> Any:
        self._processes = processes.Processes(lambda: self.interrupted)
        self._close_processes: Any = None
        load = self.compile
        write = self.options.write
        exports = load(_text_of("prelude.lua"))(
            write, self._exit, self._attend, write and load(_text_of("output.lua")), self.options.safe, self._deliver,
            self.native is None, self._bound if self.options.memory_mb else None,
            self._jit_support,
        )  # fmt: skip
        exports[b"null"] = NULL
        load(_text_of("api.lua"))(exports, exports[b"unbounded"](self.api.call), self._load_ours)
        if processes.CAN_START and not self.options.safe:
            start = load(_text_of("processes.lua"))
            ours = self._processes
            execute: Callable[..., Any] = ours.execute
            ended: Callable[..., Any] = ours.ended
            if self._jit is not None:
                execute, ended = processes.as_by_luajit(execute, ended)
            self._close_processes = start(execute, ours.start, processes.opened, ended, exports[b"unbounded"])
        if self._jit_support is not None and self.options.safe:
            self._jit_support[b"secure"]()
        return exports

    def _load_ours(self, name: bytes) -> Any:
        return self.compile(_text_of(name.decode()))

    # Running ------------------------------------------------------------------------------

    def prepare(self, chunk: Chunk, arguments: Sequence[str] = ()) -> None:
        """Set ``arg``, ``ARGS`` and the search paths for the program of this chunk."""
        package = self.lua.globals()[b"package"]
        version = VERSIONS[self.options.runtime]
        standard = standard_path("LUA_PATH", version, debian_path(version))
        directory = os.path.dirname(chunk.path)
        package[b"path"] = data(search_path(directory, self.options.lua_path, standard))
        if not self.options.safe:
            cpath = standard_path("LUA_CPATH", version, debian_cpath(version))
            package[b"cpath"] = data(cpath if self._modules else "")
        named = to_lua(self.lua, named_arguments(arguments))
        positionals = to_lua(self.lua, list(arguments))
        self._functions[b"arguments"](os.fsencode(chunk.path), positionals, named)

    def load(self, chunk: Chunk) -> Any:
        """The compiled chunk, a Lua function. Raises UserError with file:line for bad syntax."""
        loaded = self._functions[b"load"](chunk.text, chunk.name)
        if isinstance(loaded, tuple):
            raise UserError(text(loaded[1]))
        return loaded

    def run(self, function: Any, arguments: Sequence[str] = ()) -> list[Any]:
        """Run a loaded chunk; gives the values that it returns.

        Raises ProgramError, Interrupted, or Exit.
        """
        self._interruption = None
        self.running = True
        try:
            with self.watch():
                outcome = self._functions[b"run"](function, *map(data, arguments))
        except self._lupa.LuaMemoryError as error:
            raise ProgramError(self._memory_message(), "") from error
        except self._lupa.LuaError as error:  # a stop that came when the program had just ended
            raise self._interruption or ProgramError(str(error), "") from error
        finally:
            self.running = False
            self._bound(False)
            self._felt.set()
            if isinstance(self._interruption, Interrupted):
                self.end_processes()  # that it has left open
            self._revive()
            if self.options.write is None:
                self._functions[b"flush"]()
        if isinstance(self._interruption, Interrupted):
            raise self._interruption  # also when it has ended before it felt it
        values = list(outcome) if isinstance(outcome, tuple) else [outcome]
        if values[0]:
            return values[1:]
        raise self._failure(values[1])

    def _revive(self) -> None:
        for _ in INSISTENCE:
            try:
                self._functions[b"revive"]()
            except self._lupa.LuaError:  # of a stop that came too late for the program and was felt in here
                continue
            return

    def _failure(self, problem: Any) -> Exception:
        if type(problem) is bytes:  # no handler ran: memory, or an error in error handling
            if b"not enough memory" in problem:
                return ProgramError(self._memory_message(), "")
            return ProgramError(text(problem), "")
        if problem[b"killed"]:
            return self._interruption or Interrupted("interrupted")
        return ProgramError(text(problem[b"message"]), text(problem[b"traceback"]))

    def _memory_message(self) -> str:
        return f"not enough memory: the program needs more than its limit of {self.options.memory_mb:g} MB"

    # The limit holds while the program runs, and rests while we work for it: where lupa allocates outside
    # of a protected call, Lua's error would skip Python's frames, and take the process or its locks along.

    def _bound(self, bounded: bool) -> None:
        self._bounded = bounded
        if self._limit:
            self.lua.set_max_memory(self._limit if bounded else 0)

    def limit_memory(self, megabytes: float | None) -> None:
        """Lua thread: another limit from the next run on, or none; of a state that was made with one."""
        if self._limit:
            megabytes = math.inf if megabytes is None else megabytes
            self.options = self.options._replace(memory_mb=megabytes)
            self._limit = limit_in_bytes(megabytes)

    @contextmanager
    def _lifted(self) -> Iterator[None]:
        before = self._bounded
        self._bound(False)
        try:
            yield
        finally:
            self._bound(before)

    # Stopping from outside ----------------------------------------------------------------

    def interrupt(self, reason: str = "interrupted") -> None:
        """Any thread: the program ends at its next instruction, whatever it catches."""
        self._interruption = Interrupted(reason)
        self.api.interrupt(reason)
        self.attention()

    @property
    def interrupted(self) -> bool:
        """Whether the program that runs is to end."""
        return self.running and self._interruption is not None

    def attention(self) -> None:
        """Any thread: have the Lua thread call `_attend` (or the debugger's) as soon as Lua runs.

        A stop is aimed at the coroutine that runs, which may change at this moment: it is aimed
        again, a few times, until it has been felt.
        """
        if self.native is None:
            return  # instructions are counted
        self._felt.clear()
        self._stop(self.native)
        threading.Thread(target=self._insist, daemon=True).start()

    def _insist(self) -> None:
        for milliseconds in INSISTENCE:
            if self._felt.wait(milliseconds / 1000):
                return
            native = self.native
            if native is None:  # it is being closed
                return
            self._stop(native)

    def _stop(self, native: Native | JitState) -> None:
        native.stop()
        if self._asking:  # Lua runs in the dispatcher, which no thread of the program has resumed
            native.stop(self._dispatcher_address)

    def keep_hooks(self, keep: bool) -> None:
        """Whether all hooks of the program's threads are the debugger's: they are asked, not replaced."""
        if self.native is not None:
            self.native.keeps_hooks = keep

    def forget_hooks(self) -> None:
        """Lua thread: the debugger has none after all."""
        self.keep_hooks(False)
        self.ask(self._functions[b"watch_attention"], None)

    def attended(self) -> None:
        self._felt.set()

    def _attend(self) -> None:
        self.attended()
        if self.interrupted:
            self.kill()
        elif self.errand is not None:
            self.errand()

    def kill(self) -> None:
        """Lua thread, inside a hook: let every running thread of the program end."""
        self.ask(self._functions[b"kill"])

    def _exit(self, code: Any) -> None:
        self._interruption = Exit(int(code))

    def close(self, patient: bool = False) -> None:
        """Lua thread: what the program left to be finalized can call Python no more.

        ``patient``: wait for the processes that it started behind a pipe and left open.
        """
        native, self.native = self.native, None
        if isinstance(native, Native):
            native.close()
        self.api.close()
        if not self.running:
            self._functions[b"finish"](self._close_processes, patient)
            if self._jit is not None:
                self._jit.close()

    def end_processes(self, kill: bool = False) -> bool:
        """Any thread: end the processes that the program has started and that run still. Whether there are any."""
        return self._processes.end(kill)

    # Questions while a program is paused ------------------------------------------------------

    def ask(self, function: Any, *arguments: Any) -> tuple[Any, ...]:
        """Lua thread: call a Lua function in the dispatcher, apart from the program's stacks.

        Raises LuaError (text) or what the function raised as a table: AskError.
        """
        self._asking = True
        self._answer = []
        try:
            with self._room():
                self._dispatcher.send((function, *arguments))
        finally:
            self._asking = False
        (ok, *values), self._answer = self._answer, []
        if ok:
            return tuple(values)
        raise AskError(values[0])

    def run_ours(self, source: bytes, *arguments: Any) -> Any:
        """Lua thread: what a Lua file of ours gives, as `ask`."""
        (chunk,) = self.ask(self.compile if self._jit else self._functions[b"load_ours"], source)
        return self.ask(chunk, *arguments)[0]

    def call(self, function: Any, *arguments: Any) -> Any:
        """Lua thread, while no program runs: on the main thread, whose functions are not those that `ask` gives."""
        return self._functions[b"call"](function, *arguments)

    def fields(self, table: Any) -> dict[bytes, Any]:
        """Lua thread: of a table of ours, as `ask`."""
        flat = self.ask(self._functions[b"fields"], table)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def _deliver(self, *values: Any) -> None:
        self._answer += values


def _text_of(name: str) -> bytes:
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def limit_in_bytes(megabytes: float) -> int:
    return max(1, int(min(megabytes * MEGABYTE, sys.maxsize // 2)))


def functions_of(exports: Any) -> dict[bytes, Any]:
    """The functions of a Lua table, fetched now: lupa must not index a table while a coroutine runs
    (it looks at the stack of the thread that made the table)."""
    return dict(exports.items())


class AskError(Exception):
    """A question's Lua function raised this value (bytes, or a Lua table)."""

    def __init__(self, value: Any) -> None:
        super().__init__(text(value) if type(value) is bytes else value)
        self.value = value


def named_arguments(arguments: Sequence[str]) -> dict[Any, str]:
    """``ARGS``: positionals from 1; ``--key value`` and ``--flag`` (the text "true") by name.

    ``--`` ends the named ones.
    """
    named: dict[Any, str] = {}
    position = 0
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return named | {position + n: value for n, value in enumerate(rest, 1)}
        if word.startswith("--") and "=" in word:
            key, _, named[key] = word[2:].partition("=")[0], "", word.partition("=")[2]
        elif word.startswith("--"):
            named[word[2:]] = "true" if not rest or rest[0].startswith("--") else rest.pop(0)
        else:
            position += 1
            named[position] = word
    return named


def standard_path(variable: str, version: str, default: str) -> str:
    """Lua's rule: ``LUA_PATH_5_4``, then ``LUA_PATH``; ``;;`` in it stands for the default."""
    value = os.environ.get(variable)
    if version != "5.1":  # which has no such thing
        value = os.environ.get(f"{variable}_{version.replace('.', '_')}", value)
    return default if value is None else value.replace(";;", f";{default};").strip(";")
