"""A kernel in the caller's process and on its thread, without bytes: for commands and for tests.

The same `Kernel`, the same messages; a request is handled when it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from llmspell_kernel.jupyter.kernel import Kernel
from llmspell_kernel.jupyter.messages import Author, Json, Message
from llmspell_kernel.lua.runtime import DEFAULTS, Options

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools


class Answer(NamedTuple):
    """``content``: of the reply ({} if there is none). ``broadcasts``: what went over iopub meanwhile."""

    content: Json
    broadcasts: list[Message]

    def of(self, kind: str) -> list[Json]:
        return [one.content for one in self.broadcasts if one.type == kind]

    @property
    def output(self) -> str:
        return "".join(one["text"] for one in self.of("stream"))


class InProcess:
    def __init__(
        self,
        tools: Callable[[], Tools],
        options: Options = DEFAULTS,
        read_line: Callable[[str], str | Json | None] = lambda prompt: None,
        heard: Callable[[Message], None] | None = None,
    ) -> None:
        """``read_line``: what a person types after a prompt (or the content of an input_reply), None to end the cell.
        ``heard`` is given each broadcast
        when it is made (on whatever thread); without it they are in the `Answer`."""
        self._heard = heard
        self._author = Author("client")
        self._sent: list[tuple[str, Message]] = []
        self._type = read_line
        self.kernel = Kernel(self._send, tools, options, read_line=self._read_line)

    def _send(self, channel: str, message: Message) -> None:
        if channel == "iopub" and self._heard is not None:
            self._heard(message)
        else:
            self._sent.append((channel, message))

    def _read_line(self) -> Message | None:
        prompt = self._sent[-1][1].content["prompt"]
        typed = self._type(prompt)
        if typed is None:
            return None
        return self._author.message("input_reply", {"value": typed} if isinstance(typed, str) else typed)

    def request(self, kind: str, content: Json, channel: str = "shell") -> Answer:
        self._sent = []
        message = self._author.message(kind, content, identities=(b"client",))
        (self.kernel.shell if channel == "shell" else self.kernel.control)(message)
        replies = [one.content for to, one in self._sent if to == channel]
        return Answer(replies[-1] if replies else {}, [one for to, one in self._sent if to == "iopub"])

    def execute(self, code: str, **more: object) -> Answer:
        return self.request("execute_request", {"code": code, **more})

    def close(self) -> None:
        self.kernel.cells.runtime.close()
