"""The one description of what programs find defined is true, and others can read it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from llmspell_kernel.language.api import BEYOND, FOLDER, OURS, api
from llmspell_kernel.language.project_tools import tools_of
from llmspell_kernel.language.stubs import stubs
from llmspell_kernel.language.tools import Registered
from llmspell_kernel.lua.check import syntax_problem
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime, Options
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.schema import signature
from tests.support.language import project, world

NAMES = b"""
local agent, timer = Agent.create {}, Debug.timer() -- some of it is loaded when it is used
local names = {}
for name in pairs(getmetatable(agent).__index) do names[#names + 1] = "An:" .. name end
for name in pairs(getmetatable(timer).__index) do names[#names + 1] = "Timer:" .. name end
for name, value in pairs(_G) do
    names[#names + 1] = name
    if type(value) == "table" and name ~= "_G" and name ~= "arg" and name ~= "ARGS" then
        for member in pairs(value) do names[#names + 1] = name .. "." .. tostring(member) end
    end
end
print(table.concat(names, "\\n"))
"""


def defined() -> set[str]:
    """The globals of a real program and their members."""
    written: list[bytes] = []
    runtime = LuaRuntime(Tools.standard, Options(write=lambda _stream, data, _chunk, _line: written.append(data)))
    chunk = Chunk("names.lua", b"@names.lua", NAMES)
    runtime.prepare(chunk)
    runtime.run(runtime.load(chunk))
    runtime.close()
    found = set(b"".join(written).decode().split()) - {"An:__index", "Timer:__index"}
    return {name for name in found if not name.startswith("Config.")}  # of llmspell.toml


def test_everything_that_a_program_finds_defined_is_described() -> None:
    described = {*BEYOND, *api().globals, *members("llmspell.Agent", "An"), *members("llmspell.Timer", "Timer")}
    assert defined() - described == set()


def test_everything_of_ours_that_is_described_is_there() -> None:
    described = {path for path, one in api().globals.items() if one.file in OURS and path != "display"}
    described |= members("llmspell.Agent", "An") | members("llmspell.Timer", "Timer")
    assert described - defined() == set()


def test_a_builder_has_the_methods_that_are_described() -> None:
    runtime = LuaRuntime(Tools.standard)
    for name in api().classes["llmspell.AgentBuilder"]:
        chunk = Chunk("builder", b"=builder", f"return type(Agent.builder().{name})".encode())
        assert runtime.run(runtime.load(chunk)) == [b"function"], name
    runtime.close()


def members(kind: str, name: str) -> set[str]:
    return {f"{name}:{member}" for member in api().classes[kind]}


def test_the_standard_library_that_is_described_is_there() -> None:
    described = {path for path, one in api().globals.items() if one.file not in OURS}
    assert described - defined() == set()


def test_descriptions_are_lua_and_every_parameter_is_described() -> None:
    for name in (*OURS, "lua_basic.lua", "lua_system.lua"):
        assert syntax_problem((Path(FOLDER) / name).read_bytes()) is None
    for definition in api().globals.values():
        assert definition.doc.text, definition.path
        assert [one.name for one in definition.doc.parameters] == [one.name for one in definition.parameters]


def test_every_type_that_is_named_is_described() -> None:
    known = {*api().classes, *api().aliases, "llmspell.ToolName"}
    for members in api().classes.values():
        for one in members.values():
            for kind in (one.type, *(parameter.type for parameter in one.parameters)):
                if kind.startswith("llmspell."):
                    assert kind.rstrip("?[]").partition("|")[0] in known, (one.path, kind)


def test_stubs_are_lua_and_name_every_tool(tmp_path: Path) -> None:
    files = stubs(world(project(tmp_path)).tools)
    assert all(syntax_problem(text.encode()) is None for text in files.values())
    text = files["llmspell-tools.lua"]
    assert '---@overload fun(name: "shout"): llmspell.tool.shout\n' in text
    assert '---@field how? "loud"|"louder" How loud.\n' in text
    assert "---@field text string What to say.\n" in text
    assert "---@class llmspell.tool.calculator: llmspell.Handle\n" in text


def test_the_command_writes_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "llmspell_kernel", "stubs"]
    done = subprocess.run([*command, "out"], cwd=project(tmp_path), capture_output=True, text=True, timeout=30)
    assert done.stdout == "wrote llmspell.lua, llmspell-tools.lua to out\n"
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["llmspell-tools.lua", "llmspell.lua"]
    refused = subprocess.run([*command, "llmspell.toml/x"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 2 and refused.stderr.startswith("llmspell: cannot write to llmspell.toml/x: ")


def example(text: str, how: Literal["a", "b"] = "a", n: int = 1, x: float | None = None, tags: list[str] | None = None,
            table: dict[str, int] | None = None, anything: Any = 0, flag: bool = False) -> str:  # fmt: skip
    """Do something.

    Args:
        text: What it is done to.
        how: In which way.
    """
    return text


def test_a_projects_tool_has_the_schema_that_the_registry_would_give_it(tmp_path: Path) -> None:
    source = Path(__file__).read_text().partition("\ndef example")[2].partition("\n\n\ndef ")[0]
    (tmp_path / "own.py").write_text(f"@tool\ndef example{source}\n")
    (found,) = tools_of(str(tmp_path / "own.py"))
    expected = Tools().add(example).schema()
    given = {
        name: {k: v for k, v in one.items() if k != "default"} for name, one in found.info.schema["properties"].items()
    }
    assert given == {
        name: {k: v for k, v in one.items() if k != "default"} for name, one in expected["properties"].items()
    }
    assert found.info.schema["required"] == expected["required"] == ["text"]
    assert found.info.parameter("n").schema["default"] == 1  # type: ignore[union-attr]
    assert signature(example, None).schema()["additionalProperties"] is False


def test_a_projects_file_is_never_run(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "tools" / "evil.py").write_text("open('run', 'w')\n@tool\ndef evil():\n    pass\n")
    (tmp_path / "tools" / "broken.py").write_text("def (")
    assert "evil" in world(tmp_path).tools.names()
    assert not (tmp_path / "run").exists()


def test_a_settings_file_that_is_broken_costs_only_its_tools(tmp_path: Path) -> None:
    for text in ("tools = 1", "[tools]\npaths = 3", "[tools", '[tools]\npaths = ["nowhere"]'):
        (tmp_path / "llmspell.toml").write_text(text)
        assert world(tmp_path).tools.names() == Registered().names()
