"""How the server starts, what it may be told, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types

from tests.support.language import LspEditor, project

LSP = [sys.executable, "-m", "llmspell_kernel", "lsp"]
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"capabilities": {}, "processId": None, "rootUri": None},
}
SHUTDOWN = {"jsonrpc": "2.0", "id": 2, "method": "shutdown"}
EXIT = {"jsonrpc": "2.0", "method": "exit"}


def framed(*messages: Any) -> bytes:
    bodies = [json.dumps(one).encode() for one in messages]
    return b"".join(b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies)


def ended(given: bytes, close: bool = True) -> tuple[int, bytes]:
    server = subprocess.Popen(LSP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert server.stdin is not None
    if close:
        out, _ = server.communicate(given, timeout=30)
    else:
        server.stdin.write(given)
        server.stdin.flush()
        server.wait(30)
        out, _ = server.communicate()
    return server.returncode, out


def test_exit_after_shutdown_is_0_while_stdin_stays_open() -> None:
    code, out = ended(framed(INITIALIZE, SHUTDOWN, EXIT), close=False)
    assert code == 0 and out.count(b'"id": 2') == 1


def test_exit_without_shutdown_is_1() -> None:
    assert ended(framed(INITIALIZE, EXIT))[0] == 1


def test_an_editor_that_is_gone_ends_the_server() -> None:
    assert ended(framed(INITIALIZE))[0] == 1
    assert ended(framed(INITIALIZE) + b"Content-Length: 99\r\n\r\n{")[0] == 1


def test_a_message_that_can_not_be_read_does_not_end_it() -> None:
    broken = b"Content-Length: 5\r\n\r\n{{{{{"
    code, out = ended(framed(INITIALIZE) + broken + framed(SHUTDOWN, EXIT))
    assert code == 0 and b'"id": 2' in out


def answers(out: bytes) -> dict[int, Any]:
    """What was answered to each request: the code of the error, or the result."""
    bodies = [json.loads(one) for one in re.findall(rb"\r\n\r\n(\{.*?\})(?=Content-Length|\Z)", out, re.S)]
    return {one["id"]: one["error"]["code"] if "error" in one else one.get("result") for one in bodies if "id" in one}


def request(number: int, method: str, params: Any = None) -> Any:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def test_every_request_has_an_answer_also_what_comes_at_a_wrong_time() -> None:
    hover = {"textDocument": {"uri": "untitled:a"}, "position": {"line": 0, "character": 0}}
    below = {**hover, "position": {"line": -1, "character": 0}}
    early, late = request(10, "textDocument/hover", hover), request(20, "textDocument/hover", hover)
    wrong = [request(3, "textDocument/hover", {"x": 1}), request(4, "textDocument/hover", below), request(5, "no/such")]
    code, out = ended(framed(early, INITIALIZE, {**INITIALIZE, "id": 11}, *wrong, SHUTDOWN, late, EXIT))
    found = answers(out)
    assert code == 0
    assert found.pop(1)["capabilities"]
    assert found == {10: -32002, 11: -32600, 3: -32602, 4: -32602, 5: -32601, 2: None, 20: -32600}


def test_what_can_not_be_renamed_is_told_to_the_editor_and_not_logged() -> None:
    text = {"uri": "untitled:a", "languageId": "lua", "version": 1, "text": "local x = 1"}
    opened = {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": text}}
    where = {"textDocument": {"uri": "untitled:a"}, "position": {"line": 0, "character": 10}, "newName": "y"}
    given = framed(INITIALIZE, opened, request(3, "textDocument/rename", where), SHUTDOWN, EXIT)
    done = subprocess.run(LSP, input=given, capture_output=True, timeout=30)
    assert answers(done.stdout)[3] == -32803
    assert done.stderr == b""


def test_everyday_features_are_left_to_another_server(tmp_path: Path) -> None:
    editor = LspEditor(project(tmp_path), options={"everyday": False}).start_stdio()
    at = editor.open("a.lua", "local x = 1\nprnt(x)\nTool.get('shuot')\nx = = 1\nx¦")
    assert [one.code for one in editor.problems(at.uri)] == ["unknown-tool"]
    found = at.ask("textDocument/completion", types.CompletionParams)
    assert "x" not in [one.label for one in found.items]
    assert not at.ask_whole("textDocument/documentSymbol", types.DocumentSymbolParams)
    assert at.ask("textDocument/hover", types.HoverParams) is None
    hover = types.HoverParams(at.identifier, types.Position(2, 2))
    assert "Python functions" in editor.run(editor.client.text_document_hover_async(hover)).contents.value
    settings = types.DidChangeConfigurationParams({"llmspell": {"everyday": True}})
    editor.client.workspace_did_change_configuration(settings)
    assert "syntax" in [one.code for one in editor.problems(at.uri)]
    editor.close()


def test_settings_are_asked_of_an_editor_that_has_them(tmp_path: Path) -> None:
    editor = LspEditor(tmp_path, settings={"everyday": False}).start_stdio()
    at = editor.open("a.lua", "prnt(1)\nTool.get('zzz')")
    codes = [one.code for one in editor.problems(at.uri)]
    while codes != ["unknown-tool"]:  # the answer may come after the first look at the text
        codes = [one.code for one in editor.problems(at.uri)]
    editor.close()


def test_an_editor_may_count_in_bytes(tmp_path: Path) -> None:
    editor = LspEditor(tmp_path, encodings=["utf-8"]).start_stdio()
    assert editor.capabilities.position_encoding == "utf-8"
    at = editor.open("a.lua", 'print("é", nothing)')
    assert [one.range.start.character for one in editor.problems(at.uri)] == [12]
    editor.close()


def test_several_editors_over_tcp_do_not_disturb_each_other(tmp_path: Path) -> None:
    server = subprocess.Popen([*LSP, "--listen", "0"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline().rpartition(":")[2])
    first, second = (LspEditor(tmp_path).start_tcp(port) for _ in range(2))
    at = first.open("a.lua", "print(one)")
    second.open("a.lua", "local two = 1\nreturn two")
    assert [one.code for one in first.problems(at.uri)] == ["undefined-global"]
    first.close()
    assert second.problems(at.uri) == []
    second.close()
    server.terminate()
    server.communicate(timeout=30)


def test_an_address_of_other_machines_is_refused() -> None:
    done = subprocess.run([*LSP, "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "--allow-remote" in done.stderr
