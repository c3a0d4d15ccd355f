"""Where commands come from: a person at a terminal (history, completion), or a pipe (no echo)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

Complete = Callable[[str, int], list[tuple[str, int]]]  # text, cursor → words and where they begin


def read_commands(complete: Complete) -> Iterator[str]:
    """One line at a time until the input ends. Call it before the program starts."""
    return _from_person(complete) if is_interactive() else _from_pipe()


def is_interactive() -> bool:
    return _is_terminal(sys.stdin) and _is_terminal(sys.stdout)


def _is_terminal(stream: object) -> bool:
    return stream is not None and os.isatty(stream.fileno())  # type: ignore[attr-defined]


def _from_pipe() -> Iterator[str]:
    """The pipe is the debugger's alone: a program that reads finds the end of its input, not our commands."""
    if sys.stdin is None:
        return iter(())
    commands = os.fdopen(os.dup(0), encoding="utf-8", errors="surrogateescape")
    if not commands.isatty():
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
    return (line.rstrip("\n") for line in commands)


def _from_person(complete: Complete) -> Iterator[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    class Words(Completer):
        def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
            for word, start in complete(document.text, document.cursor_position):
                yield Completion(word, start_position=start - document.cursor_position)

    path = history_path()
    session: PromptSession[str] = PromptSession(
        history=FileHistory(path) if path else InMemoryHistory(),
        completer=Words(),
        complete_while_typing=False,
    )
    while True:
        try:
            yield session.prompt("(llmspell) ")
        except KeyboardInterrupt:
            continue  # the line is given up
        except EOFError:
            return


def history_path(name: str = "debug-history") -> str | None:
    """In the folder for state of the XDG specification; None where it can't be made."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    folder = os.path.join(state, "llmspell")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return None
    path = os.path.join(folder, name)
    writable = os.access(path, os.R_OK | os.W_OK) if os.path.exists(path) else os.access(folder, os.W_OK)
    return path if writable else None
