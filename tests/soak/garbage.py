"""What nobody should send to a kernel, made of a seed: messages, bytes for the ports of ZeroMQ, HTTP and DAP."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from llmspell_kernel.jupyter.connection import Connection
from llmspell_kernel.jupyter.messages import Author
from llmspell_kernel.jupyter.wire import DELIMITER, PARTS, Wire

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\3\0NULL" + b"\0" * 48  # of ZMTP 3.0 (rfc.zeromq.org/spec/23)
READY = b"\4\x1e\5READY\x0bSocket-Type\0\0\0\6DEALER\x08Identity\0\0\0\0"
# All but what ends the kernel or the cell of another client, which is what a client with the key may do.
KINDS = (
    "execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request",
    "comm_info_request", "comm_open", "comm_msg", "comm_close", "kernel_info_request", "tool_request", "input_reply", "debug_request", "status_request",
    "create_subshell_request", "execute_reply", "status", "_request", "", "__class__", "\0", "x" * 5000,
)  # fmt: skip
NAMES = (
    "code", "silent", "store_history", "user_expressions", "allow_stdin", "stop_on_error", "cursor_pos", "detail_level",
    "hist_access_type", "raw", "output", "session", "start", "stop", "n", "pattern", "unique", "comm_id", "target_name",
    "data", "command", "name", "params", "query", "script", "path", "args", "value",
)  # fmt: skip
CODES = (
    "return 1",
    "x =",
    "\0",
    "(" * 3000,
    "return " + "{" * 500,
    "a" * 20_000,
    "--[[",
    "x?",
    "?" * 50,
    "\ud800",
    "é" * 99,
)
TEXTS = (*CODES, "list", "info", "invoke", "search", "test", "range", "tail", "calculator", "__proto__", "%s%n", "../x")
COMMANDS = (
    "initialize",
    "launch",
    "next",
    "evaluate",
    "setBreakpoints",
    "stackTrace",
    "pause",
    "cancel",
    "source",
    "threads",
)


class Garbage:
    def __init__(self, seed: int, connection: Connection) -> None:
        self.random = Random(seed)
        self._wire = Wire(connection.key.encode())
        self._author = Author("garbage")

    def one_of(self, *ways: Callable[[], Any]) -> Any:
        return self.random.choice(ways)()

    def bytes(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most))

    def value(self, depth: int = 0) -> Any:
        """Of JSON, and whatever Python takes for it."""
        simple = (None, True, -1, 0, 2**63, -(2**70), 1e308, float("nan"), [], {}, "", *TEXTS)
        if depth > 3 or self.random.random() < 0.7:
            return self.random.choice(simple)
        inside = [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return inside if self.random.random() < 0.5 else {self.random.choice(NAMES): one for one in inside}

    def content(self) -> dict[str, Any]:
        return {self.random.choice(NAMES): self.value() for _ in range(self.random.randrange(6))}

    # Messages for the sockets of ZeroMQ -----------------------------------------------------------

    def signed(self) -> list[bytes]:
        """With the right key: a client with a bug."""
        kind = self.random.choice(KINDS)
        message = self._author.message(kind, self.content(), self.content(), metadata=self.content())
        message = message._replace(buffers=[self.bytes(100) for _ in range(self.random.randrange(3))])
        if self.random.random() < 0.2:
            message.header.update(self.content())
        return self._wire.write(message)

    def malformed(self) -> list[bytes]:
        """Parts that are no JSON objects, with a good signature."""
        texts = (
            b"",
            b"null",
            b"[]",
            b"[" * 5000,
            b"\xff\xfe",
            b'{"msg_id": 1}',
            b'{"a": 1e999}',
            b'{"msg_type":"x"}',
            b'"',
        )
        parts = [self.random.choice(texts) for _ in PARTS]
        return [DELIMITER, self._wire._signature(parts), *parts]

    def forged(self) -> list[bytes]:
        """With another key, no key, or changed on the way."""
        frames = self.signed()
        at = self.random.randrange(len(frames))
        frames[at] = self.one_of(lambda: b"", lambda: self.bytes(200), lambda: frames[at][::-1])
        return frames

    def truncated(self) -> list[bytes]:
        frames = self.signed()
        return frames[: self.random.randrange(1, len(frames))]

    def random_frames(self) -> list[bytes]:
        sizes = (0, 1, 10, 1000, 50_000)
        return [self.random.randbytes(self.random.choice(sizes)) for _ in range(self.random.randrange(1, 12))]

    def frames(self) -> list[bytes]:
        found: list[bytes] = self.one_of(
            self.signed,
            self.malformed,
            self.forged,
            self.truncated,
            self.random_frames,
            lambda: [DELIMITER] * 9,
            lambda: [self.random.choice((b"\0", b"\1")) + self.bytes(60_000)],
        )
        return found

    # Bytes for TCP -----------------------------------------------------------------------------------

    def zmtp(self) -> bytes:
        """The beginning of a conversation by ZeroMQ's protocol, and what should not follow."""
        greeting = bytearray(GREETING)
        if self.random.random() < 0.3:
            greeting[self.random.randrange(64)] = self.random.randrange(256)
        ready = READY if self.random.random() < 0.7 else self.bytes(60)
        frame = self.one_of(
            lambda: b"\2" + b"\xff" * 8,  # as long as can be said
            lambda: b"\2" + (2**31).to_bytes(8, "big") + self.bytes(1000),
            lambda: b"\3\0\0\0\0\0\0\0\x05hello",
            lambda: b"\1\5<IDS|",
            lambda: b"\4\xff" + self.bytes(300),
            lambda: self.bytes(2000),
            lambda: b"\1\0" * 2000,
        )
        return bytes(greeting) + ready + bytes(frame)

    def http(self) -> bytes:
        texts = (
            b"GET /metrics HTTP/1.1\r\n", b"GET " + b"/" * 70_000 + b"\r\n", b"\r\n" * 50, b"POST / HTTP/9.9\r\n\r\n",
            b"GET /health HTTP/1.0\r\n" + b"a: b\r\n" * 500 + b"\r\n", b"GET /metrics HTTP/1.0\r\nAccept: \xff\xff;q=z\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        )  # fmt: skip
        return self.random.choice(texts)

    def dap(self) -> bytes:
        message = {
            "seq": self.value(), "type": self.random.choice(("request", "response", "event", 5)),
            "command": self.random.choice((*COMMANDS, self.value())), "arguments": self.value(),
        }  # fmt: skip
        body = json.dumps(message).encode()
        return self.one_of(
            lambda: b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
            lambda: b"Content-Length: %d\r\n\r\n%b" % (len(body) // 2, body),
            lambda: b"Content-Length: 99999999999999\r\n\r\n",
            lambda: b"Content-Length: 5000\r\n\r\n{",
            lambda: b"\r\n\r\n" * 10,
        )

    def raw(self) -> bytes:
        found: bytes = self.one_of(self.zmtp, self.http, self.dap, lambda: self.bytes(8000), lambda: b"")
        return found
