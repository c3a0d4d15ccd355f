"""What travels between clients and the kernel: messages as values, and how their contents are read.

Jupyter messaging protocol 5.4 (jupyter-client's documentation, "Messaging in Jupyter"). No thread, no I/O.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from itertools import count
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError

PROTOCOL = "5.4"
Json = dict[str, Any]


class BadContent(UserError):
    """A request lacks something, or has it in a wrong type."""


class Message(NamedTuple):
    """``identities``: the routing frames of the client; on iopub the topic."""

    identities: Sequence[bytes]
    header: Json
    parent: Json
    metadata: Json
    content: Json
    buffers: Sequence[bytes] = ()

    @property
    def type(self) -> str:
        kind: str = self.header["msg_type"]
        return kind


class Author:
    """Makes headers for one session. Message ids are unique in it; any thread."""

    def __init__(self, username: str = "kernel", session: str = "") -> None:
        self.session = session or os.urandom(16).hex()
        self._username = username
        self._ids = f"{self.session}_{os.getpid()}_"
        self._numbers = count(1)

    def header(self, kind: str) -> Json:
        return {
            "msg_id": f"{self._ids}{next(self._numbers)}",
            "session": self.session,
            "username": self._username,
            "date": datetime.now(timezone.utc).isoformat(),
            "msg_type": kind,
            "version": PROTOCOL,
        }

    def message(
        self,
        kind: str,
        content: Json,
        parent: Json | None = None,
        identities: Sequence[bytes] = (),
        metadata: Json | None = None,
        buffers: Sequence[bytes] = (),
    ) -> Message:
        return Message(identities, self.header(kind), parent or {}, metadata or {}, content, buffers)


class Content:
    """Reads what a client sent: null and missing are the same, a wrong type is a clear error."""

    def __init__(self, request: Message) -> None:
        self.values = request.content
        self._what = request.type

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        return str(self._typed(name, value, str, "a string"))

    def flag(self, name: str, default: bool) -> bool:
        value = self.values.get(name)
        return default if value is None else bool(self._typed(name, value, bool, "true or false"))

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        if type(value) is not int or abs(value) > 2**53:
            raise BadContent(f"{self._what}: `{name}` must be a whole number")
        return value

    def object(self, name: str) -> Json:
        value = self.values.get(name)
        return {} if value is None else dict(self._typed(name, value, dict, "an object"))

    def _typed(self, name: str, value: Any, kind: type, what: str) -> Any:
        if isinstance(value, kind):
            return value
        raise BadContent(f"{self._what}: `{name}` {'is missing' if value is None else f'must be {what}'}")


def presentable(text: str) -> str:
    """Text as JSON may carry it: what is no Unicode (bytes of the program, half of a pair) is replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
