"""Files that tools hand to a library, through the file sandbox (files.py). Any thread."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.sandbox.files import told

MEGABYTE = 1024 * 1024


def opened(call: Call, path: str, *, whole: bool = True) -> BinaryIO:
    """A file to read. ``whole``: it will be in memory, so its size has a limit. Raises ToolError."""
    with told("can't read", path):
        file = call.policy.open(path)
    size = os.fstat(file.fileno()).st_size
    if whole and size > call.policy.max_file_bytes:
        file.close()
        raise ToolError(
            f"{path} has {size / MEGABYTE:.1f} MB; at most {call.policy.max_file_bytes / MEGABYTE:g} MB are "
            "read; tools.max_file_mb in llmspell.toml allows more",
            details={"path": path, "rule": "tools.max_file_mb"},
        )
    return file


@contextmanager
def written(call: Call, path: str) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well. Raises ToolError.

    It has no name until then: a process that is killed meanwhile leaves nothing behind.
    """
    with told("can't write", path), call.policy.place(path) as place:
        if place.is_folder():
            raise IsADirectoryError(0, "it is a folder")
        place.folder.may_change(place.name)
    with tempfile.TemporaryFile() as file:
        yield file
        check_size(call, file, path)
        file.seek(0)
        with told("can't write", path), call.policy.replacing(path) as new:
            shutil.copyfileobj(file, new, MEGABYTE)


def check_size(call: Call, file: BinaryIO, path: str) -> None:
    """Raises ToolError when more has been written than may be."""
    most = call.policy.max_file_bytes
    file.flush()
    if os.fstat(file.fileno()).st_size > most:
        raise ToolError(
            f"{path} would have more than {most / MEGABYTE:g} MB; tools.max_file_mb in llmspell.toml allows more",
            details={"path": path, "rule": "tools.max_file_mb"},
        )
