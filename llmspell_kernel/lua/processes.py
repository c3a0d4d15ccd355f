"""The programs that Lua starts. Lua thread, but `Processes.end`.

lupa's wheels build Lua without POSIX: there `io.popen` is missing, `os.execute` gives raw wait statuses,
and while it waits Ctrl-C is felt by nobody. prelude.lua makes both of these functions.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

CAN_START = hasattr(os, "posix_spawn")
STOPPING = 0.2  # seconds for processes to be stopped; one in the middle of a system call may take longer
STOPPED: tuple[list[bytes], ...] = ([], [b"T"], [b"t"], [b"Z"], [b"X"])  # or gone


class Processes:
    """What one Lua state has started."""

    def __init__(self, interrupted: Callable[[], bool]) -> None:
        """``interrupted``: whether the program is to end. Who says so calls `end` after that."""
        self._running: set[int] = set()
        self._interrupted = interrupted

    def execute(self, command: bytes) -> tuple[Any, ...]:
        """What os.execute gives: true or nil, "exit" or "signal", a number."""
        try:
            return self.ended(self._shell(command, []))
        except OSError as error:
            return _failure(error)

    def start(self, command: bytes, mode: bytes) -> tuple[Any, ...]:
        """Start a shell behind a pipe: its process id, our end, and the number that a copy of it will have."""
        ctypes.CDLL(None).fflush(None)  # as Lua does: what was written before comes before
        reader, writer = os.pipe()
        ours, theirs, place = (reader, writer, 1) if mode == b"r" else (writer, reader, 0)
        try:
            process = self._shell(command, [(os.POSIX_SPAWN_DUP2, theirs, place)])
        except OSError as error:
            os.close(ours)
            return _failure(error)
        finally:
            os.close(theirs)
        copy = os.dup(ours)
        os.close(copy)
        return process, ours, copy

    def ended(self, process: int) -> tuple[Any, ...]:
        """Wait for a process."""
        try:
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        except OSError as error:
            return _failure(error)
        finally:
            self._running.discard(process)
        return (code == 0 or None), (b"exit" if code >= 0 else b"signal"), abs(code)

    def end(self, kill: bool) -> bool:
        """Any thread: tell those that run to end (or make them), with all that they have started.
        Whether there are any."""
        running = list(self._running)
        if not running:
            return False
        everyone = _stopped_with_descendants(running)
        for number in (signal.SIGKILL,) if kill else (signal.SIGTERM, signal.SIGCONT):
            _signal(everyone, number)
        return True

    def _shell(self, command: bytes, files: list[Any]) -> int:
        words = [b"sh", b"-c", command.partition(b"\0")[0]]
        process = os.posix_spawn(b"/bin/sh", words, os.environb, file_actions=files, setsigdef=[signal.SIGPIPE])
        self._running.add(process)
        if self._interrupted():  # `end` may have come before this one
            self.end(kill=False)
        return process


Tell = Callable[..., Any]


def as_by_luajit(execute: Tell, ended: Tell) -> tuple[Tell, Tell]:
    """The same two functions, that tell as LuaJIT does: a status, as of C's ``system``; and just that it has ended."""

    def status(command: bytes) -> int:
        _, how, code = execute(command)
        return int(code) * 256 if how == b"exit" else int(code) if how == b"signal" else -1

    def closed(process: int) -> Any:
        outcome = ended(process)
        return True if outcome[1] in (b"exit", b"signal") else outcome

    return status, closed


def opened(ours: int, copy: int) -> None:
    """Lua has its own copy of our end. Later processes must not hold it: the pipe would never end."""
    os.close(ours)
    try:
        os.set_inheritable(copy, False)
    except OSError:  # Lua could not open it
        return


def _stopped_with_descendants(processes: list[int]) -> list[int]:
    """Stopped, so that none starts another while we look. Without /proc only the processes given.

    A process group of their own would tell them too, but take the terminal away from them.
    """
    found: list[int] = []
    while processes:
        _signal(processes, signal.SIGSTOP)
        _wait_for_stops(processes)
        found += processes
        processes = [process for process, parent in _parents() if parent in found and process not in found]
    return found


def _wait_for_stops(processes: list[int]) -> None:
    """The signal has been sent; what gets it on another processor may be starting a process at this moment."""
    end = monotonic() + STOPPING
    for process in processes:
        while _fields(process)[:1] not in STOPPED and monotonic() < end:
            os.sched_yield()


def _signal(processes: list[int], number: int) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except OSError:  # it has ended, or is another user's
            continue


def _parents() -> Iterator[tuple[int, int]]:
    """Of every process."""
    for name in os.listdir("/proc") if os.path.exists("/proc/self/stat") else ():
        if name.isdigit():
            yield int(name), int((_fields(int(name)) or [b"", b"0"])[1])


def _fields(process: int) -> list[bytes]:
    """Its state, its parent and so on; none if it has ended, or where there is no /proc."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _failure(error: OSError) -> tuple[Any, ...]:
    return None, os.fsencode(error.strerror or str(error)), error.errno
