"""What is offered where, in texts that are being typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.language.completion import Completion, complete
from tests.support.language import ACCOUNT, cursor, project, typed, world


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


# Objects ----------------------------------------------------------------------------------------------

CLASS = ACCOUNT + "function Account:deposit(n) self.last = n end\n"
BASE = """\
local Base = {}
function Base:new(o)
  o = o or {}
  setmetatable(o, self)
  self.__index = self
  return o
end
function Base:hello() end
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLASS + "local a = Account.new('x')\na:¦", ["deposit", "new"]),
        (CLASS + "local a = Account.new('x')\na.¦", ["__index", "balance", "deposit", "last", "new", "owner"]),
        (CLASS + "function Account:show()\n  return self.¦\nend", ["__index", "balance", "deposit", "last", "new", "owner",
                                                                  "show"]),
        (CLASS + "local Savings = setmetatable({}, { __index = Account })\nSavings.¦", ["__index", "balance", "deposit",
                                                                                     "last", "new", "owner"]),
        (BASE + "local b = Base:new()\nb:¦", ["hello", "new"]),
        ("local M = M or {}\nM.a = 1\nM.¦", ["a"]),
        ("local function make() return { x = 1 } end\nmake().¦", ["x"]),
        ("local function f() return f() end\nf().¦", []),
        ("local a, b = {}, {}\nsetmetatable(a, b) setmetatable(b, a)\na.__index = a b.__index = b\na.¦", ["__index"]),
    ],
)  # fmt: skip
def test_what_objects_have(folder: Path, text: str, expected: list[str]) -> None:
    assert labels(folder, text) == expected


def test_a_text_that_is_put_together_is_one(folder: Path) -> None:
    assert labels(folder, 'local s = "a" .. 1\ns:upp¦') == ["upper"]


def test_which_of_two_tools_it_is_can_not_be_told(folder: Path) -> None:
    text = 'local function pick(x)\n  if x then return Tool.get("shout") end\n  return Tool.get("calculator")\nend\n'
    assert labels(folder, text + "pick():execute{ ¦")[:1] != ["text"]
    assert labels(folder, 'local function get() return Tool.get("shout") end\nget():execute{ ¦')[:1] == ["text"]


# Other places -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Tool.get(¦", "Tool.get(sh¦)", "Tool.execute(sho¦, {})", "Agent.builder():tool(sh¦)"])
def test_names_of_tools_come_with_their_quotation_marks(folder: Path, text: str) -> None:
    (item,) = [one for one in offered(folder, text, only_known=True).items if one.label == "shout"]
    assert item.insert == '"shout"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::again::\ndo\n  goto ¦\nend\nlocal function f() ::inner:: end", ["again"]),
        ("local x <c¦> = 1", ["close", "const"]),
        ("local ¦", ["function"]),
        ("for ¦", []),
    ],
)
def test_where_a_name_is_made_only_what_can_follow_is_offered(folder: Path, text: str, expected: list[str]) -> None:
    assert labels(folder, text) == expected


def test_a_comparison_is_no_attribute(folder: Path) -> None:
    assert "print" in labels(folder, "if x <p¦")
    assert "print" in labels(folder, "local x = 1 <p¦")
