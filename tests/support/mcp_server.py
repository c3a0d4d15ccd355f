"""A server of the Model Context Protocol, made with the official package, on stdio or HTTP."""

from __future__ import annotations

import sys

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shop")


@server.tool()
def price_of(item: str, amount: int = 1) -> dict[str, float]:
    """What something costs."""
    if item != "tea":
        raise ToolError(f"there is no {item}")
    return {"price": 2.5 * amount}


@server.tool()
def greet(name: str) -> str:
    """Say hello."""
    return f"Hello {name}"


@server.tool()
async def waits() -> None:
    """Take for ever."""
    await anyio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1:]:
        server.run(transport="streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
