"""``llmspell repl``: cells from a pipe, and by a person at a terminal."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL
from tests.support.client import PATIENCE, environment
from tests.support.person import CTRL_C, CTRL_D, Typist, people


def piped(folder: Path, *lines: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LLMSPELL, "repl", *options],
        input="".join(line + "\n" for line in lines),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**environment(), "XDG_STATE_HOME": str(folder)},
        timeout=PATIENCE,
    )


# From a pipe ------------------------------------------------------------------------------------------


def test_cells_are_read_line_by_line_and_may_have_several(tmp_path: Path) -> None:
    done = piped(
        tmp_path,
        "x = 20",
        "",
        "function f(a)",
        "",
        "  return 2 * a",
        "end",
        "f(x)",
        "f(x), 'two'",
        'text = "a \\',
        'b"',
        "text",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "40\n40\ttwo\na \nb\n", "")


def test_an_equals_sign_shows_a_value_as_in_lua_s_own_console(tmp_path: Path) -> None:
    done = piped(tmp_path, "x = 20", "=x + 1", "= x, 'y'")
    assert (done.stdout, done.stderr) == ("21\n20\ty\n", "")


def test_what_commands_and_c_write_comes_in_order(tmp_path: Path) -> None:
    done = piped(tmp_path, "print(1) print(2) os.execute('echo 3') print(4) io.write('five')", "6")
    assert done.stdout == "1\n2\n3\n4\nfive6\n"


def test_an_error_is_told_with_its_place_and_the_next_cell_is_run(tmp_path: Path) -> None:
    done = piped(tmp_path, "function f() error('boom') end", "f()", "1 + ", "+", "print('on')")
    assert (done.returncode, done.stdout) == (1, "on\n")
    assert "LuaError: In[1]:1: boom" in done.stderr and "In[1]:1: in function 'f'" in done.stderr
    assert "SyntaxError: " in done.stderr and "\x1b" not in done.stderr


def test_what_is_never_complete_is_told_at_the_end(tmp_path: Path) -> None:
    done = piped(tmp_path, "print(1)", "for i = 1, 3 do", "print(i)")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert "'end' expected" in done.stderr


def test_a_cell_reads_the_lines_that_follow_it_and_a_command_finds_none(tmp_path: Path) -> None:
    done = piped(tmp_path, "local name = io.read() print('hello ' .. name)", "world", "os.execute('cat') print('on')")
    assert (done.returncode, done.stdout) == (0, "hello world\non\n")


def test_the_end_of_the_pipe_is_the_end_of_what_a_cell_reads(tmp_path: Path) -> None:
    done = piped(
        tmp_path,
        "print(io.read('n', 'l')) for line in io.lines() do print(#line) end print(io.read(), io.read('a'))",
        "12 rest",
        "abc",
        "",
    )
    assert (done.returncode, done.stdout) == (0, "12\t rest\n3\n0\nnil\t\n")


@pytest.mark.parametrize("code", ["print(i)", "io.stderr:write(i, '\\n') print(i)"])
def test_it_ends_when_nobody_reads_its_output(tmp_path: Path, code: str) -> None:
    endless = f"for i = 1, math.huge do {code} end\nprint('not that')\n"
    repl = subprocess.Popen(
        [*LLMSPELL, "repl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(), cwd=tmp_path,
    )  # fmt: skip
    assert repl.stdin is not None and repl.stdout is not None and repl.stderr is not None
    repl.stdin.write(endless)
    repl.stdin.close()
    assert repl.stdout.readline() == "1\n"
    repl.stdout.close()
    told = repl.stderr.read()
    repl.stderr.close()
    assert repl.wait(PATIENCE) == 1 and "Traceback" not in told and "Broken pipe" not in told


def test_no_stdin_is_an_empty_one(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *LLMSPELL, "repl"], capture_output=True, env=environment(), timeout=PATIENCE
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_os_exit_ends_it_with_its_code(tmp_path: Path) -> None:
    done = piped(tmp_path, "os.exit(7)", "print('never')")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_sessions_are_saved_and_loaded_and_scripts_run(tmp_path: Path) -> None:
    (tmp_path / "lib.lua").write_text("return { name = 'lib' }\n")
    (tmp_path / "script.lua").write_text(
        "#!/usr/bin/lua\nprint(require('lib').name, ..., arg[2], ARGS.to)\nfrom_script = true"
    )
    done = piped(
        tmp_path, "a = 1", "error('not this one')", "function b()", "  return a + 1", "end", ".save saved.lua", ".reset", "a",
        ".load saved.lua", "b()", ".run script.lua 'x y' --to z", "from_script", "arg", ".variables",
    )  # fmt: skip
    assert done.stdout.splitlines()[:5] == ["2 cells are in saved.lua", "nil", "2", "lib\tx y\t--to\tz", "true"]
    assert "a = 1" in done.stdout and "b: function: In[" in done.stdout and "from_script = true" in done.stdout
    assert (tmp_path / "saved.lua").read_text() == "a = 1\nfunction b()\n  return a + 1\nend\n"


def test_a_script_that_fails_is_told_by_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "bad.lua").write_text("local x = 1\nerror('boom')\n")
    done = piped(tmp_path, ".run bad.lua")
    assert done.returncode == 1 and "/bad.lua:2: boom" in done.stderr and "bad.lua:2: in main chunk" in done.stderr


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    done = piped(
        tmp_path, ".pwd", ".ls", ".cd folder", ".perf on", "1", ".perf off", ".hist 1", ".tools hash", ".info", ".help"
    )
    lines = done.stdout.splitlines()
    assert lines[:3] == [str(tmp_path), "folder/", str(tmp_path / "folder")] and lines[5].endswith(" ms")
    assert "[1] 1" in lines and any(line.startswith("hash-calculator ") for line in lines)
    assert any(line.startswith(".variables") for line in lines)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (".savee x", "did you mean .save?"),
        (".save", "write .save F"),
        (".load missing.lua", "missing.lua: no such file"),
        (".cd 'x", "no closing quotation"),
        (".hist x", ".history takes a number"),
        (".", "no command ."),
        (".exit now", "write .exit"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path: Path, line: str, told: str) -> None:
    done = piped(tmp_path, line, "print('on')")
    assert (done.returncode, done.stdout) == (1, "on\n")
    assert told in done.stderr and len(done.stderr.splitlines()) == 1


def test_names_and_tools_are_explained(tmp_path: Path) -> None:
    done = piped(tmp_path, "-- Doubles.", "function f(a) return 2 * a end", "f?", "calculator?")
    assert "function f(a)" in done.stdout and "tool calculator" in done.stdout


def test_ctrl_c_interrupts_a_cell_from_a_pipe_and_the_next_is_run(tmp_path: Path) -> None:
    repl = subprocess.Popen(
        [*LLMSPELL, "repl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(), cwd=tmp_path,
    )  # fmt: skip
    assert repl.stdin is not None and repl.stdout is not None
    repl.stdin.write("print('runs') while true do end\nprint('on')\n")
    repl.stdin.flush()
    assert repl.stdout.readline() == "runs\n"
    repl.send_signal(signal.SIGINT)
    out, told = repl.communicate(timeout=PATIENCE)
    assert (repl.returncode, out) == (1, "on\n") and "Interrupted" in told


def test_a_console_of_its_own_imports_neither_zmq_nor_asyncio(tmp_path: Path) -> None:
    done = subprocess.run(
        [LLMSPELL[0], "-X", "importtime", *LLMSPELL[1:], "repl"], input="1 + 1\n.tools hash\n", capture_output=True, text=True,
        env=environment(), cwd=tmp_path, timeout=PATIENCE,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.stdout.startswith("2\n") and "llmspell_kernel.jupyter.kernel" in imported
    assert not imported & {"zmq", "asyncio", "prompt_toolkit", "lsprotocol"}


# At a terminal ------------------------------------------------------------------------------------------


Sit = Callable[..., Typist]


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Sit]:
    with people() as seated:
        yield lambda *words, **env: seated(Typist(tmp_path, *(words or ("repl",)), **env))


def test_a_person_types_cells_of_several_lines_with_history_and_colour(sit: Sit, tmp_path: Path) -> None:
    person = sit()
    person.sees_prompt(1)
    person.types("for i = 1, 2 do\r")
    person.sees("...")
    person.types("print('turn', i)\r")
    person.types("end\r")
    person.sees("turn\t1")
    person.sees("turn\t2")
    person.sees_prompt(2)
    person.types("io.write('no line end')\r")
    person.sees("no line end\r\n")
    person.sees_prompt(3)
    person.types("nonsense.field\r")
    person.sees("attempt to index a nil value")
    person.sees_prompt(4)
    person.types("\x1b[A\x1b[A\x1b[A\r")  # the loop, whole
    person.sees("turn\t2")
    person.sees_prompt(5)
    person.types(CTRL_D)
    assert person.leaves() == 0
    assert "for i = 1, 2 do" in (tmp_path / "llmspell" / "repl-history").read_text()


def test_a_history_that_can_t_be_kept_is_told(sit: Sit) -> None:
    person = sit("repl", "--history", "/no/such/folder/history")
    person.sees("cannot keep the history in /no/such/folder/history: no such file or directory")
    assert person.leaves() == 2


def test_tab_completes_globals_members_tools_and_their_parameters(sit: Sit) -> None:
    person = sit()
    person.sees_prompt(1)
    person.types("my_number = 4\r")
    person.sees_prompt(2)
    person.types("return my_nu\t")
    person.sees("mber")
    person.types(" + 1\r")
    person.sees("\n5\r")
    person.sees_prompt(3)
    for typed, offered in (("Tool.exec\t", "ute"), ("('calcul\t", "ator"), ("', { inp\t", "ut")):
        person.types(typed)
        person.sees(offered)
    person.types(" = '6 * 7' }).text\r")
    person.sees("\n42\r")
    person.sees_prompt(4)
    person.types(".var\t")
    person.sees("iables")
    person.types("\r")
    person.sees("my_number = 4")


def test_ctrl_c_gives_a_line_up_and_interrupts_a_cell(sit: Sit) -> None:
    person = sit()
    person.sees_prompt(1)
    person.types("half a line" + CTRL_C)
    person.sees_prompt(1)
    person.types("print('runs') while true do end\r")
    person.sees("runs\r\n")
    person.types(CTRL_C)
    person.sees("Interrupted")
    person.sees_prompt(2)
    person.types("print('waits') os.execute('sleep 1000')\r")
    person.sees("waits\r\n")
    person.types(CTRL_C)
    person.sees("Interrupted")
    person.sees_prompt(3)
    person.types("print('reads') return io.read()\r")
    person.sees("reads\r\n")
    person.types("typed\r")
    person.sees("\ntyped")
    person.sees_prompt(4)
    person.types("print('reads again') return io.read()\r")
    person.sees("reads again\r\n")
    person.types(CTRL_C)
    person.sees("Interrupted")
    person.sees_prompt(5)
    person.types("os.exit(3)\r")
    assert person.leaves() == 3
