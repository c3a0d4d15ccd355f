"""What a person sees: the source around a line, values, stacks. Colour only on a terminal."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

Message = dict[str, Any]
BOLD, DIM, RED, GREEN, YELLOW, CYAN, PLAIN = (
    "\033[1m",
    "\033[2m",
    "\033[31m",
    "\033[32m",
    "\033[33m",
    "\033[36m",
    "\033[0m",
)


LINE_END = re.compile(r"\r\n|\n\r|\n|\r")  # as Lua counts lines; str.splitlines knows more of them


class View:
    def __init__(self) -> None:
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self.colour = sys.stdout.isatty() and not plain
        self._at_line_start = True
        self._highlighted: dict[str, list[str]] = {}

    def say(self, text: str = "") -> None:
        """A line of the debugger's; it begins on a line of its own."""
        if not self._at_line_start:
            print()
        self._at_line_start = True
        print(_printable(text), flush=True)

    def interrupted(self) -> None:
        """Ctrl-C was pressed: a terminal has echoed ^C."""
        self._at_line_start = not sys.stdout.isatty()

    def complain(self, text: str) -> None:
        self.say(self.paint(RED, text))

    def program_wrote(self, body: Message) -> None:
        """Output of the program (or of the adapter about it)."""
        text = _printable(body["output"])
        if body["category"] in ("stderr", "important"):
            text = self.paint(RED, text)
        elif body["category"] == "console":
            text = self.paint(CYAN, text)
        sys.stdout.write(text)
        sys.stdout.flush()
        self._at_line_start = body["output"].endswith("\n")

    def paint(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.colour else text

    def source(self, text: str, first: int, last: int, current: int, marks: dict[int, str]) -> None:
        """Lines ``first`` … ``last``; ``marks``: a sign for lines with breakpoints."""
        lines = self._lines(text)
        width = len(str(min(last, len(lines))))
        for number in range(max(first, 1), min(last, len(lines)) + 1):
            arrow = "->" if number == current else "  "
            left = f"{marks.get(number, ' ')}{arrow} {number:>{width}}"
            style = BOLD + YELLOW if number == current else DIM
            self.say(f"{self.paint(style, left)}  {lines[number - 1]}".rstrip())

    def _lines(self, text: str) -> list[str]:
        if not self.colour:
            return lines_of(text)
        if text not in self._highlighted:
            from pygments import highlight
            from pygments.formatters import TerminalFormatter
            from pygments.lexers import LuaLexer

            lexer = LuaLexer(stripnl=False, ensurenl=False)
            coloured = highlight("\n".join(lines_of(text)), lexer, TerminalFormatter())
            self._highlighted[text] = coloured.split("\n")
        return self._highlighted[text]

    def variables(self, title: str, variables: list[Message], more: bool = False) -> None:
        if title:
            self.say(self.paint(BOLD, title))
        for one in variables:
            if not one.get("presentationHint", {}).get("lazy"):  # `print tostring(t)` is how to ask for it here
                self.say(f"  {self.paint(GREEN, one['name'])} = {one['value']}")
        if more:
            self.say("  … and more")

    def frames(self, frames: list[Message], selected: int, first: int = 0) -> None:
        for number, frame in enumerate(frames, first):
            mark = "*" if number == selected else " "
            self.say(f"{mark} #{number:<3} {frame['name']}{place_of(frame)}")


def lines_of(text: str) -> list[str]:
    lines = LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def place_of(frame: Message) -> str:
    source = frame.get("source")
    return f" at {source['name']}:{frame['line']}" if source else ""


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
