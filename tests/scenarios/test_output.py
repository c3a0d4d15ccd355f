"""What the program writes arrives: all of it, in order, with its place, and nothing else does."""

from __future__ import annotations

import pytest

from tests.support.editor import Editor

# Of much output: what watches for breakpoints has no part in it.
each_transport = pytest.mark.parametrize("client", ["in-process", "stdio", "tcp"], indirect=True)


def test_streams_in_order_with_their_lines(editor: Editor) -> None:
    text = """\
print("one", 2, nil)
io.write("two", 1.5, "\\n")
io.stdout:write("three\\n")
io.stderr:write("four\\n")
"""
    editor.launch(text)
    assert editor.ended() == 0
    outputs = editor.outputs()
    assert [(o["category"], o["output"], o["line"]) for o in outputs] == [
        ("stdout", "one\t2\tnil\n", 1),
        ("stdout", "two1.5\n", 2),
        ("stdout", "three\n", 3),
        ("stderr", "four\n", 4),
    ]
    assert outputs[0]["source"]["path"] == str(editor.path)


@each_transport
def test_a_hundred_thousand_lines_in_few_events(editor: Editor) -> None:
    editor.launch("for i = 1, 100000 do print(i) end\n")
    assert editor.ended() == 0
    assert editor.output() == "".join(f"{n}\n" for n in range(1, 100_001))
    events = [m for m in editor.client.transcript if m.get("event") == "output"]
    assert len(events) < 5000


@each_transport
def test_a_flood_from_many_lines_in_few_events(editor: Editor) -> None:
    """Two lines that take turns would else make an event of each `print`."""
    editor.launch("for i = 1, 10000 do\n  print(2 * i - 1)\n  print(2 * i)\nend\n")
    assert editor.ended() == 0
    assert editor.output() == "".join(f"{n}\n" for n in range(1, 20_001))
    events = [m for m in editor.client.transcript if m.get("event") == "output"]
    assert len(events) < 10_000


@each_transport
def test_characters_that_are_written_in_pieces(editor: Editor) -> None:
    editor.launch("for byte in ('é€😀'):rep(20000):gmatch('.') do io.write(byte) end\n")
    assert editor.ended() == 0
    assert editor.output() == "é€😀" * 20_000


def test_half_a_character_is_shown_when_the_program_stops(editor: Editor) -> None:
    editor.launch("io.write('\\xc3')\nprint('') -- @stop\n", ["stop"])
    editor.stopped()
    assert editor.output() == "\\xc3"


def test_nothing_is_lost_when_the_program_dies(editor: Editor) -> None:
    editor.launch("io.write('last words')\nerror('dead')\n")
    assert editor.ended() == 1
    assert editor.output() == "last words"


def test_bytes_that_are_no_text(editor: Editor) -> None:
    editor.launch("io.write('\\255\\0', 'é', '\\n')\n")
    assert editor.ended() == 0
    assert editor.output() == "\\xff\0é\n"


def test_a_client_that_pauses_a_chatty_program(editor: Editor) -> None:
    editor.launch("local n = 0\nwhile true do\n  n = n + 1\n  print(n)\nend\n")
    editor.client.wait_for("output")
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    printed = editor.output().split()
    assert printed == [str(n) for n in range(1, len(printed) + 1)]
    assert int(editor.evaluate("n")) - len(printed) in (0, 1)


@pytest.mark.lua54("it tells of errors in other words")
def test_print_shows_errors_as_lua_does(editor: Editor) -> None:
    text = (
        "print(pcall(io.write, {}))\nprint(pcall(print, setmetatable({}, { __tostring = function() return {} end })))\n"
    )
    editor.launch(text)
    assert editor.ended() == 0
    first, second = editor.output().splitlines()
    assert "bad argument #1 to 'io.write'" in first
    assert "(string expected, got table)" in first
    assert "'__tostring' must return a string" in second
