"""An editor as a test tells its story: launch, stopped, locals, step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.client import Client, Message

FIRST = {
    "adapterID": "llmspell",
    "clientID": "test",
    "linesStartAt1": True,
    "columnsStartAt1": True,
    "supportsVariableType": True,
    "supportsRunInTerminalRequest": True,
}


NOTE = "LuaJIT: "


def mark_line(text: str, mark: str) -> int:
    """The line that ends in a comment with ``@mark``."""
    for number, line in enumerate(text.splitlines(), 1):
        if f"@{mark}" in line.partition("--")[2].split():
            return number
    raise KeyError(f"no mark @{mark} in the program")


class Editor:
    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.text = ""
        self.path = folder / "program.lua"
        self.thread = 1
        self.last_stop: Message = {}
        self.printed = ""
        self.capabilities: Message = {}

    # Starting ---------------------------------------------------------------------------------

    def write(self, text: str, name: str = "program.lua") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def initialize(self, **more: Any) -> Message:
        self.capabilities = self.client.request("initialize", {**FIRST, **more})
        self.client.wait_for("initialized")
        return self.capabilities

    def launch(
        self,
        text: str,
        breakpoints: list[Any] | None = None,
        filters: list[Any] | None = None,
        **launch: Any,
    ) -> None:
        """The usual way: launch, breakpoints, configurationDone. Marks or dicts as breakpoints."""
        self.text = text
        self.path = self.write(text)
        if not self.capabilities:
            self.initialize()
        request = self.client.send("launch", {"program": str(self.path), **launch})
        if breakpoints:
            self.break_at(*breakpoints)
        if filters is not None:
            self.client.request("setExceptionBreakpoints", {"filters": filters})
        self.client.request("configurationDone")
        self.client.response(request)
        if not launch.get("noDebug"):
            self.take_note()

    def take_note(self) -> None:
        """What is said of LuaJIT at each launch."""
        if self.client.runtime == "luajit":
            self.client.wait_for("output", lambda body: body["output"].startswith(NOTE))

    def break_at(self, *places: Any, path: Path | None = None, text: str = "") -> list[Message]:
        wanted = [self._breakpoint(place, text or self.text) for place in places]
        source = {"path": str(path or self.path)}
        body = self.client.request("setBreakpoints", {"source": source, "breakpoints": wanted})
        return body["breakpoints"]

    def _breakpoint(self, place: Any, text: str) -> Message:
        if isinstance(place, str):
            return {"line": mark_line(text, place)}
        if isinstance(place, int):
            return {"line": place}
        mark = place.pop("at", None)
        return {**place, **({"line": mark_line(text, mark)} if mark else {})}

    # Stopped ----------------------------------------------------------------------------------

    def stopped(self) -> str:
        """Wait for the next stop; gives its reason."""
        self.last_stop = self.client.wait_for("stopped")
        self.thread = self.last_stop["threadId"]
        return self.last_stop["reason"]

    def frames(self, thread: int | None = None) -> list[Message]:
        body = self.client.request("stackTrace", {"threadId": thread or self.thread})
        return body["stackFrames"]

    def frames_page(self, levels: int, start: int = 0) -> list[Message]:
        arguments = {"threadId": self.thread, "startFrame": start, "levels": levels}
        return self.client.request("stackTrace", arguments)["stackFrames"]

    def top(self) -> Message:
        return next(frame for frame in self.frames_page(20) if "source" in frame)

    def at(self, mark: str) -> bool:
        """Whether the top frame stands at a mark; says where it is if not."""
        wanted, line = mark_line(self.text, mark), self.top()["line"]
        assert line == wanted, f"at line {line}, not at @{mark} ({wanted})"
        return True

    def line(self) -> int:
        return self.top()["line"]

    def scopes(self, frame: Message | None = None) -> dict[str, Message]:
        body = self.client.request("scopes", {"frameId": (frame or self.top())["id"]})
        return {scope["name"]: scope for scope in body["scopes"]}

    def children(self, reference: int, **paging: Any) -> list[Message]:
        return self.client.request("variables", {"variablesReference": reference, **paging})["variables"]

    def variables(self, scope: str, frame: Message | None = None) -> dict[str, str]:
        found = self.scopes(frame).get(scope)
        if found is None:
            return {}
        return {v["name"]: v["value"] for v in self.children(found["variablesReference"])}

    def locals(self, frame: Message | None = None) -> dict[str, str]:
        return self.variables("Locals", frame)

    def evaluate(self, expression: str, frame: Message | None = None, context: str = "watch") -> str:
        arguments = {
            "expression": expression,
            "frameId": (frame or self.top())["id"],
            "context": context,
        }
        return self.client.request("evaluate", arguments)["result"]

    # Going on ---------------------------------------------------------------------------------

    def go(self) -> None:
        self.client.request("continue", {"threadId": self.thread})

    def next(self) -> str:
        return self._step("next")

    def step_in(self) -> str:
        return self._step("stepIn")

    def step_out(self) -> str:
        return self._step("stepOut")

    def _step(self, command: str) -> str:
        self.client.request(command, {"threadId": self.thread})
        return self.stopped()

    # The end ----------------------------------------------------------------------------------

    def ended(self) -> int:
        """Wait for the end of the program; gives its exit code."""
        code = self.client.wait_for("exited")["exitCode"]
        self.client.wait_for("terminated")
        return code

    def output(self, category: str = "stdout") -> str:
        """All that has come on a stream so far."""
        return "".join(body["output"] for body in self.outputs() if body["category"] == category)

    def outputs(self) -> list[Message]:
        """What has been output so far, but for the note at each launch."""
        bodies = [message["body"] for message in self.client.transcript if message.get("event") == "output"]
        return [body for body in bodies if not body["output"].startswith(NOTE)]

    def close(self) -> None:
        self.client.wire.close()
