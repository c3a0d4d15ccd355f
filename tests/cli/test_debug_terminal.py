"""The terminal debugger, by a person at a terminal: colour, keys, history, Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_debug import PROGRAM
from tests.support.person import CTRL_C, CTRL_D, PROMPT, Person, people

Sit = Callable[..., Person]


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Sit]:
    """Sit down before a program: its text, then options."""
    with people() as seated:

        def sit(text: str, *options: str, **env: str) -> Person:
            (tmp_path / "x.lua").write_text(text)
            return seated(Person(tmp_path, *options, "x.lua", **env))

        yield sit


def test_colour_history_and_goodbye(sit: Sit, tmp_path: Path) -> None:
    person = sit(PROGRAM)
    assert person.sees_colour()
    person.types("b 3\r")
    person.sees("Breakpoint 1")
    person.sees(PROMPT)
    person.types("c\r")
    person.sees("(breakpoint 1)")
    person.sees(PROMPT)
    person.types("\x1b[A\x1b[A\r")  # up, up: b 3
    person.sees("Breakpoint 2")
    person.sees(PROMPT)
    person.types("n\r")
    person.sees("x.lua:8")
    person.sees(PROMPT)
    person.types("\r")  # again
    person.sees("x.lua:6")
    person.sees(PROMPT)
    person.types(CTRL_D)
    assert person.leaves() == 0
    assert "+b 3" in (tmp_path / "llmspell" / "debug-history").read_text()


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(sit: Sit, env: dict[str, str]) -> None:
    person = sit(PROGRAM, **env)
    assert not person.sees_colour()
    person.types("q\r")
    assert person.leaves() == 0


def test_tab_completes_commands_files_and_names(sit: Sit, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "periods.lua").write_text("return 1\n")
    person = sit(PROGRAM, "-b", "3")
    person.sees(PROMPT)

    def completes(typed: str, rest: str) -> None:
        person.types(typed + "\t")
        person.sees(rest)

    completes("tbr", "eak")
    completes("lib/per", "iods.lua:")
    person.types("1\r")
    person.sees("Breakpoint 2: periods.lua:1 (once)")
    person.sees(PROMPT)
    completes("tb 8 if su", "m")
    person.types(" == 3\r")
    person.sees("Breakpoint 3: x.lua:8 if sum == 3 (once)")
    person.sees(PROMPT)
    completes("p su", "m")
    person.types(" * 14\r")
    person.sees("42")
    person.sees(PROMPT)
    completes("help unt", "il")
    person.types("\r")
    person.sees("until, u [LINE]")
    person.sees(PROMPT)
    person.types("q\r")
    assert person.leaves() == 0


def test_ctrl_c_pauses_a_program_and_cancels_an_expression(sit: Sit) -> None:
    person = sit("local n = 0\nio.write('on')\nwhile true do n = n + 1 end\n")
    person.sees(PROMPT)
    person.types("c\r")
    person.sees("on")
    person.types(CTRL_C)
    person.sees("x.lua:3 in main chunk (pause)")
    person.sees(PROMPT)
    person.types("p (function() print(('x'):rep(5)) while true do end end)()\r")
    person.sees("xxxxx")
    person.types(CTRL_C)
    person.sees("cancelled")
    person.sees(PROMPT)
    person.types("p 6 * 7\r")
    person.sees("42")
    person.sees(PROMPT)
    person.types("half a line" + CTRL_C)
    person.sees(PROMPT)
    person.types(CTRL_D)
    assert person.leaves() == 0


def test_ctrl_c_ends_many_steps(sit: Sit) -> None:
    person = sit("local n = 0\nwhile true do\n  n = n + 1\nend\n")
    person.sees(PROMPT)
    for _ in range(8):  # wherever between two steps it comes
        person.types("n 1000000\r")
        person.sees("x.lua:3 in main chunk (step)")
        person.types(CTRL_C)
        person.sees(PROMPT)
        person.types("p type(n)\r")
        person.sees("number")
        person.sees(PROMPT)
    person.types("bt\r")
    person.sees("#0   main chunk at x.lua:")
    person.sees(PROMPT)
    person.types("q\r")
    assert person.leaves() == 0


def test_a_program_that_waits_for_ever_in_c_can_be_left(sit: Sit) -> None:
    person = sit("print('reads')\nio.read()\n")
    person.sees(PROMPT)
    person.types("c\r")
    person.sees("reads")
    person.types(CTRL_C)
    person.sees("The program waits outside of Lua and pauses when it comes back")
    person.types(CTRL_C)
    person.sees("The program is left.")
    assert person.leaves() == 0


def test_a_program_reads_what_is_typed(sit: Sit) -> None:
    person = sit("print('name?')\nprint('hello ' .. io.read())\n")
    person.sees(PROMPT)
    person.types("c\r")
    person.sees("name?")
    person.types("Ada\r")
    person.sees("hello Ada")
    person.sees(PROMPT)
    person.types("q\r")
    assert person.leaves() == 0


def test_two_files_of_one_name_are_shown_as_they_are(sit: Sit, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "init.lua").write_text(f"return '{name} is here'\n")
    person = sit("require('one')\nrequire('two')\n", "-b", "one/init.lua:1", "-b", "two/init.lua:1")
    person.sees("one is here")
    person.sees(PROMPT)
    person.types("c\r")
    person.sees("two is here")
    person.sees(PROMPT)
    person.types("q\r")
    assert person.leaves() == 0
