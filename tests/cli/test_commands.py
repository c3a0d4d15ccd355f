"""What `--help` lists is what there is; what is typed wrongly is told in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from llmspell_kernel.cli.main import llmspell
from tests.cli.test_run import LLMSPELL
from tests.cli.test_run import llmspell as typed
from tests.support.client import environment


def groups(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    if isinstance(command, click.Group):
        yield words, command
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from groups(found, (*words, name))


GROUPS = dict(groups(llmspell))


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_every_command_is_listed_and_explained(words: tuple[str, ...]) -> None:
    group = GROUPS[words]
    told = CliRunner().invoke(llmspell, [*words, "--help"]).output
    listed = set(group.list_commands(click.Context(group)))
    assert set(group.commands) <= listed
    for name in listed:
        assert f"  {name} " in told
        assert CliRunner().invoke(llmspell, [*words, name, "--help"]).output.lower().startswith("usage: ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run --safe=no x.lua", "--safe takes no value; see llmspell run --help"),
        ("run --key secret x.lua", "--key is the key of the kernel that --connect names; see llmspell run --help"),
        ("run |", "the script's name is empty; see llmspell run --help"),
        ("config validate no/such.toml", "cannot read no/such.toml: no such file or directory"),
        ("kernel start --host no.such.host.invalid", "; give an address of this machine"),
        ("lsp --listen 0.0.0.0:0", "a client may read any Lua file; add --allow-remote if that is meant"),
        ("dap --listen x", "--listen takes [HOST:]PORT with a port from 0 to 65535, not 'x'"),
        ("tool search --most 0 hash", "Invalid value for '--most': 0 is not in the range x>=1."),
    ],
)
def test_what_is_typed_wrongly(words: str, told: str, tmp_path: Path) -> None:
    result = typed(*(word.strip("|") for word in words.split()), cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.rstrip().endswith(told), result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_no_toml_is_one_with_something_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("lua\n")
    result = typed("config", "validate", "a.toml", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("a.toml: Expected '='")
    (tmp_path / "a.toml").write_bytes(b"\xff")
    assert typed("config", "validate", "a.toml", cwd=tmp_path).stderr == "a.toml: it is not UTF-8 text\n"


@pytest.mark.skipif(os.name == "nt", reason="such a folder can't be removed there")
@pytest.mark.parametrize("words", ["run x.lua", "debug {}/x.lua", "tool list", "config show", "repl"])
def test_a_working_folder_that_is_gone(words: str, tmp_path: Path) -> None:
    (tmp_path / "x.lua").write_text("print(1)\n")
    folder = tmp_path / "gone"
    folder.mkdir()
    command = ["sh", "-c", f'rmdir "{folder}"; exec "$@" {words.format(tmp_path)}', "sh", *LLMSPELL]
    result = subprocess.run(command, cwd=folder, env=environment(), input="", capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "llmspell: the working folder is there no more; change to another one\n"


ALIKE = ("json", "platform", "socket", "hmac", "queue", "pickle", "logging", "signal", "select", "click", "zmq")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["llmspell_kernel", "exec", "1 + 1"], "2\n"),
        (["llmspell_kernel", "kernel", "status"], "no kernel is running\n"),
        (["llmspell_kernel", "tool", "invoke", "template-engine", '{"template": "{{ 1 + 1 }}"}'], "2\n"),
        (["llmspell_kernel", "lsp"], ""),
        (["llmspell_dap"], ""),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, list) else "",
)
def test_python_files_of_a_project_are_not_taken_for_python_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], out: str
) -> None:
    """Jupyter and editors start us as ``python -m`` in the folder of the notebook or the program."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    for name in ALIKE:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the {name} of the project was imported')")
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, input="")
    assert (done.stdout, done.stderr) == (out, "")


def test_a_kernel_is_started_among_files_that_are_called_like_python_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ALIKE:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the {name} of the project was imported')")
    command = [sys.executable, "-m", "llmspell_kernel", "kernel"]
    for words in (["start", "--daemon", "--id", "one"], ["stop", "one"]):
        done = subprocess.run([*command, *words], cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
