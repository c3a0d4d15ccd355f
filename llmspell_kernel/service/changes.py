"""Waiting until files change, or a process ends. One thread.

Linux tells of it (inotify and a pidfd: the standard library has no name for the former, so libc is asked). Elsewhere
there is nothing that needs no library, and it is looked at five times a second.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
import threading
from collections.abc import Iterable

LOOK = 0.2  # seconds
CHANGED = 0x2 | 0x40 | 0x80 | 0x100 | 0x200  # IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE


class Changes:
    def __init__(self, folders: Iterable[str], pid: int | None) -> None:
        """Of files in these folders from now on."""
        self._inotify = _watching(folders)
        self._process = _process(pid)

    def wait(self) -> None:
        """Until there may have been one since the last time."""
        if self._inotify is None:
            threading.Event().wait(LOOK)
            return
        ready, _, _ = select.select([end for end in (self._inotify, self._process) if end is not None], [], [])
        if self._inotify in ready:
            os.read(self._inotify, 65536)
        if self._process is not None and self._process in ready:
            os.close(self._process)
            self._process = None  # it ends once

    def close(self) -> None:
        for end in (self._inotify, self._process):
            if end is not None:
                os.close(end)


def _watching(folders: Iterable[str]) -> int | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    inotify: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if inotify >= 0 and all(libc.inotify_add_watch(inotify, os.fsencode(one), CHANGED) >= 0 for one in set(folders)):
        return inotify
    if inotify >= 0:
        os.close(inotify)
    return None  # there are as many as the system allows


def _process(pid: int | None) -> int | None:
    try:
        return None if pid is None or not hasattr(os, "pidfd_open") else os.pidfd_open(pid)
    except OSError:  # it has ended
        return None
