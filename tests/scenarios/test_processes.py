"""What a program starts ends with it, when it is given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.debug import engine
from tests.support.client import Client, InProcessWire
from tests.support.editor import Editor
from tests.support.lifeline import Lifeline

WAITS = {
    "a command": "os.execute([[{command}]])\n",
    "a command behind a pipe": "local pipe = io.popen([[{command}]])\npipe:read() pipe:read()\n",
    "no command, while one runs": "local pipe = io.popen([[{command}]])\nwhile true do end\n",
}


@pytest.mark.parametrize("waits", WAITS.values(), ids=WAITS.keys())
def test_a_program_that_is_terminated_takes_its_commands_along(editor: Editor, waits: str) -> None:
    life = Lifeline(editor.folder)
    editor.launch(waits.format(command=life.command()))
    life.begun()
    editor.client.request("terminate")
    assert editor.ended() == 143
    assert life.ended()
    assert "left behind" not in editor.output("stderr")


@pytest.mark.parametrize("waits", WAITS.values(), ids=WAITS.keys())
def test_a_client_that_vanishes_takes_the_commands_along(editor: Editor, waits: str) -> None:
    life = Lifeline(editor.folder)
    editor.launch(waits.format(command=life.command()))
    life.begun()
    editor.close()
    assert life.ended()


def test_a_restart_does_not_wait_for_a_command(editor: Editor) -> None:
    life = Lifeline(editor.folder)
    editor.launch(WAITS["a command"].format(command=life.command()))
    life.begun()
    editor.client.request("restart", {"arguments": {"program": str(editor.write("print('again')\n"))}})
    assert editor.ended() == 0
    assert life.ended()


def test_a_command_that_does_not_want_to_end_is_made_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.4)
    life = Lifeline(tmp_path)
    editor = Editor(Client(InProcessWire), tmp_path)
    editor.launch(f"os.execute([[trap '' TERM; {life.command()}]])\n")
    life.begun()
    editor.client.request("terminate")
    assert editor.ended() == 143
    assert life.ended()
    editor.close()
