"""Which requests a kernel handles, how long each takes and how it ends: read off what goes out. Any thread."""

from __future__ import annotations

from collections.abc import Callable, Container
from time import perf_counter
from typing import NamedTuple

from llmspell_kernel.jupyter.messages import Message

OTHER = "other"  # requests of a name that their senders have made up


class Ended(NamedTuple):
    kind: str
    status: str  # ok, error, aborted
    seconds: float
    began: float  # by perf_counter
    command: str  # of a debug_request


class Requests:
    def __init__(self, known: Container[str], ended: Callable[[Ended], None]) -> None:
        """``known``: the types that are told apart."""
        self._known = known
        self._ended = ended
        self._began: dict[int, float] = {}  # by the identity of the request's header, which lives as long
        self._replies: dict[int, tuple[str, str]] = {}

    def sent(self, channel: str, message: Message) -> None:
        """To be called with all that goes out."""
        key = id(message.parent)
        if channel != "iopub":
            if key in self._began:
                self._replies[key] = _result(message)
        elif message.type == "status":
            state = message.content["execution_state"]
            if state == "busy":
                self._began[key] = perf_counter()
            elif state == "idle" and (began := self._began.pop(key, None)) is not None:
                kind = str(message.parent.get("msg_type"))
                status, command = self._replies.pop(key, ("ok", ""))
                self._ended(
                    Ended(kind if kind in self._known else OTHER, status, perf_counter() - began, began, command)
                )


def _result(message: Message) -> tuple[str, str]:
    content = message.content
    if message.type == "debug_reply":
        return "ok" if content.get("success") else "error", str(content.get("command", ""))
    return str(content.get("status", "ok")), ""
