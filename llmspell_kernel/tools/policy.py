"""What tools may touch. A policy is given to the registry; a tool asks it before it acts. Any thread."""

from __future__ import annotations

import os
import stat
import tempfile
from typing import NamedTuple

from llmspell_kernel import config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.spec import LEVELS, Level

MEGABYTE = 1024 * 1024


class Policy(NamedTuple):
    """``allowed_paths``: folders (and files) that file tools may use, with all that is in them.

    None: the working folder and the system's folder for temporary files. ``level``: the highest that may be called.
    ``allowed_hosts``, ``denied_hosts``: names (``*.example.org``), addresses, networks; what is local (loopback,
    link-local, private) is reached only if it is allowed. ``allowed_programs``: None is the usual ones.
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
            given = (os.getcwd(), tempfile.gettempdir())
        return [os.path.realpath(os.path.expanduser(path)) for path in given]

    def resolve(self, path: str) -> str:
        """The real path (links and ``..`` followed) if it is allowed. Raises ToolError."""
        if "\0" in path or not path:
            raise ToolError("a path must not be empty or hold a zero byte", code="invalid_parameters")
        real = os.path.realpath(os.path.expanduser(path))
        roots = self.roots()
        if any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in roots):
            return real
        raise ToolError(
            f"{path} is outside of the allowed folders ({', '.join(roots)}); "
            "allow another one in llmspell.toml ([tools] allowed_paths) or with LLMSPELL_ALLOWED_PATHS",
            code="not_allowed",
            details={"rule": "tools.allowed_paths", "path": path, "allowed": roots},
        )

    def resolve_entry(self, path: str) -> str:
        """The same for what is deleted or moved: a link at the end is meant itself, not where it leads."""
        entry = os.path.expanduser(path)
        if "\0" in path or not os.path.islink(entry):
            return self.resolve(path)
        folder, name = os.path.split(entry)
        return os.path.join(self.resolve(folder or "."), name)

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
        )


def require_regular(path: str) -> None:
    """Raises ToolError for a pipe, a device or a socket: reading one may wait for ever, or never end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # who opens it says why it can't be
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ToolError(f"{path} is not a file but a pipe, a device or a socket")
