"""What a program needs before it is loaded: its folder, its environment, its project's settings. Lua thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from llmspell_kernel import config
from llmspell_kernel.debug.model import ProgramOptions
from llmspell_kernel.errors import UserError


def prepared(options: ProgramOptions) -> ProgramOptions:
    """Changes this process's folder and environment; what the launch leaves open comes from llmspell.toml."""
    if options.cwd is not None:
        _change_directory(options.cwd)
    _set_environment(options.env)
    return _with_settings(options, config.read())


def _with_settings(options: ProgramOptions, settings: config.Config) -> ProgramOptions:
    """What the launch leaves open comes from llmspell.toml."""
    return options._replace(
        lua_path=(*options.lua_path, *settings.lua_path),
        safe=options.safe or settings.safe,
        memory_mb=options.memory_mb or settings.memory_mb,
        seconds=options.seconds or settings.seconds,
        runtime=options.runtime or settings.runtime,
    )


def _change_directory(path: str) -> None:
    try:
        os.chdir(path)
    except OSError as error:
        raise UserError(f"cannot change to the folder {path}: {error.strerror or error}") from error


def _set_environment(env: Sequence[tuple[str, str | None]]) -> None:
    for name, value in env:
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class RunningTime:
    """Ends the program when it has run for as long as it may; while it is paused no time passes. Lua thread."""

    def __init__(self, seconds: float | None = None, end: Callable[[str], None] = lambda reason: None) -> None:
        self._left, self._end = seconds, end
        self._reason = "" if seconds is None else f"the program ran longer than its limit of {seconds:g} s"
        self._timer: threading.Timer | None = None
        self._since = 0.0

    def go(self) -> None:
        if self._left is None:
            return
        self._since = monotonic()
        seconds = min(max(self._left, 0.0), threading.TIMEOUT_MAX)
        self._timer = threading.Timer(seconds, self._end, (self._reason,))
        self._timer.daemon = True
        self._timer.start()

    def rest(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and self._left is not None:
            timer.cancel()
            self._left -= monotonic() - self._since
