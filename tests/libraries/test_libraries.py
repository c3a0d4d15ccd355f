"""Programs over Lua libraries nobody here wrote: Debian's lua-penlight and lua-argparse.

Run by `make test-libraries` and .ci/run, which installs the libraries; without them these fail there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_run import llmspell
from tests.support.client import Client, StdioWire
from tests.support.editor import Editor

SHARE = Path("/usr/share/lua/5.4")
INSTALLED = (SHARE / "pl").exists() and (SHARE / "argparse.lua").exists()
pytestmark = pytest.mark.skipif(
    not INSTALLED and "CI" not in os.environ, reason="apt-get install lua-penlight lua-argparse"
)

PENLIGHT = """\
local List = require("pl.List")
local stringx = require("pl.stringx")
local pretty = require("pl.pretty")
local words = List(stringx.split("the quick brown fox"))
print(words:map(string.upper):join(" "))
print(pretty.write({ 1, 2, { a = true } }, ""))
print(stringx.center("x", 5, "-"), words:len(), tostring(words))
print(pcall(stringx.join, nil, 5))
"""
ARGPARSE = """\
local argparse = require("argparse")
local parser = argparse("script", "An example.")
parser:argument("input", "Input file.")
parser:option("-o --output", "Output file.", "a.out")
parser:flag("-v --verbose")
local args = parser:parse({ "in.txt", "-o", "out.txt", "-v" })
print(args.input, args.output, args.verbose)
print((parser:get_usage()))
"""


@pytest.fixture
def stdio() -> Iterator[Client]:
    client = Client(StdioWire)
    yield client
    client.wire.close()


def line_of(path: Path, text: str) -> int:
    """The first line of a library's file that holds a text."""
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("program", "file", "text"),
    [
        (PENLIGHT, "pl/List.lua", "function List:map"),
        (PENLIGHT, "pl/stringx.lua", "function stringx.split("),
        (ARGPARSE, "argparse.lua", "function Parser:parse("),
    ],
)
def test_stepping_through_a_library_changes_nothing(
    stdio: Client, tmp_path: Path, program: str, file: str, text: str
) -> None:
    editor = Editor(stdio, tmp_path)
    path = SHARE / file
    line = line_of(path, text) + 1
    editor.text, editor.path = program, editor.write(program)
    plain = llmspell("run", str(editor.path))
    editor.initialize()
    launch = editor.client.send("launch", {"program": str(editor.path), "justMyCode": False})
    (state,) = editor.break_at(line, path=path)
    editor.client.request("setExceptionBreakpoints", {"filters": ["uncaught"]})
    editor.client.request("configurationDone")
    editor.client.response(launch)
    assert editor.stopped() == "breakpoint"
    assert editor.top()["source"]["path"] == str(path)
    assert editor.line() == state["line"]
    steps = 0
    for command in ["next", "stepIn", "stepIn", "next", "stepOut"] * 4:
        editor.client.request(command, {"threadId": editor.thread})
        if editor.client.wait_for_either("stopped", "terminated") == "terminated":
            break
        steps += 1
        assert editor.stopped() in ("step", "breakpoint")
        assert editor.frames()[-1]["name"] == "main chunk"
        assert editor.scopes()
    assert steps > 2
    editor.break_at(path=path)
    if not any(event["event"] == "terminated" for event in editor.client.events):
        editor.go()
    assert editor.ended() == 0
    assert editor.output() == plain.stdout
    assert plain.returncode == 0


WALKED = """\
local stringx = require("pl.stringx")
local OrderedMap = require("pl.OrderedMap")
local map = OrderedMap()
for key, value in ("a=1,b=2,c=3"):gmatch("(%w)=(%w)") do
    map:set(stringx.rjust(key, 3, "."), tonumber(value))
end
for key, value in map:iter() do print(key, value) end
print(tostring(map), map:keys())
print(select(2, pcall(stringx.lines, nil)))
"""


def test_every_step_of_a_program_lands_on_a_statement(stdio: Client, tmp_path: Path) -> None:
    """From the first line into everything, hundreds of steps through code nobody here wrote."""
    editor = Editor(stdio, tmp_path)
    editor.launch(WALKED, filters=[], stopOnEntry=True, justMyCode=False)
    assert editor.stopped() == "entry"
    visited: dict[str, set[int]] = {}
    steps = 0
    while True:
        top = editor.frames_page(1)[0]
        if "source" in top:
            visited.setdefault(top["source"]["path"], set()).add(top["line"])
        stdio.request("stepIn", {"threadId": editor.thread})
        steps += 1
        if stdio.wait_for_either("stopped", "terminated") == "terminated":
            break
        assert editor.stopped() == "step"
    assert steps > 300
    assert editor.output() == llmspell("run", str(editor.path)).stdout
    assert str(SHARE / "pl" / "OrderedMap.lua") in visited
    assert str(SHARE / "pl" / "stringx.lua") in visited
    for path, lines in visited.items():
        arguments = {"source": {"path": path}, "line": 1, "endLine": 100_000}
        places = stdio.request("breakpointLocations", arguments)["breakpoints"]
        assert lines <= {place["line"] for place in places}, path


def test_steps_stay_in_the_program_unless_all_code_is_wanted(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    editor.launch(WALKED, filters=[], stopOnEntry=True)
    assert editor.stopped() == "entry"
    lines = []
    while True:
        (top,) = [one for one in editor.frames() if "source" in one]
        assert top["source"]["path"] == str(editor.path)
        lines.append(top["line"])
        stdio.request("stepIn", {"threadId": editor.thread})
        if stdio.wait_for_either("stopped", "terminated") == "terminated":
            break
        assert editor.stopped() == "step"
    assert {1, 2, 3, 4, 5, 7, 8, 9} <= {*lines}
    assert editor.output() == llmspell("run", str(editor.path)).stdout


def test_a_condition_in_a_library_holds_each_time_and_only_then(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    path = SHARE / "pl" / "OrderedMap.lua"
    line = line_of(path, "function OrderedMap:set") + 1
    editor.initialize()
    editor.text, editor.path = WALKED, editor.write(WALKED)
    launch = stdio.send("launch", {"program": str(editor.path)})
    editor.break_at({"line": line, "condition": "val ~= 2"}, path=path)
    stdio.request("configurationDone")
    stdio.response(launch)
    seen = []
    for _ in range(2):
        assert editor.stopped() == "breakpoint"
        assert editor.top()["source"]["path"] == str(path)
        seen.append((editor.locals()["key"], editor.locals()["val"]))
        assert [frame["name"] for frame in editor.frames()][-1] == "main chunk"
        editor.go()
    assert seen == [('"..a"', "1"), ('"..c"', "3")]
    assert editor.ended() == 0


def test_an_error_raised_in_a_library_is_seen_where_it_is_raised(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    editor.launch(WALKED, filters=["raised"])
    assert editor.stopped() == "exception"
    assert editor.top()["source"]["path"].startswith(str(SHARE / "pl"))
    names = [frame["name"] for frame in editor.frames()]
    assert any("assert_string" in name for name in names), names
    assert names[-1] == "main chunk"
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == llmspell("run", str(editor.path)).stdout
