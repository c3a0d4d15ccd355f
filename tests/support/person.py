"""People at terminals: real pseudo-terminals, with a program of ours at the other end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.cli.test_run import LLMSPELL
from tests.support.client import PATIENCE, environment

PROMPT, CTRL_C, CTRL_D = "(llmspell)", "\x03", "\x04"
LOG_IN = "import os, sys; os.setsid(); os.close(os.open(os.ttyname(0), 2)); os.execv(sys.argv[1], sys.argv[1:])"
STYLE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


class Person:
    program: Sequence[str] = LLMSPELL
    command: tuple[str, ...] = ("debug",)

    def __init__(self, folder: Path, *words: str, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOG_IN, *self.program, *self.command, *words],  # Ctrl-C is for its own terminal
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={
                **environment(),
                "XDG_STATE_HOME": str(folder),
                "TERM": "xterm",
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **env,
            },
        )
        os.close(theirs)
        self._seen = ""

    def sees(self, text: str) -> str:
        """Wait for a text; gives what came before it. Both without colours."""
        while text not in STYLE.sub("", self._seen):
            assert select.select([self._ours], [], [], PATIENCE)[0], f"{text!r} never came: {self._seen!r}"
            self._seen += os.read(self._ours, 65536).decode(errors="replace")
        before, _, self._seen = STYLE.sub("", self._seen).partition(text)
        return before

    def sees_colour(self) -> bool:
        while PROMPT not in self._seen:
            assert select.select([self._ours], [], [], PATIENCE)[0], self._seen
            self._seen += os.read(self._ours, 65536).decode(errors="replace")
        before, _, self._seen = self._seen.partition(PROMPT)
        return re.search(r"\x1b\[[\d;]*3\dm", before) is not None

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def leaves(self) -> int:
        code = self.process.wait(PATIENCE)
        os.close(self._ours)
        return code


class Typist(Person):
    command = ()

    def sees_prompt(self, number: int) -> str:
        return self.sees(f"[{number}]>")


Anybody = TypeVar("Anybody", bound=Person)


@contextmanager
def people() -> Iterator[Callable[[Anybody], Anybody]]:
    """Whoever is named to what this gives is sent away at the end, if the program still runs."""
    seated: list[Person] = []

    def sits(person: Anybody) -> Anybody:
        seated.append(person)
        return person

    yield sits
    for person in seated:
        if person.process.poll() is None:
            person.process.kill()
            person.process.wait()
