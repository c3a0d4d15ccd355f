"""What a client has said of itself, and how lines, columns and paths look to it. No thread."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from llmspell_dap.protocol import Arguments
from llmspell_kernel.errors import UserError


class Mapping(NamedTuple):
    """A folder as the client sees it, and as the program does (``pathMappings``)."""

    local: str
    remote: str


class Client(NamedTuple):
    name: str = ""
    first_line: int = 1
    first_column: int = 1
    uris: bool = False
    variable_types: bool = False
    run_in_terminal: bool = False
    mappings: tuple[Mapping, ...] = ()

    def line_in(self, line: int) -> int:
        return line + 1 - self.first_line

    def line_out(self, line: int) -> int:
        return line - 1 + self.first_line

    def column_in(self, column: int) -> int:
        return column + 1 - self.first_column

    def column_out(self, column: int) -> int:
        return column - 1 + self.first_column

    def path_in(self, path: str) -> str:
        if path.startswith("file:"):
            path = os.fsdecode(unquote_to_bytes(path.partition(":")[2].removeprefix("//localhost").removeprefix("//")))
        return _moved(path, [(one.local, one.remote) for one in self.mappings])

    def path_out(self, path: str) -> str:
        path = _moved(path, [(one.remote, one.local) for one in self.mappings])
        return "file://" + quote(os.fsencode(path)) if self.uris else path


def _moved(path: str, folders: list[tuple[str, str]]) -> str:
    """The first folder that holds the path counts; what comes below it is written as the other side writes paths."""
    for here, there in folders:
        folder = here.rstrip("/\\")
        tail = path[len(folder) :]
        if path.startswith(folder) and (not tail or tail[0] in "/\\"):
            separator = "\\" if "\\" in there else "/"
            if "\\" in here + there:
                tail = tail.replace("\\", separator).replace("/", separator)
            return there.rstrip("/\\") + tail or separator
    return path


def mappings_of(arguments: Arguments) -> tuple[Mapping, ...]:
    """From the arguments of ``launch`` or ``attach``. Raises UserError."""
    found = arguments.objects("pathMappings")
    return tuple(Mapping(one.needed_text("localRoot"), one.needed_text("remoteRoot")) for one in found)


def client_of(arguments: Arguments) -> Client:
    """From the arguments of ``initialize``. Raises UserError."""
    path_format = arguments.text("pathFormat", "path")
    if path_format not in ("path", "uri"):
        raise UserError(f"initialize: `pathFormat` is path or uri, not {path_format!r}")
    return Client(
        arguments.text("clientID"),
        1 if arguments.flag("linesStartAt1", True) else 0,
        1 if arguments.flag("columnsStartAt1", True) else 0,
        path_format == "uri",
        arguments.flag("supportsVariableType"),
        arguments.flag("supportsRunInTerminalRequest"),
    )
