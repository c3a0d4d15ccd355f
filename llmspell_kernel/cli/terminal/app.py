"""The terminal debugger: one program, one person (or a script of commands).

The commands are in commands.py; this holds what they work on: the session, the frame that is looked
at, the breakpoints and watches.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from llmspell_kernel.cli.terminal.breakpoints import Point, Points, learn
from llmspell_kernel.cli.terminal.client import Client, Refused
from llmspell_kernel.cli.terminal.view import BOLD, View
from llmspell_kernel.errors import UserError

Message = dict[str, Any]
AROUND = 5  # lines of source above and below the current one


class Quit(Exception):
    """The person wants to leave."""


class Debugger:
    def __init__(self, launch: Message, view: View) -> None:
        self.view = view
        self.points = Points()
        self.watches: list[str] = []
        self.client = Client(view.program_wrote, lambda body: self.points.update(body["breakpoint"]))
        self.script: str = launch["program"]
        self.frames: list[Message] = []
        self.selected = 0
        self.thread = 1
        self.stop_reason = ""
        self.alive = False
        self._launch = launch
        self._started = False
        self._shown: dict[str, str] = {}  # watches as they were at the last stop

    # Starting ------------------------------------------------------------------------------------

    def start(self, filters: list[str]) -> None:
        """Launch and run to the first stop. Raises Refused."""
        self.client.request("initialize", adapterID="llmspell", clientID="llmspell-debug", supportsVariableType=True)
        launched = self.client.send("launch", **self._launch)
        for path in {point.path for point in self.points.all()}:
            self.send_points(path)
        self.client.request("setExceptionBreakpoints", filters=filters)
        self.client.request("configurationDone")
        self.client.response(launched)
        self._started = True
        self.run_to_stop()

    def restart(self) -> None:
        self.client.request("restart", arguments={**self._launch})
        self.run_to_stop()

    def close(self) -> None:
        if self._started:
            try:
                self.client.request("disconnect", terminateDebuggee=True)
            except Refused:
                pass
        self.client.close()

    # Going on ------------------------------------------------------------------------------------

    def resume(self, command: str) -> None:
        """continue, next, stepIn or stepOut, and show where it ends."""
        self.needs_program()
        self.client.request(command, threadId=self.thread)
        self.run_to_stop()

    def run_to_stop(self) -> None:
        self.alive, self.frames = True, []
        while True:
            try:
                event = self.client.next_event("stopped", "terminated")
                break
            except KeyboardInterrupt:
                self.client.send("pause", threadId=1)
        if event["event"] == "terminated":
            self._ended()
        else:
            self._stopped(event["body"])

    def _ended(self) -> None:
        self.alive = False
        code = self.client.next_event("exited")["body"]["exitCode"]
        self.view.say(f"The program has ended with code {code}.")

    def _stopped(self, body: Message) -> None:
        self.thread = body["threadId"]
        self.stop_reason = body["reason"]
        self.load_frames()
        hit = self.points.hit(body.get("hitBreakpointIds", []))
        self.show_stop(body, hit)
        for point in hit:
            if point.temporary:
                self.points.remove(point)
                self.send_points(point.path)

    def load_frames(self) -> None:
        body = self.client.request("stackTrace", threadId=self.thread, startFrame=0, levels=100)
        self.frames = body["stackFrames"]
        self.selected = next((n for n, frame in enumerate(self.frames) if "source" in frame), 0)

    # Showing -------------------------------------------------------------------------------------

    def show_stop(self, body: Message, hit: list[Point]) -> None:
        frame = self.frame
        place = f"{frame['source']['name']}:{frame['line']}" if "source" in frame else "?"
        why = f"breakpoint {', '.join(str(p.number) for p in hit)}" if hit else body["reason"]
        thread = "" if self.thread == 1 else f" in coroutine {self.thread}"
        self.view.say(self.view.paint(BOLD, f"{place} in {frame['name']}{thread} ({why})"))
        if body["reason"] == "exception":
            self.view.complain(body.get("text", ""))
        self.show_source(2)
        self.show_returned()
        self.show_watches()

    def show_source(self, around: int = AROUND, center: int | None = None) -> None:
        frame = self.frame
        if "source" not in frame:
            self.view.say("There is no source here.")
            return
        line = frame["line"]
        middle = center or line
        self.view.source(
            frame["source"]["name"],
            self.text_of(frame),
            middle - around,
            middle + around,
            line,
            self.marks(frame),
        )

    def text_of(self, frame: Message) -> str:
        body = self.client.request("source", source=frame["source"], sourceReference=0)
        text: str = body["content"]
        return text

    def marks(self, frame: Message) -> dict[int, str]:
        path = frame["source"].get("path", "")
        return {(p.actual or p.line): "*" if p.verified else "o" for p in self.points.of(path)}

    def show_returned(self) -> None:
        for scope in self.scopes():
            if scope["name"] == "Return Value":
                values = ", ".join(v["value"] for v in self.children(scope["variablesReference"]))
                self.view.say(f"returned {values}")

    def show_watches(self) -> None:
        for expression in self.watches:
            try:
                value = self.evaluate(expression)["result"]
            except Refused as error:
                value = f"<{error}>"
            changed = " (changed)" if self._shown.get(expression, value) != value else ""
            self._shown[expression] = value
            self.view.say(f"watch {expression} = {value}{changed}")

    # Looking -------------------------------------------------------------------------------------

    def needs_program(self) -> None:
        if not self.alive:
            raise UserError("the program has ended; `run` starts it again")

    @property
    def frame(self) -> Message:
        self.needs_program()
        return self.frames[self.selected]

    def current_path(self) -> str | None:
        if self.alive and self.frames:
            path: str | None = self.frame.get("source", {}).get("path")
            return path
        return os.path.abspath(self.script)

    def scopes(self) -> list[Message]:
        found: list[Message] = self.client.request("scopes", frameId=self.frame["id"])["scopes"]
        return found

    def children(self, reference: int, count: int = 100) -> list[Message]:
        body = self.client.request("variables", variablesReference=reference, start=0, count=count)
        found: list[Message] = body["variables"]
        return found

    def evaluate(self, expression: str) -> Message:
        frame = self.frame
        return self.client.request("evaluate", expression=expression, frameId=frame["id"], context="repl")

    # Breakpoints -----------------------------------------------------------------------------------

    def send_points(self, path: str) -> None:
        points = self.points.of(path)
        wanted = [{"line": p.line, **({"condition": p.condition} if p.condition else {})} for p in points]
        body = self.client.request("setBreakpoints", source={"path": path}, breakpoints=wanted)
        for point, state in zip(points, body["breakpoints"], strict=True):
            learn(point, state)


Command = Callable[[Debugger, str], None]
