"""What JupyterLab 4.6 has said to another kernel's debugger, said to ours, with the cells in Lua.

``jupyterlab-debug-trace.jsonl`` was recorded between JupyterLab and ipykernel; of it is kept what this compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.jupyter.murmur import murmur2
from tests.notebook.notebook import SECONDS, Notebook

TRACE = Path(__file__).parent / "jupyterlab-debug-trace.jsonl"
pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter-client's own
THEIR_SEED = 3339675911
ADD = "function add(x, y)\n    local r = x + y\n    return r end\n\n{}total = 0\nfor i = 0, 2 do\n    total = add(total, i) end\nprint('total', total)"
ADD_THEIRS = "def add(x, y):\n    r = x + y\n    return r\n\n{}total = 0\nfor i in range(3):\n    total = add(total, i)\nprint('total', total)"
LUA = {
    ADD_THEIRS.format(""): ADD.format(""),
    ADD_THEIRS.format("# a comment\n"): ADD.format("-- a comment\n"),
    "data = {'a': 1, 'b': [1, 2, 3]}\nname = 'lua'": "data = { a = 1, b = { 1, 2, 3 } }\nname = 'lua'",
    "q = 1\nboom = q / 0": "q = 1\nboom = q / nil",
}
BY_NAME = {str(murmur2(theirs.encode(), THEIR_SEED)): ours for theirs, ours in LUA.items()}


def sessions() -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    for line in TRACE.read_text().splitlines():
        entry = json.loads(line)
        if entry["dir"] == "meta":
            found.append([])
        else:
            found[-1].append(entry)
    return found


class Replay:
    """Says what JupyterLab said, in our kernel's words: paths, frames and references are those that it has given."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.cells: list[str] = []
        self.info: dict[str, Any] = {}
        self.frames: list[tuple[int, int]] = []  # theirs, ours
        self.references: dict[int, int] = {}
        self.is_elsewhere = False  # the other kernel has stopped in code of its own, and is asked about that
        self.compared = 0

    def say(self, entry: dict[str, Any], answers: Iterator[dict[str, Any]]) -> None:
        if entry["msg_type"] == "kernel_info_request":
            self.notebook.ask("kernel_info_request", {})
        elif entry["msg_type"] == "execute_request":
            self.cells.append(self.notebook.begin(LUA[entry["content"]["code"]]))
        elif entry["msg_type"] == "debug_request":
            self.debug(entry["content"], answers)

    def debug(self, request: dict[str, Any], answers: Iterator[dict[str, Any]]) -> None:
        command, arguments = request["command"], self.ours(request.get("arguments"))
        theirs = next(answers)
        if arguments is None or (self.is_elsewhere and command in ("stackTrace", "scopes", "variables")):
            return  # about what only the other kernel has
        content = {**request, **({"arguments": arguments} if "arguments" in request else {})}
        ours = self.notebook.ask("debug_request", content, "control")
        assert ours["request_seq"] == request["seq"] and ours["command"] == command
        if not (command == "initialize" and not theirs["success"]):
            assert ours["success"] or not theirs["success"], (request, ours)
        self.compare(command, theirs.get("body", {}), ours.get("body", {}))

    def ours(self, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
        changed = dict(arguments or {})
        if "code" in changed:
            changed["code"] = LUA[changed["code"]]
        if "source" in changed:
            name = changed["source"]["path"].rpartition("/")[2].removesuffix(".py")
            if name not in BY_NAME:  # a file of the other kernel's own
                return None
            hash = murmur2(BY_NAME[name].encode(), self.info["hashSeed"])
            path = f"{self.info['tmpFilePrefix']}{hash}{self.info['tmpFileSuffix']}"
            changed["source"] = {**changed["source"], "path": path}
        if "frameId" in changed:
            changed["frameId"] = dict(self.frames).get(changed["frameId"])
        if "variablesReference" in changed:
            changed["variablesReference"] = self.references.get(changed["variablesReference"])
        return None if None in (changed.get("frameId", 0), changed.get("variablesReference", 0)) else changed

    def compare(self, command: str, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        self.compared += 1
        if command == "debugInfo":
            self.info = ours
            assert ours.keys() >= theirs.keys()
        elif command == "stackTrace" and "stackFrames" in theirs:
            cells = [one for one in theirs["stackFrames"] if "ipykernel" in one["source"]["path"]]
            assert [one["line"] for one in cells] == [one["line"] for one in ours["stackFrames"]][: len(cells)]
            self.frames = [(a["id"], b["id"]) for a, b in zip(cells, ours["stackFrames"], strict=False)]
        elif command == "scopes" and "scopes" in theirs:
            pairs = zip(theirs["scopes"], (ours["scopes"][0], ours["scopes"][-1]), strict=False)
            self.references = {a["variablesReference"]: b["variablesReference"] for a, b in pairs}
        elif command == "evaluate":
            assert ours["result"] == theirs["result"]
        elif command == "setBreakpoints":
            assert [one["verified"] for one in ours["breakpoints"]] == [True] * len(theirs["breakpoints"])
        elif command in ("source", "dumpCell", "richInspectVariables", "inspectVariables", "variables", "modules"):
            assert ours.keys() >= {key for key in theirs if key != "error"} or "error" in theirs

    def hear(self, name: str) -> None:
        """Of the cell that runs: ours may have stopped where the other kernel's was elsewhere."""
        while True:
            message = self.notebook.client.get_iopub_msg(timeout=SECONDS)
            is_event = message["msg_type"] == "debug_event" and message["content"]["event"] == name
            if is_event and message["parent_header"]["msg_id"] == self.cells[-1]:
                return


def restarts(entries: list[dict[str, Any]]) -> set[int]:
    """Where a socket was opened again because the kernel was restarted."""
    found = [n for n, one in enumerate(entries) if "restart" in one.get("action", "")]
    return {next(m for m in range(n, len(entries)) if "open" in entries[m]) for n in found}


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    yield notebook
    notebook.close()


@pytest.mark.parametrize("number", range(3))
def test_what_jupyterlab_says_is_answered_as_it_expects(notebook: Notebook, number: int) -> None:
    entries = sessions()[number]
    answers = iter([one["content"] for one in _in_order(entries)])
    replay = Replay(notebook)
    again = restarts(entries)
    for n, entry in enumerate(entries):
        if n in again:
            notebook.manager.restart_kernel(now=True)
            notebook.client.wait_for_ready(SECONDS)
            replay.cells.clear()
        elif entry["dir"] == "lab->kernel":
            replay.say(entry, answers)
        elif entry.get("msg_type") == "execute_reply":
            notebook.answer(replay.cells.pop(0))
        elif entry.get("content", {}).get("event") == "stopped":
            replay.is_elsewhere = _is_theirs(entries, n)
            if not replay.is_elsewhere:
                replay.hear("stopped")
    assert replay.compared > 30


def _in_order(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The replies in the order of their requests."""
    waiting = [one for one in entries if one.get("msg_type") == "debug_reply"]
    for request in entries:
        if request.get("msg_type") == "debug_request":
            content = request["content"]
            for reply in waiting:
                answer = reply["content"]
                seq = answer.get("request_seq", answer.get("sequence_seq"))
                if seq in (content["seq"], None) and answer.get("command", content["command"]) == content["command"]:
                    waiting.remove(reply)
                    yield reply
                    break
            else:
                yield {"content": {"success": False}}


def _is_theirs(entries: list[dict[str, Any]], n: int) -> bool:
    """Whether it was code of the other kernel's own that stopped."""
    for later in entries[n:]:
        body = later.get("content", {}).get("body") or {}
        if "stackFrames" in body:
            return not any("ipykernel_" in frame["source"]["path"] for frame in body["stackFrames"][:1])
    return False
