"""A fast, blocking DAP client for measuring."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any


class Client:
    def __init__(self, command: list[str], tcp: bool = False) -> None:
        self.process = subprocess.Popen([sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._in, self._out = self.process.stdout.fileno(), self.process.stdin.fileno()
        self._socket = None
        if tcp:
            port = int(self.process.stdout.readline().rsplit(b":", 1)[1])
            self.connect(port)
        self._data = b""
        self._seq = 0

    def connect(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = self._out = self._socket.fileno()

    def send(self, command: str, arguments: Any = None) -> int:
        self._seq += 1
        message = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments or {}}
        body = json.dumps(message).encode()
        os.write(self._out, b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        return self._seq

    def take(self) -> dict[str, Any]:
        while True:
            header, end, rest = self._data.partition(b"\r\n\r\n")
            if end:
                length = int(header.split(b":")[1])
                if len(rest) >= length:
                    self._data = rest[length:]
                    message: dict[str, Any] = json.loads(rest[:length])
                    return message
            more = os.read(self._in, 65536)
            assert more, "the adapter has ended"
            self._data += more

    def request(self, command: str, arguments: Any = None) -> dict[str, Any]:
        seq = self.send(command, arguments)
        while True:
            message = self.take()
            if message.get("request_seq") == seq:
                assert message["success"], message
                body: dict[str, Any] = message.get("body", {})
                return body

    def event(self, name: str) -> dict[str, Any]:
        while True:
            message = self.take()
            if message.get("event") == name:
                body: dict[str, Any] = message.get("body", {})
                return body

    def launch(self, path: str, lines: list[int]) -> None:
        """To the first stop."""
        self.request("initialize", {"adapterID": "llmspell"})
        self.event("initialized")
        self.send("launch", {"program": path})
        if lines:
            wanted = [{"line": line} for line in lines]
            self.request("setBreakpoints", {"source": {"path": path}, "breakpoints": wanted})
        self.send("configurationDone")
        self.event("stopped")

    def step(self) -> None:
        """As an editor does it: next, stopped, threads, stackTrace, scopes, variables."""
        self.send("next", {"threadId": 1})
        self.event("stopped")
        self.request("threads")
        frame = self.request("stackTrace", {"threadId": 1, "startFrame": 0, "levels": 20})["stackFrames"][0]
        scope = self.request("scopes", {"frameId": frame["id"]})["scopes"][0]
        assert self.request("variables", {"variablesReference": scope["variablesReference"]})["variables"]

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        if self._socket is not None:
            self._socket.close()
            self.process.terminate()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
