"""Every feature, asked by pygls' own client of a real server over stdio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.support.language import LspEditor, Place, project

LEDGER = """\
local M = {}

--- Adds up.
---@param list table what to add
function M.total(list)
  local sum = 0
  for _, one in ipairs(list) do
    sum = sum + one
  end
  return sum
end

function M.main()
  return M.total({ 1, 2 })
end

return M
"""


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LspEditor]:
    folder = project(tmp_path_factory.mktemp("project"))
    (folder / "ledger.lua").write_text(LEDGER)
    editor = LspEditor(folder).start_stdio()
    yield editor
    editor.close()


@pytest.fixture
def place(editor: LspEditor, request: pytest.FixtureRequest) -> Any:
    """Opens a text with a cursor, in a document of the test's own."""
    name = request.node.name.partition("[")[0] + ".lua"
    opened: list[str] = []

    def place(text: str) -> Place:
        found = editor.open(name, text)
        opened.append(found.uri)
        return found

    yield place
    for uri in opened:
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))


def complete(place: Place, character: str | None = None) -> types.CompletionList:
    kind = types.CompletionTriggerKind
    context = types.CompletionContext(kind.TriggerCharacter if character else kind.Invoked, character)
    found: types.CompletionList = place.ask("textDocument/completion", types.CompletionParams, context=context)
    return found


def labels(place: Place) -> list[str]:
    return [one.label for one in complete(place).items]


def test_names_of_tools_are_completed_and_described(editor: LspEditor, place: Any) -> None:
    (item,) = [one for one in complete(place('local s = Tool.get("sho¦")')).items if one.label == "shout"]
    assert item.text_edit.range == types.Range(types.Position(0, 20), types.Position(0, 23))
    item = editor.run(editor.client.completion_item_resolve_async(item))
    assert "Say it louder." in item.documentation.value
    assert '`how`: `"loud"|"louder"` How loud. Default: `"loud"`.' in item.documentation.value


def test_keys_of_parameters_are_completed_needed_ones_first(place: Any) -> None:
    items = complete(place('local s = Tool.get("shout")\ns:execute{ ¦'), "{").items
    assert [one.label for one in items] == ["text", "how", "times", "safe"]
    assert items[0].detail == "string (needed)"
    assert items[0].text_edit.new_text == "text = "


def test_nothing_comes_up_by_itself_where_anything_could_stand(place: Any) -> None:
    assert not complete(place("local t = { ¦"), "{").items


def test_members_of_our_globals_are_completed(place: Any) -> None:
    assert labels(place("Tool.¦"))[:4] == ["all", "categories", "discover", "execute"]


def test_modules_are_completed(place: Any) -> None:
    assert labels(place('local ledger = require("led¦")')) == ["ledger"]


def test_fields_of_a_module_are_completed(place: Any) -> None:
    assert labels(place('local ledger = require("ledger")\nledger.¦')) == ["main", "total"]


def test_hover_tells_of_a_tool(place: Any) -> None:
    found = place('Tool.execute("sh¦out", {})').ask("textDocument/hover", types.HoverParams)
    assert found.contents.value.startswith('```lua\nshout { text: string, how?: "loud"|"louder"')
    assert found.range == types.Range(types.Position(0, 14), types.Position(0, 19))


def test_hover_tells_of_a_function_with_its_comment(place: Any) -> None:
    found = place("--- Adds.\n---@param a number\nlocal function add(a) end\nad¦d(1)").ask(
        "textDocument/hover", types.HoverParams
    )
    assert found.contents.value == "```lua\nlocal function add(a: number)\n```\n\nAdds."


def test_signature_of_a_tool_marks_the_parameter_being_written(place: Any) -> None:
    found = place('Tool.invoke("shout", { text = "a", how = ¦').ask(
        "textDocument/signatureHelp", types.SignatureHelpParams
    )
    signature = found.signatures[0]
    assert signature.parameters[found.active_parameter].label == 'how?: "loud"|"louder"'


def test_signature_of_a_function(place: Any) -> None:
    found = place("local function add(first, second) end\nadd(1, ¦").ask(
        "textDocument/signatureHelp", types.SignatureHelpParams
    )
    assert (found.signatures[0].label, found.active_parameter) == ("add(first, second)", 1)


def test_an_unknown_tool_is_told_and_fixed(editor: LspEditor, place: Any) -> None:
    at = place('Tool.get("shuot"):execute{ text = "a" }')
    (problem,) = editor.problems(at.uri)
    assert (problem.code, problem.message) == ("unknown-tool", "no tool named 'shuot'; did you mean 'shout'?")
    (action,) = at.ask_whole(
        "textDocument/codeAction", types.CodeActionParams, range=problem.range,
        context=types.CodeActionContext([problem]),
    )  # fmt: skip
    edit = action.edit.changes[at.uri][0]
    assert (edit.range, edit.new_text) == (problem.range, "shout")


def test_problems_follow_what_is_typed(editor: LspEditor, place: Any) -> None:
    at = place("local x = 1\nprint(x)\n")
    assert editor.problems(at.uri) == []
    end = types.Position(1, 8)
    editor.change(at.uri, end, end, "\nprint(y")
    (problem,) = editor.problems(at.uri)
    assert (problem.code, problem.message) == ("syntax", "')' expected (to close '(' at line 3) near <eof>")
    end = types.Position(2, 7)
    editor.change(at.uri, end, end, ")")
    (problem,) = editor.problems(at.uri)
    assert (problem.code, problem.range.start) == ("undefined-global", types.Position(2, 6))


def test_positions_are_utf_16(editor: LspEditor, place: Any) -> None:
    at = place('local s = "😀é" print(nothing)')
    (unused, problem) = editor.problems(at.uri)
    assert unused.code == "unused-local" and list(unused.tags) == [types.DiagnosticTag.Unnecessary]
    assert problem.range == types.Range(types.Position(0, 22), types.Position(0, 29))


def test_definition_of_a_tool_is_its_python_function(editor: LspEditor, place: Any) -> None:
    (found,) = place('Tool.get("sh¦out")').ask("textDocument/definition", types.DefinitionParams)
    assert found.uri == (editor.folder / "tools" / "voice.py").as_uri()
    assert found.range.start.line == 5


def test_definition_of_a_built_in_tool_is_in_our_sources(place: Any) -> None:
    (found,) = place('Tool.get("calc¦ulator")').ask("textDocument/definition", types.DefinitionParams)
    assert found.uri.endswith("/tools/builtin/calculator.py") and found.range.start.line > 10


def test_definition_in_a_module(editor: LspEditor, place: Any) -> None:
    (found,) = place('local ledger = require("ledger")\nledger.to¦tal({})').ask(
        "textDocument/definition", types.DefinitionParams
    )
    assert found.uri == editor.uri("ledger.lua")
    assert found.range.start == types.Position(4, 11)


def test_references_of_a_local(place: Any) -> None:
    context = types.ReferenceContext(include_declaration=False)
    at = place("local a = 1\nlocal function f() return a¦ end\na = f()")
    found = at.ask("textDocument/references", types.ReferenceParams, context=context)
    assert [one.range.start for one in found] == [types.Position(1, 26), types.Position(2, 0)]


def test_references_of_a_modules_function_across_files(editor: LspEditor, place: Any) -> None:
    context = types.ReferenceContext(include_declaration=True)
    at = place('local ledger = require("ledger")\nledger.tot¦al({})')
    found = at.ask("textDocument/references", types.ReferenceParams, context=context)
    assert {(one.uri, one.range.start.line) for one in found} == {
        (editor.uri("ledger.lua"), 4), (editor.uri("ledger.lua"), 13), (at.uri, 1),
    }  # fmt: skip


def test_highlights(place: Any) -> None:
    found = place("local a¦ = 1\na = a").ask("textDocument/documentHighlight", types.DocumentHighlightParams)
    kind = types.DocumentHighlightKind
    assert [one.kind for one in found] == [kind.Write, kind.Write, kind.Read]


def test_rename(place: Any) -> None:
    at = place("local one = 1\nlocal function f() return o¦ne end")
    span = at.ask("textDocument/prepareRename", types.PrepareRenameParams)
    assert span == types.Range(types.Position(1, 26), types.Position(1, 29))
    edit = at.ask("textDocument/rename", types.RenameParams, new_name="two")
    assert [(one.range.start.line, one.new_text) for one in edit.changes[at.uri]] == [(0, "two"), (1, "two")]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("local a, b = 1, 2\nprint(a¦, b)", "b", "there is another b where a is used"),
        ("local a = 1\nprint(a¦)", "end", "'end' is not a name in Lua"),
        ("pri¦nt(1)", "show", "print is not this program's to rename"),
        ("local a = 1\nlocal function f(b) return a¦ + b end", "b", "there is another b where a is used"),
    ],
)
def test_what_would_change_the_program_is_not_renamed(place: Any, text: str, name: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        place(text).ask("textDocument/rename", types.RenameParams, new_name=name)


def test_document_symbols(place: Any) -> None:
    found = place(LEDGER).ask_whole("textDocument/documentSymbol", types.DocumentSymbolParams)
    assert [(one.name, one.kind.name, one.detail) for one in found] == [
        ("M", "Object", None), ("M.total", "Function", "(list)"), ("M.main", "Function", "()"),
    ]  # fmt: skip


def test_workspace_symbols(editor: LspEditor) -> None:
    found = editor.run(editor.client.workspace_symbol_async(types.WorkspaceSymbolParams("total")))
    assert [(one.name, one.location.uri) for one in found] == [("M.total", editor.uri("ledger.lua"))]


def test_folds(place: Any) -> None:
    found = place("-- a\n-- b\nif x then\n  y()\nelse\n  z()\nend\n").ask_whole(
        "textDocument/foldingRange", types.FoldingRangeParams
    )
    assert [(one.start_line, one.end_line, one.kind) for one in found] == [
        (0, 1, types.FoldingRangeKind.Comment), (2, 3, None), (4, 5, None),
    ]  # fmt: skip


def test_selections_grow(place: Any) -> None:
    text = "local function f()\n  return g(a¦bc, 1)\nend"
    at = place(text)
    (found,) = at.ask_whole("textDocument/selectionRange", types.SelectionRangeParams, positions=[at.position])
    widths = []
    while found is not None:
        widths.append((found.range.start.character, found.range.end.character))
        found = found.parent
    assert widths[:3] == [(11, 14), (10, 18), (9, 18)]
    assert widths[-1] == (0, 3)


def test_semantic_tokens_tell_parameters_upvalues_and_globals(place: Any) -> None:
    at = place("local up = 1\nlocal function f(a)\n  return a + up + print + mine\nend")
    data = at.ask_whole("textDocument/semanticTokens/full", types.SemanticTokensParams).data
    assert tokens(data) == [
        (1, 17, 1, "parameter", ["declaration"]),
        (2, 9, 1, "parameter", []),
        (2, 13, 2, "variable", ["upvalue"]),
        (2, 18, 5, "variable", ["global", "defaultLibrary"]),
        (2, 26, 4, "variable", ["global"]),
    ]
    span = types.Range(types.Position(1, 0), types.Position(2, 0))
    some = at.ask_whole("textDocument/semanticTokens/range", types.SemanticTokensRangeParams, range=span).data
    assert [one[0] for one in tokens(some)] == [1]


def tokens(data: list[int]) -> list[tuple[int, int, int, str, list[str]]]:
    names, bits = ["parameter", "variable"], ["declaration", "readonly", "upvalue", "global", "defaultLibrary"]
    line = character = 0
    found = []
    for index in range(0, len(data), 5):
        lines, distance, length, kind, modifiers = data[index : index + 5]
        character = character + distance if lines == 0 else distance
        line += lines
        found.append((line, character, length, names[kind], [b for i, b in enumerate(bits) if modifiers >> i & 1]))
    return found


def test_lenses_run_and_debug_the_script_and_what_it_exports(place: Any) -> None:
    at = place(LEDGER)
    found = at.ask_whole("textDocument/codeLens", types.CodeLensParams)
    assert [
        (one.range.start.line, one.command.title, one.command.command, list(one.command.arguments)) for one in found
    ] == [
        (0, "Run", "llmspell.run", [at.uri]),
        (0, "Debug", "llmspell.debug", [at.uri]),
        (12, "Run", "llmspell.run", [at.uri, "main"]),
        (12, "Debug", "llmspell.debug", [at.uri, "main"]),
    ]


def test_inline_values_are_those_of_the_function_up_to_the_stop(place: Any) -> None:
    at = place("local out = 1\nlocal function f(a)\n  local b = a.x.y\n  return b\nend")
    stop = types.Range(types.Position(2, 2), types.Position(2, 2))
    whole = types.Range(types.Position(0, 0), types.Position(9, 0))
    context = types.InlineValueContext(frame_id=1, stopped_location=stop)
    found = at.ask_whole("textDocument/inlineValue", types.InlineValueParams, range=whole, context=context)
    shown = [getattr(one, "variable_name", None) or one.expression for one in found]
    assert shown == ["a", "a", "a.x", "a.x.y"]


def test_evaluatable_expressions_for_the_debuggers_hover(editor: LspEditor, place: Any) -> None:
    at = place("local t = {}\nprint(t.inner.le¦af, t:method())")
    params = types.ExecuteCommandParams(
        "llmspell.evaluatable", [at.uri, {"line": at.position.line, "character": at.position.character}]
    )
    found = editor.run(editor.client.workspace_execute_command_async(params))
    assert found["expression"] == "t.inner.leaf"


def test_hints_are_off_until_they_are_wanted(editor: LspEditor, place: Any) -> None:
    at = place("local function add(first, second) end\nadd(1, x)")
    whole = types.Range(types.Position(0, 0), types.Position(9, 0))
    assert not at.ask_whole("textDocument/inlayHint", types.InlayHintParams, range=whole)
    settings = types.DidChangeConfigurationParams({"llmspell": {"inlayHints": True}})
    editor.client.workspace_did_change_configuration(settings)
    (hint,) = at.ask_whole("textDocument/inlayHint", types.InlayHintParams, range=whole)
    assert (hint.label, hint.position) == ("first:", types.Position(1, 4))


def test_a_text_in_no_file_is_served_too(editor: LspEditor) -> None:
    uri = "untitled:Untitled-1"
    document = types.TextDocumentItem(uri, "lua", 1, "Tool.get('shuot')")
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    assert [one.code for one in editor.problems(uri)] == ["unknown-tool"]


def test_a_file_of_twenty_thousand_lines_is_ordinary(editor: LspEditor, place: Any) -> None:
    function = 'function M.work{n}(a)\n  local c = Tool.get("shout")\n  return c:execute{{ text = a }}\nend\n'
    text = "local M = {}\n" + "".join(function.format(n=n) for n in range(5000)) + "M.¦\nreturn M\n"
    at = place(text)
    found = complete(at)
    assert found.is_incomplete and found.items[0].label == "work0"
    assert [one.code for one in editor.problems(at.uri)] == ["syntax"]
    assert len(at.ask_whole("textDocument/documentSymbol", types.DocumentSymbolParams)) == 5001
    assert len(at.ask_whole("textDocument/foldingRange", types.FoldingRangeParams)) == 5000
    end = types.Position(at.position.line, 2)
    editor.change(at.uri, end, end, "x = 1")
    assert editor.problems(at.uri) == []


def test_what_is_not_open_is_one_clear_error(editor: LspEditor) -> None:
    params = types.HoverParams(types.TextDocumentIdentifier(editor.uri("nowhere.lua")), types.Position(0, 0))
    with pytest.raises(Exception, match=r"nowhere\.lua is not open, and there is no such file"):
        editor.run(editor.client.text_document_hover_async(params))


def test_a_tool_that_the_project_gets_is_known(editor: LspEditor, place: Any) -> None:
    path = editor.folder / "tools" / "more.py"
    path.write_text("@tool\ndef whisper(text: str) -> str:\n    return text.lower()\n")
    change = types.FileEvent(path.as_uri(), types.FileChangeType.Created)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([change]))
    assert "whisper" in labels(place('Tool.get("whi¦")'))
    Path(path).unlink()
