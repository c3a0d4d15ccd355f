"""What a console shows of a cell: what it prints, its value, its errors. Any thread."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from llmspell_kernel.jupyter.messages import Json, Message

STYLE = re.compile(r"\x1b\[[\d;]*m")


class View:
    def __init__(self) -> None:
        self._in_colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._at_line_start = True
        self.told_an_error = False
        self.is_broken = False  # nobody reads our stdout any more
        self.broken: Callable[[], None] = lambda: None  # called then: what runs is to end

    def heard(self, message: Message) -> None:
        content = message.content
        if message.type == "stream":
            self._write(sys.stderr if content["name"] == "stderr" else sys.stdout, content["text"])
        elif message.type in ("execute_result", "display_data", "update_display_data"):
            self.say(text_of(content["data"]))
        elif message.type == "error":
            self.told_an_error = True
            self.complain("\n".join(content["traceback"]))

    def say(self, text: str) -> None:
        self._line(sys.stdout, text)

    def complain(self, text: str) -> None:
        self._line(sys.stderr, text)

    def end_line(self) -> None:
        """What comes next begins on a line of its own."""
        if not self._at_line_start:
            self._write(sys.stdout, "\n")

    def typed(self) -> None:
        """A person has pressed Enter, or Ctrl-C, which a terminal echoes."""
        self._at_line_start = True

    def _line(self, stream: TextIO, text: str) -> None:
        if not self._at_line_start and stream.isatty():
            text = "\n" + text
        self._write(stream, text + "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        if not (self._in_colour and stream.isatty()):
            text = STYLE.sub("", text) if "\x1b" in text and stream is sys.stderr else text
        try:
            stream.flush()
            stream.buffer.write(text.encode("utf-8", "surrogateescape"))
            stream.flush()
        except BrokenPipeError:
            self._break()
        self._at_line_start = text.endswith("\n") if text else self._at_line_start

    def _break(self) -> None:
        if not self.is_broken:
            self.is_broken = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            self.broken()


def text_of(bundle: Json) -> str:
    """A MIME bundle where there is only text."""
    if "text/plain" in bundle:
        return str(bundle["text/plain"])
    text = next((str(value) for mime, value in bundle.items() if mime.startswith("text/")), None)
    return text if text is not None else f"<{', '.join(bundle)}>"


def problem_of(reply: Json) -> str:
    """Why a request was not taken."""
    if reply.get("status") == "aborted":
        return "llmspell: the cell was not run, since one that was sent before it has failed"
    return f"llmspell: {reply.get('evalue') or 'the kernel has refused it'}"
