"""The Model Context Protocol, both ways, with the official package at the other end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools import mcp_bridge
from llmspell_kernel.tools.registry import Tools
from tests.cli.test_run import llmspell
from tests.support import mcp_server

SERVER = {"command": sys.executable, "args": (mcp_server.__file__,)}

# Their tools in our registry ------------------------------------------------------------------------------


def connected(**servers: Any) -> Tools:
    return Tools.standard(settings=Config({"tools.mcp": servers}))


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    made = connected(shop=SERVER)
    made.names()
    yield made
    made.close()


def test_tools_of_a_server_are_tools_like_any_other(tools: Tools) -> None:
    assert tools.call("shop-price-of", {"item": "tea", "amount": 2})["result"] == {"price": 5.0}
    assert tools.call("shop_greet", {"name": "Ada"})["text"] == "Hello Ada"
    told = tools.info("shop-price-of")
    assert (told["category"], told["level"], told["description"]) == ("mcp", "restricted", "What something costs.")
    assert told["schema"]["properties"]["amount"]["default"] == 1
    assert tools.problems == []


def test_what_is_wrong_is_said_here_or_there(tools: Tools) -> None:
    wrong = tools.answer("shop-price-of", {"itm": "tea"})["error"]
    assert wrong["code"] == "invalid_parameters"
    assert "item: missing" in wrong["message"]
    failed = tools.answer("shop-price-of", {"item": "cake"})["error"]
    assert failed["code"] == "failed"
    assert "there is no cake" in failed["message"]


def test_a_call_has_its_limit_of_time(tools: Tools) -> None:
    with pytest.raises(ToolError) as raised:
        tools.call("shop-waits", {}, seconds=0.3)
    assert raised.value.code == "timeout"
    assert tools.call("shop-greet", {"name": "x"})["success"]


def test_a_server_that_can_not_be_had_is_a_problem_and_the_others_work() -> None:
    tools = connected(
        shop=SERVER, gone={"command": "/no/such/program"}, dies={"command": sys.executable, "args": ("-c", "1/0")},
        nobody={"url": "http://127.0.0.1:9/mcp"},
    )  # fmt: skip
    assert tools.exists("shop-greet")
    assert [one.partition(":")[0] for one in sorted(tools.problems)] == [
        "tools.mcp.dies", "tools.mcp.gone", "tools.mcp.nobody",
    ]  # fmt: skip
    tools.close()


def test_a_server_that_never_answers_is_given_up_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = connected(mute={"command": "sh", "args": ("-c", f"echo $$ > '{tmp_path}/pid'; exec sleep 600")})
    with monkeypatch.context() as soon:
        soon.setattr(mcp_bridge, "START", 1)
        tools.names()
    assert tools.problems == ["tools.mcp.mute: TimeoutError: it has not answered within 1 s"]
    ends = threading.Thread(target=tools.close, daemon=True)
    ends.start()
    ends.join(20)  # it does not wait for the answer again
    assert not ends.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_tool_that_no_server_has_is_an_error_that_tells_what_is_wrong_with_the_servers(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text(
        f'[tools.mcp.shop]\ncommand = "{sys.executable}"\nargs = ["{mcp_server.__file__}"]\n'
        '[tools.mcp.gone]\ncommand = "/no/such/program"\n'
    )
    result = llmspell("tool", "invoke", "gone-tool", cwd=tmp_path)
    assert result.returncode == 2
    assert "no tool named 'gone-tool'" in result.stderr
    assert "tools.mcp.gone: FileNotFoundError" in result.stderr


def test_a_project_names_them(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text(
        f'[tools.mcp.shop]\ncommand = "{sys.executable}"\nargs = ["{mcp_server.__file__}"]\n'
    )
    program = "print(Tool.execute('shop_greet', { name = 'Lua' }).text)"
    assert llmspell("run", "-", given=program, cwd=tmp_path).stdout == "Hello Lua\n"


# Our tools for their clients ---------------------------------------------------------------------------------


@asynccontextmanager
async def our_server(cwd: Path) -> AsyncIterator[ClientSession]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "llmspell_kernel", "tool", "serve", "--mcp"], cwd=str(cwd)
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


def test_a_client_lists_and_calls_our_tools(tmp_path: Path) -> None:
    chatty = (
        "from llmspell_kernel.tools.spec import tool\n@tool()\ndef chatty() -> int:\n    print('noise')\n    return 5\n"
    )
    (tmp_path / "chatty_mcp.py").write_text(chatty)
    (tmp_path / "llmspell.toml").write_text('[tools]\npaths = ["chatty_mcp.py"]\nlevel = "restricted"\n')

    async def story() -> None:
        async with our_server(tmp_path) as session:
            tools = {one.name: one for one in (await session.list_tools()).tools}
            assert tools["calculator"].input_schema["properties"]["input"]["type"] == "string"
            four = await session.call_tool("calculator", {"input": "2+2"})
            assert (four.content[0].text, four.structured_content) == ("4", {"result": 4})
            five = await session.call_tool("chatty", {})
            assert five.structured_content == {"result": 5}
            for name, given, words in (
                ("calculator", {"inpt": "1"}, "did you mean 'input'"),
                ("calculatr", {}, "no tool named"),
                ("file-operations", {"operation": "list", "path": "."}, "[tools] level"),
            ):
                wrong = await session.call_tool(name, given)
                assert wrong.is_error
                assert words in wrong.content[0].text

    anyio.run(story)


def test_calls_of_a_client_run_side_by_side(tmp_path: Path) -> None:
    meets = (
        "from threading import Barrier\nfrom llmspell_kernel.tools.spec import tool\nmeeting = Barrier(3, timeout=20)\n"
        "@tool()\ndef meets() -> bool:\n    meeting.wait()\n    return True\n"
    )
    (tmp_path / "meets_mcp.py").write_text(meets)
    (tmp_path / "llmspell.toml").write_text('[tools]\npaths = ["meets_mcp.py"]\n')

    async def story() -> list[Any]:
        async with our_server(tmp_path) as session:
            answers: list[Any] = []

            async def one() -> None:
                answers.append((await session.call_tool("meets", {})).structured_content)

            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(one)
            return answers

    assert anyio.run(story) == [{"result": True}] * 3
