"""Tools at work in a debugged program: the debugger answers while the program waits for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.editor import Editor

MEETS = '''
import os, select
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.spec import tool

@tool()
def waits_for(call: Call, path: str) -> str:
    """Wait until a file is there.

    Args:
        path: The file.
    """
    while not os.path.exists(path):
        call.check()
        select.select([], [], [], 0.01)
    return "there"
'''


@pytest.fixture(autouse=True)
def _in_this_folder_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A launch changes the folder of its process, which may be ours."""
    monkeypatch.chdir(tmp_path)


def project(editor: Editor, folder: Path) -> Path:
    module = re.sub(r"\W", "_", folder.name)  # an editor in our own process imports it here
    (folder / f"{module}.py").write_text(MEETS)
    (folder / "llmspell.toml").write_text(f'[tools]\npaths = ["{module}.py"]\n')
    return folder / "signal"


PROGRAM = """
print("begun") -- @begin
local answers = Tool.map("waits_for", { { path = ARGS[1] }, { path = ARGS[1] } })
print(answers[1].text, answers[2].text) -- @after
"""


def test_a_program_that_waits_for_tools_is_paused_when_they_are_done(editor: Editor, tmp_path: Path) -> None:
    signal = project(editor, tmp_path)
    editor.launch(PROGRAM, cwd=str(tmp_path), args=[str(signal)])
    editor.client.wait_for("output", lambda body: "begun" in body["output"])
    assert [one["name"] for one in editor.client.request("threads")["threads"]] != []
    editor.client.request("pause", {"threadId": 1})
    editor.break_at("after")
    signal.touch()
    assert editor.stopped() in ("pause", "breakpoint")
    editor.go()
    editor.ended()
    assert "there\tthere\n" in editor.output()


def test_a_program_that_waits_for_tools_can_be_ended(editor: Editor, tmp_path: Path) -> None:
    signal = project(editor, tmp_path)
    editor.launch(PROGRAM, cwd=str(tmp_path), args=[str(signal)])
    editor.client.wait_for("output", lambda body: "begun" in body["output"])
    editor.client.request("terminate")
    editor.ended()
    assert "there" not in editor.output()
