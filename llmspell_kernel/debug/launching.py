"""What a program needs before it is loaded: its folder, its environment, its project's settings. Lua thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from llmspell_kernel import config
from llmspell_kernel.debug.model import ProgramOptions
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.runtime import LuaRuntime


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


def timer_of(runtime: LuaRuntime, options: ProgramOptions) -> threading.Timer | None:
    """Ends the program when its time is over; started."""
    if options.seconds is None:
        return None
    reason = f"the program ran longer than its limit of {options.seconds:g} s"
    timer = threading.Timer(min(options.seconds, threading.TIMEOUT_MAX), runtime.interrupt, (reason,))
    timer.daemon = True
    timer.start()
    return timer
