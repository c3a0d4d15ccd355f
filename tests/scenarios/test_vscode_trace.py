"""What VS Code 1.139 has sent in six recorded sessions, sent again: every request gets one valid answer.

The sessions were recorded with other adapters. Their ids become those of ours that are valid at the moment; a wait for
a stop is kept where the request before it was one that we do.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llmspell_dap.registry import HANDLERS
from tests.support.client import Client, Message, Refused, StdioWire, environment

TRACE = Path(__file__).parents[1] / "fixtures" / "vscode-dap-trace.jsonl"
PROGRAM = """\
local t, name, done, leaf = { x = 1, inner = { leaf = 2 }, 7 }, "name", false, nil
local total, i, obj = 0, 0, setmetatable({}, { __index = { method = print } })
local function add(a, b) local c = a + b; return c end
local a, b, c = 2, 3, 4
while not done do
  a = a + 1
  i = i + 1
  c = add(a, b)
  total = total + c
  b = b % 7
  leaf = t.inner.leaf + i
end
"""
GOING = {"configurationDone", "continue", "next", "stepIn", "stepOut", "pause", "goto", "restartFrame"}
# What VS Code takes from under the mouse without an extension's help, and is no Lua that may run there.
NO_EXPRESSIONS = {"obj:method", "a..t", "in"}
UNKNOWN = {"source"}  # with a reference of the other adapter's


def sessions() -> list[list[Message]]:
    found: list[list[Message]] = []
    before: list[Message] = []
    for line in TRACE.read_text().splitlines():
        step = json.loads(line)
        if step.get("send", {}).get("command") == "initialize":
            found.append(before := [])
        before.append(step)
    return found


class Replay:
    """One session: the client, and which ids of ours stand for the recorded ones."""

    def __init__(self, program: Path) -> None:
        self.client = Client(StdioWire)
        self.client.on_request = self.run_in_terminal
        self.program = str(program)
        self.going = False
        self.now = {"threadId": 1, "frameId": 0, "variablesReference": 0}
        self.refused: list[tuple[str, Any, str]] = []
        self.terminal: subprocess.Popen[bytes] | None = None

    def run_in_terminal(self, request: Message) -> Message:
        self.terminal = subprocess.Popen(
            request["arguments"]["args"], env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        return {"shellProcessId": self.terminal.pid}

    def send(self, command: str, arguments: Any) -> int:
        return self.client.send(command, self.translated(arguments, self.now))

    def translated(self, value: Any, now: Message) -> Any:
        if isinstance(value, list):
            return [self.translated(one, now) for one in value]
        if not isinstance(value, dict):
            return self.program if isinstance(value, str) and value.startswith("/home/user/ws") else value
        same = {key: self.translated(item, now) for key, item in value.items()}
        if same.get("filterId") == "error":
            same["filterId"] = "raised"
        return {**same, **{key: now[key] for key in now if key in same}}

    def take(self, command: str, arguments: Any, seq: int) -> None:
        try:
            body = self.client.response(seq)
        except Refused as error:
            self.refused.append((command, arguments, error.text))
            return
        self.going = self.going or command in GOING
        if command == "stackTrace" and arguments["startFrame"] == 0:
            self.now["frameId"] = body["stackFrames"][0]["id"]
        if command == "scopes":
            self.now["variablesReference"] = body["scopes"][0]["variablesReference"]

    def wait(self, event: str) -> None:
        if event == "terminated":
            self.client.wait_for("terminated")
        elif self.going:
            self.now["threadId"] = self.client.wait_for("stopped")["threadId"]
            self.going = False


@pytest.mark.parametrize("number", range(6))
def test_every_request_of_vs_code_is_answered(number: int, tmp_path: Path) -> None:
    program = tmp_path / "prog.lua"
    program.write_text(PROGRAM)
    replay = Replay(program)
    launch: tuple[str, Any, int] | None = None
    for step in sessions()[number]:
        if "wait" in step:
            replay.wait(step["wait"])
        if "send" not in step:
            continue
        command, arguments = step["send"]["command"], step["send"].get("arguments")
        sent = (command, arguments, replay.send(command, arguments))
        if command == "launch":  # is answered when the program may begin
            launch = sent
            replay.client.wait_for("initialized")
        else:
            replay.take(*sent)
    assert launch is not None
    replay.take(*launch)
    rest = replay.client.until_closed()
    assert not [one for one in rest if one["type"] == "response"], "a second answer"
    assert [one for one in replay.refused if not may_be_refused(*one)] == []
    if replay.terminal is not None:
        assert replay.terminal.wait(20) == 0
    replay.client.wire.close()


def may_be_refused(command: str, arguments: Any, text: str) -> bool:
    assert text
    if command == "evaluate":
        return arguments["expression"] in NO_EXPRESSIONS
    return command not in HANDLERS or command in UNKNOWN
