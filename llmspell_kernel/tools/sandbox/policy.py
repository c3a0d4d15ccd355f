"""What tools may touch. A policy is given to the registry; a tool asks it before it acts. Any thread.

How files are held to it: files.py; programs: programs.py; environment variables: environment.py.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple

from llmspell_kernel import config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.spec import LEVELS, Level

MEGABYTE = 1024 * 1024


class Policy(NamedTuple):
    """``allowed_paths``: folders (and files) that file tools may use, with all that is in them.

    None: the working folder and the system's folder for temporary files. ``level``: the highest that may be called.
    ``allowed_hosts``, ``denied_hosts``: names (``*.example.org``), addresses, networks; what is local (loopback,
    link-local, private) is reached only if it is allowed. ``allowed_programs``: None is the usual ones.
    ``…_environment``: patterns of names.
    """

    allowed_paths: tuple[str, ...] | None = None
    max_file_bytes: int = 100 * MEGABYTE
    level: Level = "privileged"
    disabled: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    denied_hosts: tuple[str, ...] = ()
    only_allowed_hosts: bool = False
    allowed_programs: tuple[str, ...] | None = None
    allowed_environment: tuple[str, ...] = ()
    denied_environment: tuple[str, ...] = ()
    writable_environment: tuple[str, ...] = ()

    def require_level(self, tool: str, level: Level) -> None:
        """Raises ToolError unless tools of this level may be called, and this one too."""
        if LEVELS.index(level) > LEVELS.index(self.level):
            raise ToolError(
                f"{tool} is a {level} tool, and only tools up to {self.level} may be called here; "
                f"allow it in llmspell.toml: [tools] level = \"{level}\"",
                tool=tool, code="not_allowed", details={"rule": "tools.level", "level": level, "allowed": self.level},
            )  # fmt: skip
        if self.disabled and tool in {name.replace("_", "-") for name in self.disabled}:
            raise ToolError(
                f"{tool} is disabled; llmspell.toml says so: [tools] disabled",
                tool=tool, code="not_allowed", details={"rule": "tools.disabled"},
            )  # fmt: skip

    def roots(self) -> list[str]:
        given = self.allowed_paths
        if given is None:
            import tempfile  # it costs as much as all the rest, and most runs ask for no file

            given = (os.getcwd(), tempfile.gettempdir())
        return files.real_roots(tuple(os.path.abspath(os.path.expanduser(path)) for path in given))

    def resolve(self, path: str) -> str:
        """The real path (links and ``..`` followed) if it is allowed. Raises ToolError.

        For libraries that want a path. Whoever can takes a file from `open` or `replacing`: no link that is swapped in
        between leads them astray.
        """
        return files.resolved(path, self.roots())

    def place(self, path: str, *, entry: bool = False, make: bool = False) -> files.Place:
        """Where a path leads, held open: ``with policy.place(path) as place``. Raises OSError, ToolError.

        ``entry``: a link at the end is meant itself. ``make``: make the folders above it that are missing.
        """
        roots = self.roots()
        real = (files.resolved_entry if entry else files.resolved)(path, roots)
        return files.placed(real, roots, make)

    def open(self, path: str) -> BinaryIO:
        """A file to read. Raises OSError, ToolError."""
        with self.place(path) as place:
            return place.folder.reading(place.name)

    def replacing(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file to write: there whole at the end of the ``with``, or not at all. Raises OSError, ToolError."""
        return files.replacing_at(lambda: self.place(path))

    def read(self, path: str) -> bytes:
        """A whole file, if it is not too large. Raises ToolError."""
        with files.told("read", path), self.open(path) as file:
            data = file.read(self.max_file_bytes + 1)
            if len(data) > self.max_file_bytes:
                raise too_large(path, os.fstat(file.fileno()).st_size, self.max_file_bytes)
        return data

    def write(self, path: str, data: bytes) -> None:
        """Write a whole file. Raises ToolError."""
        if len(data) > self.max_file_bytes:
            raise too_large(path, len(data), self.max_file_bytes)
        with files.told("write", path), self.replacing(path) as file:
            file.write(data)

    @staticmethod
    def of(settings: config.Config) -> Policy:
        """What llmspell.toml allows."""
        table = settings.table("tools")
        return Policy(
            table["allowed_paths"],
            int(table["max_file_mb"] * MEGABYTE),
            table["level"] or ("safe" if settings.safe else "privileged"),
            table["disabled"],
            table["allowed_hosts"],
            table["denied_hosts"],
            table["only_allowed_hosts"],
            table["allowed_programs"],
            table["allowed_environment"],
            table["denied_environment"],
            table["writable_environment"],
        )


def too_large(path: str, size: int, most: int) -> ToolError:
    return ToolError(
        f"{path} has {size} bytes; at most {most} are read or written: tools.max_file_mb in llmspell.toml allows more",
        code="not_allowed",
        details={"rule": "tools.max_file_mb", "bytes": size, "most": most},
    )


def require_regular(path: str) -> None:
    """Raises ToolError for a pipe, a device or a socket: reading one may wait for ever, or never end."""
    try:
        status = os.stat(path)
        files.require_file(status, path)
    except OSError:
        return  # who opens it says why it can't be
