"""Tools of Model Context Protocol servers, in our registry: ``[tools.mcp.NAME] command = …`` or ``url = …``.

A tool is called NAME-TOOL. The sessions live in an event loop on a thread of its own; who calls a tool waits on its own
thread. A server that can't be had is a problem that is told of. Any thread. The `mcp` package does the protocol.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.foreign import foreign
from llmspell_kernel.tools.spec import Result

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

START = 30  # seconds that a server may take to start and to name its tools
Settings = Mapping[str, Any]


def add_servers(tools: Tools, servers: Mapping[str, Settings]) -> Callable[[], None]:
    """Connect to all of them at once, and take their tools over; gives what ends the connections."""
    context = start_blocking_portal()
    portal = context.__enter__()
    connections = [_Connection(portal, name, settings) for name, settings in servers.items()]
    wait([one.ready for one in connections], START)
    for one in connections:
        one.add_tools(tools)

    def close() -> None:
        for connection in connections:
            connection.end()
        context.__exit__(None, None, None)

    return close


class _Connection:
    def __init__(self, portal: BlockingPortal, name: str, settings: Settings) -> None:
        self._portal, self._name, self._settings = portal, name, settings
        self.ready: Future[list[types.Tool]] = Future()
        self._over = portal.call(anyio.Event)
        self._session: ClientSession | None = None
        self._task = portal.start_task_soon(self._serve)

    async def _serve(self) -> None:
        try:
            async with _streams(self._settings) as (read, write), ClientSession(read, write) as session:
                await session.initialize()
                self.ready.set_result(await _all_tools(session))
                self._session = session
                await self._over.wait()
        except Exception as error:
            if not self.ready.done():
                self.ready.set_exception(error)
        finally:
            self._session = None

    def end(self) -> None:
        if self._session is None:  # it waits for what does not come
            self._task.cancel()
            return
        self._portal.call(self._over.set)
        try:
            self._task.result(START)
        except Exception:  # it ends the way its transport does; there is nobody to be told
            self._task.cancel()

    def add_tools(self, tools: Tools) -> None:
        try:
            if not self.ready.done():
                self._task.cancel()
                raise TimeoutError(f"it has not answered within {START} s")
            for told in self.ready.result():
                tools.put(self._tool(told))
        except Exception as error:
            tools.problems.append(f"tools.mcp.{self._name}: {_reason(error)}")

    def _tool(self, told: types.Tool) -> Any:
        about = {
            "description": told.description or told.title or "", "category": "mcp", "level": "restricted",
            "parameters": told.input_schema,
        }  # fmt: skip
        return foreign(f"{self._name}-{told.name}", about, lambda **given: self._call(told.name, given))

    def _call(self, name: str, arguments: dict[str, Any]) -> Result:
        session = self._session
        if session is None:
            raise ToolError(f"the server {self._name} has ended the connection")
        future = self._portal.start_task_soon(session.call_tool, name, arguments)
        try:
            answer = future.result()
        except Exception as error:
            raise ToolError(f"{self._name}: {_reason(error)}") from error
        except BaseException:  # `Stopped`: nobody waits any more
            future.cancel()
            raise
        if not isinstance(answer, types.CallToolResult):
            raise ToolError(f"{self._name} asks something back, which is not supported")
        return _result(answer)


def _reason(error: BaseException) -> str:
    """Of a group of errors the first: what is around it is the event loop's."""
    while inner := getattr(error, "exceptions", ()):
        error = inner[0]
    return f"{type(error).__name__}: {error}"


@asynccontextmanager
async def _streams(settings: Settings) -> AsyncIterator[tuple[Any, Any]]:
    if "url" in settings:
        async with streamable_http_client(settings["url"]) as streams:
            yield streams[0], streams[1]
        return
    server = StdioServerParameters(
        command=settings["command"], args=list(settings.get("args", ())), cwd=settings.get("cwd"),
        env={**os.environ, **settings["env"]} if "env" in settings else None,
    )  # fmt: skip
    with open(os.devnull, "w") as nowhere:
        has_stderr = sys.__stderr__ is not None and not sys.__stderr__.closed
        async with stdio_client(server, errlog=sys.__stderr__ if has_stderr else nowhere) as streams:  # type: ignore[arg-type]
            yield streams


async def _all_tools(session: ClientSession) -> list[types.Tool]:
    page = await session.list_tools()
    found = list(page.tools)
    while page.next_cursor:
        page = await session.list_tools(params=types.PaginatedRequestParams(cursor=page.next_cursor))
        found += page.tools
    return found


def _result(answer: types.CallToolResult) -> Result:
    text = "\n".join(block.text for block in answer.content if isinstance(block, types.TextContent))
    if answer.is_error:
        raise ToolError(text or "the tool failed and does not say why")
    if answer.structured_content is not None:
        return Result(answer.structured_content, text)
    if all(isinstance(block, types.TextContent) for block in answer.content):
        return Result(text, text)
    blocks = [block.model_dump(by_alias=True, exclude_none=True, mode="json") for block in answer.content]
    return Result({"content": blocks}, text)
