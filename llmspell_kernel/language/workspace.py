"""The documents an editor has open, and the Lua files in its folders: what `require` and a search find. One thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from llmspell_kernel import config
from llmspell_kernel.errors import UserError
from llmspell_kernel.language.calls import registered
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.running import Running
from llmspell_kernel.language.text import encoded
from llmspell_kernel.language.tools import Tools
from llmspell_kernel.language.undefined import CELL, defined_globals, may_define
from llmspell_kernel.lua.loader import debian_path, search_path
from llmspell_kernel.lua.state import implementation

SKIPPED = frozenset({"node_modules", "__pycache__", "build", "dist", "venv", "site-packages"})
MOST_FILES, MOST_FOLDERS = 5000, 5000  # somebody may open the root of a disk
EDITED = ("untitled:", CELL)  # besides files
FRESH = 3
HELD = 30
MOST_READ = 20  # files that are parsed to find out who defines a global
MOST_BYTES = 2_000_000


class Workspace:
    """``folders`` are searched; ``tools`` is what it knows of tools."""

    def __init__(self, tools: Tools, folders: list[str]) -> None:
        self.tools = tools
        self.folders = folders
        self.running = Running()
        self._open: dict[str, Document] = {}
        self._files: dict[str, tuple[float, Document]] = {}
        self._listed: tuple[float, tuple[str, ...], list[str]] | None = None
        self._held: tuple[float, dict[tuple[str, str], bool]] = (0.0, {})  # of files that are not open, since when
        self._runtimes: dict[str, str] = {}  # by folder

    # Documents ----------------------------------------------------------------------------------

    def opened(self, path: str, data: bytes) -> Document:
        self._runtimes.clear()
        document = self._open[path] = Document(data, path)
        return document

    def closed(self, path: str) -> None:
        self._open.pop(path, None)

    def document(self, path: str) -> Document | None:
        """As the editor has it, or else as it is on the disk."""
        if path in self._open:
            return self._open[path]
        try:
            changed, size = os.path.getmtime(path), os.path.getsize(path)
            known = self._files.get(path)
            if known is not None and known[0] == changed:
                return known[1]
            if size > MOST_BYTES:
                return None
            with open(path, "rb") as file:
                document = Document(file.read(), path)
        except (OSError, ValueError):
            return None
        self._files[path] = (changed, document)
        return document

    def documents(self) -> Iterator[Document]:
        """All of the folders, and what is open besides."""
        seen = set()
        for path in (*self._open, *self.files()):
            if path not in seen and _is_edited(path):
                seen.add(path)
                document = self.document(path)
                if document is not None:
                    yield document

    def files(self) -> list[str]:
        """The Lua files of the folders, as they were at most `FRESH` seconds ago."""
        now = time.monotonic()
        if self._listed is None or self._listed[0] < now - FRESH or self._listed[1] != tuple(self.folders):
            self._listed = (now, tuple(self.folders), list(_lua_files(self.folders)))
        return self._listed[2]

    def look_again(self) -> None:
        """Files have come or gone."""
        self._listed = None
        self._held = (0.0, {})
        self._runtimes.clear()

    def defines(self, name: str) -> bool:
        """Whether one of the files defines a global. Where many may, and would have to be parsed, one is taken to."""
        word, unread = encoded(name), 0

        def has(document: Document) -> bool:
            nonlocal unread
            if not may_define(document, word):
                return False
            unread += "defined globals" not in document.now.memo
            return unread > MOST_READ or name in defined_globals(document)

        return self._is_in_one(("global", name), has)

    def registers(self, name: str) -> bool:
        """Whether one of the files makes a tool."""
        return self._is_in_one(("tool", name), lambda document: name in registered(document))

    def _is_in_one(self, question: tuple[str, str], has: Callable[[Document], bool]) -> bool:
        """Of files that are not open it is asked anew after `HELD` seconds, or when the editor says that they have
        changed."""
        if any(has(one) for path, one in self._open.items() if _is_edited(path)):
            return True
        now = time.monotonic()
        if self._held[0] < now - HELD:
            self._held = (now, {})
        known = self._held[1]
        if question not in known:
            known[question] = any(has(one) for one in self.documents() if one.path not in self._open)
        return known[question]

    # Modules ------------------------------------------------------------------------------------

    def module(self, name: str, path: str) -> Document | None:
        """The file that ``require(name)`` loads in a script."""
        part = name.replace(".", os.sep)
        for template in self._templates(path):
            found = os.path.normpath(template.replace("?", part))
            if found in self._open or os.path.isfile(found):
                return self.document(found)
        return None

    def modules(self, path: str) -> Iterator[str]:
        """What can be required from a script, of the files in the folders."""
        seen: set[str] = set()
        templates = [one.split("?") for one in self._templates(path) if one.count("?") == 1]
        for file in (*self._open, *self.files()):
            names = [
                file[len(before) : len(file) - len(after)].replace(os.sep, ".")
                for before, after in templates
                if file != path and file.startswith(before) and file.endswith(after)
            ]
            name = min(names, key=len, default="")
            if name and name not in seen and not name.startswith("."):
                seen.add(name)
                yield name

    def runtime(self, path: str) -> str:
        """Which Lua runs a script, as its project says."""
        folder = os.path.dirname(path) if os.path.isabs(path) else "".join(self.folders[:1])
        if folder not in self._runtimes:
            try:
                told = config.read(folder or ".").runtime
                implementation(told or "lua54")
            except UserError:  # `llmspell run` says what is wrong with it
                told = None
            self._runtimes[folder] = told or "lua54"
        return self._runtimes[folder]

    def _templates(self, path: str) -> list[str]:
        folders = [os.path.dirname(path)] if path else []
        extra: list[str] = []
        for folder in (*folders, *self.folders[:1]):
            try:
                extra += [one for one in config.read(folder).lua_path if one not in extra]
            except UserError:
                pass  # `llmspell run` says what is wrong with it
        beside = folders[0] if folders else ""
        paths = search_path(beside, (*extra, *self.folders), debian_path("5.4")).split(";")
        absolute = [os.path.normpath(os.path.join(beside, one)) for one in paths if one]
        return sorted(dict.fromkeys(absolute), key=lambda one: one.endswith("init.lua") and one.count("?") == 0)


def _is_edited(path: str) -> bool:
    """Not what an editor only shows, such as the old text of a diff (``git:…``): it can't be changed."""
    return os.path.isabs(path) or path.startswith(EDITED)


def _lua_files(roots: list[str]) -> Iterator[str]:
    files = folders = 0
    for root in roots:
        for above, inside, names in os.walk(root):
            inside[:] = sorted(one for one in inside if one not in SKIPPED and not one.startswith("."))
            found = sorted(one for one in names if one.endswith(".lua"))
            yield from (os.path.join(above, one) for one in found)
            files, folders = files + len(found), folders + 1
            if files > MOST_FILES or folders > MOST_FOLDERS:
                return
