"""An editor's way to a running kernel: DAP over its control channel. A thread of its own speaks ZeroMQ.

The kernel holds its debugger for who has begun the session (`lease`): a subscription that ends with our connection,
however we end.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import Connection
from llmspell_kernel.jupyter.messages import Json, Message
from llmspell_kernel.jupyter.waking import Wake
from llmspell_kernel.jupyter.zmq_client import Client
from llmspell_kernel.service.finding import find_connection

Heard = Callable[[Json | None], None]
STYLE = re.compile(r"\x1b\[[\d;]*m")


def connect(arguments: Json, heard: Heard) -> Kernel:
    """``arguments``: of DAP's attach; beside a kernel, "port" is that of an adapter, and the editor's matter.

    Raises UserError: no such kernel, a wrong key, wrong arguments.
    """
    return Kernel(_connection(arguments), heard)


def _connection(arguments: Json) -> Connection:
    key = _text(arguments, "key")
    file, id = _text(arguments, "connectionFile"), _text(arguments, "kernel")
    host, port = _text(arguments, "host"), arguments.get("port")
    if file is None and id is None and port is None:
        raise UserError('give "kernel" or "connectionFile", or "port" (with "host")')
    if file is not None:
        return find_connection(os.path.join(os.path.dirname(file) or ".", os.path.basename(file)), key)
    if id is not None:
        return find_connection(id, key)
    if type(port) is not int or not 0 < port < 65536:
        raise UserError(f'"port" is a number from 1 to 65535, not {port!r}')
    return find_connection(f"{host or '127.0.0.1'}:{port}", key)


def _text(arguments: Json, name: str) -> str | None:
    value = arguments.get(name)
    if value is not None and not isinstance(value, str):
        raise UserError(f'"{name}" is a string')
    return value or None


class Kernel:
    """Its session; ``heard`` is called on our thread with what it says, None when it has ended."""

    def __init__(self, connection: Connection, heard: Heard) -> None:
        self._heard = heard
        self._lease = f"lease-{os.urandom(16).hex()}"
        self._client = Client(connection, "editor", (b"debug_event", b"stream", b"error", self._lease.encode()))
        try:
            self._client.greet()
            self._client.wait_until_heard()
        except BaseException:
            self._client.close()
            raise
        self._asked: dict[str, Json] = {}
        self._outbox: deque[Json] = deque()
        self._wake = Wake()
        self._is_over = False
        self._thread = threading.Thread(target=self._speak, name="kernel", daemon=True)
        self._thread.start()

    def send(self, message: Json) -> None:
        """Any thread."""
        self._outbox.append(message)
        self._wake.ring()

    def close(self) -> None:
        """Any thread; what was sent before is still sent."""
        self._is_over = True
        self._wake.ring()

    def _speak(self) -> None:
        try:
            while not self._is_over:
                for message in self._client.next(("control", "iopub"), self._wake):
                    self._hear(message)
                self._wake.heard()
                while self._outbox:
                    self._ask(self._outbox.popleft())
        except UserError:
            self._heard(None)
        finally:
            self._client.close()
            self._wake.close()

    def _ask(self, message: Json) -> None:
        lease = {"lease": self._lease} if message.get("command") == "initialize" else {}
        id = self._client.send("control", "debug_request", {**message, **lease})
        self._asked[id] = message

    def _hear(self, message: Message) -> None:
        content = message.content
        if message.type == "debug_reply":
            asked = self._asked.pop(str(message.parent.get("msg_id")), {})
            self._heard(content if content.get("type") == "response" else _refusal(asked, content))
        elif message.type == "debug_event":
            self._heard(content)
        elif message.type == "stream":
            self._output(content.get("name", "stdout"), content.get("text", ""))
        elif message.type == "error":
            self._output("stderr", STYLE.sub("", "\n".join(content.get("traceback", ()))) + "\n")

    def _output(self, category: str, text: str) -> None:
        body: dict[str, Any] = {"category": category, "output": text}
        self._heard({"seq": 0, "type": "event", "event": "output", "body": body})


def _refusal(asked: Json, content: Json) -> Json:
    """The kernel itself did not take the request."""
    text = str(content.get("evalue") or "the kernel has no debugger")
    return {
        "seq": 0, "type": "response", "request_seq": asked.get("seq", 0), "success": False,
        "command": asked.get("command", ""), "message": text, "body": {"error": {"id": 1, "format": text}},
    }  # fmt: skip
