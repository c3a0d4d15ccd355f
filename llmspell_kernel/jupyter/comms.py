"""Comms: messages between a program and code of the front end (``Comm`` in cells.lua). Lua thread only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.media import failure
from llmspell_kernel.jupyter.messages import Content, Json
from llmspell_kernel.lua.runtime import Exit
from llmspell_kernel.lua.values import data, text, to_lua, to_python

if TYPE_CHECKING:
    from llmspell_kernel.jupyter.kernel import Kernel, Request


def info(request: Request) -> Json:
    wanted = Content(request.message).text("target_name", "")
    comms = request.kernel.cells.comms()
    found = {id: {"target_name": target} for id, target in comms.items() if wanted in ("", target)}
    return {"status": "ok", "comms": found}


def came(request: Request) -> None:
    """A message of the front end for a comm. What its function prints or raises is told as that of a cell is."""
    kernel, content = request.kernel, Content(request.message)
    kind = request.message.type.removeprefix("comm_")
    id, target = content.text("comm_id"), content.text("target_name", "")
    lua = kernel.cells.runtime.lua
    function = kernel.cells.comm_came(kind, id, target, to_lua(lua, content.values.get("data")))
    if function is None:
        kernel.log(f"{request.message.type} for {target or id!r}, which no program has registered")
        if kind == "open":  # as the protocol asks
            request.publish("comm_close", {"comm_id": id, "data": {}})
        return
    try:
        kernel.cells.call(function)
    except (UserError, Exit) as error:
        kernel.tell("error", failure(error, kernel.renamed).content)
    finally:
        kernel.streams.flush(everything=True)


def told(
    kernel: Kernel, what: bytes, id: Any = None, target: Any = None, given: Any = None, metadata: Any = None, *_: Any
) -> tuple[Any, ...]:
    """What Lua's comms call: true and a result, or false and what is wrong."""
    if what == b"id":
        return True, os.urandom(16).hex().encode()
    try:
        content: Json = {"comm_id": text(id), "data": {} if given is None else to_python(given)}
        more = {} if metadata is None else to_python(metadata)
    except UserError as error:
        return False, data(f"a comm carries data: {error}")
    if what == b"open":
        content["target_name"] = text(target)
    kernel.tell(f"comm_{text(what)}", content, more)
    return (True,)
