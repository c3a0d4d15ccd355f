"""Requests in any order, before, during and after a program: one response each, no crash, no hang."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from llmspell_dap.registry import HANDLERS
from llmspell_dap.session import TRANSITIONS
from tests.support.client import Client, InProcessWire, Message
from tests.support.editor import FIRST

PROGRAM = """\
local t = setmetatable({ 1, 2, x = { y = 1 } }, { __tostring = function() return "t" end })
local co = coroutine.wrap(function(a)
  while true do
    a = coroutine.yield(a + 1)
  end
end)
for i = 1, 200 do
  local ok, e = pcall(function() if i % 50 == 0 then error({ i }) end end)
  t[i] = co(i)
  if i % 100 == 0 then print(i, ok, tostring(t)) end
end
"""
BEFORE = Path.cwd()
FOLDER = Path(tempfile.mkdtemp(prefix="llmspell-order-"))
PATH = FOLDER / "program.lua"
PATH.write_text(PROGRAM)

ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-3, 300) | st.integers() | st.floats() | st.text(max_size=5)
)
NAMES = st.sampled_from(
    [
        "threadId",
        "frameId",
        "variablesReference",
        "name",
        "value",
        "expression",
        "source",
        "breakpoints",
        "lines",
        "filters",
        "start",
        "count",
        "startFrame",
        "levels",
        "line",
        "column",
        "text",
        "requestId",
        "terminateDebuggee",
        "format",
        "context",
        "program",
        "env",
        "args",
    ]
)
GARBAGE = st.dictionaries(NAMES, ANYTHING | st.lists(ANYTHING, max_size=2) | st.just({}), max_size=5)
FITTING: dict[str, Any] = {
    "initialize": FIRST,
    "launch": {"program": str(PATH)},
    "setBreakpoints": {
        "source": {"path": str(PATH)},
        "breakpoints": [{"line": 4}, {"line": 9, "condition": "i > 3"}],
    },
    "setExceptionBreakpoints": {"filters": ["raised", "uncaught"]},
    "breakpointLocations": {"source": {"path": str(PATH)}, "line": 1, "endLine": 20},
    "stackTrace": {"threadId": 1},
    "evaluate": {"expression": "i"},
    "completions": {"text": "t.", "column": 3},
    "source": {"source": {"path": str(PATH)}, "sourceReference": 0},
    "setExpression": {"expression": "i", "value": "i"},
    **{command: {"threadId": 1} for command in ("next", "stepIn", "stepOut", "continue", "pause")},
}
ENDINGS = {"disconnect", "restart", "terminate"}
COMMANDS = sorted(set(HANDLERS) - ENDINGS)
assert TRANSITIONS, "importing the session registers the handlers"


class AnyOrder(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.client = Client(InProcessWire)
        self.open_requests: list[int] = []
        self.references: list[int] = []
        self.disconnected = False

    def send(self, command: str, arguments: Any) -> None:
        self.open_requests.append(self.client.send(command, arguments))

    @precondition(lambda self: not self.disconnected)
    @rule(command=st.sampled_from(COMMANDS))
    def fitting(self, command: str) -> None:
        self.send(command, FITTING.get(command, {}))

    @precondition(lambda self: not self.disconnected)
    @rule()
    def begin(self) -> None:
        for command in ("initialize", "launch", "setBreakpoints", "configurationDone"):
            self.send(command, FITTING.get(command))

    @precondition(lambda self: not self.disconnected)
    @rule(command=st.sampled_from(COMMANDS), arguments=GARBAGE)
    def garbled(self, command: str, arguments: dict[str, Any]) -> None:
        self.send(command, arguments)

    @precondition(lambda self: not self.disconnected)
    @rule(command=st.sampled_from(["next", "stepIn", "stepOut", "continue", "stackTrace", "threads"]))
    def walk(self, command: str) -> None:
        self.send(command, {"threadId": 1})

    @precondition(lambda self: not self.disconnected)
    @rule(frame=st.integers(1, 6), reference=st.integers(1, 12))
    def look(self, frame: int, reference: int) -> None:
        self.send("scopes", {"frameId": frame})
        self.send("variables", {"variablesReference": reference})
        self.send("evaluate", {"expression": "t", "frameId": frame})

    @precondition(lambda self: not self.disconnected)
    @rule(command=st.text(max_size=12).filter(lambda command: command not in HANDLERS))
    def unknown(self, command: str) -> None:
        self.send(command, {"threadId": 1})

    @precondition(lambda self: not self.disconnected)
    @rule(request=st.integers(0, 9), success=st.booleans())
    def response_to_nothing(self, request: int, success: bool) -> None:
        message = {"seq": 0, "type": "response", "request_seq": request, "success": success}
        self.client.wire.send({**message, "command": "runInTerminal"})

    @precondition(lambda self: not self.disconnected)
    @rule(command=st.sampled_from(["restart", "terminate"]))
    def end(self, command: str) -> None:
        self.send(command, {})

    @precondition(lambda self: not self.disconnected)
    @rule(program=st.sampled_from([str(PATH), str(FOLDER / "missing.lua"), str(FOLDER)]))
    def restart_with(self, program: str) -> None:
        self.send("restart", {"arguments": {"program": program}})

    @precondition(lambda self: not self.disconnected)
    @rule()
    def evaluate_without_end(self) -> None:
        """Somebody has to cancel it, or end the program."""
        self.send("evaluate", {"expression": "(function() while true do end end)()"})

    @precondition(lambda self: not self.disconnected)
    @rule(number=st.integers(0, 5))
    def cancel(self, number: int) -> None:
        self.send("cancel", {"requestId": max(1, (self.open_requests or [1])[-1] - number)})

    @precondition(lambda self: self.disconnected)
    @rule()
    def nothing_more(self) -> None:
        """After a disconnect a client says no more."""

    @precondition(lambda self: not self.disconnected)
    @rule(terminate=st.booleans())
    def disconnect(self, terminate: bool) -> None:
        self.send("disconnect", {"terminateDebuggee": terminate})
        self.disconnected = True

    def responses(self) -> list[Message]:
        return [m for m in self.client.transcript if m["type"] == "response"]

    def teardown(self) -> None:
        if not hasattr(self, "client"):
            return
        if not self.disconnected:
            self.disconnect(True)
        """A disconnect leaves nothing without its response, and the session ends."""
        while len(self.responses()) < self.client._seq:
            self.client._take()  # fails when nothing comes
        answered = [m["request_seq"] for m in self.responses()]
        assert sorted(answered) == list(range(1, self.client._seq + 1))
        self.client.wire.close()
        os.chdir(BEFORE)  # a launch has changed it


AnyOrder.TestCase.settings = settings(
    max_examples=int(os.environ.get("LLMSPELL_EXAMPLES", "100")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_any_order = AnyOrder.TestCase
