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


def test_the_users_file_is_weaker_and_the_environment_stronger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = tmp_path / "home" / "llmspell"
    users.mkdir(parents=True)
    (users / "config.toml").write_text('[tools]\nlevel = "safe"\ntimeout_seconds = 5\ncache_enabled = true\n')
    project = tmp_path / "project"
    project.mkdir()
    (project / "llmspell.toml").write_text('[tools]\nlevel = "restricted"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMSPELL_TOOLS_TIMEOUT_SECONDS", "7")
    monkeypatch.setenv("LLMSPELL_TOOLS_ALLOWED_HOSTS", "a.example, b.example")
    found = config.read(str(project))
    assert found["tools.level"] == "restricted"
    assert (found["tools.timeout_seconds"], found["tools.cache_enabled"]) == (7, True)
    assert found["tools.allowed_hosts"] == ("a.example", "b.example")
    monkeypatch.setenv("LLMSPELL_TOOLS_CACHE_ENABLED", "perhaps")
    with pytest.raises(UserError, match="LLMSPELL_TOOLS_CACHE_ENABLED must be true or false"):
        config.read(str(project))


def test_settings_are_shown_with_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text('[tools]\nlevel = "safe"\n')
    shown = llmspell("config", "show", "tools", cwd=tmp_path).stdout
    assert f'tools.level = "safe"  # {tmp_path / "llmspell.toml"}\n' in shown
    assert "tools.timeout_seconds = 30\n" in shown
    assert llmspell("config", "show", "tools.level", "-o", "json", cwd=tmp_path).stdout.startswith(
        '{"tools.level": {"value": "safe"'
    )
    wrong = llmspell("config", "show", "tools.levl", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (2, "llmspell: unknown setting tools.levl; did you mean tools.level?\n")


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text(
        '[lua]\nmemory = 0\n[tools]\nlevl = 1\ntimeouts = { a = "x" }\n[logging]\nlevel = "warn,loud"\n'
    )
    result = llmspell("config", "validate", cwd=tmp_path)
    assert result.returncode == 1
    assert [line.partition(": ")[2] for line in result.stderr.splitlines()] == [
        "lua.memory must be a number above 0",
        "unknown setting tools.levl; did you mean tools.level?",
        "tools.timeouts must be a table of numbers by tool (each a number above 0)",
        "logging.level: 'loud' is neither a level nor component=level; levels are off, error, warn, info, debug, trace",
    ]


def test_a_new_file_is_right_and_names_every_setting(tmp_path: Path) -> None:
    assert llmspell("config", "init", cwd=tmp_path).returncode == 0
    text = (tmp_path / "llmspell.toml").read_text()
    assert all(f"# {key.rpartition('.')[2]} =" in text for key in config.SETTINGS)
    assert llmspell("config", "validate", cwd=tmp_path).stdout.endswith("llmspell.toml: good\n")
    again = llmspell("config", "init", cwd=tmp_path)
    assert (again.returncode, "--force" in again.stderr) == (2, True)
