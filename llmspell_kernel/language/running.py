"""What running kernels know: globals, what is in them, tools. Values; any thread.

Nothing is asked here: the server's command brings what does (`Kernels`), since it speaks ZeroMQ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from llmspell_kernel.language.tools import Info

GLOBALS = ""


class Known(NamedTuple):
    """What a kernel has said. ``names``: by the global that they are in (`GLOBALS` for themselves) name → Lua type;
    ``tools``: those that only it has."""

    kernel: str
    names: Mapping[str, Mapping[str, str]]
    tools: tuple[Info, ...] = ()


class Kernels(Protocol):
    """Both may wait, though not long: they are called in a thread of their own."""

    def look(self, folders: Sequence[str], before: Sequence[Known], tools: Callable[[], set[str]]) -> list[Known]:
        """What the kernels of some folders know now; of one that computes, what it has said ``before``. ``tools`` gives
        the names that are known already."""
        ...

    def about(self, kernel: str, path: str) -> str | None:
        """What a global, or a field of one, is, in a few lines."""
        ...


class Field(NamedTuple):
    kind: str  # Lua's type
    kernel: str


class Running:
    def __init__(self) -> None:
        self.known: tuple[Known, ...] = ()

    def fields(self, path: str = GLOBALS) -> dict[str, Field]:
        """Of a global, or the globals themselves; where kernels differ the first counts."""
        found: dict[str, Field] = {}
        for one in self.known:
            for name, kind in one.names.get(path, {}).items():
                found.setdefault(name, Field(kind, one.kernel))
        return found

    def find(self, path: str) -> Field | None:
        """``ledger`` or ``ledger.total``."""
        owner, _, name = path.rpartition(".")
        return self.fields(owner).get(name)

    def knows(self, name: str) -> bool:
        return any(name in one.names.get(GLOBALS, {}) for one in self.known)
