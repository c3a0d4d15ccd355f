"""The terminal debugger, by a script of commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.test_run import EXAMPLES, LLMSPELL, llmspell
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


def test_every_command_has_a_form_of_one_letter(program: str, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("v\n")
    said = session(program, "o 3", "c", "k", "= sum = 40", f"x {tmp_path / 'more'}", "<", "p i", ">", "p sum", "b")
    assert "x.lua:3 in add (breakpoint 1)" in said
    assert "main chunk" in said
    assert "  sum = 40\n" in said
    assert "\n1\n" in said
    assert said.endswith("40\nNo breakpoints.\n")


def test_breakpoints_on_the_command_line(program: str) -> None:
    said = session(program, "p r", "d", "c", options=("-b", "8 if r == 4", "-b", "99"))
    assert "x.lua:8 in main chunk (breakpoint 1)" in said
    assert "Breakpoint 2: x.lua:99 [there is no statement on line 99 or after it]" in said
    assert "r\t3\n" in said.partition("x.lua:8")[0]


@pytest.mark.parametrize(("options", "shown"), [((), "x.lua:4"), (("--all-code",), "lib.lua:2")])
def test_a_step_goes_over_installed_libraries(tmp_path: Path, options: tuple[str, ...], shown: str) -> None:
    folder = tmp_path / "lua_modules" / "share" / "lua" / "5.4"
    folder.mkdir(parents=True)
    (folder / "lib.lua").write_text("return function()\n  return 1\nend\n")
    program = tmp_path / "x.lua"
    program.write_text(f'package.path = "{folder}/?.lua"\nlocal lib = require("lib")\nlib()\nprint("end")\n')
    said = session(str(program), "s", "q", options=("-b", "3", *options))
    assert said.rpartition("breakpoint 1")[2].lstrip("\n) ").find(shown) >= 0


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


def test_options_and_arguments_stand_on_either_side_of_the_script(tmp_path: Path) -> None:
    path = tmp_path / "a.lua"
    path.write_text("print(...)\nprint('end')\n")
    for words, printed in (
        (["a.lua", "-b", "2", "--", "-b", "x"], "-b\tx\n"),
        (["-b", "2", "a.lua", "--key", "v"], "--key\tv\n"),
        (["a.lua", "-b2", "--memory=50", "--safe", "one", "-b"], "one\t-b\n"),
        (["-b", "2", "--", "a.lua", "-b", "9"], "-b\t9\n"),
    ):
        result = llmspell("debug", *words, given="c\n", cwd=tmp_path)
        assert result.stdout.startswith(printed), (words, result)
        assert "a.lua:2 in main chunk (breakpoint 1)" in result.stdout


def test_limits_are_those_of_run(tmp_path: Path) -> None:
    path = tmp_path / "loop.lua"
    path.write_text("while true do end\n")
    said = session(str(path), "c", options=("--timeout", "0.2"))
    assert "the program ran longer than its limit of 0.2 s" in said
    result = llmspell("debug", "--memory", "-4", str(path))
    assert result.returncode == 2
    assert "expected a number above 0, not '-4'" in result.stderr


def test_a_pipe_of_commands_is_not_the_input_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "reads.lua"
    path.write_text("print(io.read())\nos.execute('cat')\n")
    said = session(str(path), "c", "p 1", "run", "p 6 * 7")
    assert "nil\n" in said
    assert said.count("reads.lua:1 in main chunk (entry)") == 2
    assert "\n42\n" in said


def test_list_goes_on_where_it_was(program: str) -> None:
    said = session(program, "l", "l", "l", "n", "l 2", "l")
    first, second = said.split("x.lua:5 in main chunk")
    assert [first.count(f" {n}  ") for n in (1, 9, 10)] == [1, 1, 1]
    assert "x.lua ends with line 10" in first
    assert "10  print" in second


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    path = tmp_path / "deep.lua"
    path.write_text(
        "local t = {}\nfor i = 1, 150 do t[i] = i end\n"
        "local function deep(n)\n  if n == 0 then\n    return #t\n  end\n  return 1 + deep(n - 1)\nend\n"
        "print(deep(300))\n"
    )
    said = session(str(path), "b 5", "c", "p t", "bt", "bt 2", "up 200", "p n", "up 500", "q")
    assert "  [100] = 100\n  … and more\n" in said
    assert "#99 " in said
    assert "  … 202 more\n" in said
    assert "#1   deep at deep.lua:7\n  … 300 more\n" in said
    assert "* #200 deep at deep.lua:7" in said
    assert "\n200\n" in said
    assert "there is no frame further up" in said


def test_a_stack_too_deep_to_be_counted_at_each_stop(tmp_path: Path) -> None:
    path = tmp_path / "deep.lua"
    path.write_text(
        "local function deep(n)\n  if n == 0 then\n    return 0\n  end\n"
        "  local r =\n    1 + deep(n - 1)\n  return r\nend\nprint(deep(9000))\n"
    )
    said = session(str(path), "b 3", "c", "bt 2", "up 8500", "up 600", "u", "u", "u", "q")
    assert "  … 9000 more\n" in said
    assert "* #8500 deep at deep.lua:6" in said
    assert "there is no frame further up" in said
    places = [int(line.split()[0].split(":")[1]) for line in said.splitlines() if line.endswith("(step)")]
    assert places == [6, 7, 6], "until sees that it has left the function, though the line is above"


def test_set_finds_its_equals_sign(program: str) -> None:
    said = session(
        program, "b 6", "c", 'set t["a=b"] = 3', 'p t["a=b"]', "set t.same = t.x == t.x", "p t.same", "set t == 3"
    )
    assert 't["a=b"] = 3\n3\n' in said
    assert "t.same = true\ntrue\n" in said
    assert "write: set TARGET = EXPRESSION" in said


def test_statements_print_nothing(program: str) -> None:
    assert "\n5\n" in session(program, "p g = 5", "p g")
    assert "\n\n" not in session(program, "p g = 5", "p g")


def test_until_a_line(program: str) -> None:
    said = session(program, "u 99", "u 3", "b", "p sum", "b 10", "u 11", "c")
    assert "there is no statement on line 99 or after it" in said
    assert "x.lua:3 in add (until)" in said
    assert "No breakpoints.\n3\n" in said
    assert "Breakpoint 1: x.lua:10\n" in said, "until uses no number"


def test_a_breakpoint_that_moves_says_so(program: str) -> None:
    said = session(program, "b 9", "b")
    assert said.count("1: x.lua:10 (the first statement from line 9 on)") == 2


def test_files_of_commands(program: str, tmp_path: Path) -> None:
    (tmp_path / "inner").write_text("# comment\nn\nfoo\nn\n")
    (tmp_path / "outer").write_text("source inner\n")
    (tmp_path / "self").write_text("source self\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    given = "source outer\nsource self\nsource binary\nsource none\nsource .\np 1 + 1\n"
    result = llmspell("debug", program, given=given, cwd=tmp_path)
    assert result.stderr == ""
    assert "outer:1: inner:3: no command named 'foo'" in result.stdout
    assert "self:1: self is being done already" in result.stdout
    assert "binary:1: no command" in result.stdout
    assert "cannot read none: No such file" in result.stdout
    assert "cannot read .: Is a directory" in result.stdout
    assert result.stdout.count("(step)") == 1, "the first that fails is the last one"
    assert result.stdout.endswith("2\n")


def test_a_script_that_was_broken_and_mended_between_two_runs(tmp_path: Path) -> None:
    path = tmp_path / "x.lua"
    path.write_text("print('good')\n")
    script = f"""set go = function(text) local f <close> = io.open("{path}", "w") f:write(text) end"""
    said = session(str(path), script, 'p go("x = =")', "run", "run", "bt", "locals")
    assert said.count("unexpected symbol near '='") == 2
    assert said.count("the program can't be started; mend it, then `run`") == 2
    assert said.count("the program has ended; `run` starts it again") == 2


def test_lines_are_counted_as_lua_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "lines.lua"
    path.write_bytes("local a = 1 -- \f \u2028 \x85 \x0b\r\nlocal b = 2\rlocal c = 3\nprint(a)\n".encode())
    said = session(str(path), "b 4", "c")
    assert "lines.lua:4 in main chunk (breakpoint 1)" in said
    assert "*-> 4  print(a)\n" in said


def test_a_terminal_of_few_characters(program: str) -> None:
    result = subprocess.run(
        [*LLMSPELL, "debug", program],
        input='p "h\xe4\u20ac"\n',
        capture_output=True,
        encoding="utf-8",
        env={**environment(), "PYTHONIOENCODING": "ascii"},
        timeout=PATIENCE,
    )
    assert result.stderr == ""
    assert "\\u20ac" in result.stdout


@pytest.mark.parametrize("name", ["hello.lua", "pipeline.lua", "retry.lua", "wordcount.lua", "ledger/main.lua"])
def test_the_examples_do_the_same_when_debugged(name: str) -> None:
    path = str(EXAMPLES / name)
    said = session(path, "b 30", "c", "s", "f", "d", "c", "c")
    printed = llmspell("run", path).stdout.splitlines()
    assert [line for line in said.splitlines() if line in printed] == printed
    assert said.endswith(("ended with code 0.\n", "`run` starts it again\n"))
