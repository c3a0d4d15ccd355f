"""Which name means what: scopes, upvalues, references, renames, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.errors import UserError
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.hover import hover
from llmspell_kernel.language.looks import evaluatable, lenses, tokens
from llmspell_kernel.language.navigation import definition, references
from llmspell_kernel.language.renaming import renamed
from llmspell_kernel.language.shapes import folds
from llmspell_kernel.language.symbols import Symbol, symbols
from llmspell_kernel.lua.check import syntax_problem
from tests.support.language import cursor, project, world


def places(text: str) -> list[str]:
    """Line:column of all that the name at the cursor is, the declaration first."""
    plain, offset = cursor(text)
    document = Document(plain.encode())
    binding = document.now.names.find(document.now.text.word(offset).start)
    assert binding is not None
    found = [document.now.text.position(one.start) for one in document.now.names.occurrences(binding)]
    return [f"{line}:{character}" for line, character in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local x¦ = 1 local x = x print(x)", ["0:6", "0:22"]),
        ("local x = 1 local x¦ = x print(x)", ["0:18", "0:30"]),
        ("local x¦ = 1 do local x = 2 print(x) end print(x)", ["0:6", "0:46"]),
        ("repeat local x¦ = 1 until x", ["0:13", "0:25"]),
        ("for i¦ = i, 2 do print(i) end print(i)", ["0:4", "0:22"]),
        ("for k, v¦ in pairs(v) do print(v) end", ["0:7", "0:30"]),
        ("local function f¦() return f() end f()", ["0:15", "0:26", "0:34"]),
        ("local f¦ = function() return f() end", ["0:6"]),
        ("local a¦ = 1 function g() return function() a = a + 1 end end", ["0:6", "0:43", "0:47"]),
        ("function f(a¦) return a, function(a) return a end end", ["0:11", "0:21"]),
        ("g¦ = 1 function h() return g end", ["0:0", "0:26"]),
        ("function t.m() end t¦.x = t.y", ["0:9", "0:19", "0:25"]),
        ("local x¦ <const>, y <close> = 1, nil print(x)", ["0:6", "0:42"]),
        ("local t¦ = { t = t, [t] = t.t }", ["0:6"]),
        ("local x¦ goto x ::x:: print(x)", ["0:6", "0:27"]),
        ("if a then local x¦ = 1 else x = 2 end", ["0:16"]),
        ("while true do local q¦ = 1 if q then break end end", ["0:20", "0:29"]),
        ("local s = 'é' local e¦ = 1 print('é', e)", ["0:20", "0:37"]),
        (
            "local global¦ if global then print(global.x) end while not global do end repeat until global",
            ["0:6", "0:16", "0:34", "0:58", "0:85"],
        ),
    ],
)
def test_scopes(text: str, expected: list[str]) -> None:
    assert places(text) == expected


def test_self_is_seen_in_a_method_only() -> None:
    document = Document(b"local M = {}\nfunction M:a() return self end\nfunction M.b() return self end")
    assert list(document.now.names.globals()) == ["self"]
    with pytest.raises(UserError, match="self is Lua's own name"):
        renamed(world(Path("/nowhere")), document, document.now.text.data.index(b"self"), "this")


def test_equal_functions_in_two_places_have_their_own_names() -> None:
    text = "local a = function(x) return x end\nlocal b = function(x¦) return x end"
    assert places(text) == ["1:19", "1:29"]


def test_renaming_gives_a_program_that_means_the_same(tmp_path: Path) -> None:
    text = "local total = 0\nlocal function add(n) tot¦al = total + n return { total = total } end\nreturn add, total"
    plain, offset = cursor(text)
    document = Document(plain.encode())
    data = document.now.text.data
    for one in sorted(renamed(world(tmp_path), document, offset, "sum"), key=lambda one: one.span, reverse=True):
        data = data[: one.span.start] + b"sum" + data[one.span.end :]
    assert data == b"local sum = 0\nlocal function add(n) sum = sum + n return { total = sum } end\nreturn add, sum"
    assert syntax_problem(data) is None


def test_a_global_is_renamed_in_all_files(tmp_path: Path) -> None:
    (tmp_path / "other.lua").write_text("function shared() end")
    both = world(tmp_path)
    document = both.opened(str(tmp_path / "main.lua"), b"shared()")
    found = renamed(both, document, 0, "common")
    assert sorted((Path(one.document.path).name, one.span.start) for one in found) == [
        ("main.lua", 0),
        ("other.lua", 9),
    ]


def test_where_a_global_of_another_file_is_made(tmp_path: Path) -> None:
    (tmp_path / "other.lua").write_text("function shared() end")
    both = world(tmp_path)
    (found,) = definition(both, both.opened(str(tmp_path / "main.lua"), b"shared()"), 3)
    assert found.path.endswith("other.lua") and found.span == (9, 15)


def test_references_of_a_tool_are_all_that_name_it(tmp_path: Path) -> None:
    both = world(project(tmp_path))
    (tmp_path / "other.lua").write_text('local t = Tool.get("shout") print("shout")')
    document = both.opened(str(tmp_path / "main.lua"), b"Tool.execute('shout', {})")
    found = {(Path(one.document.path).name, one.span.start) for one in references(both, document, 16)}
    assert found == {("main.lua", 14), ("other.lua", 20)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local x = { 1 }\nprint(x¦)", "local x = { 1 }"),
        ("local x <const> = 1\nprint(x¦)", "local x <const> = 1"),
        ("local function f(a) return a¦ end", "(parameter) a"),
        ("for i = 1, 2 do print(i¦) end", "(loop) i"),
        ("mine = 1 print(mi¦ne)", "global mine"),
        ("local t = Debug.timer() t:la¦p()", "lap(name?: string): number"),
        ("Tool.g¦et('x')", "Tool.get(name: tool): Handle"),
        ("Tool.execute('shout', { ti¦mes = 1 })", "times?: integer"),
        ("local M = {} --- Doc\nfunction M.f(a, b) end M.f¦()", "f(a, b)"),
    ],
)
def test_hover(tmp_path: Path, text: str, expected: str) -> None:
    plain, offset = cursor(text)
    found = hover(world(project(tmp_path)), Document(plain.encode()), offset)
    assert found is not None
    assert found.text.splitlines()[1] == expected


@pytest.mark.parametrize("text", ["local x = ¦1", "end¦", "-- wo¦rd", "'te¦xt'", "goto wh¦ere", "¦", "x.y.z¦"])
def test_there_is_nothing_to_say(tmp_path: Path, text: str) -> None:
    plain, offset = cursor(text)
    found = hover(world(tmp_path), Document(plain.encode()), offset)
    assert found is None or "z" in found.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("print(a.b.c¦)", "a.b.c"),
        ("print(a.b¦.c)", "a.b"),
        ("print(a¦.b.c)", "a"),
        ("a.b:c¦(1)", "a.b.c"),
        ("f(x).y¦ = 1", None),
        ("print('a.b¦')", None),
        ("local t = { key¦ = 1 }", None),
        ("goto la¦bel", None),
        ("print(1¦)", None),
    ],
)
def test_what_a_debugger_may_evaluate(text: str, expected: str | None) -> None:
    plain, offset = cursor(text)
    found = evaluatable(Document(plain.encode()), offset)
    assert (None if found is None else found[1]) == expected


def test_an_outline_nests_functions() -> None:
    text = (
        "local M, n <const> = {}, 1\nlocal function a()\n  local function b() end\n  return function() end\nend\n"
        "M.c = function(x) end\nlocal t = { d = function() end, e = 1 }\nfunction M:f() end\n"
    )
    assert [_outline(one) for one in symbols(Document(text.encode()))] == [
        "M", "n", "a[b]", "M.c", "t[d]", "M:f",
    ]  # fmt: skip


def _outline(symbol: Symbol) -> str:
    assert symbol.span.start <= symbol.name_span.start and symbol.name_span.end <= symbol.span.end
    inner = ",".join(_outline(one) for one in symbol.children)
    return f"{symbol.name}[{inner}]" if inner else symbol.name


def test_folds_leave_the_last_line_to_be_seen() -> None:
    text = "local t = {\n  1,\n}\nfunction f()\n  if x then\n    y()\n  end\nend\n--[[\na\n]]\nlocal s = [[\nb\n]]\n"
    found = [(one.first, one.last) for one in folds(Document(text.encode()))]
    assert found == [(0, 1), (3, 6), (4, 5), (8, 10), (11, 13)]


def test_tokens_of_a_shared_function_text() -> None:
    document = Document(b"local u = 1\nlocal a = function(x) return u end\nlocal b = function(x) return u end")
    upvalues = [one.span.start for one in tokens(document) if "upvalue" in one.modifiers]
    assert upvalues == [41, 76]


def test_a_file_of_comments_can_not_be_run(tmp_path: Path) -> None:
    assert list(lenses(world(tmp_path), Document(b"-- nothing\n"))) == []
