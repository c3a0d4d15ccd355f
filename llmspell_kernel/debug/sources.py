"""The texts a program runs: chunk names of Lua ↔ `Source` values. Any thread may call.

A chunk named ``@path`` is a file; its key is the real path, so that an editor's path and Lua's
meet. Any other chunk is a string given to ``load``: it gets a reference number when it is seen.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from llmspell_kernel.debug.libraries import is_library
from llmspell_kernel.debug.model import Source
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.loader import source_text
from llmspell_kernel.lua.values import text as to_text

Key = str


def key_of(source: Source) -> Key:
    if source.path is not None:
        return os.path.normcase(os.path.realpath(source.path))
    return f"#{source.reference}"


class Sources:
    def __init__(self) -> None:
        self.given: Callable[[str], bytes | None] = lambda path: None  # the text of a path that is no file
        self.home: str | None = None  # the program's folder, while libraries are told from what is its own
        self._lock = threading.Lock()
        self._by_name: dict[bytes, Source] = {}
        self._texts: dict[int, bytes] = {}
        self._loaded: dict[Key, tuple[bytes, Source]] = {}

    def clear(self) -> None:
        """A new run: nothing is loaded. References keep their meaning."""
        with self._lock:
            self._loaded.clear()
            self._by_name = {n: s for n, s in self._by_name.items() if s.reference}

    def of(self, name: bytes, short: bytes = b"", text: bytes | None = None) -> Source:
        """The source of a chunk name; a string chunk's ``text`` is kept for `text`."""
        with self._lock:
            source = self._by_name.get(name)
            if source is None:
                source = self._make(name, short, text)
                self._by_name[name] = source
        return source

    def known(self, name: bytes) -> Source | None:
        """The source of a chunk that may be new: a file's always, of a string only if it has been seen."""
        if name.startswith(b"@"):
            return self.of(name)
        with self._lock:
            return self._by_name.get(name)

    def _make(self, name: bytes, short: bytes, text: bytes | None) -> Source:
        if name.startswith(b"@"):
            path = os.path.abspath(os.fsdecode(name[1:]))
            return Source(os.path.basename(path), path)
        reference = len(self._texts) + 1
        self._texts[reference] = name if text is None and not name.startswith(b"=") else text or b""
        return Source(to_text(short or name[:60]), None, reference)

    def load(self, name: bytes) -> tuple[Source, bool]:
        """A chunk has been loaded: its source, and whether it is new."""
        source = self.of(name)
        key = key_of(source)
        with self._lock:
            new = key not in self._loaded
            self._loaded[key] = (name, source)
        return source, new

    def chunk_name(self, source: Source) -> bytes | None:
        """The name under which Lua knows a source that is loaded."""
        with self._lock:
            loaded = self._loaded.get(key_of(source))
        return loaded[0] if loaded else None

    def name_of(self, source: Source) -> bytes | None:
        """The chunk name of a string chunk that has been seen."""
        with self._lock:
            return next((n for n, s in self._by_name.items() if s.reference == source.reference), None)

    def seen(self, name: bytes) -> Source | None:
        """The source of a string chunk that has been seen, perhaps in a run before."""
        with self._lock:
            return self._by_name.get(name)

    def is_library(self, source: Source) -> bool:
        """Whether it is none of the program's own, where that makes a difference."""
        return self.home is not None and source.path is not None and is_library(source.path, self.home)

    def all(self) -> list[Source]:
        with self._lock:
            return [source for _, source in self._loaded.values()]

    def text(self, source: Source) -> bytes:
        """The text of a source. Raises UserError: unknown, or not to be read."""
        if source.reference:
            with self._lock:
                text = self._texts.get(source.reference)
            if not text:
                raise UserError("the text of this chunk is not known any more")
            return text
        if source.path is None:
            raise UserError("a source has a path or a sourceReference")
        given = self.given(source.path)
        return read(source.path) if given is None else given


def read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    return source_text(text, path)
