"""The configurations in docs/editors and in the extension's README can be read, and name settings that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.lua.check import syntax_problem
from llmspell_kernel.toml import parse

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "vscode-extension"
PAGES = [
    *sorted((ROOT / "docs" / "editors").glob("*.md")),
    EXTENSION / "README.md",
    ROOT / "docs" / "language-server.md",
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
SETTING = re.compile(r"`(llmspell\.[a-z][\w.]*)(?:: \w+)?`")
SERVERS = {"everyday", "inlayHints", "kernels"}  # as any editor gives them to the language server


def manifest() -> Any:
    return json.loads((EXTENSION / "package.json").read_text())["contributes"]


def known(request: str) -> set[str]:
    attributes = manifest()["debuggers"][0]["configurationAttributes"][request]["properties"]
    return {"type", "request", "name", *attributes}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_can_be_read(page: Path, tmp_path: Path) -> None:
    for language, text in BLOCK.findall(page.read_text()):
        if language == "json":
            for one in configurations(json.loads(text)):
                assert set(one) <= known(one["request"]), one
        elif language == "toml":
            (tmp_path / "block.toml").write_text(text)
            parse(str(tmp_path / "block.toml"))
        elif language == "lua":
            assert syntax_problem(text.encode()) is None, text
        elif language == "elisp":
            plain = re.sub(r'"[^"]*"|;.*', "", text)
            assert plain.count("(") == plain.count(")"), text


def configurations(given: Any) -> Iterator[dict[str, Any]]:
    """The launch configurations in it."""
    if isinstance(given, dict) and given.get("type") == "llmspell" and "request" in given:
        yield given
    inside = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    for one in inside:
        yield from configurations(one)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_settings_that_are_named_are_there(page: Path) -> None:
    there = {*manifest()["configuration"]["properties"], *(f"llmspell.{one}" for one in SERVERS)}
    there |= {one["command"] for one in manifest()["commands"]} | {
        "llmspell.toml",
        "llmspell.evaluatable",
        "llmspell.lua",
    }
    assert set(SETTING.findall(page.read_text())) <= there


def test_the_page_of_vs_code_tells_of_every_setting_and_launch_attribute() -> None:
    text = (ROOT / "docs" / "editors" / "vscode.md").read_text() + (EXTENSION / "README.md").read_text()
    for name in manifest()["configuration"]["properties"]:
        assert f"`{name}`" in text or f"`{name.removeprefix('llmspell.')}`" in text, name
    for name in known("launch") - {"type", "request", "name"}:
        assert f"`{name}`" in text or f'"{name}"' in text, name
