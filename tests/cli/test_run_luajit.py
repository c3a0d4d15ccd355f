"""``llmspell run --runtime luajit``."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL, llmspell
from tests.support.client import PATIENCE, environment

LUAJIT = ("run", "--runtime", "luajit")
HIDDEN = "import sys; sys.modules['lupa.luajit21'] = None; from llmspell_kernel.__main__ import main; sys.exit(main())"


def write(folder: Path, text: str, name: str = "script.lua") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_tools_arguments_and_what_is_printed(tmp_path: Path) -> None:
    script = write(
        tmp_path,
        """\
print(jit.version:match("LuaJIT"), _VERSION, ..., ARGS.name, arg[1], coroutine.running())
print(Tool.execute("calculator", { input = "6 * 7" }).text, pcall(Tool.execute, "none", {}))
io.write(2 ^ 53, " ", 1.0, "\\n")
print(os.execute("exit 3"), io.popen("echo hi"):read("*l"), io.popen("exit 3"):close())
""",
    )
    ran = llmspell(*LUAJIT, script, "a", "--name", "b")
    assert ran.stdout == (
        "LuaJIT\tLua 5.1\ta\tb\ta\tnil\n42\tfalse\tno tool named 'none'; `llmspell tool list` and Tool.list() name all\n"
        "9.007199254741e+15 1\n768\thi\ttrue\n"
    )
    assert (ran.stderr, ran.returncode) == ("", 0)


def test_an_error_has_its_traceback(tmp_path: Path) -> None:
    script = write(tmp_path, "local function f(t)\n  return t.x.y\nend\nprint(f({}))\n")
    ran = llmspell(*LUAJIT, script)
    assert ran.returncode == 1
    assert [line.rpartition("/")[2] for line in ran.stderr.splitlines()] == [
        "script.lua:2: attempt to index field 'x' (a nil value)",
        "stack traceback:",
        "script.lua:2: in function 'f'",
        "script.lua:4: in main chunk",
    ]


def test_a_stack_overflow_is_told(tmp_path: Path) -> None:
    ran = llmspell(*LUAJIT, write(tmp_path, "local function f() return 1 + f() end\nf()\n"))
    assert ran.returncode == 1
    assert "script.lua:1: stack overflow" in ran.stderr


@pytest.mark.parametrize("loop", ["while true do end", "while true do pcall(tostring, {}) end"])
def test_compiled_loops_end_at_a_limit_of_time_and_at_ctrl_c(tmp_path: Path, loop: str) -> None:
    script = write(tmp_path, f"print('in') io.stdout:flush()\n{loop}\n")
    ran = llmspell("run", "--timeout", "0.2", *LUAJIT[1:], script)
    assert (ran.stdout, ran.returncode) == ("in\n", 1)
    assert "longer than its limit of 0.2 s" in ran.stderr
    process = subprocess.Popen(
        [*LLMSPELL, *LUAJIT, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert (told, process.returncode) == ("llmspell: interrupted\n", 130)


def test_a_limit_of_memory(tmp_path: Path) -> None:
    script = write(tmp_path, "local t = {}\nfor i = 1, 1e8 do t[i] = ('x'):rep(100) .. i end\n")
    ran = llmspell("run", "--memory", "20", *LUAJIT[1:], script)
    assert ran.returncode == 1
    assert "needs more than its limit of 20 MB" in ran.stderr


def test_safe_mode_has_no_way_around_it(tmp_path: Path) -> None:
    text = """\
print(pcall(require, "ffi"), pcall(require, "jit.util"), jit.off, io.open, debug.sethook)
print(loadstring(string.dump(loadstring("return 1"))), getfenv(Tool.execute).debug.sethook, getfenv(print).io.open)
"""
    ran = llmspell("run", "--safe", *LUAJIT[1:], write(tmp_path, text))
    assert ran.returncode == 0
    first, second = ran.stdout.splitlines()[0], ran.stdout.splitlines()[-1]
    assert first.startswith("false\tfalse") and "nil\tnil\tnil" in ran.stdout
    assert second.endswith("\tnil\tnil")


def test_the_settings_of_a_project_may_choose_it(tmp_path: Path) -> None:
    write(tmp_path, '[lua]\nruntime = "luajit"\n', "llmspell.toml")
    script = write(tmp_path, "print(jit ~= nil)\n")
    assert llmspell("run", script, cwd=tmp_path).stdout == "true\n"
    assert llmspell("run", "--runtime", "lua54", script, cwd=tmp_path).stdout == "false\n"


def test_a_runtime_that_there_is_not(tmp_path: Path) -> None:
    script = write(tmp_path, "print(1)\n")
    ran = llmspell("run", "--runtime", "lua51", script)
    assert ran.returncode == 2
    assert "--runtime: expected lua54 or luajit, not 'lua51'" in ran.stderr
    command = [sys.executable, "-c", HIDDEN, *LUAJIT, script]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=PATIENCE, check=False)
    assert (ran.stderr, ran.returncode) == (
        "llmspell: this machine's lupa was built without luajit; use the runtime lua54\n",
        1,
    )
