"""A renamed program means the same: labels, fields, parameters in comments, globals of all files; what is not certain
is asked, and what would change the program is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from llmspell_kernel.errors import UserError
from llmspell_kernel.language.navigation import definition, highlights, references
from llmspell_kernel.language.problems import problems
from llmspell_kernel.language.renaming import renamed
from llmspell_kernel.lua.check import syntax_problem
from tests.support.language import ACCOUNT, LspEditor, cursor, world

CLASS = (
    ACCOUNT
    + """\
function Account:deposit(n)
  self.balance = self.balance + n
end
"""
)


def after(folder: Path, text: str, name: str) -> str:
    plain, offset = cursor(text)
    here = world(folder)
    document = here.opened(str(folder / "main.lua"), plain.encode())
    data = document.now.text.data
    for one in sorted(renamed(here, document, offset, name), key=lambda one: one.span, reverse=True):
        data = data[: one.span.start] + name.encode() + data[one.span.end :]
    assert syntax_problem(data) is None
    return data.decode()


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("for i = 1, 2 do goto ne¦xt ::next:: end ::next::", "done",
         "for i = 1, 2 do goto done ::done:: end ::next::"),
        ("do ::a¦:: local function f() goto a ::a:: end if x then goto a end end", "b",
         "do ::b:: local function f() goto a ::a:: end if x then goto b end end"),
        ("local t = { x¦ = 1 }\nt.x = 2\nprint(t['x'], t.x, 'x')", "y",
         "local t = { y = 1 }\nt.y = 2\nprint(t['y'], t.y, 'x')"),
        ("--- Adds.\n---@param list table what\n---@param listed? any\nfunction f(li¦st, listed) return list, listed end", "all",
         "--- Adds.\n---@param all table what\n---@param listed? any\nfunction f(all, listed) return all, listed end"),
        ("---@param a any\nlocal f = function(a¦) return a end\nreturn f", "b",
         "---@param b any\nlocal f = function(b) return b end\nreturn f"),
    ],
)  # fmt: skip
def test_all_that_it_is_gets_the_new_name(tmp_path: Path, text: str, name: str, expected: str) -> None:
    assert after(tmp_path, text, name) == expected


@pytest.mark.parametrize("use", ["a:depo¦sit(1)", "Account.depo¦sit(a, 1)"])
def test_a_method_is_renamed_where_objects_call_it(tmp_path: Path, use: str) -> None:
    text = f"{CLASS}local a = Account.new('x')\na:deposit(2)\n{use}\n"
    assert after(tmp_path, text, "add") == text.replace("¦", "").replace("deposit", "add")


def test_a_field_of_objects_is_renamed_in_constructor_and_methods(tmp_path: Path) -> None:
    text = f"{CLASS}local a = Account.new('x')\nprint(a.bal¦ance)\n"
    assert after(tmp_path, text, "money") == text.replace("¦", "").replace("balance", "money")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("local M = { a = 1, b = 2 }\nprint(M.a¦, M.b)", "b", "the table has another field b"),
        ("do goto a¦ end ::a:: do ::b:: end", "b", "there is another label b in this function"),
        ("mine¦ = 1", "print", "print is Lua's or llmspell's own name"),
        ("mine¦ = 1", "shared", "there is another global shared, in other.lua"),
        ("local x¦ = 1", "_ENV", "_ENV is Lua's own name"),
        ("local _ENV¦ = {}", "x", "_ENV is Lua's own name; it can't be renamed"),
    ],
)
def test_what_would_change_the_program_is_refused(tmp_path: Path, text: str, name: str, message: str) -> None:
    (tmp_path / "other.lua").write_text("shared = 1")
    with pytest.raises(UserError, match=message):
        after(tmp_path, text, name)


def test_the_old_text_of_a_diff_is_no_file_of_the_program(tmp_path: Path) -> None:
    here = world(tmp_path)
    here.opened("git:/main.lua?old", b"shared = 1 older = 2")
    document = here.opened(str(tmp_path / "main.lua"), b"shared = 1\nprint(shared, older)")
    assert [one.document for one in renamed(here, document, 0, "common")] == [document, document]
    assert [one.message for one in problems(here, document)] == ["no global named 'older'"]


def test_cells_of_a_notebook_share_their_globals(tmp_path: Path) -> None:
    here = world(tmp_path)
    first = here.opened("vscode-notebook-cell:/n.ipynb#1", b"shared = 1")
    second = here.opened("vscode-notebook-cell:/n.ipynb#2", b"print(shared, other)")
    assert problems(here, second) == []
    assert [one.document for one in renamed(here, first, 0, "common")] == [first, second]


def test_a_field_is_found_and_renamed_where_its_module_is_required(tmp_path: Path) -> None:
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "init.lua").write_text("local M = {}\nfunction M.area() end\nreturn M\n")
    (tmp_path / "use.lua").write_text('local s = require("shapes")\nprint(s.area(), s["area"])\n')
    (tmp_path / "other.lua").write_text("local o = { area = 1 }\nprint(o.area)\n")
    here = world(tmp_path)
    document = here.opened(str(tmp_path / "main.lua"), b'require("shapes").area()')
    found = [(Path(one.document.path).name, one.span.start) for one in references(here, document, 20)]
    assert found == [("init.lua", 24), ("main.lua", 18), ("use.lua", 36), ("use.lua", 47)]
    assert (
        sorted((Path(one.document.path).name, one.span.start) for one in renamed(here, document, 20, "size")) == found
    )


def test_a_label_is_found_and_its_uses_are_marked(tmp_path: Path) -> None:
    plain, offset = cursor("goto o¦ut\n::out::")
    here = world(tmp_path)
    document = here.opened(str(tmp_path / "main.lua"), plain.encode())
    assert [one.span for one in definition(here, document, offset)] == [(11, 14)]
    assert [(one.span, one.write) for one in highlights(here, document, offset)] == [((5, 8), False), ((11, 14), True)]


def test_every_assignment_of_a_field_is_a_write(tmp_path: Path) -> None:
    plain, offset = cursor("local t = {}\nt.a = 1\nt.a¦ = t.a + 1\nfunction t.b() end")
    here = world(tmp_path)
    document = here.opened(str(tmp_path / "main.lua"), plain.encode())
    assert [one.write for one in highlights(here, document, offset)] == [True, True, False]


DOUBTFUL = "local M = {}\nfunction M.ru¦n() end\nlocal function f(other) return other.run() end\nreturn M, f"


def test_an_editor_that_asks_gets_what_is_not_certain_to_be_confirmed(tmp_path: Path) -> None:
    editor = LspEditor(tmp_path, asks=True).start_stdio()
    edit = editor.open("main.lua", DOUBTFUL).ask("textDocument/rename", types.RenameParams, new_name="go")
    (annotation,) = edit.change_annotations
    assert edit.change_annotations[annotation].needs_confirmation
    (changed,) = edit.document_changes
    found = [(one.range.start.line, getattr(one, "annotation_id", None)) for one in changed.edits]
    assert found == [(1, None), (2, annotation)]
    editor.close()


def test_others_are_told_what_was_left_as_it_was(tmp_path: Path) -> None:
    editor = LspEditor(tmp_path).start_stdio()
    at = editor.open("main.lua", DOUBTFUL)
    edit = at.ask("textDocument/rename", types.RenameParams, new_name="go")
    assert [one.range.start.line for one in edit.changes[at.uri]] == [1]
    told = "Left as it was where it is not known what it is a field of: main.lua:3"
    assert editor.messages == [told]
    editor.close()
