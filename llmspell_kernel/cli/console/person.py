"""Where cells come from: a person at a terminal, or a pipe, which is read line by line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from llmspell_kernel.cli.terminal.prompt import history_path
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.messages import Json

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

MORE = "..."
Ask = Callable[[str, Json], Json]  # kind of message, content → the reply


class Words(NamedTuple):
    """What Tab offers, and where in the text it begins."""

    words: list[str]
    start: int


class Person(Protocol):
    def cell(self, number: int) -> str | None:
        """The next cell; "" for a line that was given up, None at the end."""

    def line(self, prompt: str) -> str | None:
        """A line for a cell that reads; None at the end. Raises KeyboardInterrupt."""


def rest(ask: Ask, text: str) -> str | None:
    """How the line after this one is indented; None if nothing more is needed."""
    if text.startswith("."):
        return None
    answer = ask("is_complete_request", {"code": text})
    return str(answer.get("indent", "")) if answer.get("status") == "incomplete" else None


def cells_of(lines: Iterable[str], ask: Ask) -> Iterator[str]:
    """Lines, gathered until they are a cell."""
    text = ""
    for line in lines:
        text = f"{text}\n{line}" if text else line
        if text.strip() and rest(ask, text) is None:
            yield text
            text = ""
    if text.strip():
        yield text  # it is told what is wrong with it


def read_line(source: TextIO, prompt: str) -> str | None:
    """A line for a cell; None at the end. Raises KeyboardInterrupt."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else a read would go on
    try:
        line = source.readline()
    finally:
        signal.signal(signal.SIGINT, before)
    return line.removesuffix("\n") if line else None


class Pipe:
    """What a cell reads comes from the same pipe, as with the standalone Lua; what it starts finds nothing there."""

    def __init__(self, ask: Ask) -> None:
        source = os.open(os.devnull, os.O_RDONLY) if sys.stdin is None else os.dup(0)
        self._input = os.fdopen(source, encoding="utf-8", errors="surrogateescape")
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        self._cells = cells_of(iter(self._next, None), ask)

    def _next(self) -> str | None:
        line = self._input.readline()
        return line.removesuffix("\n") if line else None

    def cell(self, number: int) -> str | None:
        return next(self._cells, None)

    def line(self, prompt: str) -> str | None:
        return read_line(self._input, "")


class Terminal:
    def __init__(self, ask: Ask, complete: Callable[[str, int], Words], history: str | None) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory, InMemoryHistory

        self._ask = ask
        path = _writable(history) if history else history_path("repl-history")
        self._session: PromptSession[str] = PromptSession(
            history=FileHistory(path) if path else InMemoryHistory(),
            completer=_completer(complete),
            complete_while_typing=False,
            multiline=True,
            key_bindings=self._keys(),
            lexer=_lexer(),
            prompt_continuation=lambda width, number, wrapped: MORE.ljust(width),
            include_default_pygments_style=True,
        )

    def cell(self, number: int) -> str | None:
        try:
            return self._session.prompt(f"[{number}]> ")
        except KeyboardInterrupt:
            return ""
        except EOFError:
            return None

    def line(self, prompt: str) -> str | None:
        return read_line(sys.stdin, prompt)

    def _keys(self) -> KeyBindings:
        from prompt_toolkit.filters import Condition, has_completions
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()

        @keys.add("enter", filter=~has_completions)
        def enter(event: KeyPressEvent) -> None:
            """Run what is complete, if the cursor is behind it; else begin a line."""
            buffer = event.current_buffer
            after = buffer.document.text_after_cursor.strip()
            indent = rest(self._ask, buffer.text) if not after else None
            if indent is None and not (after and "\n" in buffer.text):
                buffer.validate_and_handle()
            else:
                buffer.insert_text("\n" + (indent or ""))

        @keys.add("escape", "enter")
        def line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        def is_blank() -> bool:
            from prompt_toolkit.application import get_app

            return not get_app().current_buffer.document.current_line_before_cursor.strip()

        @keys.add("tab", filter=Condition(is_blank) & ~has_completions)
        def tab(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("    ")

        return keys


def _writable(path: str) -> str:
    """Raises UserError."""
    try:
        with open(path, "ab"):
            return path
    except OSError as error:
        raise UserError(f"cannot keep the history in {path}: {(error.strerror or str(error)).lower()}") from error


def _completer(complete: Callable[[str, int], Words]) -> Any:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class Offers(Completer):
        def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
            found = complete(document.text, document.cursor_position)
            for word in found.words:
                yield Completion(word, start_position=found.start - document.cursor_position)

    return Offers()


def _lexer() -> Any:
    if os.environ.get("NO_COLOR"):
        return None
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.scripting import LuaLexer

    return PygmentsLexer(LuaLexer)


def has_terminal() -> bool:
    return sys.stdin is not None and os.isatty(0) and sys.stdout is not None and os.isatty(1)
