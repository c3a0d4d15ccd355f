"""What is said to be wrong, and what the fixes make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.problems import Problem, problems
from llmspell_kernel.lua.check import syntax_problem
from tests.support.language import project, world

ROOT = Path(__file__).parents[2]


def found(folder: Path, text: str, *, everyday: bool = False) -> list[Problem]:
    return problems(world(folder), Document(text.encode()), everyday)


def fixed(text: str, problem: Problem, which: int = 0) -> str:
    data = text.encode()
    for span, new in sorted(problem.fixes[which].edits, reverse=True):
        data = data[: span.start] + new.encode() + data[span.end :]
    return data.decode()


@pytest.mark.parametrize(
    ("text", "message", "after"),
    [
        ('Tool.get("shuot")', "no tool named 'shuot'; did you mean 'shout'?", 'Tool.get("shout")'),
        ('Tool.execute("shout")', "shout needs the parameter text", 'Tool.execute("shout", { text = "" })'),
        ('Tool.execute "shout"', "shout needs the parameter text", 'Tool.execute ("shout", { text = "" })'),
        ('Tool.get("shout"):execute()', "shout needs the parameter text",
         'Tool.get("shout"):execute({ text = "" })'),
        ('Tool.get("shout"):execute{ times = 2 }', "shout needs the parameter text",
         'Tool.get("shout"):execute{ text = "", times = 2 }'),
        ('Tool.get("shout"):execute{times = 2}', "shout needs the parameter text",
         'Tool.get("shout"):execute{ text = "", times = 2}'),
        ('Tool.get("shout"):execute{\n  times = 2,\n}', "shout needs the parameter text",
         'Tool.get("shout"):execute{ text = "",\n  times = 2,\n}'),
        ('Tool.execute("shout", { text = "a", hwo = "loud" })', "shout has no parameter 'hwo'; did you mean 'how'?",
         'Tool.execute("shout", { text = "a", how = "loud" })'),
        ('Tool.execute("shout", { text = "a", how = "lowd" })', "how: 'lowd' is not allowed; did you mean 'loud'?",
         'Tool.execute("shout", { text = "a", how = "loud" })'),
        ('Tool.execute("shout", { text = 12 })', "text: expected string, got number",
         'Tool.execute("shout", { text = "12" })'),
        ('Tool.execute("shout", { text = "a", safe = "true" })', "safe: expected boolean, got string",
         'Tool.execute("shout", { text = "a", safe = true })'),
        ('Tool.map("shout", { { text = "a" }, {} })', "shout needs the parameter text",
         'Tool.map("shout", { { text = "a" }, { text = "" } })'),
    ],
)  # fmt: skip
def test_a_problem_and_its_fix(tmp_path: Path, text: str, message: str, after: str) -> None:
    folder = project(tmp_path)
    (problem,) = found(folder, text)
    assert problem.message == message
    assert fixed(text, problem) == after
    assert found(folder, after) == []
    assert syntax_problem(after.encode()) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('Tool.execute("shout", { text = {} })', "text: expected string, got table"),
        ('Tool.execute("shout", { text = "a", times = 1.5 })', "times: expected integer, got 1.5"),
        ('Tool.execute("shout", { text = "a", zzz = 1 })',
         "shout has no parameter 'zzz'; it takes text, how, times, safe"),
        ('local s = Tool.get("shout")\nlocal function f()\n  return s:execute{}\nend', "shout needs the parameter text"),
        ('Agent.builder():tool("zzz")', "no tool named 'zzz'"),
        ('Tool.all{ { "shout", {} } }', "shout needs the parameter text"),
    ],
)  # fmt: skip
def test_a_problem_without_a_fix_or_in_another_place(tmp_path: Path, text: str, message: str) -> None:
    assert [one.message for one in found(project(tmp_path), text)] == [message]


@pytest.mark.parametrize(
    "text",
    [
        'Tool.execute("shout", parameters)',
        'Tool.execute("shout", { [key] = 1 })',
        'Tool.execute("shout", { table.unpack(list) })',
        'Tool.execute("shout", { text = x, times = 0x10 })',
        'Tool.execute("shout", { ["text"] = "a" })',
        'Tool.execute(name, {})',
        'Tool.exists("zzz")',
        'Tool.register("mine", {}, print) Tool.get("mine")',
        'local Tool = other\nTool.get("zzz")',
        'Tool.execute("calculator", { expression = "1" })',
        'other:execute{}',
        'local s = Tool.get("shout")\ns = other\n',
    ],
)  # fmt: skip
def test_what_can_not_be_known_is_no_problem(tmp_path: Path, text: str) -> None:
    assert found(project(tmp_path), text) == []


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("x = = 3", "unexpected symbol near '='", "="),
        ("local s = 'abc\nlocal y", "unfinished string near ''abc'", "'abc"),
        ("break", "break outside loop at line 1", "break"),
        ("goto nowhere", "no visible label 'nowhere' for <goto> at line 1", "goto nowhere"),
        ("local x <const> = 1\nx = 2", "attempt to assign to const variable 'x'", "x = 2"),
        ("if x then\n  y()\n", "'end' expected (to close 'if' at line 1) near <eof>", ")"),
        ("print('é', = 3)", "unexpected symbol near '='", "="),
    ],
)
def test_what_lua_does_not_like_is_told_in_its_words(tmp_path: Path, text: str, message: str, place: str) -> None:
    (problem,) = [one for one in found(tmp_path, text, everyday=True) if one.code == "syntax"]
    assert problem.message == message
    assert Document(text.encode()).now.text.string(problem.span) == place


def test_the_place_of_a_mistake_is_tree_sitters(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "x = = 3", everyday=True)
    assert problem.span == (4, 5)


def test_names_that_are_not_there_and_that_nobody_uses(tmp_path: Path) -> None:
    text = "local used, unused, _ = 1, 2, 3\nprnt(used)\nmine = 1\nprint(mine)\nlocal function f() return f end\n"
    problems = found(tmp_path, text, everyday=True)
    assert [(one.code, one.message) for one in problems] == [
        ("unused-local", "unused is never used"),
        ("undefined-global", "no global named 'prnt'; did you mean 'print'?"),
    ]


def test_a_script_that_begins_with_a_shebang_is_checked_like_any(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "#!/usr/bin/env llmspell\nprint(undefined)\n", everyday=True)
    assert problem.message == "no global named 'undefined'"


def test_a_global_of_the_original_system_is_explained(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "Workflow.builder()", everyday=True)
    assert problem.message == "Workflow: llmspell does not have this global"


def test_names_are_left_alone_in_a_text_that_does_not_compile(tmp_path: Path) -> None:
    assert {one.code for one in found(tmp_path, "local x = 1\nfoo(x\n", everyday=True)} == {"syntax"}


def test_our_own_examples_have_no_problems(tmp_path: Path) -> None:
    for path in sorted((ROOT / "examples").rglob("*.lua")):
        assert [one for one in found(tmp_path, path.read_text(), everyday=True) if one.severity != "hint"] == [], path


# Globals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "return _ENV",
        "local function run(_ENV) return shape(1) end\nreturn run",
        "do local _ENV = setmetatable({}, {})\nshape() end",
        "_ENV = require('shapes')\nshape()",
        "if jit then print(jit.version) end",
        "local unpack = table.unpack or unpack\nreturn unpack",
        "local load = loadstring or load\nreturn load",
        "if type(setfenv) == 'function' and not getfenv then print(bit32 ~= nil) end",
        "if shape then shape() end",
        "return { global = true }",
        "local shape = shape ~= nil\nif _TEST then print(shape) end",
        "_G.shape = 1\nprint(shape)",
        'rawset(_G, "shape", 1)\nprint(shape)',
        'print(_G["shape"], shape)',
        "for name, value in pairs(math) do _G[name] = value end\nprint(floor(1.5))",
        "setmetatable(_G, { __index = require('shapes') })\nshape()",
        "-- luacheck: read globals shape size\nshape(size)",
        "---@diagnostic disable-next-line: undefined-global\nshape()",
        "shape() ---@diagnostic disable-line",
        "---@diagnostic disable: undefined-global, unused-local\nshape()\nlocal unused = size",
        'Tool.get("zzz") ---@diagnostic disable-line: unknown-tool',
        "local unused  -- luacheck: ignore\nlocal other -- luacheck: ignore 211",
    ],
)  # fmt: skip
def test_a_global_that_may_be_there_is_no_problem(tmp_path: Path, text: str) -> None:
    assert [one.message for one in found(project(tmp_path), text, everyday=True)] == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("local function run(_ENV) end\nrun(shape)", ["shape"]),
        ("print(ready and shape)", ["ready", "shape"]),
        ("while not redy do end\nif shpe then end", ["redy", "shpe"]),
        ("print(_G.size, shape)", ["shape"]),
        ("module('shapes', package.seeall)\nshape()", ["module"]),
        ("return unpack(shape)", ["unpack", "shape"]),
        ("---@diagnostic disable: unused-local\nshape()", ["shape"]),
        ("---@diagnostic disable\nshape()\n---@diagnostic enable\nsize()", ["size"]),
        ("---@diagnostic disable-next-line\nlocal x\nshape(x)", ["shape"]),
        ("shape() -- luacheck: ignore 211\nsize()", ["shape", "size"]),
    ],
)
def test_a_global_that_nobody_can_have_defined_is_one(tmp_path: Path, text: str, names: list[str]) -> None:
    document = Document(text.encode())
    assert [document.now.text.string(one.span) for one in found(tmp_path, text, everyday=True)][-len(names) :] == names


def test_a_mistyped_name_is_likely_one_of_the_programs_own(tmp_path: Path) -> None:
    text = "local count = 1\nmine = cuont\nprint(count, mien)"
    problems = found(tmp_path, text, everyday=True)
    assert [one.message for one in problems] == [
        "no global named 'cuont'; did you mean 'count'?",
        "no global named 'mien'; did you mean 'mine'?",
    ]
    assert fixed(text, problems[0]) == text.replace("cuont", "count")


def test_a_global_of_an_earlier_lua_is_explained(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "return unpack({})", everyday=True)
    assert problem.message == "no global named 'unpack'; Lua 5.4 has 'table.unpack'"
    assert fixed("return unpack({})", problem) == "return table.unpack({})"
    (problem,) = found(tmp_path, "return bit.band(1, 2)", everyday=True)
    assert problem.message == "no global named 'bit'; it is of another Lua than 5.4"


def test_a_tool_that_may_be_there_is_known(tmp_path: Path) -> None:
    (tmp_path / "tools.lua").write_text('Tool.register("mine", {}, print)\nTool.exists("theirs")\n')
    here = world(tmp_path)
    text = 'Tool.get("mine")\nTool.get("theirs")\nif Tool.exists("asked") then Tool.get("asked") end\n'
    document = here.opened(str(tmp_path / "main.lua"), text.encode())
    assert [one.message for one in problems(here, document)] == ["no tool named 'theirs'"]
    assert found(tmp_path, 'Tool.register(prefix .. "x", {}, print)\nTool.get("any-x")') == []


def test_a_project_for_luajit_is_checked_by_luajit(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text('[lua]\nruntime = "luajit"\n')
    here = world(tmp_path)
    main = str(tmp_path / "main.lua")
    assert problems(here, here.opened(main, b"local big, wave = 0xffffULL, 2i\nreturn big + wave\n")) == []
    names = b"print(unpack({ 1 }), bit.band(1, 2), jit.version, bit32)\n"
    assert [one.message for one in problems(here, here.opened(main, names))] == [
        "no global named 'bit32'; it is of another Lua than 5.4"
    ]
    (problem,) = problems(here, here.opened(main, b"local x <const> = 1 // 2\n"))
    assert problem.message == "unexpected symbol near '<'"
    (problem,) = problems(here, here.opened(main, b"local x = (1\n"))
    assert "near '<eof>'" in problem.message
    assert problem.span == (11, 12)


def test_what_another_file_of_the_folders_defines_is_known(tmp_path: Path) -> None:
    (tmp_path / "shapes.lua").write_text("function shape() end\n_G.size = 1\nlocal inner\ninner = 2\nreturn inner\n")
    here = world(tmp_path)
    document = here.opened(str(tmp_path / "main.lua"), b"require('shapes')\nshape(size, inner, other)\n")
    assert [one.message for one in problems(here, document)] == [
        "no global named 'inner'",
        "no global named 'other'",
    ]
    here.opened(str(tmp_path / "more.lua"), b"other = 1\n")
    assert [one.message for one in problems(here, document)] == ["no global named 'inner'"]
    (tmp_path / "shapes.lua").unlink()
    here.look_again()
    assert len(problems(here, document)) == 3
