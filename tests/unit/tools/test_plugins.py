"""Tools of a project and of installed packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmspell_kernel import config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.foreign import foreign
from llmspell_kernel.tools.registry import Tools
from tests.cli.test_run import llmspell
from tests.support.web import pages

SHOUT = '''
from llmspell_kernel.tools.spec import Example, tool

@tool(category="text", examples=[Example("Shout", {"text": "a"}, text="A!"), Example("Twice", {"text": "b"}, text="B!")])
def NAME(text: str) -> str:
    """Say it louder.

    Args:
        text: What to say.
    """
    return text.upper() + "!"

def not_a_tool() -> None: ...
'''


@pytest.fixture(autouse=True)
def _modules_as_before() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("plugged"):
            del sys.modules[name]


def project(folder: Path, **files: str) -> Tools:
    (folder / "tools").mkdir()
    for name, text in files.items():
        (folder / "tools" / f"{name}.py").write_text(text)
    (folder / "llmspell.toml").write_text('[tools]\npaths = ["tools"]\n')
    return Tools.standard(settings=config.read(str(folder)))


def test_a_project_has_tools_of_its_own(tmp_path: Path) -> None:
    tools = project(tmp_path, plugged_a=SHOUT.replace("NAME", "shout_out"))
    assert tools.call("shout-out", {"text": "hey"})["text"] == "HEY!"
    assert "shout-out" in tools.names()
    assert "not-a-tool" not in tools.names()
    assert tools.categories()["text"] == ["shout-out"]
    assert tools.problems == []


def test_one_that_fails_is_told_of_and_the_others_work(tmp_path: Path) -> None:
    tools = project(
        tmp_path,
        plugged_b="import nowhere_to_be_found",
        plugged_c="import sys; sys.exit(3)",
        plugged_d=SHOUT.replace("NAME", "calculator"),
        plugged_e="x = 1",
        json=SHOUT.replace("NAME", "j"),
        plugged_f=SHOUT.replace("NAME", "still_there"),
    )
    assert tools.exists("still-there")
    told = "\n".join(tools.problems)
    for words in (
        "nowhere_to_be_found",
        "SystemExit",
        "'calculator' already",
        "marked with @tool",
        "another module named json",
    ):
        assert words in told


def test_an_installed_package_brings_tools(tmp_path: Path) -> None:
    (tmp_path / "plugged_package.py").write_text(SHOUT.replace("NAME", "from_a_package"))
    about = tmp_path / "plugged_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[llmspell.tools]\nmine = plugged_package\ngone = plugged_gone:nothing\n")
    sys.path.insert(0, str(tmp_path))
    tools = Tools.standard()
    assert tools.call("from-a-package", {"text": "hi"})["text"] == "HI!"
    assert any("plugged_gone" in problem for problem in tools.problems)


def test_the_command_line_knows_them_too(tmp_path: Path) -> None:
    project(tmp_path, plugged_g=SHOUT.replace("NAME", "loud"), plugged_h="1/0")
    found = llmspell("tool", "invoke", "loud", "text=hey", cwd=tmp_path)
    assert found.stdout == "HEY!\n"
    listed = llmspell("tool", "list", cwd=tmp_path)
    assert "loud" in listed.stdout
    assert "plugged_h.py: ZeroDivisionError" in listed.stderr
    assert llmspell("tool", "test", "loud", cwd=tmp_path).returncode == 0


def test_the_schema_of_somebody_else_s_tool_leads_nowhere_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmspell_kernel.tools.data.patterns.SECONDS", 0.1)

    def told(**schema: object) -> dict[str, object]:
        return {"parameters": {"type": "object", "properties": {"a": schema}}}

    with pages({}) as server:
        with pytest.raises(ToolError, match="points to"):
            foreign("x", told(**{"$ref": server.url("/schema.json")})).checked({"a": 1})
        assert server.asked == []
    with pytest.raises(ToolError, match="leads back to itself"):
        foreign("x", told(**{"$ref": "#/properties/a"})).checked({"a": 1})
    with pytest.raises(ToolError, match="longer than 0.1 s"):
        foreign("x", told(type="string", pattern="(x+x+)+y")).checked({"a": "x" * 5000})
