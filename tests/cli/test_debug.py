"""The terminal debugger: by a script of commands, and by a person at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL, llmspell
from tests.support.client import PATIENCE, environment

PROGRAM = """\
local function add(a, b)
  local sum = a + b
  return sum
end
local t = { 1, 2, x = { y = 1 } }
for i = 1, 3 do
  local r = add(i, 2)
  print("r", r)
end
print("end")
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "x.lua"
    path.write_text(PROGRAM)
    return str(path)


def session(program: str, *commands: str, options: tuple[str, ...] = ()) -> str:
    result = llmspell("debug", *options, program, given="\n".join(commands) + "\n")
    assert result.returncode == 0, result.stderr
    assert "\033" not in result.stdout
    assert "Traceback" not in result.stderr
    return result.stdout


def test_the_session_of_the_readme(program: str) -> None:
    said = session(program, "b 3", "c", "locals", "q")
    assert "Breakpoint 1: x.lua:3" in said
    assert "x.lua:3 in add (breakpoint 1)" in said
    assert "*-> 3    return sum" in said
    assert "  a = 1\n  b = 2\n  sum = 3\n" in said


def test_walking_and_looking(program: str) -> None:
    said = session(
        program,
        "tb 3",
        "c",
        "bt",
        "p a + b",
        "up",
        "p t",
        "down",
        "w sum",
        "set sum = 99",
        "f",
        "n",
        "threads",
        "c",
    )
    assert "#0   add at x.lua:3" in said
    assert "\n3\n" in said
    assert "  x = {y = 1}" in said
    assert "sum = 99" in said
    assert "returned 99" in said
    assert "* 1: main" in said
    assert said.count("(breakpoint 1)") == 1, "a tbreak stops once"
    assert "r\t99" in said
    assert said.endswith("The program has ended with code 0.\n")


def test_breakpoints_on_the_command_line(program: str) -> None:
    said = session(program, "p r", "d", "c", options=("-b", "8 if r == 4", "-b", "99"))
    assert "x.lua:8 in main chunk (breakpoint 1)" in said
    assert "Breakpoint 2: x.lua:99 [there is no statement on line 99 or after it]" in said
    assert "r\t3\n" in said.partition("x.lua:8")[0]


def test_until_leaves_a_loop(program: str) -> None:
    said = session(program, "b 8", "c", "d 1", "u", "u", "u", "q")
    assert "x.lua:10 in main chunk" in said


def test_mistakes_are_told_and_the_session_goes_on(program: str) -> None:
    said = session(program, "foo", "b", "b x:y", "p )", "up", "set x", "d 7", "c", "n", "locals", "help finish", "q")
    for words in (
        "no command named 'foo'",
        "No breakpoints.",
        "a breakpoint is LINE or FILE:LINE",
        "unexpected symbol near ')'",
        "there is no frame further up",
        "write: set TARGET = EXPRESSION",
        "there is no breakpoint 7",
        "the program has ended; `run` starts it again",
        "Run until this function returns.",
    ):
        assert words in said


def test_run_again(program: str) -> None:
    said = session(program, "b 10", "c", "run", "c", "q")
    assert said.count("x.lua:10 in main chunk (breakpoint 1)") >= 1
    assert said.count("r\t5") == 2 or said.count("(entry)") == 2


def test_errors_stop_where_they_are_raised(tmp_path: Path) -> None:
    path = tmp_path / "e.lua"
    path.write_text("local t = nil\nlocal x = 1\nprint(t.x)\n")
    said = session(str(path), "c", "locals", "c")
    assert "e.lua:3 in main chunk (exception)" in said
    assert "attempt to index a nil value (local 't')" in said
    assert "The program has ended with code 1." in said


def test_a_program_that_can_not_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "bad.lua"
    path.write_text("x = = 1\n")
    result = llmspell("debug", str(path))
    assert result.returncode == 1
    assert result.stdout.count("unexpected symbol near '='") == 1


def test_a_person_at_a_terminal(program: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*LLMSPELL, "debug", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment(), "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
    )
    os.close(theirs)

    seen = ""

    def sees(text: str) -> str:
        nonlocal seen
        while text not in seen:
            assert select.select([ours], [], [], PATIENCE)[0], f"{text!r} never came: {seen!r}"
            seen += os.read(ours, 65536).decode(errors="replace")
        before, _, seen = seen.partition(text)
        return before

    assert "\033[" in sees("(llmspell)"), "there is colour on a terminal"
    os.write(ours, b"b 3\r")
    sees("Breakpoint 1")
    sees("(llmspell)")
    os.write(ours, b"c\r")
    sees("(breakpoint 1)")
    sees("(llmspell)")
    os.write(ours, b"quit\r")
    assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert "+b 3" in (tmp_path / "llmspell" / "debug-history").read_text()
