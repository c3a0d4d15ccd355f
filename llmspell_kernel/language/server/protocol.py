"""The protocol as pygls speaks it, and what it leaves to us: lifecycle, refusals, documents. On the server's loop."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidRequest, JsonRpcServerNotInitialized
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification
from pygls.protocol.language_server import lsp_method

REQUEST_FAILED = -32803  # LSP 3.17: the request was right, and can't be done


class Protocol(LanguageServerProtocol):
    """As pygls has it, but the texts are ours (pygls' copy knows other line ends than Lua and the specification), and
    `exit` ends this connection, not the process."""

    _begun = False  # `initialize` has come

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Generator[Any, Any, None]:
        yield self.fm.features[types.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Generator[Any, Any, None]:
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Generator[Any, Any, None]:
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE], (params,), None

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> Generator[Any, Any, None]:
        yield from ()
        server: Any = self._server  # ours
        server.exit_code = 0 if self._shutdown else 1
        server.ended.set()

    # What pygls leaves without an answer ---------------------------------------------------------

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" not in data or "method" not in data:
                raise
            self._send_response(data["id"], error=error.to_response_error())
            return JsonRPCNotification(method="$/refused", jsonrpc=self.VERSION, params=None)  # nobody hears it

    def handle_message(self, message: Any) -> None:
        refused = self._refused(message) if hasattr(message, "method") else None
        if refused is None:
            super().handle_message(message)
        elif hasattr(message, "id"):
            self._send_response(message.id, error=refused.to_response_error())

    def _refused(self, message: Any) -> JsonRpcException | None:
        """What comes at a wrong time (LSP 3.17, "Lifecycle Messages")."""
        begins = message.method == types.INITIALIZE
        if message.method == types.EXIT:
            return None
        if self._shutdown:
            return JsonRpcInvalidRequest("the server has been told to shut down")
        if begins == self._begun:
            return JsonRpcInvalidRequest("initialized already") if begins else JsonRpcServerNotInitialized()
        self._begun = True
        return None


def is_a_bug(record: logging.LogRecord) -> bool:
    """For the log: a refusal that people read in their editor is none."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, JsonRpcException) or error.code != REQUEST_FAILED
