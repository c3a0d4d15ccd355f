"""Cells as an editor sees them: sources without a file, with a reference to fetch and to set breakpoints by.

A notebook's front end knows a cell by the path that is made of its text; an editor would look for that file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmspell_dap.protocol import Json
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.cells import Texts

FIRST = 1_000_000  # chunks of `load` have references from 1


class CellSources:
    def __init__(self, prefix: str, texts: Texts, renamed: Callable[[str], str]) -> None:
        """``prefix``: of the paths of cells; ``renamed`` has In[3] instead where messages name one."""
        self._prefix = prefix
        self._renamed = renamed
        self._texts = texts
        self._references: dict[str, int] = {}
        self._paths: list[str] = []

    def out(self, value: Any) -> Any:
        """A message of the session, or a part of it, as the editor gets it."""
        if isinstance(value, list):
            return [self.out(one) for one in value]
        if isinstance(value, str):
            return self._renamed(value)
        if not isinstance(value, dict):
            return value
        path = value.get("path")
        if "name" in value and isinstance(path, str):
            path = path.removeprefix("file://")
            if path.startswith(self._prefix):
                return self._source(path)
        return {key: self.out(one) for key, one in value.items()}

    def _source(self, path: str) -> Json:
        if path not in self._references:
            self._paths.append(path)
            self._references[path] = FIRST + len(self._paths) - 1
        number = self._texts.number(path)
        name = "cell" if number is None else f"In[{number}]"
        return {"name": name, "sourceReference": self._references[path], "origin": "a cell of the kernel"}

    def back(self, arguments: Any) -> Any:
        """The arguments of a request of the editor's, as the session takes them. Raises UserError."""
        if not isinstance(arguments, dict):
            return arguments
        source = arguments.get("source")
        if isinstance(source, dict) and self._is_ours(source.get("sourceReference")):
            others = {key: value for key, value in arguments.items() if key != "sourceReference"}  # it says the same
            return {**others, "source": {"path": self._path(source["sourceReference"])}}
        if self._is_ours(arguments.get("sourceReference")):
            return {"source": {"path": self._path(arguments["sourceReference"])}}
        return arguments

    def _is_ours(self, reference: Any) -> bool:
        return type(reference) is int and reference >= FIRST

    def _path(self, reference: int) -> str:
        try:
            return self._paths[reference - FIRST]
        except IndexError:
            raise UserError(f"there is no source {reference}") from None
