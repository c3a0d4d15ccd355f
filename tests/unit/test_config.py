"""llmspell.toml: settings of a project, and mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel import config
from llmspell_kernel.errors import UserError
from tests.cli.test_run import llmspell


def test_the_nearest_file_above_counts(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text('[lua]\nstdlib = "safe"\npath = ["lib"]\nmemory = 64\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    found = config.read(str(below))
    assert (found.safe, found.lua_path, found.memory_mb) == (True, (str(tmp_path / "lib"),), 64)
    assert (found.seconds, found.allowed_paths) == (None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[lua]\nstdlb = 'safe'\n", "unknown setting lua.stdlb; did you mean lua.stdlib?"),
        ("[lua]\nstdlib = 'half'\n", "lua.stdlib must be 'full' or 'safe'"),
        ("[lua]\nmemory = -1\n", "lua.memory must be a number above 0"),
        ("[tools]\nallowed_paths = 'x'\n", "tools.allowed_paths must be a list of strings"),
        ("lua = 1\n", "lua must be a table"),
        ("[lua\n", "llmspell.toml: "),
        ("[tool]\n", "unknown setting tool; did you mean tools?"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "llmspell.toml").write_text(text)
    with pytest.raises(UserError) as raised:
        config.read(str(tmp_path))
    assert words in str(raised.value)


def test_a_project_can_be_safe(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text('[lua]\nstdlib = "safe"\n')
    assert llmspell("run", "-", given="print(io.open)", cwd=tmp_path).stdout == "nil\n"


def test_a_mistake_in_it_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text("[lua]\nmemroy = 5\n")
    result = llmspell("run", "-", given="print(1)", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    (tmp_path / "llmspell.toml").write_text("[lua]\nmemory = inf\n")
    assert llmspell("run", "-", given="print(1)", cwd=tmp_path).stdout == "1\n"
