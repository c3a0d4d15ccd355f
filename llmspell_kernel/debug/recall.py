"""What every editor asks at a stop, answered before it asks. Any thread may recall; the Lua thread foresees.

Waking another thread costs more than such an answer: a step would be four times that. An answer holds until
an expression is evaluated or a value is set, and dies with its pause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.debug.model import Frame, Scope, Thread, Variable
from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_kernel.debug.pause import Pause

FRAMES, VARIABLES = 20, 100
SHALLOW = 2000  # frames; of a deeper stack the total may be told better later


class NotForeseen(Exception):
    """The Lua thread must be asked."""


class Recall:
    """Has the methods of a `Pause` that it can answer for; any other is an AttributeError."""

    def __init__(self) -> None:
        self._threads: list[Thread] | None = None
        self._stack: tuple[int, list[Frame], int] | None = None
        self._scopes: dict[int, list[Scope]] = {}
        self._children: dict[int, list[Variable]] = {}

    def foresee(self, pause: Pause) -> None:
        """Lua thread: the threads, the top of the stack, the scopes of its first frame, its locals."""
        try:
            thread = pause.stopped.thread
            frames, total = pause.frames(thread, 0, FRAMES)
            top = next((frame for frame in frames if frame.source is not None), None)
            if top is not None:
                scopes = self._scopes[top.id] = pause.scopes(top.id)
                if scopes and scopes[0].kind == "locals" and scopes[0].named <= VARIABLES:
                    self._children[scopes[0].reference] = pause.children(scopes[0].reference)
            self._threads = pause.threads()
            if total <= SHALLOW:
                self._stack = thread, frames, total
        except UserError:
            self.forget()

    def forget(self) -> None:
        self._threads = self._stack = None
        self._scopes, self._children = {}, {}

    def threads(self) -> list[Thread]:
        if self._threads is None:
            raise NotForeseen
        return self._threads

    def frames(self, thread: int, start: int, count: int) -> tuple[list[Frame], int]:
        if self._stack is None or self._stack[0] != thread:
            raise NotForeseen
        _, frames, total = self._stack
        if len(frames) < total and not 0 < start + count <= len(frames) * (count > 0):
            raise NotForeseen
        return frames[start : start + count if count else None], total

    def scopes(self, frame: int) -> list[Scope]:
        if frame not in self._scopes:
            raise NotForeseen
        return self._scopes[frame]

    def children(
        self, reference: int, filter: str = "", start: int = 0, count: int = 0, hex: bool = False
    ) -> list[Variable]:
        if filter or start or count or hex or reference not in self._children:
            raise NotForeseen
        return self._children[reference]
