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
    launch = editor.client.send("launch", {"program": str(editor.path)})
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
