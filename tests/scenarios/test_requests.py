"""What clients ask in their own words, and what is refused: conventions, wrong requests, bad programs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Refused
from tests.support.editor import FIRST, Editor

HELLO = "print('hello') -- @hello\nprint(...)\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("missing.lua", "no such file"),
        (".", "directory"),
        ("syntax.lua", "syntax.lua:2: "),
        ("binary.lua", "binary data"),
        ("compiled.lua", "precompiled"),
    ],
)
def test_programs_that_can_not_be_launched(editor: Editor, program: str, words: str) -> None:
    (editor.folder / "syntax.lua").write_text("local x = 1\nx = = 2\n")
    (editor.folder / "binary.lua").write_bytes(b"\x7fELF\0\0\0")
    (editor.folder / "compiled.lua").write_bytes(b"\x1bLua" + bytes(20))
    editor.initialize()
    launch = editor.client.send("launch", {"program": str(editor.folder / program)})
    with pytest.raises(Refused) as refused:
        editor.client.response(launch)
    assert words in refused.value.text
    assert words in editor.output("stderr")
    editor.launch(HELLO)
    assert editor.ended() == 0


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("launch", {}, "`program` is missing"),
        ("launch", {"program": ""}, "`program` is missing"),
        ("launch", {"program": 5}, "`program` must be a string"),
        ("launch", {"program": "x.lua", "args": [1]}, "`args` must be a list of strings"),
        ("launch", {"program": "x.lua", "env": {"A": 1}}, "`A` must be a string"),
        ("launch", {"program": "x.lua", "memory": -1}, "`memory` must be a number greater than 0"),
        ("launch", {"program": "x.lua", "timeout": True}, "`timeout` must be a number greater than 0"),
        ("attach", {}, "attach"),
        ("launch", {"program": "a\0b"}, "zero byte"),
        ("launch", {"program": "x.lua", "env": {"A=B": "C"}}, "no name of a variable"),
        ("setBreakpoints", {"source": {"path": "\0"}, "breakpoints": []}, "zero byte"),
        ("setBreakpoints", {"source": {"path": "x.lua"}, "breakpoints": [{"line": 10**30}]}, "up to 2^53"),
        ("next", {"threadId": 1}, "not paused"),
        ("stackTrace", {"threadId": 1}, "not paused"),
        ("initialize", FIRST, "initialized already"),
        ("gotoTargets", {}, "unknown request 'gotoTargets'"),
        ("setExceptionBreakpoints", {"filters": ["all"]}, "unknown exception filter"),
        ("setBreakpoints", {"source": {"path": "x"}, "breakpoints": [{"line": "1"}]}, "`line` must be"),
        ("source", {"sourceReference": 99}, "not known"),
    ],
)
def test_wrong_requests_are_refused_in_words(editor: Editor, command: str, arguments: Any, words: str) -> None:
    editor.initialize()
    with pytest.raises(Refused) as refused:
        editor.client.request(command, arguments)
    assert words in refused.value.text
    assert editor.client.request("threads")


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("stackTrace", {"threadId": 2**64}, "up to 2^53"),
        ("variables", {"variablesReference": -(2**63) - 1}, "up to 2^53"),
        ("setVariable", {"variablesReference": 10**30, "name": "x", "value": "1"}, "up to 2^53"),
    ],
)
def test_what_no_lua_could_take_is_refused_in_words(editor: Editor, command: str, arguments: Any, words: str) -> None:
    editor.launch(HELLO, ["hello"])
    editor.stopped()
    with pytest.raises(Refused) as refused:
        editor.client.request(command, arguments)
    assert words in refused.value.text


def test_an_unknown_path_format_is_refused(editor: Editor) -> None:
    with pytest.raises(Refused, match="`pathFormat` is path or uri"):
        editor.client.request("initialize", {**FIRST, "pathFormat": "url"})
    editor.initialize()


def test_before_initialize_everything_is_refused(editor: Editor) -> None:
    with pytest.raises(Refused, match="the first request is initialize"):
        editor.client.request("launch", {"program": "x.lua"})
    editor.initialize()


def test_null_is_the_same_as_not_given(editor: Editor) -> None:
    """Helix sends null for everything it has no value for."""
    editor.initialize()
    editor.text, editor.path = HELLO, editor.write(HELLO)
    nothing = {"args": None, "cwd": None, "env": None, "stopOnEntry": None, "noDebug": None, "console": None}
    launch = editor.client.send("launch", {"program": str(editor.path), **nothing})
    source = {"path": str(editor.path), "name": None, "sourceReference": None}
    wanted = [{"line": 1, "condition": None, "hitCondition": None, "logMessage": None, "column": None}]
    editor.client.request("setBreakpoints", {"source": source, "breakpoints": wanted, "lines": None})
    editor.client.request("setExceptionBreakpoints", {"filters": [], "filterOptions": None})
    editor.client.request("configurationDone", None)
    editor.client.response(launch)
    editor.stopped()
    body = editor.client.request("stackTrace", {"threadId": 1, "startFrame": None, "levels": None, "format": None})
    assert body["totalFrames"] == 1


def test_a_client_that_counts_from_zero(editor: Editor) -> None:
    editor.initialize(linesStartAt1=False, columnsStartAt1=False)
    editor.text, editor.path = HELLO, editor.write(HELLO)
    launch = editor.client.send("launch", {"program": str(editor.path)})
    (state,) = editor.break_at(0)
    assert state["line"] == 0
    editor.client.request("configurationDone")
    editor.client.response(launch)
    editor.stopped()
    assert editor.line() == 0
    assert editor.top()["column"] == 0


def test_a_client_that_speaks_in_uris(editor: Editor) -> None:
    editor.initialize(pathFormat="uri")
    path = editor.write(HELLO, "a b%20é#?.lua")
    launch = editor.client.send("launch", {"program": path.as_uri()})
    source = {"path": path.as_uri()}
    editor.client.request("setBreakpoints", {"source": source, "breakpoints": [{"line": 1}]})
    editor.client.request("configurationDone")
    editor.client.response(launch)
    editor.stopped()
    assert editor.top()["source"]["path"] == path.as_uri()


def test_sources_of_strings_given_to_load(editor: Editor) -> None:
    text = "local f = load('local x = 1\\nreturn boom.x', '=generated')\npcall(f)\n"
    editor.launch(text, filters=["raised"])
    editor.stopped()
    source = editor.top()["source"]
    assert source["sourceReference"] > 0
    body = editor.client.request("source", {"source": source, "sourceReference": source["sourceReference"]})
    assert body["content"] == "local x = 1\nreturn boom.x"
