"""What the documents say is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_map_names_every_file_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"^\| `(llmspell_\w+/[\w/.]+)` \|", text, re.M))
    files = {
        str(path.relative_to(ROOT))
        for package in ("llmspell_kernel", "llmspell_dap")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".lua", ".c")
        and (path.name != "__init__.py" or path.parent.name == "llmspell_kernel")
    }
    assert named == files


def test_the_map_names_a_file_once_and_in_its_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = re.findall(r"^### .*: `([\w/]+)`\n\n.+\n\n((?:\|.*\n)+)", text, re.M)
    named = [(room, name) for room, table in rooms for name in re.findall(r"^\| `(llmspell_[\w/.]+)` \|", table, re.M)]
    assert {str(Path(name).parent) for _, name in named} == {room for room, _ in rooms}
    assert [name for room, name in named if str(Path(name).parent) != room] == []
    assert len(named) == len(set(named)) == len(re.findall(r"^\| `llmspell_\w+/", text, re.M))


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_make_targets_and_commands_exist(path: Path) -> None:
    from llmspell_kernel.cli.main import COMMANDS

    text = path.read_text()
    for link in re.findall(r"\]\((?!https:)([^)#]+?)\)", text):
        assert (path.parent / link).exists(), f"{link} in {path.name}"
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    assert set(re.findall(r"`llmspell ([a-z]+)", text)) <= set(COMMANDS)


def test_the_tools_are_counted() -> None:
    from llmspell_kernel.tools.names import MODULES

    for name in ("README.md", "CHANGELOG.md"):
        assert set(re.findall(r"(\d+)(?: built-in tools| tools are built in)", (ROOT / name).read_text())) == {
            str(len(MODULES))
        }


def test_every_command_is_in_the_table() -> None:
    from llmspell_kernel.cli.main import COMMANDS

    text = (ROOT / "docs" / "command-line.md").read_text()
    assert set(re.findall(r"^\| `llmspell (\w+)", text, re.M)) == set(COMMANDS)


def test_every_extra_is_explained() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.M)
    assert sorted(rows) == sorted(set(extras) - {"bench", "dev"})  # those are for `make`


def test_every_test_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in re.findall(r"`(tests/[\w/]+\.py)`", text):
        assert (ROOT / name).exists(), name


SOURCES = [
    path
    for folder in ("llmspell_kernel", "llmspell_dap", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".lua", ".c") and "node_modules" not in path.parts
]


def test_files_are_of_a_size_to_be_read() -> None:
    long = {path.name: n for path in SOURCES if (n := len(path.read_text().splitlines())) > 500}
    assert not long


def test_no_test_sleeps() -> None:
    word = "sleep" + "("
    assert [path.name for path in SOURCES if word in path.read_text()] == []
