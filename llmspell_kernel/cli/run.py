"""``llmspell run``: a Lua program on the real stdin and stdout.

Lua runs on a thread of its own; the main thread waits, so that Ctrl-C is felt at once whatever Lua
does. Exit codes: 0, 1 (Lua error), 2 (usage), 130 (Ctrl-C), 143 (SIGTERM), or the program's own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel import config
from llmspell_kernel.cli.bell import bell, listen
from llmspell_kernel.cli.options import RunOptions, UsageError, help_text, parse
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.loader import Chunk, checked_text, read_chunk, source_text
from llmspell_kernel.lua.runtime import Interrupted, LuaRuntime, Options, ProgramError

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

FAILED, USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143
ENDED, OVERTIME = 0, 255  # what rings, besides signals: the end of the program, its limit of time
PRINTING = b"(function(...) if select('#', ...) > 0 then print(...) end end)(%s\n)"
GRACE = 0.5  # seconds for a program to end after Ctrl-C; one that waits in C never would


def main(words: list[str], command: str = "run") -> int:
    """``command``: run, or exec, where the script is the code itself."""
    try:
        options = parse(words, command)
        if options is None:
            print(help_text(command), end="")
            return 0
        if options.connect is not None:
            from llmspell_kernel.cli.connecting import run_there

            listen()
            return run_there(options, command)
        settings = config.read()
    except UserError as error:
        hint = f"; see llmspell {command} --help" if isinstance(error, UsageError) else ""
        return _complain(f"{error}{hint}", USAGE)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as any program: `| head -1` ends it
    return _Program(options, settings, _chunk if command == "run" else _code).wait()


def _chunk(script: str) -> Chunk:
    if script == "-":
        return Chunk("stdin", b"=stdin", source_text(sys.stdin.buffer.read(), "stdin"))
    return read_chunk(script)


def _code(text: str) -> Chunk:
    if text == "-":
        return _chunk(text)
    return Chunk("(command line)", b"=(command line)", checked_text(os.fsencode(text), "the code"))


def _load(runtime: LuaRuntime, chunk: Chunk) -> Any:
    """Raises UserError: syntax. Code that is an expression prints its values."""
    if chunk.name == b"=(command line)":
        try:
            return runtime.load(chunk._replace(text=PRINTING % chunk.text))
        except UserError:  # statements, or what is neither: the message is to be of the code alone
            pass
    return runtime.load(chunk)


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"llmspell: {text}\n")
    sys.stderr.flush()
    return code


def standard_tools() -> Tools:
    from llmspell_kernel.tools.registry import Tools

    return Tools.standard()


class _Stop(NamedTuple):
    """Why the program is to end, and the exit code."""

    reason: str
    code: int


class _Program:
    def __init__(self, options: RunOptions, settings: config.Config, read: Callable[[str], Chunk] = _chunk) -> None:
        self._options = options
        self._read = read
        self._settings = settings
        self._seconds = options.timeout or settings.seconds
        self._code = 0
        self._bell = bell()
        self._runtime: LuaRuntime | None = None
        self._stop: _Stop | None = None

    def wait(self) -> int:
        """Run the program; gives the exit code, that of a signal whatever the program made of it."""
        thread = threading.Thread(target=self._run, name="lua", daemon=True)
        thread.start()
        rung = self._bell.wait()
        if rung == ENDED:
            thread.join()  # it lets go of Lua
            return self._code
        stop = self._stop = self._why(rung)
        if not self._ends(stop.reason):
            self._leave(stop)
        thread.join()
        return self._code if rung == OVERTIME else stop.code

    def _why(self, rung: int | None) -> _Stop:
        if rung == OVERTIME:
            return _Stop(f"the program ran longer than its limit of {self._seconds:g} s", FAILED)
        return _Stop("terminated", TERMINATED) if rung == signal.SIGTERM else _Stop("interrupted", INTERRUPTED)

    def _ends(self, reason: str) -> bool:
        """Whether it ends soon (and before the next signal), perhaps when the process that it waits for has ended."""
        runtime = self._runtime
        if runtime is None:  # its text is still being read
            return False
        runtime.interrupt(reason)
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # it may write to a process that ends
        rung = self._bell.wait(GRACE)
        for kill in (False, True):
            if rung is None and runtime.end_processes(kill):
                rung = self._bell.wait(GRACE)
        return rung == ENDED

    @contextmanager
    def _begun(self) -> Iterator[None]:
        """From here on the runtime can be interrupted; the signal may have come before."""
        if self._stop is not None and self._runtime is not None:
            self._runtime.interrupt(self._stop.reason)
        yield

    def _run(self) -> None:
        self._code = FAILED
        try:
            self._code = self._result()
        except Exception:
            sys.excepthook(*sys.exc_info())  # a bug of ours
        finally:
            self._bell.ring(ENDED)

    def _result(self) -> int:
        try:
            chunk = self._read(self._options.script)
        except UserError as error:
            return _complain(str(error), USAGE)
        return self._result_of(chunk)

    def _result_of(self, chunk: Chunk) -> int:
        options, settings = self._options, self._settings
        timer = None
        try:
            self._runtime = runtime = LuaRuntime(
                standard_tools,
                Options(
                    (*options.lua_path, *settings.lua_path),
                    options.safe or settings.safe,
                    options.memory or settings.memory_mb,
                    runtime=options.runtime or settings.runtime or "lua54",
                ),
            )
            runtime.watch = self._begun
            runtime.prepare(chunk, options.args)
            function = _load(runtime, chunk)
            timer = self._timer()
            runtime.run(function, options.args)
            return 0
        except ProgramError as error:
            return _complain(error.traceback or str(error), FAILED)
        except Interrupted as error:
            return _complain(str(error), self._stop.code if self._stop else FAILED)
        except UserError as error:
            return _complain(str(error), FAILED)
        finally:
            if timer is not None:
                timer.cancel()
            if self._runtime is not None:
                self._runtime.close(patient=True)
                del self._runtime.watch  # it holds us

    def _timer(self) -> threading.Timer | None:
        if self._seconds is None:
            return None
        timer = threading.Timer(min(self._seconds, threading.TIMEOUT_MAX), self._bell.ring, (OVERTIME,))
        timer.daemon = True
        timer.start()
        return timer

    def _leave(self, stop: _Stop) -> None:
        """The program waits in C (a read, a tool) and can't be ended: leave it, but lose no output."""
        import ctypes

        flush = threading.Thread(target=ctypes.CDLL(None).fflush, args=(None,), daemon=True)
        flush.start()
        flush.join(0.2)  # it may wait for the stream that the program reads from
        _complain(stop.reason, stop.code)
        if self._runtime is not None:
            self._runtime.end_processes(kill=True)
        os._exit(stop.code)
