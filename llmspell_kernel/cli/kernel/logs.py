"""``llmspell kernel logs``."""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import closing

import click

from llmspell_kernel.errors import UserError
from llmspell_kernel.service import discovery
from llmspell_kernel.service.changes import Changes
from llmspell_kernel.service.discovery import Kernel


@click.command("logs")
@click.argument("kernel", metavar="ID|FILE")
@click.option("--follow", "-f", is_flag=True, help="Go on as the log grows, until the kernel ends or Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(min=0), metavar="N", help="Only the last N lines of what is there.")
def command(kernel: str, follow: bool, lines: int | None) -> int:
    """Show a kernel's log: also of one that has ended, if it was a daemon."""
    path, found = _log_of(kernel)
    try:
        _show(path, lines, found if follow else None)
    except FileNotFoundError:
        raise UserError(f"the log {path} is not there any more") from None
    except KeyboardInterrupt:
        return 130
    return 0


def _log_of(name: str) -> tuple[str, Kernel | None]:
    try:
        found = discovery.find(name)
    except UserError:
        path = discovery.log_file_of(name)
        if os.sep not in name and os.path.isfile(path):
            return path, None
        raise
    path = found.told.get("log_file") or ""
    if not path:
        raise UserError(f"kernel {found.id} logs to its stderr; start it with --log-file or --daemon")
    return path, found


def _show(path: str, lines: int | None, followed: Kernel | None) -> None:
    file = open(path, "rb")  # noqa: SIM115 - another takes its place when the log is rotated
    try:
        _write(b"".join(file if lines is None else deque(file, lines)))
        if followed is None:
            return
        with closing(Changes([_folder(path), _folder(followed.path)], followed.pid)) as changes:
            while True:
                runs = _runs(followed.path)
                _write(file.read())
                if not runs:
                    return
                if _is_another(path, file.fileno()):
                    _write(file.read())
                    file.close()
                    file = open(path, "rb")  # noqa: SIM115
                    continue
                changes.wait()
    finally:
        file.close()


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))


def _runs(connection_file: str) -> bool:
    kernel = discovery.read(connection_file)
    return kernel is not None and not kernel.is_stale


def _is_another(path: str, descriptor: int) -> bool:
    try:
        there, ours = os.stat(path), os.fstat(descriptor)
    except FileNotFoundError:  # in the middle of a rotation
        return False
    return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
