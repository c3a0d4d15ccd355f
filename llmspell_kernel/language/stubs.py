"""What llmspell's globals and tools are, for lua-language-server: LuaCATS annotations. Pure; any thread."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from llmspell_kernel.language.api import FOLDER, OURS
from llmspell_kernel.language.tools import Info, Tools, type_text

GLOBALS, TOOLS = "llmspell.lua", "llmspell-tools.lua"


def stubs(tools: Tools) -> dict[str, str]:
    """The text of each file: the globals, as api.lua has them, and the tools, from their schemas."""
    ours = []
    for name in OURS:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            ours.append(file.read())
    return {GLOBALS: "\n".join(ours), TOOLS: "\n".join(_lines(tools)) + "\n"}


def _lines(tools: Tools) -> Iterator[str]:
    known = [info for name in tools.names() if (info := tools.info(name)) is not None]
    yield "---@meta"
    yield "-- The tools, as `llmspell stubs` has found them. Written by it: changes are lost when it runs again."
    yield ""
    names = "|".join(f'"{info.name}"' for info in known)
    yield f"---@alias llmspell.ToolName {names or 'string'}"
    for info in known:
        yield ""
        yield from _tool(info)
    yield ""
    for info in known:
        yield f'---@overload fun(name: "{info.name}"): {_class(info)}'
    yield "---@param name llmspell.ToolName"
    yield "---@return llmspell.Handle"
    yield "function Tool.get(name) end"
    for function in ("execute", "invoke"):
        yield ""
        for info in known:
            yield f'---@overload fun(name: "{info.name}", params: {_class(info)}.Params): llmspell.Result'
        yield "---@param name llmspell.ToolName"
        yield "---@param params? table"
        yield "---@return llmspell.Result"
        yield f"function Tool.{function}(name, params) end"


def _class(info: Info) -> str:
    return "llmspell.tool." + re.sub(r"\W", "_", info.name)


def _tool(info: Info) -> Iterator[str]:
    """A class for the parameters and one for the handle."""
    name = _class(info)
    yield f"---@class {name}.Params"
    for one in info.parameters():
        needed = one.required and not any(one.name in choice for choice in info.needed_choices())
        doc = " ".join(one.doc.split())
        yield f"---@field {_field(one.name)}{'' if needed else '?'} {type_text(one.schema)} {doc}".rstrip()
    yield ""
    yield f"---{' '.join(info.description.split())}"
    yield f"---@class {name}: llmspell.Handle"
    yield f"---@field execute fun(self: {name}, params: {name}.Params): llmspell.Result"


def _field(name: str) -> str:
    return name if name.isidentifier() else f'["{name}"]'
