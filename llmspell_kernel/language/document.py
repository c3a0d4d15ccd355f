"""A Lua text that is edited: its tree and its names, made when somebody asks. Any thread, one at a time.

Most texts that are edited are broken, and tree-sitter makes little of what follows a mistake. So what is asked of
a document is answered from its *sound* text: the same, with the lines that don't fit blanked (every byte keeps its
place). `segments` and `blanking` choose them.
"""

from __future__ import annotations

from functools import cached_property

from tree_sitter import Node

from llmspell_kernel.language.names import Names, Reader
from llmspell_kernel.language.segments import Sound, sounded
from llmspell_kernel.language.text import Text
from llmspell_kernel.lua.check import Problem, syntax_problem


class Snapshot:
    """What a text says, at one moment."""

    def __init__(self, text: Text, edited: int | None, before: Snapshot | None, reader: Reader) -> None:
        self.text = text
        self._edited = edited
        self._before = before
        self._reader = reader
        self.memo: dict[object, object] = {}  # what others have found out about it

    @cached_property
    def problem(self) -> Problem | None:
        return syntax_problem(self.text.data)

    @cached_property
    def _sound(self) -> Sound:
        before = self._before
        self._before = None
        known = None if before is None else before.__dict__.pop("_sound", None)
        return sounded(self.text, self._edited, known)

    @property
    def root(self) -> Node:
        """Of the sound text."""
        return self._sound.tree.root_node

    @property
    def data(self) -> bytes:
        """The sound text."""
        return self._sound.data

    @property
    def is_sound(self) -> bool:
        """Whether nothing had to be blanked."""
        return self.data == self._sound.given

    @cached_property
    def names(self) -> Names:
        reader = Reader() if self.root.has_error else self._reader
        return reader.read(self.root, self.data)


class Document:
    """``path``: where it is saved, "" where it is not. `now` is replaced at each edit; ``kept`` stays."""

    def __init__(self, data: bytes, path: str = "") -> None:
        self.path = path
        self._reader = Reader()
        self.kept: dict[object, object] = {}
        self.now = Snapshot(Text(data), None, None, self._reader)

    def edit(self, start: int, end: int, new: bytes) -> None:
        self._become(self.now.text.edited(start, end, new), start + len(new))

    def replace(self, data: bytes) -> None:
        self._become(Text(data), None)

    def _become(self, text: Text, edited: int | None) -> None:
        now = self.now
        before = now if "_sound" in now.__dict__ else now._before
        self.now = Snapshot(text, edited, before, self._reader)
