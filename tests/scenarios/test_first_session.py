"""The first session of a person with an editor, over each transport."""

from __future__ import annotations

import pytest

from tests.support.editor import Editor

ADD = """\
local function add(a, b)
  local sum = a + b
  return sum -- @here
end
print(add(1, 2)) -- @call
print("done")
"""


def test_stops_at_a_breakpoint_and_shows_the_locals(editor: Editor) -> None:
    editor.launch(ADD, breakpoints=["here"])
    assert editor.stopped() == "breakpoint"
    assert editor.at("here")
    assert editor.locals() == {"a": "1", "b": "2", "sum": "3"}
    assert [frame["name"] for frame in editor.frames()] == ["add", "main chunk"]
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "3\ndone\n"


def test_steps_out_and_sees_what_was_returned(editor: Editor) -> None:
    editor.launch(ADD, breakpoints=["here"])
    editor.stopped()
    assert editor.step_out() == "step"
    assert editor.at("call")
    assert editor.variables("Return Value") == {"[1]": "3"}


@pytest.mark.lua54("it tells of errors in other words")
def test_an_error_is_told_with_a_traceback(editor: Editor) -> None:
    editor.launch("local t = nil\nprint(t.x)\n")
    assert editor.ended() == 1
    assert "program.lua:2: attempt to index a nil value (local 't')" in editor.output("stderr")
    assert "in main chunk" in editor.output("stderr")
