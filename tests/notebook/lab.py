"""What JupyterLab asks of a kernel's debugger."""

from __future__ import annotations

from typing import Any

from tests.notebook.notebook import SECONDS, Notebook

SUM = """function add(a, b)
  local r = a + b
  return r
end
total = 0
for i = 1, 3 do
  total = add(total, i)
end
print('total', total)"""


class Lab:
    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self._seq = 0
        self.cell = ""

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        self._seq += 1
        content = {"type": "request", "seq": self._seq, "command": command, "arguments": arguments}
        answer = self.notebook.ask("debug_request", content, "control")
        assert (answer["type"], answer["request_seq"], answer["command"]) == ("response", self._seq, command)
        return answer

    def body(self, command: str, **arguments: Any) -> dict[str, Any]:
        answer = self.request(command, **arguments)
        assert answer["success"], answer
        return dict(answer.get("body", {}))

    def attach(self) -> None:
        self.body("initialize", clientID="jupyterlab", adapterID="llmspell", supportsVariableType=True)
        self.body("attach")
        self.body("setExceptionBreakpoints", filters=[])

    def detach(self) -> None:
        self.body("disconnect", restart=False, terminateDebuggee=False)

    def breakpoints(self, code: str, *lines: int) -> str:
        path = str(self.body("dumpCell", code=code)["sourcePath"])
        wanted = [{"line": line} for line in lines]
        answer = self.body("setBreakpoints", source={"path": path}, breakpoints=wanted, sourceModified=False)
        assert all(one["verified"] for one in answer["breakpoints"])
        return path

    def start(self, code: str) -> None:
        self.cell = self.notebook.begin(code)

    def event(self, name: str) -> dict[str, Any]:
        return dict(self.notebook.until(self.cell, "debug_event", event=name)[-1]["content"].get("body", {}))

    def events(self) -> list[str]:
        """What has been told until now, outside of cells."""
        cell, found = self.notebook.begin(""), []
        while True:
            message = self.notebook.client.get_iopub_msg(timeout=SECONDS)
            if message["msg_type"] == "debug_event":
                found.append(message["content"]["event"])
            elif message["parent_header"].get("msg_id") == cell and message["content"].get("execution_state") == "idle":
                return found

    def stack(self) -> list[tuple[str, int]]:
        return [(one["name"], one["line"]) for one in self.frames()]

    def frames(self) -> list[dict[str, Any]]:
        return list(self.body("stackTrace", threadId=1)["stackFrames"])

    def variables(self, scope: int, frame: int = 0) -> list[dict[str, Any]]:
        return self.children(self.body("scopes", frameId=self.frames()[frame]["id"])["scopes"][scope])

    def children(self, parent: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.body("variables", variablesReference=parent["variablesReference"])["variables"])

    def locals(self, frame: int = 0) -> dict[str, str]:
        return {one["name"]: one["value"] for one in self.variables(0, frame)}

    def step(self, command: str) -> list[tuple[str, int]]:
        self.body(command, threadId=1)
        self.event("stopped")
        return self.stack()

    def globals(self) -> dict[str, Any]:
        return {one["name"]: one for one in self.body("inspectVariables")["variables"]}
