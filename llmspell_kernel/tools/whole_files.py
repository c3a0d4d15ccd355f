"""Files that tools hand to a library: opened where the policy allows, written whole or not at all. Any thread."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import BinaryIO

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.call import Call

MEGABYTE = 1024 * 1024


def opened(call: Call, path: str, *, whole: bool = True) -> BinaryIO:
    """A file to read. ``whole``: it will be in memory, so its size has a limit. Raises ToolError.

    What was checked is what is opened: a link put in its place meanwhile is not followed.
    """
    real = call.policy.resolve(path)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(real, flags), "rb")
    except IsADirectoryError:
        raise ToolError(f"{path} is a folder, not a file", details={"path": path}) from None
    except OSError as error:
        raise ToolError(f"can't read {path}: {_reason(error)}", details={"path": path}) from error
    try:
        _check(call, path, real, os.fstat(file.fileno()), whole)
    except BaseException:
        file.close()
        raise
    return file


def _check(call: Call, path: str, real: str, status: os.stat_result, whole: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(f"{path} is not a file but a folder, a pipe, a device or a socket", details={"path": path})
    if call.policy.resolve(path) != real or not os.path.samestat(os.stat(real), status):
        raise ToolError(f"{path} was replaced while it was opened; try again", details={"path": path})
    if whole and status.st_size > call.policy.max_file_bytes:
        raise ToolError(
            f"{path} has {status.st_size / MEGABYTE:.1f} MB; at most {call.policy.max_file_bytes / MEGABYTE:g} MB are "
            "read; tools.max_file_mb in llmspell.toml allows more",
            details={"path": path, "rule": "tools.max_file_mb"},
        )


@contextmanager
def written(call: Call, path: str) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well, and is gone otherwise. Raises ToolError.

    Where the system can, it has no name until then: a process that is killed leaves nothing behind.
    """
    real = call.policy.resolve(path)
    if os.path.exists(real) and not os.path.isfile(real):
        raise ToolError(f"{path} is not a file, so nothing is written there", details={"path": path})
    folder = os.path.dirname(real)
    name = os.path.join(folder, f".llmspell-{token_hex(8)}")
    try:
        handle, named = _new(folder, name)
    except OSError as error:
        raise ToolError(f"can't write {path}: {_reason(error)}", details={"path": path}) from error
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            check_size(call, file, path)
            os.chmod(handle, os.stat(real).st_mode & 0o7777 if os.path.exists(real) else 0o666 & ~_umask())
            if not named:
                os.link(f"/proc/self/fd/{handle}", name, src_dir_fd=handle)  # with a descriptor it follows the link
        os.replace(name, real)
    except OSError as error:
        _remove(name)
        raise ToolError(f"can't write {path}: {_reason(error)}", details={"path": path}) from error
    except BaseException:
        _remove(name)
        raise


def _new(folder: str, name: str) -> tuple[int, bool]:
    """A new file, and whether it has the name already."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600), False
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), True


def check_size(call: Call, file: BinaryIO, path: str) -> None:
    """Raises ToolError when more has been written than may be."""
    most = call.policy.max_file_bytes
    file.flush()
    if os.fstat(file.fileno()).st_size > most:
        raise ToolError(
            f"{path} would have more than {most / MEGABYTE:g} MB; tools.max_file_mb in llmspell.toml allows more",
            details={"path": path, "rule": "tools.max_file_mb"},
        )


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # it is gone already
        pass


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
