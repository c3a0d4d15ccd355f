"""Ending kernels: asked to by SIGTERM, killed only if told so. One thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from time import monotonic
from typing import NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.service import discovery
from llmspell_kernel.service.asking import ask
from llmspell_kernel.service.birth import birth
from llmspell_kernel.service.discovery import Kernel


class End(NamedTuple):
    kernel: Kernel
    how: str  # ended, killed, gone (it had ended before), unknown (it does not answer), running


class _Process:
    """A process that can be told from one that has its number later."""

    def __init__(self, pid: int, born: str | None) -> None:
        self.pid = pid
        self._born = born
        self._descriptor = _open(pid)

    @property
    def lives(self) -> bool:
        return self._born is not None and birth(self.pid) == self._born

    def send(self, number: int) -> None:
        try:
            if not self.lives:
                return
            if self._descriptor is None:
                os.kill(self.pid, number)
            else:
                signal.pidfd_send_signal(self._descriptor, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise UserError(f"process {self.pid} is somebody else's: {error.strerror}") from error

    def wait(self, seconds: float) -> bool:
        """Whether it has ended."""
        if self._descriptor is not None:
            import select

            poller = select.poll()
            poller.register(self._descriptor, select.POLLIN)
            poller.poll(max(0, seconds) * 1000)
        else:
            import psutil

            try:
                psutil.Process(self.pid).wait(max(0, seconds))
            except psutil.Error:
                pass
        return not self.lives

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        return None


def stop(kernels: Sequence[Kernel], seconds: float, force: bool) -> list[End]:
    """All are told at once, and have so long together. What is left of those that are gone is removed."""
    with ExitStack() as opened:
        told = []
        for kernel in kernels:
            process = _process_of(kernel)
            if process is not None:
                opened.callback(process.close)
                process.send(signal.SIGTERM)
            told.append((kernel, process))
        end = monotonic() + seconds
        return [_end(kernel, process, end - monotonic(), force) for kernel, process in told]


def _process_of(kernel: Kernel) -> _Process | None:
    pid = kernel.pid
    if kernel.is_stale:
        return None
    if pid is None:  # Jupyter has written its file
        answer = ask([kernel.path], "status_request")[0]
        pid = None if answer is None else answer.get("pid")
        if not isinstance(pid, int):
            return None
    return _Process(pid, birth(pid))


def _end(kernel: Kernel, process: _Process | None, seconds: float, force: bool) -> End:
    how = "ended"
    if process is None:
        how = "gone" if kernel.is_stale else "unknown"
    elif not process.wait(seconds):
        if not force:
            return End(kernel, "running")
        process.send(KILL)
        process.wait(KILL_SECONDS)
        how = "killed"
    now = discovery.read(kernel.path)
    if now is not None and now.is_stale:
        discovery.clean(now)
    return End(kernel, how)


KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
KILL_SECONDS = 5.0  # the system needs no time for it, unless the process is in the middle of a bad disk
