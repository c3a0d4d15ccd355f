"""What is offered where, in texts that are being typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.language.completion import Completion, complete
from tests.support.language import cursor, project, typed, world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path)


def offered(folder: Path, text: str, **more: bool) -> Completion:
    return complete(world(folder), typed(text, str(folder / "main.lua")), cursor(text)[1], **more)


def labels(folder: Path, text: str, **more: bool) -> list[str]:
    return [one.label for one in offered(folder, text, **more).items]


@pytest.mark.parametrize(
    "text",
    [
        'Tool.get("sh¦',
        "Tool.get('sh¦')",
        "Tool.get[[sh¦",
        'Tool.get "sh¦',
        'Tool.execute("sh¦',
        'Tool.info("sh¦',
        'Tool.exists("sh¦',
        'Tool.map("sh¦',
        'Tool.all{ { "sh¦',
        'Tool.all({ { "shout", {} }, { "sh¦',
        'Agent.builder():tool("sh¦',
        'Agent.builder():name("x"):allow_tool("sh¦',
        'Agent.builder():allowed_tools{ "calculator", "sh¦',
        'local b = Agent.builder()\nb:tool("sh¦',
        'local a = Agent.builder():build()\na:invokeTool("sh¦',
        'if x then\n  local function f()\n    Tool.get("sh¦',
    ],
)
def test_names_of_tools(folder: Path, text: str) -> None:
    assert labels(folder, text)[:1] == ["shout"]


@pytest.mark.parametrize(
    "text",
    [
        'local s = Tool.get("shout")\ns:execute{ ¦',
        'local s = Tool.get("shout")\ns:execute({ ¦',
        'local s = Tool.get("shout")\ns.execute({ ¦',
        'local s = Tool.get("shout")\nlocal function f(x)\n  return s:execute{\n    ¦\n',
        'Tool.get("shout"):execute{ ¦',
        'Tool.execute("shout", { ¦',
        'Tool.invoke("shout", { ¦ })',
        'Tool.map("shout", { { text = "a" }, { ¦',
        'Tool.all{ { "shout", { ¦',
        'Agent.builder():build():invokeTool("shout", { ¦',
        'local M = { s = Tool.get("shout") }\nM.s:execute{ ¦',
    ],
)
def test_keys_of_parameters(folder: Path, text: str) -> None:
    assert labels(folder, text)[:2] == ["text", "how"]


def test_a_key_that_is_given_is_not_offered_again(folder: Path) -> None:
    assert labels(folder, 'Tool.execute("shout", { text = "a", ¦') == ["how", "times", "safe"]


def test_values_of_a_parameter(folder: Path) -> None:
    assert labels(folder, 'Tool.execute("shout", { how = "¦') == ["loud", "louder"]
    assert labels(folder, 'Tool.execute("shout", { how = ¦')[:2] == ['"loud"', '"louder"']
    assert labels(folder, 'Tool.execute("shout", { safe = ¦')[:2] == ["false", "true"]


def test_a_shadowed_tool_is_no_tool(folder: Path) -> None:
    assert labels(folder, 'local Tool = {}\nTool.get("sh¦') == []


def test_fields_of_options_and_choices_of_arguments(folder: Path) -> None:
    assert labels(folder, 'Tool.map("shout", {}, { conc¦')[:1] == ["concurrency"]
    assert labels(folder, 'Debug.setLevel("w¦') == ["warn"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("JSON.¦", ["null", "parse", "stringify"]),
        ("Debug.timer():¦", ["elapsed", "lap", "stop"]),
        ("local t = Debug.timer()\nt:el¦", ["elapsed"]),
        ("string.forma¦", ["format"]),
        ("('x'):uppe¦", ["upper"]),
        ('local s = "x"\ns:uppe¦', ["upper"]),
        ("Agent.builder():max_tok¦", ["max_tokens"]),
        ("local M = { a = 1 }\nfunction M.b() end\nfunction M:c() end\nM.¦", ["a", "b", "c"]),
        ("local M = { a = 1 }\nfunction M.b() end\nfunction M:c() end\nM:¦", ["b", "c"]),
        ("local M = {}\nfunction M:one() end\nfunction M:two()\n  self:¦\nend\nreturn M", ["one", "two"]),
        ("local M = { inner = { deep = 1 } }\nM.inner.¦", ["deep"]),
        ("local M = setmetatable({}, {})\nM.x = 1\nM.¦", ["x"]),
        ("---@param b llmspell.Timer\nlocal function f(b)\n  b:st¦\nend", ["stop"]),
        ('local r = Tool.execute("shout", {})\nr.tex¦', ["text"]),
        ("nothing.¦", []),
        ("1.¦", []),
        ("-- Tool.¦", []),
        ("--[[ Tool.¦ ]]", []),
        ('print("Tool.¦")', []),
    ],
)
def test_members(folder: Path, text: str, expected: list[str]) -> None:
    assert labels(folder, text) == expected


def test_locals_are_offered_where_they_are_seen(folder: Path) -> None:
    text = "local outer = 1\nlocal function f(outset)\n  local outfit = 1\n  print(out¦)\n  local outback\nend\n"
    assert labels(folder, text)[:3] == ["outer", "outfit", "outset"]
    assert "outback" not in labels(folder, text)


def test_modules_beside_the_script_and_in_the_folders_of_the_project(folder: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "cash.lua").write_text("return { spend = function() end }")
    (folder / "llmspell.toml").write_text('[lua]\npath = ["lib"]\n')
    assert labels(folder, 'local c = require("ca¦')[0] == "cash"
    assert labels(folder, 'local c = require("cash")\nc.¦') == ["spend"]


def test_an_unsaved_module_is_as_the_editor_has_it(folder: Path) -> None:
    both, text = world(folder), 'local other = require("other")\nother.¦'
    both.opened(str(folder / "other.lua"), b"local M = {}\nfunction M.fresh() end\nreturn M")
    document = both.opened(str(folder / "main.lua"), cursor(text)[0].encode())
    assert [one.label for one in complete(both, document, cursor(text)[1]).items] == ["fresh"]


def test_modules_that_require_each_other_are_no_loop(folder: Path) -> None:
    (folder / "a.lua").write_text('local b = require("b")\nreturn b')
    (folder / "b.lua").write_text('local a = require("a")\nreturn a')
    assert labels(folder, 'local a = require("a")\na.¦') == []
    assert labels(folder, "local a = b\nlocal b = a\nb.¦") == []
    assert labels(folder, "x = y\ny = x\nx.¦") == []


def test_in_other_hands_only_what_we_alone_know(folder: Path) -> None:
    text = "local toolbox = 1\nTool¦"
    assert labels(folder, text, everyday=False) == ["Tool"]
    assert labels(folder, "string.¦", everyday=False) == []


def test_after_wide_characters_the_word_is_found(folder: Path) -> None:
    found = offered(folder, 'local s = "😀é"; local wört = 1; print(wö¦)')
    assert found.word.end - found.word.start == len("wö".encode())
