"""``llmspell run``: a Lua program on the real stdin and stdout.

Lua runs on a thread of its own; the main thread waits, so that Ctrl-C is felt at once whatever Lua
does. Exit codes: 0, 1 (Lua error), 2 (usage), 130 (Ctrl-C), or the program's own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from llmspell_kernel import config
from llmspell_kernel.cli.options import RunOptions, UsageError, help_text, parse
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.loader import Chunk, read_chunk, source_text
from llmspell_kernel.lua.runtime import Interrupted, LuaRuntime, Options, ProgramError

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

FAILED, USAGE, INTERRUPTED = 1, 2, 130
GLANCE = 0.1  # seconds; a signal that another thread of the process gets wakes nobody
GRACE = 0.5  # seconds for a program to end after Ctrl-C; one that waits in C never would


def main(words: list[str]) -> int:
    try:
        options = parse(words)
        if options is None:
            print(help_text(), end="")
            return 0
        chunk = _chunk(options.script)
        settings = config.read()
    except UserError as error:
        hint = "; see llmspell run --help" if isinstance(error, UsageError) else ""
        return _complain(f"{error}{hint}", USAGE)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as any program: `| head -1` ends it
    return _Program(chunk, options, settings).wait()


def _chunk(script: str) -> Chunk:
    if script == "-":
        return Chunk("stdin", b"=stdin", source_text(sys.stdin.buffer.read(), "stdin"))
    return read_chunk(script)


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"llmspell: {text}\n")
    sys.stderr.flush()
    return code


def standard_tools() -> Tools:
    from llmspell_kernel.tools.registry import Tools

    return Tools.standard()


class _Program:
    def __init__(self, chunk: Chunk, options: RunOptions, settings: config.Config) -> None:
        self._chunk = chunk
        self._options = options
        self._settings = settings
        self._code = 0
        self._ended = threading.Event()
        self._runtime: LuaRuntime | None = None
        self._interrupted = False

    def wait(self) -> int:
        """Run the program; gives the exit code, 130 after Ctrl-C whatever the program made of it."""
        try:
            threading.Thread(target=self._run, name="lua", daemon=True).start()
            while not self._ended.wait(GLANCE):
                pass
            return self._code
        except KeyboardInterrupt:
            self._interrupt()
            return INTERRUPTED

    def _interrupt(self) -> None:
        self._interrupted = True
        try:
            if self._runtime is not None:
                self._runtime.interrupt("interrupted")
            if not self._ended.wait(GRACE):
                _leave("interrupted", INTERRUPTED)
        except KeyboardInterrupt:
            _leave("interrupted", INTERRUPTED)

    def _overtime(self, runtime: LuaRuntime, reason: str) -> None:
        runtime.interrupt(reason)
        if not self._ended.wait(GRACE):
            _leave(reason, FAILED)

    def _run(self) -> None:
        self._code = FAILED
        try:
            self._code = self._result()
        except Exception:
            sys.excepthook(*sys.exc_info())  # a bug of ours
        finally:
            self._ended.set()

    def _result(self) -> int:
        options, settings = self._options, self._settings
        timer = None
        try:
            self._runtime = runtime = LuaRuntime(
                standard_tools,
                Options(
                    (*options.lua_path, *settings.lua_path),
                    options.safe or settings.safe,
                    options.memory or settings.memory_mb,
                ),
            )
            runtime.prepare(self._chunk, options.args)
            function = runtime.load(self._chunk)
            timer = self._timer(runtime, options.timeout or settings.seconds)
            runtime.run(function, options.args)
            return 0
        except ProgramError as error:
            return _complain(error.traceback or str(error), FAILED)
        except Interrupted as error:
            return _complain(str(error), INTERRUPTED if self._interrupted else FAILED)
        except UserError as error:
            return _complain(str(error), FAILED)
        finally:
            if timer is not None:
                timer.cancel()
            if self._runtime is not None:
                self._runtime.close(patient=True)

    def _timer(self, runtime: LuaRuntime, seconds: float | None) -> threading.Timer | None:
        if seconds is None:
            return None
        reason = f"the program ran longer than its limit of {seconds:g} s"
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._overtime, (runtime, reason))
        timer.daemon = True
        timer.start()
        return timer


def _leave(reason: str, code: int) -> None:
    """The program waits in C (a read, a tool) and can't be ended: leave it, but lose no output."""
    import ctypes

    flush = threading.Thread(target=ctypes.CDLL(None).fflush, args=(None,), daemon=True)
    flush.start()
    flush.join(0.2)  # it may wait for the stream that the program reads from
    _complain(reason, code)
    os._exit(code)
