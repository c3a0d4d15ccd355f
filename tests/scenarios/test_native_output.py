"""What goes to the file descriptors past print and io.write is the program's output, too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import PATIENCE, Client, Server, StdioWire, TcpWire
from tests.support.editor import Editor


@pytest.fixture(params=["stdio", "tcp"])
def editor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Editor]:
    if request.param == "stdio":
        client = Client(StdioWire)
    else:
        port = request.getfixturevalue("server").port
        client = Client(lambda receive: TcpWire(receive, port))
    yield Editor(client, tmp_path)
    client.wire.close()


def outputs(editor: Editor) -> list[tuple[str, str]]:
    """Neighbours of one category together, as a person sees them."""
    found: list[tuple[str, str]] = []
    for message in editor.client.transcript:
        if message.get("event") == "output":
            category, text = message["body"]["category"], message["body"]["output"]
            if found and found[-1][0] == category:
                text = found.pop()[1] + text
            found.append((category, text))
    return found


@pytest.mark.lua54("it has no warn")
def test_stderr_of_c_and_of_commands_in_order_with_what_is_printed(editor: Editor) -> None:
    text = """\
print("one")
warn("@on") warn("two")
print("three")
os.execute("echo four >&2")
io.write("five\\n")
os.execute("echo six; echo seven")
io.stderr:write("eight\\n")
local err = io.open("/dev/stderr", "w") err:write("nine\\n") err:close()
"""
    editor.launch(text)
    assert editor.ended() == 0
    assert outputs(editor) == [
        ("stdout", "one\n"),
        ("stderr", "Lua warning: two\n"),
        ("stdout", "three\n"),
        ("stderr", "four\n"),
        ("stdout", "five\nsix\nseven\n"),
        ("stderr", "eight\nnine\n"),
    ]


def test_all_of_it_before_the_end(editor: Editor) -> None:
    (editor.folder / "text").write_text("x" + "€" * 100_000)
    editor.launch(f"os.execute('cat {editor.folder}/text >&2; printf \"\\\\303\" >&2')\n")
    assert editor.ended() == 0
    assert editor.output("stderr") == "x" + "€" * 100_000 + "\\xc3"
    ends = [n for n, message in enumerate(editor.client.transcript) if message.get("event") == "exited"]
    assert not [m for m in editor.client.transcript[ends[0] :] if m.get("event") == "output"]


def test_a_program_says_it_while_it_runs(editor: Editor) -> None:
    editor.launch("os.execute('echo here >&2')\nwhile true do end\n")
    assert editor.client.wait_for("output")["output"] == "here\n"
    editor.client.request("terminate")
    assert editor.ended() == 143


def test_the_log_of_the_adapter_is_not_the_programs(tmp_path: Path) -> None:
    server = Server(stderr=subprocess.PIPE)
    editor = Editor(Client(lambda receive: TcpWire(receive, server.port)), tmp_path)
    editor.initialize()
    editor.client.wire.send({"type": "response", "request_seq": 99, "command": "nothing", "success": True})
    editor.launch("os.execute('echo the program >&2')\n")
    assert editor.ended() == 0
    assert editor.output("stderr") == "the program\n"
    editor.close()
    server.process.terminate()
    _, told = server.process.communicate(timeout=PATIENCE)
    assert told.startswith("llmspell dap: ignored a response to nothing")
    assert "the program" not in told
