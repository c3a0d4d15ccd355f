"""What `--help` lists is what there is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from llmspell_kernel.cli.main import llmspell


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
