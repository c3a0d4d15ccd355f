"""The console: cells in, what they do out; a line that begins with a point is for the console itself."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from llmspell_kernel.cli.console import commands
from llmspell_kernel.cli.console.links import Link
from llmspell_kernel.cli.console.person import Person, Pipe, Terminal, Words, cells_of, has_terminal
from llmspell_kernel.cli.console.view import View, problem_of, text_of
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.messages import Message

FAILED = 1


class Console:
    def __init__(self, link: Link, history: str | None = None) -> None:
        self.link = link
        self.view = View()
        self.view.broken = link.interrupt
        self.interactive = has_terminal()
        self.number = 0  # of the last execution
        self.entered: list[str] = []  # cells that did not fail
        self.timing = False
        self.code: int | None = None  # with which to end
        self._failed = False
        self._person: Person = Terminal(link.ask, self.complete, history) if self.interactive else Pipe(link.ask)

    def run(self) -> int:
        """Until the end; gives the exit code: that of os.exit, else 1 if a cell from a pipe has failed."""
        last = self.link.ask("history_request", {"hist_access_type": "tail", "n": 1}).get("history")
        self.number = last[0][1] if last else 0
        if self.interactive:
            self.view.say(f"llmspell · Lua 5.4 with Python tools, {self.link.where}. .help tells more, Ctrl-D ends.")
        while self.code is None and not self.view.is_broken:
            cell = self._person.cell(self.number + 1)
            if cell is None:
                break
            if self.interactive:
                self.view.typed()
            self.enter(cell)
        failed = self.view.is_broken or (self._failed and not self.interactive)
        return self.code if self.code is not None else FAILED if failed else 0

    def enter(self, text: str) -> None:
        if not text.strip():
            return
        if text.startswith("."):
            try:
                commands.do(self, text)
            except UserError as error:
                self._failed = True
                self.view.complain(f"llmspell: {error}")
        else:
            self.execute("return " + text[1:] if text.startswith("=") else text)  # as in Lua's own console
        if self.interactive:
            self.view.end_line()

    def execute(self, code: str, **more: Any) -> bool:
        """Whether it went well."""
        self.view.told_an_error = False
        start = perf_counter()
        reply = self.link.execute(code, self._heard, self._person.line, **more)
        seconds = perf_counter() - start
        self.number = reply.get("execution_count", self.number)
        for page in reply.get("payload", ()):
            self.view.say(text_of(page.get("data", {})))
        ok = reply.get("status") == "ok"
        if not ok and not self.view.told_an_error:
            self.view.complain(problem_of(reply))
        if ok and "script" not in more:
            self.entered.append(code)
        if self.link.is_ours and "exit_code" in reply:
            self.code = int(reply["exit_code"])
        if self.timing:
            self.view.say(f"{seconds * 1000:.1f} ms")
        self._failed = self._failed or not ok
        return ok

    def _heard(self, message: Message) -> None:
        if self.link.is_ours and message.type == "error" and "exit_code" in message.content:
            self.view.told_an_error = True  # it is none
        else:
            self.view.heard(message)

    def replay(self, text: str) -> None:
        """Cells as from a pipe, to the first that fails."""
        for cell in cells_of(text.split("\n"), self.link.ask):
            if self.code is not None or not self.execute(cell):
                return

    def complete(self, text: str, at: int) -> Words:
        if text.startswith("."):
            return commands.complete(text, at)
        answer = self.link.ask("complete_request", {"code": text, "cursor_pos": at})
        return Words(answer.get("matches", []), answer.get("cursor_start", at))


def run(link: Link, history: str | None = None) -> int:
    """Raises UserError: the kernel has ended."""
    try:
        return Console(link, history).run()
    finally:
        link.close()
