"""Texts with a cursor, and an editor that speaks LSP to a real server (pygls' own client)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.project_tools import WithProject
from llmspell_kernel.language.workspace import Workspace

T = TypeVar("T")
CURSOR = "¦"
SHOUT = '''\
from typing import Literal
from llmspell_kernel.tools.spec import tool


@tool(category="text")
def shout(text: str, how: Literal["loud", "louder"] = "loud", times: int = 1, safe: bool = False) -> str:
    """Say it louder.

    Args:
        text: What to say.
        how: How loud.
        times: How often.
    """
    return text.upper()
'''
ACCOUNT = """\
local Account = {}
Account.__index = Account
function Account.new(owner)
  local self = setmetatable({ balance = 0 }, Account)
  self.owner = owner
  return self
end
"""


def cursor(text: str) -> tuple[str, int]:
    """The text without its mark, and where that was (in bytes)."""
    before, _, after = text.partition(CURSOR)
    return before + after, len(before.encode())


def project(folder: Path) -> Path:
    """A project with a tool of its own, `shout`."""
    (folder / "llmspell.toml").write_text('[tools]\npaths = ["tools"]\n')
    (folder / "tools").mkdir()
    (folder / "tools" / "voice.py").write_text(SHOUT)
    return folder


def world(folder: Path) -> Workspace:
    tools = WithProject()
    tools.use([str(folder)])
    return Workspace(tools, [str(folder)])


def typed(text: str, path: str = "") -> Document:
    """A document in which somebody has typed what stands before the cursor, letter by letter on its line."""
    plain, offset = cursor(text)
    data = plain.encode()
    start = max(data.rfind(b"\n", 0, offset) + 1, offset - 30)
    document = Document(data[:start] + data[offset:], path)
    assert document.now.root is not None
    for at in range(start, offset):
        document.edit(at, at, data[at : at + 1])
    return document


class LspEditor:
    """An editor of which everything is asked synchronously."""

    def __init__(
        self, folder: Path, options: Any = None, encodings: list[str] | None = None, settings: Any = None,
        asks: bool = False,
    ) -> None:  # fmt: skip
        """``settings``: what is answered to `workspace/configuration`; None: the editor does not know that request.
        ``asks``: it lets people choose among changes."""
        self.loop = asyncio.new_event_loop()
        self.folder = folder
        self.client = LanguageClient("tests", "1")
        self.diagnostics: dict[str, list[types.Diagnostic]] = {}
        self._arrived = asyncio.Event()
        self._options, self._encodings, self._settings, self._asks = options, encodings, settings, asks
        self.messages: list[str] = []
        self._versions: dict[str, int] = {}

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            self.diagnostics[params.uri] = list(params.diagnostics)
            self._arrived.set()

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def told(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)

        @self.client.feature(types.WORKSPACE_CONFIGURATION)
        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self._settings if one.section == "llmspell" else None for one in params.items]

    def start_stdio(self) -> LspEditor:
        self.run(self.client.start_io(sys.executable, "-m", "llmspell_kernel", "lsp"))
        return self.initialize()

    def start_tcp(self, port: int) -> LspEditor:
        self.run(self.client.start_tcp("127.0.0.1", port))
        return self.initialize()

    def initialize(self) -> LspEditor:
        general = types.GeneralClientCapabilities(position_encodings=self._encodings)  # type: ignore[arg-type]
        annotations = types.ChangeAnnotationsSupportOptions() if self._asks else None
        edits = types.WorkspaceEditClientCapabilities(document_changes=True, change_annotation_support=annotations)
        workspace = types.WorkspaceClientCapabilities(
            configuration=self._settings is not None, workspace_edit=edits
        )  # fmt: skip
        capabilities = types.ClientCapabilities(general=general if self._encodings else None, workspace=workspace)
        uri = self.folder.as_uri()
        params = types.InitializeParams(
            capabilities, root_uri=uri, initialization_options=self._options,
            workspace_folders=[types.WorkspaceFolder(uri, "tests")],
        )  # fmt: skip
        self.capabilities = self.run(self.client.initialize_async(params)).capabilities
        self.client.initialized(types.InitializedParams())
        return self

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    async def request(self, method: str, params: Any) -> Any:
        return await self.client.protocol.send_request_async(method, params)

    # Documents ----------------------------------------------------------------------------------

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> Place:
        """With a cursor in it or not; it is not saved."""
        plain, _ = cursor(text)
        uri = self.uri(name)
        self._versions[uri] = 1
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "lua", 1, plain))
        )
        return Place(self, uri, _position(text))

    def change(self, uri: str, start: types.Position, end: types.Position, text: str) -> None:
        self._versions[uri] += 1
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=self._versions[uri])
        part = types.TextDocumentContentChangePartial(types.Range(start, end), text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [part]))

    def problems(self, uri: str) -> list[types.Diagnostic]:
        """The next that are published for it."""

        async def wait() -> list[types.Diagnostic]:
            while uri not in self.diagnostics:
                self._arrived.clear()
                await self._arrived.wait()
            return self.diagnostics.pop(uri)

        return self.run(wait())

    def close(self) -> None:
        self.run(self.client.shutdown_async(None))
        self.client.exit(None)
        self.run(self.client.stop())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class Place:
    """A cursor in an open document."""

    def __init__(self, editor: LspEditor, uri: str, position: types.Position) -> None:
        self.editor = editor
        self.uri = uri
        self.identifier = types.TextDocumentIdentifier(uri)
        self.position = position

    def ask(self, method: str, params: type[Any], **more: Any) -> Any:
        request = params(text_document=self.identifier, position=self.position, **more)
        return self.editor.run(self.editor.request(method, request))

    def ask_whole(self, method: str, params: type[Any], **more: Any) -> Any:
        request = params(text_document=self.identifier, **more)
        return self.editor.run(self.editor.request(method, request))


def _position(text: str) -> types.Position:
    before = text.partition(CURSOR)[0] if CURSOR in text else ""
    line = before.rpartition("\n")[2]
    return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)
