"""The texts the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_dap.protocol import Arguments, Json
from llmspell_dap.registry import request
from llmspell_dap.translate import source_in, source_out
from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_dap.session import Session


@request("source")
def source(session: Session, arguments: Arguments) -> Json:
    given = arguments.object("source")
    if not given.values:
        given = Arguments({"sourceReference": arguments.number("sourceReference")}, "source")
    if not given.values.get("path") and not given.values.get("sourceReference"):
        raise UserError("source: a source needs `path` or `sourceReference`")
    text = session.debugger.source_text(source_in(given, session.client))
    return {"content": text, "mimeType": "text/x-lua"}


@request("loadedSources", supportsLoadedSourcesRequest=True)
def loaded_sources(session: Session, arguments: Arguments) -> Json:
    return {"sources": [source_out(one, session.client) for one in session.debugger.sources()]}
