"""The language server: documents and settings of one editor, and which function answers which request.

Runs on one asyncio loop. The functions that answer are in the files beside this one, one per family of requests;
they turn positions into bytes, ask the modules of `language`, and turn bytes into positions again.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from llmspell_kernel import __version__
from llmspell_kernel.errors import UserError
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.project_tools import WithProject
from llmspell_kernel.language.running import Kernels
from llmspell_kernel.language.server.protocol import REQUEST_FAILED, Protocol
from llmspell_kernel.language.text import Encoding, Span, Text
from llmspell_kernel.language.workspace import Workspace

Handler = TypeVar("Handler", bound=Callable[..., Any])
FEATURES: list[tuple[str, Any, Callable[..., Any]]] = []
COMMANDS: list[tuple[str, Callable[..., Any]]] = []


def feature(method: str, options: Any = None) -> Callable[[Handler], Handler]:
    """Which request or notification a function answers."""

    def mark(handler: Handler) -> Handler:
        FEATURES.append((method, options, handler))
        return handler

    return mark


def command(name: str) -> Callable[[Handler], Handler]:
    """Which command (workspace/executeCommand) a function runs."""

    def mark(handler: Handler) -> Handler:
        COMMANDS.append((name, handler))
        return handler

    return mark


class Settings(NamedTuple):
    """``everyday``: whether we do what any Lua server does as well. ``kernels``: whether running ones are asked."""

    everyday: bool = True
    inlay_hints: bool = False
    kernels: bool = True


class Server(LanguageServer):
    def __init__(self, kernels: Kernels | None = None) -> None:
        super().__init__("llmspell", __version__, protocol_cls=Protocol, converter_factory=default_converter)
        self.tools = WithProject()
        self.world = Workspace(self.tools, [])
        self.settings = Settings()
        self.kernels = kernels
        self.is_looking, self.looked_at = False, -math.inf  # whether kernels are being asked, and when they were
        self.ended = asyncio.Event()
        self.exit_code = 1  # the specification's, for an editor that goes without `shutdown` and `exit`
        self._uris: dict[str, str] = {}  # of what is open: path → as the editor writes it
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        for method, options, handler in FEATURES:
            self.feature(method, options)(_answering(handler))
        for name, handler in COMMANDS:
            self.command(name)(_answering(handler))

    def report_server_error(self, error: Exception, source: Any) -> None:
        if not isinstance(error, JsonRpcException) or error.code != REQUEST_FAILED:
            super().report_server_error(error, source)

    # Documents ----------------------------------------------------------------------------------

    @property
    def encoding(self) -> Encoding:
        agreed = self.server_capabilities.position_encoding or types.PositionEncodingKind.Utf16
        return cast(Encoding, str(getattr(agreed, "value", agreed)))

    def path(self, uri: str) -> str:
        """What is in no file is known by its uri."""
        path = uris.to_fs_path(uri) if uri.startswith("file:") else None
        return path or uri

    def uri(self, path: str) -> str:
        return self._uris.get(path) or uris.from_fs_path(path) or path

    def remember(self, uri: str) -> str:
        path = self.path(uri)
        self._uris[path] = uri
        return path

    def forget(self, uri: str) -> str:
        path = self.path(uri)
        self._uris.pop(path, None)
        waiting = self._waiting.pop(path, None)
        if waiting is not None:
            waiting.cancel()
        return path

    def opened(self) -> list[str]:
        return list(self._uris)

    def document(self, identifier: types.TextDocumentIdentifier | types.VersionedTextDocumentIdentifier) -> Document:
        document = self.world.document(self.path(identifier.uri))
        if document is None:
            raise UserError(f"{identifier.uri} is not open, and there is no such file")
        return document

    def later(self, path: str, seconds: float, work: Callable[[str], None]) -> None:
        """Do something about a document soon; once, however often it is asked for before."""
        waiting = self._waiting.pop(path, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[path] = asyncio.get_running_loop().call_later(seconds, work, path)

    # Positions ----------------------------------------------------------------------------------

    def offset(self, document: Document, position: types.Position) -> int:
        return document.now.text.offset(position.line, position.character, self.encoding)

    def span(self, document: Document, given: types.Range) -> Span:
        start, end = self.offset(document, given.start), self.offset(document, given.end)
        return Span(min(start, end), max(start, end))

    def position(self, text: Text, offset: int) -> types.Position:
        line, character = text.position(offset, self.encoding)
        return types.Position(line, character)

    def range(self, text: Text, span: Span) -> types.Range:
        return types.Range(self.position(text, span.start), self.position(text, span.end))


def _answering(handler: Callable[..., Any]) -> Callable[..., Any]:
    """What people are meant to read is the answer's error; anything else is a bug, and pygls logs it."""

    if inspect.iscoroutinefunction(handler):

        @wraps(handler)
        async def answer_later(ls: Server, *arguments: Any) -> Any:
            try:
                return await handler(ls, *arguments)
            except UserError as error:
                raise JsonRpcException(str(error), code=REQUEST_FAILED) from error

        return answer_later

    @wraps(handler)
    def answer(ls: Server, *arguments: Any) -> Any:
        try:
            return handler(ls, *arguments)
        except UserError as error:
            raise JsonRpcException(str(error), code=REQUEST_FAILED) from error

    return answer
