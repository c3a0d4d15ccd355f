"""A program in safe mode has no `debug`; its debugger has."""

from __future__ import annotations

from tests.support.editor import Editor

PROGRAM = """\
local function add(a, b)
    local sum = a + b
    return sum -- @here
end
local co = coroutine.wrap(function()
    coroutine.yield(add(1, 2)) -- @inside
end)
print(co(), debug.getinfo, debug.sethook, io.open, load("return 5")())
error({ code = 1 }) -- @raised
"""


def test_a_safe_program_is_debugged_like_any_other(editor: Editor) -> None:
    editor.launch(PROGRAM, breakpoints=[{"at": "here", "condition": "sum == 3"}], filters=["uncaught"], safe=True)
    assert editor.stopped() == "breakpoint"
    assert editor.locals() == {"a": "1", "b": "2", "sum": "3"}
    assert editor.evaluate("sum + a") == "4"
    assert editor.evaluate("debug.getinfo") == "nil", "a person's expressions are as safe as the program"
    assert editor.step_out() == "step"
    assert editor.at("inside")
    editor.go()
    assert editor.stopped() == "exception"
    assert editor.at("raised")
    editor.go()
    assert editor.ended() == 1
    assert editor.output() == "3\tnil\tnil\tnil\t5\n"
