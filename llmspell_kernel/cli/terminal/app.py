"""The terminal debugger: one program, one person (or a script of commands).

The commands are in commands.py; this holds what they work on: the session, the frame that is looked
at, the breakpoints and watches.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import Empty
from typing import Any

from llmspell_kernel.cli.terminal.breakpoints import Point, Points, learn
from llmspell_kernel.cli.terminal.client import Client, Refused
from llmspell_kernel.cli.terminal.view import BOLD, View, lines_of
from llmspell_kernel.errors import UserError

Message = dict[str, Any]
AROUND = 5  # lines of source above and below the current one
FRAMES, CHILDREN = 100, 100  # how many are shown at a time
NOWHERE = 2**31 - 1  # a place that no stack reaches
PATIENCE = 1.0  # seconds after Ctrl-C until a program counts as stuck
STUCK = "The program waits outside of Lua and pauses when it comes back; Ctrl-C again leaves it."


class Quit(Exception):
    """The person wants to leave."""


class NotLoaded(Exception):
    """The program can't be started; why has been output."""


class Debugger:
    def __init__(self, launch: Message, view: View) -> None:
        self.view = view
        self.points = Points()
        self.watches: list[str] = []
        self.client = Client(view.program_wrote, lambda body: self.points.update(body["breakpoint"]))
        self.script: str = launch["program"]
        self.frames: list[Message] = []  # the innermost ones
        self.depth = 0  # how many there are; of a deep stack a bound, until its end has been seen
        self.selected = 0
        self.thread = 1
        self.stop_reason = ""
        self.alive = False
        self.reading: list[str] = []  # files of commands that are being done
        self._listed: int | None = None  # the last line that `list` has shown since the stop
        self._launch = launch
        self._started = False
        self._shown: dict[str, str] = {}  # watches as they were at the last stop

    # Starting ------------------------------------------------------------------------------------

    def start(self, filters: list[str]) -> None:
        """Launch and run to the first stop. Raises NotLoaded."""
        self.client.request("initialize", adapterID="llmspell", clientID="llmspell-debug", supportsVariableType=True)
        launched = self.client.send("launch", **self._launch)
        for path in {point.path for point in self.points.all()}:
            self.send_points(path)
        self.client.request("setExceptionBreakpoints", filters=filters)
        self.client.request("configurationDone")
        try:
            self.client.response(launched)
        except Refused as error:
            raise NotLoaded from error
        self._started = True
        self.run_to_stop()

    def restart(self) -> None:
        self.alive = False
        try:
            self.client.order("restart", arguments={**self._launch})
        except Refused as error:  # why has been output
            raise UserError("the program can't be started; mend it, then `run`") from error
        self.client.forget_events()
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
        self.client.order(command, threadId=self.thread)
        self.run_to_stop()

    def run_to_stop(self) -> None:
        self.alive, self.frames = True, []
        event, pressed = self._stop_or_end()
        if event["event"] == "terminated":
            self._ended()
        else:
            self._stopped(event["body"], pressed)

    def _stop_or_end(self) -> tuple[Message, bool]:
        """Whether Ctrl-C was pressed, too: it pauses the program; one that waits in C for ever must be left."""
        patience, stuck, pressed = None, False, False
        while True:
            try:
                return self.client.next_event("stopped", "terminated", patience=patience), pressed
            except KeyboardInterrupt:
                pressed = True
                self.view.interrupted()
                if stuck:
                    self.view.say("The program is left.")
                    raise Quit from None
                self.client.send("pause", threadId=1)
                patience = PATIENCE
            except Empty:
                self.view.complain(STUCK)
                patience, stuck = None, True

    def _ended(self) -> None:
        self.alive = False
        code = self.client.next_event("exited")["body"]["exitCode"]
        self.view.say(f"The program has ended with code {code}.")

    def _stopped(self, body: Message, pressed: bool) -> None:
        self.thread = body["threadId"]
        self.stop_reason = "pause" if pressed else body["reason"]  # a step may have ended before the pause came
        self.load_frames()
        hit = self.points.hit(body.get("hitBreakpointIds", []))
        self.show_stop(body, hit)
        for point in hit:
            if point.temporary:
                self.points.remove(point)
                self.send_points(point.path)

    def load_frames(self) -> None:
        self.frames, self._listed = [], None
        self.need_frames(FRAMES)
        self.selected = next((n for n, frame in enumerate(self.frames) if "source" in frame), 0)

    def need_frames(self, count: int) -> None:
        """Have at least so many of the innermost frames, if there are so many."""
        while not self.frames or len(self.frames) < min(count, self.depth):
            page = self._page(len(self.frames), count - len(self.frames))
            if not page:
                return
            self.frames += page

    def full_depth(self) -> int:
        """How many frames there are, counted if need be: where nothing follows, the end has been seen."""
        if len(self.frames) < self.depth:
            self._page(NOWHERE, 1)
        return self.depth

    def _page(self, start: int, levels: int) -> list[Message]:
        body = self.client.request("stackTrace", threadId=self.thread, startFrame=start, levels=levels)
        self.depth = body["totalFrames"]
        frames: list[Message] = body["stackFrames"]
        return frames

    def select(self, number: int) -> None:
        self.selected, self._listed = number, None

    # Showing -------------------------------------------------------------------------------------

    def show_stop(self, body: Message, hit: list[Point]) -> None:
        frame = self.frame
        place = f"{frame['source']['name']}:{frame['line']}" if "source" in frame else "?"
        numbers = ", ".join(str(point.number) for point in hit if point.number)
        why = f"breakpoint {numbers}" if numbers else "until" if hit else body["reason"]
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
        self.view.source(self.text_of(frame), middle - around, middle + around, line, self.marks(frame))

    def list_source(self, line: int | None) -> None:
        """Around ``line``; without one around the current line, then what follows."""
        frame = self.frame
        if "source" not in frame:
            raise UserError("there is no source here")
        if line is None:
            line = frame["line"] if self._listed is None else self._listed + 1 + AROUND
        count = len(lines_of(self.text_of(frame)))
        if line - AROUND > count:
            raise UserError(f"{frame['source']['name']} ends with line {count}")
        self.show_source(center=line)
        self._listed = line + AROUND

    def text_of(self, frame: Message) -> str:
        body = self.client.request("source", source=frame["source"], sourceReference=0)
        text: str = body["content"]
        return text

    def marks(self, frame: Message) -> dict[int, str]:
        path = frame["source"].get("path", "")
        return {(p.actual or p.line): "*" if p.verified else "o" for p in self.points.of(path) if p.number}

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
        if not self.frames:  # Ctrl-C came between the stop and the stack
            self.load_frames()
        return self.frames[self.selected]

    def current_path(self) -> str | None:
        if self.alive and self.frames:
            path: str | None = self.frame.get("source", {}).get("path")
            return path
        return os.path.abspath(self.script)

    def scopes(self) -> list[Message]:
        found: list[Message] = self.client.request("scopes", frameId=self.frame["id"])["scopes"]
        return found

    def children(self, reference: int) -> list[Message]:
        """Up to one more than are shown."""
        body = self.client.request("variables", variablesReference=reference, start=0, count=CHILDREN + 1)
        found: list[Message] = body["variables"]
        return found

    def show_children(self, title: str, reference: int) -> None:
        found = self.children(reference)
        self.view.variables(title, found[:CHILDREN], more=len(found) > CHILDREN)

    def evaluate(self, expression: str) -> Message:
        frame = self.frame
        return self.client.request("evaluate", expression=expression, frameId=frame["id"], context="repl")

    # Breakpoints -----------------------------------------------------------------------------------

    def send_points(self, path: str) -> None:
        """Those of a file; without one, those on functions."""
        points = self.points.of(path)
        asked = [{"condition": p.condition} if p.condition else {} for p in points]
        wanted = [{"line": p.line} if path else {"name": p.function} for p in points]
        breakpoints = [{**one, **more} for one, more in zip(wanted, asked, strict=True)]
        if path:
            body = self.client.request("setBreakpoints", source={"path": path}, breakpoints=breakpoints)
        else:
            body = self.client.request("setFunctionBreakpoints", breakpoints=breakpoints)
        for point, state in zip(points, body["breakpoints"], strict=True):
            learn(point, state)


Command = Callable[[Debugger, str], None]
