"""A DAP client for tests. It knows nothing of our framing; every message that comes is validated."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from tests.support.schema import validate

Message = dict[str, Any]
PATIENCE = 50.0


class Wire(Protocol):
    def send(self, message: Message) -> None: ...
    def close(self) -> None: ...


class Refused(Exception):
    """The adapter answered a request with an error."""

    def __init__(self, response: Message) -> None:
        super().__init__(response.get("message"))
        self.response = response
        self.text = response["body"]["error"]["format"] if "body" in response else response.get("message")


class Client:
    runtime = "lua54"  # of the programs that it launches

    def __init__(self, connect: Callable[[Callable[[Message | None], None]], Wire], patience: float = PATIENCE) -> None:
        self._patience = patience
        self._incoming: SimpleQueue[Message | None] = SimpleQueue()
        self.transcript: list[Message] = []
        self.events: list[Message] = []
        self._responses: dict[int, Message] = {}
        self._seq = 0
        self.on_request: Callable[[Message], Message | None] = lambda message: None
        self.wire = connect(self._incoming.put)

    def send(self, command: str, arguments: Any = None, **more: Any) -> int:
        """Send a request; gives its seq."""
        self._seq += 1
        message = {"seq": self._seq, "type": "request", "command": command, **more}
        if command == "launch" and self.runtime != "lua54" and isinstance(arguments, dict):
            arguments = {"runtime": self.runtime, **arguments}
        if command == "restart" and self.runtime != "lua54" and isinstance((arguments or {}).get("arguments"), dict):
            arguments = {"arguments": {"runtime": self.runtime, **arguments["arguments"]}}
        if arguments is not None:
            message["arguments"] = arguments
        self.transcript.append(message)
        self.wire.send(message)
        return self._seq

    def request(self, command: str, arguments: Any = None) -> Message:
        """Send a request and wait for its response; gives the body. Raises Refused."""
        return self.response(self.send(command, arguments))

    def response(self, seq: int) -> Message:
        while seq not in self._responses:
            self._take()
        response = self._responses.pop(seq)
        if not response["success"]:
            raise Refused(response)
        return response.get("body", {})

    def wait_for(self, event: str, which: Callable[[Message], bool] = lambda body: True) -> Message:
        """The body of the next event of this name that nobody has waited for yet."""
        seen = 0
        while True:
            for n, message in enumerate(self.events[seen:], seen):
                if message["event"] == event and which(message.get("body", {})):
                    del self.events[n]
                    return message.get("body", {})
            seen = len(self.events)
            self._take()

    def wait_for_either(self, *names: str) -> str:
        """The name of the first of these events that comes; it stays to be waited for."""
        while True:
            for message in self.events:
                if message["event"] in names:
                    return message["event"]
            self._take()

    def wait_for_request(self, command: str) -> Message:
        """The first reverse request of this name; it has been answered."""
        while True:
            for message in self.transcript:
                if message["type"] == "request" and message["command"] == command:
                    return message
            self._take()

    def _take(self) -> None:
        try:
            message = self._incoming.get(timeout=self._patience)
        except Empty:
            raise AssertionError(f"nothing came for {self._patience} s\n{self.story()}") from None
        assert message is not None, f"the adapter closed the connection\n{self.story()}"
        self.transcript.append(message)
        validate(message)
        if message["type"] == "response":
            assert message["request_seq"] not in self._responses, "two responses to one request"
            self._responses[message["request_seq"]] = message
        elif message["type"] == "event":
            self.events.append(message)
        else:
            self._answer(message)

    def _answer(self, request: Message) -> None:
        body = self.on_request(request)
        self._seq += 1
        self.wire.send(
            {
                "seq": self._seq,
                "type": "response",
                "request_seq": request["seq"],
                "command": request["command"],
                "success": body is not None,
                **({"body": body} if body is not None else {"message": "no"}),
            }
        )

    def until_closed(self) -> list[Message]:
        """All that comes until the adapter ends the connection."""
        found = []
        while (message := self._incoming.get(timeout=PATIENCE)) is not None:
            found.append(message)
            self.transcript.append(message)
        return found

    def story(self) -> str:
        return "\n".join(json.dumps(message)[:300] for message in self.transcript[-40:])


# Wires ---------------------------------------------------------------------------------------------


def encode(message: Message) -> bytes:
    body = json.dumps(message).encode()
    return f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def read_messages(read: Callable[[int], bytes], receive: Callable[[Message | None], None]) -> None:
    """``read(n)`` gives up to n bytes, b"" at the end."""
    data = b""
    while chunk := _safely(read):
        data += chunk
        while b"\r\n\r\n" in data:
            header, _, rest = data.partition(b"\r\n\r\n")
            length = int(header.split(b":")[1])
            if len(rest) < length:
                break
            receive(json.loads(rest[:length]))
            data = rest[length:]
    receive(None)


def _safely(read: Callable[[int], bytes]) -> bytes:
    try:
        return read(65536)
    except (OSError, ValueError):
        return b""


def start_adapter(cwd: str | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "llmspell_dap"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd, env=environment())


class StdioWire:
    def __init__(self, receive: Callable[[Message | None], None], cwd: str | None = None) -> None:
        self.process = start_adapter(cwd)
        assert self.process.stdout is not None
        read = self.process.stdout.fileno()
        self._thread = threading.Thread(target=read_messages, args=(lambda n: os.read(read, n), receive), daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        self.write(encode(message))

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        self.process.stdout.close()


class TcpWire:
    def __init__(self, receive: Callable[[Message | None], None], port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=read_messages, args=(self.socket.recv, receive), daemon=True).start()

    def send(self, message: Message) -> None:
        self.write(encode(message))

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class InProcessWire:
    def __init__(self, receive: Callable[[Message | None], None]) -> None:
        from llmspell_dap.transports.in_process import InProcess

        self._session = InProcess(receive)

    def send(self, message: Message) -> None:
        self._session.send(message)

    def close(self) -> None:
        assert self._session.close(), "the session did not end"


def environment() -> dict[str, str]:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return {**os.environ, "PYTHONPATH": root}


class Server:
    """A listening adapter in a process of its own, on a port of its choice."""

    def __init__(self, *command: str, stderr: int | None = None) -> None:
        self.process = subprocess.Popen(
            [*(command or (sys.executable, "-m", "llmspell_dap")), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            env=environment(),
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.port = int(self.line.rsplit(":", 1)[1])

    def close(self) -> str:
        """Ends it; gives what else it wrote to stdout."""
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return rest
