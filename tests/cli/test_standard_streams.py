"""stdin, stdout and stderr that are closed, full, unread or of few characters: one clear line at most, and nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL
from tests.support.client import PATIENCE, environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")


def shell(words: str, redirections: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """As a person types it: ``llmspell WORDS REDIRECTIONS``; it has a HOME of its own."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {words} {redirections}', "sh", *LLMSPELL],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**environment(), "HOME": str(cwd), **env},
        timeout=PATIENCE,
    )


WRITERS = ["--version", "run --help", "tool list", "tool invoke calculator input=2+2", "kernel install-service --print"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("words", WRITERS)
def test_a_full_disk_is_told_in_a_line(words: str, tmp_path: Path) -> None:
    result = shell(words, ">/dev/full", tmp_path)
    assert result.stderr == b"llmspell: cannot write the output: no space left on device\n"
    assert result.returncode == 1


@pytest.mark.parametrize("words", WRITERS)
def test_where_stdout_is_closed_nothing_is_said(words: str, tmp_path: Path) -> None:
    result = shell(words, ">&-", tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_reader_that_has_gone_needs_no_words(tmp_path: Path) -> None:
    assert shell("stubs", "| head -1", tmp_path).stderr == b""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("run -", 0),
        ("exec 'print(io.read())'", 0),
        ("repl", 0),
        ("debug x.lua", 0),
        ("dap", 0),
        ("lsp", 1),  # as the protocol wants it: no shutdown was asked for
        ("tool invoke calculator --params -", 2),
    ],
)
def test_a_closed_stdin_is_an_empty_one(words: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "x.lua").write_text("print(1)\n")
    result = shell(words, "<&-", tmp_path)
    assert result.returncode == code
    assert b"Traceback" not in result.stderr


def test_a_program_with_nothing_open_writes_into_no_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x.lua").write_text(
        "local f <close> = io.open('kept', 'w')\nprint('out')\nio.stderr:write('err')\nf:write(tostring(io.read()))\n"
    )
    result = shell("run x.lua", "<&- >&- 2>&-", tmp_path)
    assert result.returncode == 0
    assert (tmp_path / "kept").read_text() == "nil"


def test_what_an_encoding_lacks_is_an_escape(tmp_path: Path) -> None:
    result = shell("tool invoke --help", "", tmp_path, PYTHONIOENCODING="latin-1")
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"PARAMETER=VALUE \\u2026" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes")
def test_names_of_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.lua")).write_text("print('one')\nprint('two')\n")
    name = "\"$(printf 'caf\\351.lua')\""
    assert shell(f"run {name}", "", tmp_path).stdout == b"one\ntwo\n"
    said = shell(f"debug -b 2 {name}", "", tmp_path).stdout
    assert said.startswith(b"one\ncaf\\xe9.lua:2 in main chunk (breakpoint 1)")
