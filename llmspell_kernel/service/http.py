"""``/metrics`` and ``/health``, for Prometheus and whoever else watches services. Threads of its own."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.logs import Log

LOG = Log("llmspell_kernel.service")
PATIENCE = 5  # seconds for a client to say what it wants
TOLD = "What there is: /metrics, /health\n"
Json = dict[str, Any]
Answer = tuple[int, str, bytes]  # status, type, body


class Watched:
    """A bound port; it answers from `serve` on. Raises UserError: it is in use."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self._server = _Server((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UserError(f"cannot serve metrics on {host}:{port}: {error}; choose another port, or 0") from error
        self.port: int = self._server.server_address[1]

    def serve(self, health: Callable[[], Json | None], metrics: Callable[[str], tuple[str, bytes]]) -> None:
        """``health`` gives None when the kernel is ending; ``metrics`` takes what a client accepts."""
        self._server.answers = {"/health": lambda accept: _health(health()), "/metrics": lambda a: (200, *metrics(a))}
        forever = {"poll_interval": 86_400.0}  # it is not told to end: the process ends
        threading.Thread(target=self._server.serve_forever, kwargs=forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.server_close()


def _health(told: Json | None) -> Answer:
    if told is None:
        return 503, "application/json", b'{"status": "ending"}\n'
    return 200, "application/json", (json.dumps({"status": "ok", **told}) + "\n").encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False
    answers: dict[str, Callable[[str], Answer]] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        LOG.debug("a client of /metrics went away", address=client_address)

    def server_bind(self) -> None:
        """Without the name of this machine, which may take long to find."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE
    server_version, sys_version = "llmspell", ""

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path.partition("?")[0])
        accept = self.headers.get("Accept", "")
        status, kind, body = answer(accept) if answer else (404, "text/plain; charset=utf-8", TOLD.encode())
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        LOG.debug(format % arguments)
