"""The programs that Lua starts. Lua thread.

lupa's wheels build Lua without POSIX: there `io.popen` is missing, `os.execute` gives raw wait statuses,
and while it waits Ctrl-C is felt by nobody. prelude.lua makes both of these functions.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

CAN_START = hasattr(os, "posix_spawn")


def execute(command: bytes) -> tuple[Any, ...]:
    """What os.execute gives: true or nil, "exit" or "signal", a number."""
    try:
        return ended(_shell(command, []))
    except OSError as error:
        return _failure(error)


def start(command: bytes, mode: bytes) -> tuple[Any, ...]:
    """Start a shell behind a pipe: its process id, our end, and the number that a copy of it will have."""
    ctypes.CDLL(None).fflush(None)  # as Lua does: what was written before comes before
    reader, writer = os.pipe()
    ours, theirs, place = (reader, writer, 1) if mode == b"r" else (writer, reader, 0)
    try:
        process = _shell(command, [(os.POSIX_SPAWN_DUP2, theirs, place)])
    except OSError as error:
        os.close(ours)
        return _failure(error)
    finally:
        os.close(theirs)
    copy = os.dup(ours)
    os.close(copy)
    return process, ours, copy


def opened(ours: int, copy: int) -> None:
    """Lua has its own copy of our end. Later processes must not hold it: the pipe would never end."""
    os.close(ours)
    try:
        os.set_inheritable(copy, False)
    except OSError:  # Lua could not open it
        return


def ended(process: int) -> tuple[Any, ...]:
    """Wait for a process."""
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    except OSError as error:
        return _failure(error)
    return (code == 0 or None), (b"exit" if code >= 0 else b"signal"), abs(code)


def _shell(command: bytes, files: list[Any]) -> int:
    words = [b"sh", b"-c", command.partition(b"\0")[0]]
    return os.posix_spawn(b"/bin/sh", words, os.environb, file_actions=files, setsigdef=[signal.SIGPIPE])


def _failure(error: OSError) -> tuple[Any, ...]:
    return None, os.fsencode(error.strerror or str(error)), error.errno
