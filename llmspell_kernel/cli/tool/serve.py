"""``llmspell tool serve --mcp``: our tools for clients of the Model Context Protocol, over stdio.

The `mcp` package does the protocol; while it serves, what a tool prints goes to stderr.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

from llmspell_kernel import __version__
from llmspell_kernel.tools.answers import json_plain
from llmspell_kernel.tools.catalog import missing
from llmspell_kernel.tools.registry import Tools

INSTRUCTIONS = "Tools of llmspell. What they may touch is said in llmspell.toml, where the server was started."


def serve(tools: Tools) -> None:
    """Until stdin ends."""
    try:
        anyio.run(_serve, tools)
    finally:
        tools.close()


async def _serve(tools: Tools) -> None:
    async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[_described(one) for one in tools.every() if not missing(one)])

    async def call_tool(_context: Any, params: Any) -> CallToolResult:
        call = partial(tools.answer, params.name, params.arguments or {})
        return _result(await anyio.to_thread.run_sync(call, abandon_on_cancel=True))

    server: Server[Any] = Server(
        "llmspell", version=__version__, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _described(told: dict[str, Any]) -> Tool:
    return Tool(
        name=told["name"], description=told["description"], input_schema=told["schema"],
        annotations=ToolAnnotations(read_only_hint=told["pure"] or None),
    )  # fmt: skip


def _result(answer: dict[str, Any]) -> CallToolResult:
    content = [TextContent(type="text", text=answer["text"].encode("utf-8", "replace").decode())]
    if not answer["success"]:
        return CallToolResult(content=content, is_error=True)  # type: ignore[arg-type]  # list is invariant
    value = json_plain(answer.get("result"))
    structured = value if isinstance(value, dict) else {"result": value}
    return CallToolResult(content=content, structured_content=structured)  # type: ignore[arg-type]
