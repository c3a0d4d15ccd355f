"""How a test sees that processes are gone."""

from __future__ import annotations

import os
import select
from pathlib import Path

from tests.support.client import PATIENCE


class Lifeline:
    """A pipe that the debugged program's process inherits nothing of, but opens: its end is its death."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lifeline"
        os.mkfifo(self.path)
        self._end = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def program(self, rest: str) -> str:
        return f"local life = io.open({str(self.path)!r}, 'w')\nprint('alive')\n{rest}"

    def ended(self) -> bool:
        """Whether whoever held it open is gone, within the patience of a test."""
        ready, _, _ = select.select([self._end], [], [], PATIENCE)
        return bool(ready) and os.read(self._end, 1) == b""

    def begun(self) -> None:
        """Wait for the command to run."""
        ready, _, _ = select.select([self._end], [], [], PATIENCE)
        assert ready and os.read(self._end, 100) == b"waiting\n"

    def command(self) -> str:
        """A shell's, which holds the pipe with all that it starts: says that it runs, there and here, and waits."""
        return f"exec 9>{self.path}; echo waiting >&9; echo waiting; sleep 300"
