"""What an editor asks while the program runs disturbs nothing: no line is missed, no step goes too far.

The program waits in C, in `io.open` of a pipe that nobody writes yet, when it is asked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmspell_kernel.lua.processes import CAN_START
from tests.support.editor import Editor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
Gate = Callable[[], None]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Lets the program go on that opens the pipe ``gate``."""
    path = tmp_path / "gate"
    os.mkfifo(path)

    def open_it() -> None:
        with open(path, "wb"):
            pass

    return open_it


def program(editor: Editor, *lines: str) -> str:
    return "\n".join([f"local gate = {str(editor.folder / 'gate')!r}", *lines]) + "\n"


def ask_and_let_go(editor: Editor, gate: Gate) -> None:
    editor.client.wait_for("output", lambda body: "waiting" in body["output"])
    editor.client.request("setExceptionBreakpoints", {"filters": []})
    gate()


def test_a_line_of_one_instruction_is_not_missed(editor: Editor, gate: Gate) -> None:
    text = program(editor, "local i = 3", "print('waiting')", "io.open(gate)", "local s = i * 2 -- @next", "print(s)")
    editor.launch(text, breakpoints=["next"])
    ask_and_let_go(editor, gate)
    assert editor.stopped() == "breakpoint"
    assert editor.at("next")
    editor.go()
    assert editor.ended() == 0


@pytest.mark.parametrize("elsewhere", [[], ["never"]])
def test_a_step_over_a_call_that_waits_ends_where_it_returns(editor: Editor, gate: Gate, elsewhere: list[str]) -> None:
    text = program(
        editor, "print('first') -- @first", "local function f() return 1 -- @never", "end", "print('waiting'); io.open(gate)",
        "local n = 0 -- @next", "n = n + 1", "n = n + 2",
    )  # fmt: skip
    editor.launch(text, breakpoints=["first", *elsewhere])
    editor.stopped()
    editor.next()
    editor.next()
    editor.client.send("next", {"threadId": 1})
    ask_and_let_go(editor, gate)
    assert editor.stopped() == "step"
    assert editor.at("next")
    editor.go()
    assert editor.ended() == 0


def test_a_step_out_of_what_waits_ends_in_its_caller(editor: Editor, gate: Gate) -> None:
    text = program(
        editor, "local function f()", "  print('waiting') -- @inside", "  io.open(gate)", "end", "f()", "local n = 0 -- @after",
    )  # fmt: skip
    editor.launch(text, breakpoints=["inside"])
    editor.stopped()
    editor.client.send("stepOut", {"threadId": 1})
    ask_and_let_go(editor, gate)
    assert editor.stopped() == "step"
    assert editor.at("after")
    editor.go()
    assert editor.ended() == 0


def test_the_step_of_a_coroutine_that_waits_goes_on_in_the_one_that_has_resumed_it(editor: Editor, gate: Gate) -> None:
    text = program(
        editor, "local co = coroutine.create(function()", "  print('waiting') -- @inside", "  io.open(gate)", "end)",
        "coroutine.resume(co)", "local n = 0 -- @after",
    )  # fmt: skip
    editor.launch(text, breakpoints=["inside"])
    editor.stopped()
    editor.client.send("stepOut", {"threadId": editor.thread})
    ask_and_let_go(editor, gate)
    assert editor.stopped() == "step"
    assert editor.at("after")
    editor.go()
    assert editor.ended() == 0


@pytest.mark.skipif(not CAN_START, reason="programs that Lua starts are not ours here")
def test_a_pause_that_is_under_way_does_not_wait_for_a_condition_that_never_ends(editor: Editor, gate: Gate) -> None:
    wait = "print('waiting'); os.execute('cat ' .. gate)"  # a function of ours waits: the pause comes at the next line
    text = program(editor, "print('first')", wait, "print('here') -- @here")
    editor.launch(text, breakpoints=[{"at": "here", "condition": "(function() while true do end end)()"}])
    editor.client.wait_for("output", lambda body: "waiting" in body["output"])
    editor.client.request("pause", {"threadId": 1})
    gate()
    assert editor.stopped() == "pause"
    assert editor.at("here")
    editor.go()
    assert editor.ended() == 0
