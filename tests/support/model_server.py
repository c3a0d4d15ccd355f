"""A server that speaks the protocol of chat completions on loopback: it answers as its script says, and remembers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def wants(*calls: tuple[str, dict[str, Any] | str]) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": f"call_{n}",
                "type": "function",
                "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
            }
            for n, (name, given) in enumerate(calls, 1)
        ],
    }


class ModelServer:
    """``script``: what it answers, one after the other, the last one again and again: messages, a status with a body
    (and headers), or bytes: a stream of events that breaks off after them."""

    def __init__(self, *script: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.script = list(script)
        self.release = threading.Event()  # for answers that hang
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                model.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        assert request.path == "/v1/chat/completions"
        self.asked.append(body)
        self.keys.append(request.headers.get("Authorization"))
        now = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if now == "hang":
            self.release.wait(60)
            return
        if isinstance(now, tuple):
            self._send(request, now[0], "application/json", [now[1].encode()], *now[2:])
        elif isinstance(now, bytes):
            self._send(request, 200, "text/event-stream", [now])
        elif body.get("stream"):
            self._send(request, 200, "text/event-stream", list(_events(now)))
        else:
            choice = {"index": 0, "message": now, "finish_reason": "tool_calls" if now.get("tool_calls") else "stop"}
            whole = {"model": "tiny", "choices": [choice], "usage": USAGE}
            self._send(request, 200, "application/json", [json.dumps(whole).encode()])

    def _send(
        self, request: BaseHTTPRequestHandler, status: int, kind: str, parts: list[bytes], headers: Any = None
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(sum(map(len, parts))))
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.end_headers()
        for part in parts:
            request.wfile.write(part)
            request.wfile.flush()


def _events(message: dict[str, Any]) -> Iterator[bytes]:
    """The message in pieces, as servers send them: the arguments of a call in halves."""
    for word in (message["content"] or "").split(" "):
        if word:
            yield _event({"choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]})
    for n, call in enumerate(message.get("tool_calls", ())):
        text = call["function"]["arguments"]
        half = len(text) // 2
        first = {"index": n, **call, "function": {"name": call["function"]["name"], "arguments": text[:half]}}
        for part in (first, {"index": n, "function": {"arguments": text[half:]}}):
            yield _event({"choices": [{"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": None}]})
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    yield _event({"choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
