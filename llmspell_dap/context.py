"""What a client has said of itself, and how lines, columns and paths look to it. No thread."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from llmspell_dap.protocol import Arguments
from llmspell_kernel.errors import UserError


class Client(NamedTuple):
    name: str = ""
    first_line: int = 1
    first_column: int = 1
    uris: bool = False
    variable_types: bool = False
    run_in_terminal: bool = False

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
            return os.fsdecode(unquote_to_bytes(path.partition(":")[2].removeprefix("//localhost").removeprefix("//")))
        return path

    def path_out(self, path: str) -> str:
        return "file://" + quote(os.fsencode(path)) if self.uris else path


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
