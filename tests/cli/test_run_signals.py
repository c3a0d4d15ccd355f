"""``llmspell run`` when it is told to end: nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL
from tests.support.client import PATIENCE, environment
from tests.support.lifeline import Lifeline

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


def start(tmp_path: Path, text: str, *options: str) -> subprocess.Popen[str]:
    path = tmp_path / "script.lua"
    path.write_text(text)
    return subprocess.Popen(
        [*LLMSPELL, "run", *options, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )


def said_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == words + "\n"


WAITS = {
    "a command": 'os.execute("{command}")',
    "a command in a shell that has more to do": 'os.execute("{command}; sleep 300")',
    "a command that is started again and again": 'while true do os.execute("{command}") end',
    "a shell that starts others all the time": (
        'os.execute("{command} & i=0; while [ $i -lt 300 ]; do i=$((i+1)); sleep 300 & done; wait")'
    ),
    "a command behind a pipe": 'local pipe = io.popen("{command}") print(pipe:read()) io.flush() pipe:read()',
    "a command that reads nothing": 'io.popen("{command}", "w"):write(("x"):rep(1000000))',
    "no command, while one runs": 'print(io.popen("{command}"):read()) io.flush() while true do end',
    "a pipe that was left open": 'print(io.popen("{command}"):read()) io.flush()',
}


@pytest.mark.parametrize("waits", WAITS.values(), ids=WAITS.keys())
@pytest.mark.parametrize("number", CODES)
def test_a_signal_to_the_program_alone_ends_what_it_has_started(tmp_path: Path, waits: str, number: int) -> None:
    life = Lifeline(tmp_path)
    process = start(tmp_path, waits.format(command=life.command()))
    life.begun()
    process.send_signal(number)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == CODES[number]
    assert life.ended()
    if "left open" not in waits and "print(io" not in waits:
        assert told == f"llmspell: {WORDS[number]}\n"


def test_a_command_that_does_not_want_to_end(tmp_path: Path) -> None:
    life = Lifeline(tmp_path)
    process = start(tmp_path, f"os.execute([[trap '' TERM; {life.command()}]])")
    life.begun()
    process.terminate()
    _, told = process.communicate(timeout=PATIENCE)
    assert (process.returncode, told) == (143, "llmspell: terminated\n")
    assert life.ended()


def test_a_limit_of_time_ends_what_the_program_waits_for(tmp_path: Path) -> None:
    life = Lifeline(tmp_path)
    process = start(tmp_path, f"os.execute([[{life.command()}]])", "--timeout", "1")
    life.begun()
    _, told = process.communicate(timeout=PATIENCE)
    assert (process.returncode, told) == (1, "llmspell: the program ran longer than its limit of 1 s\n")
    assert life.ended()


@pytest.mark.parametrize("body", ["while true do end", "io.read()"])
def test_sigterm_ends_a_program_with_its_output_flushed(tmp_path: Path, body: str) -> None:
    process = start(tmp_path, f"io.write('last words') io.stderr:write('here\\n') {body}")
    assert process.stderr is not None
    assert process.stderr.readline() == "here\n"
    process.terminate()
    assert process.wait(PATIENCE) == 143
    assert process.communicate() == ("last words", "llmspell: terminated\n")


@pytest.mark.parametrize("number", CODES)
def test_a_signal_before_the_program_has_begun(tmp_path: Path, number: int) -> None:
    """While its text still comes."""
    process = subprocess.Popen(
        [*LLMSPELL, "run", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    process.stdin.write(b"x" * 1_000_000)  # it reads: the pipe is smaller
    process.stdin.flush()
    process.send_signal(number)
    assert process.wait(PATIENCE) == CODES[number]
    told = f"llmspell: {WORDS[number]}\n".encode()
    assert process.communicate() == (b"", told)


def test_a_signal_that_is_ignored_from_the_start_stays_ignored(tmp_path: Path) -> None:
    path = tmp_path / "script.lua"
    path.write_text("print('ready') io.flush() print(io.read())")
    command = f"trap '' INT; exec {' '.join(LLMSPELL)} run {path}"
    process = subprocess.Popen(
        ["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
    )
    said_until(process, "ready")
    process.send_signal(signal.SIGINT)
    assert process.communicate("typed\n", timeout=PATIENCE)[0] == "typed\n"
    assert process.returncode == 0


INTERRUPTS_AN_IMPORT = """
import signal, sys, weakref

class Lock: pass

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "llmspell_kernel.lua.runtime":
            lock = Lock()
            reference = weakref.ref(lock, lambda gone: signal.raise_signal(signal.SIGINT))
            del lock  # an exception is lost here, as in the locks that Python has for imports

sys.meta_path.insert(0, Finder())
"""


def test_an_interrupt_in_the_midst_of_an_import_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS_AN_IMPORT)
    env = environment()
    result = subprocess.run(
        [*LLMSPELL, "exec", "while true do end"],
        env={**env, "PYTHONPATH": os.pathsep.join([str(tmp_path), env["PYTHONPATH"]])},
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (result.returncode, result.stderr) == (-signal.SIGINT, b"")
