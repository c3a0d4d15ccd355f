"""When a process was born: with its number, what tells it from another that has the number later."""

from __future__ import annotations

import sys


def birth(pid: int) -> str | None:
    """The same text as long as this process lives, another one for every other; None if there is no such process."""
    if sys.platform == "linux":
        return _linux(pid)
    import psutil  # costs as much as Lua does

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None


def _linux(pid: int) -> str | None:
    """The start of the machine and, in ticks after it, of the process (proc(5)): no clock that is set changes it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else f"{boot}/{fields[19].decode()}"
