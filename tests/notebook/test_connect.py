"""Commands in a kernel that runs already: `kernel connect`, and --connect of run, exec and tool."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmspell_kernel.jupyter.connection import new_connection, read_connection, write_connection
from tests.cli.test_run import LLMSPELL
from tests.support.client import PATIENCE, environment
from tests.support.person import CTRL_C, CTRL_D, Typist, people


class Kernel:
    """A kernel process that was started by hand."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*LLMSPELL, "kernel", "start", *words], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env=environment(),
        )  # fmt: skip
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        self.file = Path(line.split()[-1])
        self.id = self.file.stem.removeprefix("kernel-")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self) -> None:
        assert self.process.stderr is not None
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


@pytest.fixture
def own() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


def llmspell(*words: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LLMSPELL, *words], input=given, capture_output=True, text=True, env={**environment(), **env}, timeout=PATIENCE
    )


# Which kernel -------------------------------------------------------------------------------------------


def test_a_kernel_is_found_by_its_id_its_file_and_each_of_its_ports(shared: Kernel) -> None:
    ports = read_connection(str(shared.file)).ports
    for which in (shared.id, str(shared.file), f"127.0.0.1:{ports[0]}", f"localhost:{ports[3]}", str(ports[1])):
        done = llmspell("exec", "--connect", which, "6 * 7")
        assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")


def test_another_machine_s_kernel_is_five_ports_and_a_key(tmp_path: Path) -> None:
    key = "secret"
    kernel, port = _in_a_row(tmp_path, key)
    try:
        address = f"127.0.0.1:{port}"
        assert (
            "give its connection file, or the key in it as --key" in llmspell("exec", "--connect", address, "1").stderr
        )
        assert llmspell("exec", "--connect", address, "--key", key, "6 * 7").stdout == "42\n"
        assert llmspell("exec", "--connect", address, "6 * 7", LLMSPELL_KERNEL_KEY=key).stdout == "42\n"
        wrong = llmspell("exec", "--connect", address, "--key", "wrong", "1")
        assert (wrong.returncode, wrong.stdout) == (2, "") and "does not take this key" in wrong.stderr
    finally:
        kernel.terminate()
        kernel.wait(PATIENCE)


def _in_a_row(folder: Path, key: str) -> tuple[subprocess.Popen[bytes], int]:
    """A kernel on five ports in a row: whichever are free."""
    for port in range(20_000 + os.getpid() % 20_000, 65_000, 5):
        path = folder / f"{port}.json"
        write_connection(str(path), new_connection()._replace(key=key).with_ports(tuple(range(port, port + 5))))
        kernel = subprocess.Popen(
            [*LLMSPELL, "kernel", "start", "-f", str(path)], stderr=subprocess.DEVNULL, env=environment()
        )
        if llmspell("exec", "--connect", str(path), "1").returncode == 0 or kernel.poll() is None:
            return kernel, port
    raise AssertionError("no ports")


@pytest.mark.parametrize("command", [["exec"], ["tool", "invoke"], ["tool", "list"], ["repl"], ["run"]])
def test_who_is_not_there_is_told_in_a_line(command: list[str], tmp_path: Path) -> None:
    script = tmp_path / "x.lua"
    script.write_text("")
    rest = {"exec": ["1"], "run": [str(script)], "invoke": ["calculator"]}.get(command[-1], [])
    done = llmspell(*command, "--connect", "nobody", *rest)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "no kernel has the id 'nobody'" in done.stderr


def test_a_kernel_that_was_killed_is_told_at_once(own: Kernel) -> None:
    own.kill()
    for which in (own.id, str(own.file)):
        done = llmspell("exec", "--connect", which, "1")
        assert done.returncode == 2 and "it has ended" in done.stderr
    assert f"{own.id}" in llmspell("exec", "--connect", own.id + "x", "1").stderr
    own.file.unlink()
    assert "cannot read" in llmspell("exec", "--connect", str(own.file), "1").stderr


def test_a_kernel_that_has_clients_enough_says_so() -> None:
    kernel = Kernel("--max-clients", "1")
    console = subprocess.Popen(
        [*LLMSPELL, "kernel", "connect", kernel.id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip
    assert console.stdin is not None and console.stdout is not None
    try:
        console.stdin.write("print('first')\n")
        console.stdin.flush()
        assert console.stdout.readline() == "first\n"
        second = llmspell("exec", "--connect", kernel.id, "'second'")
        assert second.returncode == 1 and second.stdout == "" and "client" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        assert console.communicate("print('on')\n", timeout=PATIENCE)[0] == "on\n"
    finally:
        console.kill()
        console.wait(PATIENCE)
        kernel.close()


# Programs ------------------------------------------------------------------------------------------------


def test_a_script_runs_there_with_its_arguments_its_output_and_its_exit_code(shared: Kernel, tmp_path: Path) -> None:
    (tmp_path / "beside.lua").write_text("return 'module'")
    script = tmp_path / "script.lua"
    script.write_text(
        "print(arg[1], ARGS.to, (require('beside')), ...)\nio.stderr:write('err\\n')\nkept = (kept or 0) + 1\n"
        "print(io.read())\nif arg[1] == 'fail' then local nothing = nil\nprint(nothing.x) end\nos.exit(kept)"
    )
    first = llmspell("run", "--connect", shared.id, str(script), "--", "a b", "--to", "c", given="typed\n")
    assert (first.returncode, first.stdout, first.stderr) == (1, "a b\tc\tmodule\ta b\t--to\tc\ntyped\n", "err\n")
    assert llmspell("run", "--connect", shared.id, str(script), given="\n").returncode == 2, "the state is shared"
    failed = llmspell("run", "--connect", shared.id, str(script), "fail", given="\n")
    assert failed.returncode == 1 and "script.lua:6: attempt to index a nil value" in failed.stderr
    assert llmspell("exec", "--connect", shared.id, "kept, arg[0] == 'notebook' or arg[0]").stdout.startswith("3\t")


def test_a_program_reads_our_input_to_its_end(shared: Kernel) -> None:
    done = llmspell(
        "exec", "--connect", shared.id, "print(io.read()) print(io.read('a')) print(io.read())", given="1\n2\n3\n"
    )
    assert (done.returncode, done.stdout) == (0, "1\n2\n3\n\nnil\n")


def test_what_can_t_be_had_there_is_refused(shared: Kernel, tmp_path: Path) -> None:
    (tmp_path / "latin.lua").write_bytes(b"print('\xe9')")
    for words, told in (
        (["run", "--safe", "--connect", shared.id, "x.lua"], "--safe is settled where the kernel is started"),
        (["run", "--connect", shared.id, "missing.lua"], "cannot read missing.lua"),
        (["run", "--connect", shared.id, str(tmp_path / "latin.lua")], "only UTF-8"),
        (["exec", "--connect", shared.id, "print(1", "x"], "takes no arguments"),
    ):
        done = llmspell(*words)
        assert done.returncode == 2 and told in done.stderr
    assert llmspell("exec", "--connect", shared.id, "print(1").returncode == 1


def test_ctrl_c_and_the_time_limit_interrupt_the_kernel_s_cell(shared: Kernel) -> None:
    loop = "print('runs') while true do end"
    running = subprocess.Popen(
        [*LLMSPELL, "exec", "--connect", shared.id, loop], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip
    assert running.stdout is not None and running.stdout.readline() == "runs\n"
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=PATIENCE)
    assert (running.returncode, told) == (130, "llmspell: interrupted\n")
    late = llmspell("exec", "--connect", shared.id, "--timeout", "0.2", loop)
    assert late.returncode == 1 and "longer than its limit of 0.2 s" in late.stderr
    assert llmspell("exec", "--connect", shared.id, "'on'").stdout == "on\n"


def test_a_kernel_that_dies_under_a_program_is_told(own: Kernel) -> None:
    running = subprocess.Popen(
        [*LLMSPELL, "exec", "--connect", own.id, "print('runs') while true do end"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert running.stdout is not None and running.stdout.readline() == "runs\n"
    own.kill()
    _, told = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2 and "the kernel has ended" in told


def test_a_program_whose_output_nobody_reads_is_interrupted(shared: Kernel) -> None:
    running = subprocess.Popen(
        [*LLMSPELL, "exec", "--connect", shared.id, "for i = 1, math.huge do print(i) end"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert running.stdout is not None and running.stderr is not None and running.stdout.readline() == "1\n"
    running.stdout.close()
    assert running.stderr.read() == ""
    running.stderr.close()
    assert running.wait(PATIENCE) == 1
    assert llmspell("exec", "--connect", shared.id, "'on'").stdout == "on\n"


# Tools ---------------------------------------------------------------------------------------------------

PLUGIN = """
from threading import Event
from llmspell_kernel.tools.spec import Example, tool

@tool(category="test", level="safe", examples=[Example("Waits.", {}, text="done")])
def waits() -> str:
    '''Waits for ever.'''
    print("waiting", flush=True)
    Event().wait()
    return "done"
"""


def test_tools_are_the_kernel_s_own(shared: Kernel) -> None:
    there = ("--connect", shared.id)
    assert llmspell("tool", "list", *there).stdout == llmspell("tool", "list").stdout
    assert llmspell("tool", "search", "hash", *there).stdout == llmspell("tool", "search", "hash").stdout
    words = ("tool", "info", "calculator", "--schema", "--examples")
    assert llmspell(*words, *there).stdout == llmspell(*words).stdout
    tested = llmspell("tool", "test", "calculator", "uuid-generator", *there)
    assert tested.returncode == 0 and tested.stdout.startswith("✓ calculator: ")
    assert llmspell("tool", "invoke", "calculator", "input=6*7", *there).stdout == "42\n"
    whole = json.loads(
        llmspell("tool", "invoke", "calculator", "--params", '{"input": "1/4"}', "-o", "json", *there).stdout
    )
    assert whole["success"] is True and whole["result"] == 0.25


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["invoke", "calculater", "input=1"], 2, "did you mean"),
        (["invoke", "calculator", "nonsense=1"], 2, "nonsense"),
        (["invoke", "calculator", "input=1/0"], 1, "zero"),
        (["info", "calculater"], 2, "did you mean"),
        (["test", "calculater"], 2, "did you mean"),
        (["search", "xyzzy"], 1, "no tool is about"),
        (["list", "--category", "xyzzy"], 2, "no category named"),
    ],
)
def test_what_tools_refuse_there_is_told_as_here(shared: Kernel, words: list[str], code: int, told: str) -> None:
    there, here = llmspell("tool", *words, "--connect", shared.id), llmspell("tool", *words)
    assert (there.returncode, there.stderr) == (here.returncode, here.stderr)
    assert there.returncode == code and told in there.stderr


@pytest.mark.parametrize("command", ["invoke", "test"])
def test_ctrl_c_interrupts_a_tool_that_waits_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "plugin_that_waits.py").write_text(PLUGIN)
    (tmp_path / "llmspell.toml").write_text('[tools]\npaths = ["plugin_that_waits.py"]\n')
    monkeypatch.chdir(tmp_path)
    kernel = Kernel()
    try:
        waiting = subprocess.Popen(
            [*LLMSPELL, "tool", command, "waits", "--connect", kernel.id], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        assert waiting.stderr is not None and waiting.stderr.readline() == "waiting\n"
        waiting.send_signal(signal.SIGINT)
        out, told = waiting.communicate(timeout=PATIENCE)
        assert (waiting.returncode, out) == (130, "") and "Traceback" not in told
        assert llmspell("exec", "--connect", kernel.id, "'on'").stdout == "on\n"
    finally:
        kernel.close()


# The console -----------------------------------------------------------------------------------------------


def test_a_console_in_a_running_kernel_by_a_pipe(shared: Kernel) -> None:
    lines = (
        "shown_here = 6\nshown_here * 7\nio.read()\ntyped\nshown_here?\n.variables\n.reset\nos.exit(3)\nprint('on')\n"
    )
    done = llmspell("kernel", "connect", shared.id, given=lines)
    assert done.stdout.startswith("42\ntyped\nshown_here: number\n6\n") and "shown_here = 6" in done.stdout
    assert done.stdout.endswith("on\n") and done.returncode == 1, "os.exit ends the cell only"
    assert "this kernel is shared" in done.stderr and "os.exit(3)" in done.stderr


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Callable[..., Typist]]:
    with people() as seated:
        yield lambda *words: seated(Typist(tmp_path, *words))


def test_a_person_at_a_running_kernel(own: Kernel, sit: Callable[..., Typist]) -> None:
    llmspell("exec", "--connect", own.id, "from_before = 41")
    person = sit("kernel", "connect", own.id)
    person.sees_prompt(1)
    person.types("return from_bef\t")
    person.sees("ore")
    person.types(" + 1\r")
    person.sees("\n42\r")
    person.sees_prompt(2)
    person.types("print('runs') while true do end\r")
    person.sees("runs\r\n")
    person.types(CTRL_C)
    person.sees("Interrupted")
    person.sees_prompt(3)
    person.types(CTRL_D)
    assert person.leaves() == 0
    assert own.process.poll() is None


def test_the_kernel_dies_under_a_console(own: Kernel, sit: Callable[..., Typist]) -> None:
    person = sit("kernel", "connect", str(own.file))
    person.sees_prompt(1)
    own.kill()
    person.types("1 + 1\r")
    person.sees("the kernel has ended")
    assert person.leaves() == 2
