"""What Neovim (nvim-dap) and Emacs (dape, dap-mode) send, as far as it is unlike VS Code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Client, Refused, StdioWire
from tests.support.editor import Editor

TWO = """\
local a = 1 -- @first
local b = a + 1 -- @second
print(b)
"""


@pytest.fixture
def wire() -> Iterator[list[StdioWire]]:
    made: list[StdioWire] = []
    yield made
    for one in made:
        assert one.process.poll() is not None, "the adapter was left running"
        one.close()


@pytest.fixture
def editor(wire: list[StdioWire], tmp_path: Path) -> Editor:
    client = Client(lambda receive: wire.append(StdioWire(receive)) or wire[0])  # type: ignore[func-returns-value]
    return Editor(client, tmp_path)


def hang_up(wire: list[StdioWire]) -> int:
    """Close the pipe, as an editor does that says no goodbye; gives the adapter's exit code."""
    stdin = wire[0].process.stdin
    assert stdin is not None
    stdin.close()
    return wire[0].process.wait(20)


def test_nvim_dap_steps_with_granularity_and_goes_without_a_goodbye(editor: Editor, wire: list[StdioWire]) -> None:
    editor.initialize(clientID="neovim", clientName="neovim", supportsStartDebuggingRequest=True)
    editor.launch(TWO, breakpoints=["first"], filters=["uncaught"])
    assert editor.stopped() == "breakpoint"
    stack = editor.client.request("stackTrace", {"threadId": editor.thread})
    assert stack["totalFrames"] == len(stack["stackFrames"])
    editor.client.request("next", {"threadId": editor.thread, "granularity": "statement"})
    editor.stopped()
    assert editor.at("second")
    editor.client.request("continue", {"threadId": editor.thread, "granularity": "statement"})
    assert editor.ended() == 0
    assert hang_up(wire) == 0


CALL = """\
local function inner()
  return 1 -- @inside
end
local a = inner() -- @call
local b = a -- @after
print(b) -- @last
"""


@pytest.mark.parametrize("granularity", ["statement", "line", "instruction"])
def test_every_step_of_nvim_dap_and_dape_has_a_granularity(
    editor: Editor, wire: list[StdioWire], granularity: str
) -> None:
    editor.initialize(clientID="neovim")
    editor.launch(CALL, breakpoints=["call"])
    editor.stopped()
    for step, mark in [("stepIn", "inside"), ("stepOut", "after"), ("next", "last")]:
        editor.client.request(step, {"threadId": editor.thread, "granularity": granularity})
        assert editor.stopped() == "step"
        assert editor.at(mark)
    assert hang_up(wire) == 0


def test_an_editor_that_goes_while_the_program_is_paused_ends_it(editor: Editor, wire: list[StdioWire]) -> None:
    editor.launch(TWO, breakpoints=["first"])
    editor.stopped()
    assert hang_up(wire) == 0


def test_dape_terminates_again_after_the_end(editor: Editor, wire: list[StdioWire]) -> None:
    """dape answers every `terminated` with `terminate`: a second event would go on for ever."""
    path = editor.write(TWO)
    editor.initialize(clientID="dape")
    launch = editor.client.send("launch", {"program": str(path)})
    editor.client.request("setExceptionBreakpoints", {"filters": ["uncaught"]})  # before the breakpoints
    editor.text = TWO
    editor.path = path
    editor.break_at("first")
    editor.client.request("configurationDone")
    editor.client.response(launch)
    editor.stopped()
    locals_ = editor.scopes()["Locals"]["variablesReference"]
    editor.client.request("terminate")
    editor.client.wait_for("terminated")
    with pytest.raises(Refused):
        editor.children(locals_)  # the program is gone
    editor.client.request("terminate")
    assert hang_up(wire) == 0
    rest = editor.client.until_closed()
    assert [one["event"] for one in rest if one["type"] == "event" and one["event"] == "terminated"] == []


def test_dap_mode_says_that_it_is_vs_code_and_leaves_things_out(editor: Editor, wire: list[StdioWire]) -> None:
    editor.initialize(clientID="vscode", clientName="Visual Studio Code", supportsRunInTerminalRequest=None)
    editor.launch(TWO, breakpoints=["second"], type="llmspell", request="launch", name="Lua")
    editor.stopped()
    answer = editor.client.request("evaluate", {"expression": "a + 1", "frameId": editor.top()["id"]})
    assert answer["result"] == "2"
    editor.client.request("disconnect", {"restart": False})
    assert wire[0].process.wait(20) == 0
