"""The file that tells service managers a kernel's process. Its lock, which ends with the process, tells whether it is
still so: what a killed kernel has left is no obstacle."""

from __future__ import annotations

import os

from llmspell_kernel.errors import UserError


def write(path: str) -> int:
    """The descriptor that holds the lock: for as long as we live. Raises UserError: another process holds it."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"cannot write the PID file {path}: {error.strerror or error}") from error
    if not _locked(descriptor):
        pid = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        raise UserError(f"the PID file {path} is that of a kernel which runs (process {pid})")
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows
        return True
    except OSError:
        return False
    return True


def remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:  # whoever reads it sees that its lock is gone
        return
