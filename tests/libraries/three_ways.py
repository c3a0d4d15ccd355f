"""A program run plainly, and debugged by an editor that asks for a breakpoint at every place of every file."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from tests.cli.test_run import LLMSPELL
from tests.support.client import Client, Message, StdioWire, environment
from tests.support.editor import FIRST

PATIENCE = 300.0  # seconds; a program that stops at each of its statements takes its time
# Where breakpoints stand: at each place of each line, or on each line at which Lua can be stopped, also inside of
# statements, where a hook must watch.
Where = Literal["places", "lines"]


class Program(NamedTuple):
    """``files``: what it may load, where breakpoints are to stand too. ``code``: how it is known to end."""

    path: Path
    args: tuple[str, ...] = ()
    lua_path: tuple[str, ...] = ()
    cwd: Path = Path("/")
    files: tuple[Path, ...] = ()
    code: int = 0


class Seen(NamedTuple):
    """What a run has shown."""

    code: int
    stdout: str
    stderr: str


def plainly(program: Program) -> Seen:
    paths = [word for path in program.lua_path for word in ("--lua-path", path)]
    result = subprocess.run(
        [*LLMSPELL, "run", *paths, str(program.path), "--", *program.args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=program.cwd,
        env=environment(),
        timeout=PATIENCE,
    )
    texts = [data.decode("utf-8", "backslashreplace") for data in (result.stdout, result.stderr)]  # as the adapter does
    return Seen(result.returncode, comparable(texts[0]), comparable(texts[1]))


def debugged(program: Program, asked: Message, where: Where = "places") -> Seen:
    """``asked``: what each breakpoint asks; none of them may stop the program."""
    with _editor() as client:
        for path in dict.fromkeys((program.path, *program.files)):
            _break_everywhere(client, path, asked, where)
        options = {"args": list(program.args), "luaPath": list(program.lua_path), "cwd": str(program.cwd)}
        launch = client.send("launch", {"program": str(program.path), **options})
        client.request("configurationDone")
        client.response(launch)
        assert client.wait_for_either("stopped", "exited") == "exited", client.story()
        code = client.wait_for("exited")["exitCode"]
        client.wait_for("terminated")
        said = [event["body"] for event in client.transcript if event.get("event") == "output"]
    return Seen(code, _of(said, "stdout"), _of(said, "stderr"))


@contextmanager
def _editor() -> Iterator[Client]:
    client = Client(StdioWire, PATIENCE)
    try:
        client.request("initialize", FIRST)
        client.wait_for("initialized")
        yield client
    finally:
        client.wire.close()


def _break_everywhere(client: Client, path: Path, asked: Message, where: Where) -> None:
    source = {"path": str(path)}
    found = client.request("breakpointLocations", {"source": source, "line": 1, "endLine": 10**6})["breakpoints"]
    chosen = [one for one in found if where == "lines" or "column" in one]
    if where == "places":
        places = [{"line": one["line"], "column": one["column"]} for one in chosen]
    else:
        places = [{"line": line} for line in sorted({one["line"] for one in chosen})]
    wanted = [{**place, **asked} for place in places]
    states = client.request("setBreakpoints", {"source": source, "breakpoints": wanted})["breakpoints"]
    assert [state["line"] for state in states] == [place["line"] for place in places]


def _of(said: list[Message], category: str) -> str:
    return comparable("".join(body["output"] for body in said if body["category"] == category))


def comparable(text: str) -> str:
    """Without what differs from run to run of any Lua: addresses, times, which alias of a function a traceback names."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    text = re.sub(r'\{("[^{}]*)\}', lambda one: "{" + ",".join(sorted(one[1].split(","))) + "}", text)  # pairs' order
    text = re.sub(r"in function '[\w.]+[.:](\w+)'", r"in function '\1'", text)
    return re.sub(r"\d+\.\d+ (?=seconds|ms)", "", text)
