"""Where worked examples play: a folder with a few files, a web server on loopback, and a policy that allows both.

The caller's thread; the server has its own.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from llmspell_kernel.tools.sandbox.policy import Policy

FILES = {
    "hello.txt": "Hello, world!\n",
    "people.csv": "name,age,city\nAda,36,London\nGrace,85,New York\nAlan,41,London\n",
    "data.json": '{"name": "llmspell", "tags": ["lua", "python"]}\n',
}
PAGE = """<!doctype html><html lang="en"><head><title>Example</title><meta name="description" content="A page."></head>
<body><h1>Welcome</h1><p class="lead">Hello from loopback.</p><a href="/about">About</a>
<img src="/logo.png" alt="Logo"></body>
</html>"""


class Stage:
    """``with Stage() as stage``: ``stage.folder``, ``stage.http``; `fill` puts them into parameters.

    What `prepare` of a tool may add: ``pages``, from path to what makes JSON of the body that is sent there, and
    ``settings`` that hold while its examples run.
    """

    def __enter__(self) -> Stage:
        self.pages: dict[str, Callable[[str], Any]] = {}
        self.settings: dict[str, Any] = {}
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="llmspell-examples-"))
        for name, text in FILES.items():
            self.write(name, text)
        self._server: ThreadingHTTPServer | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, content: str | bytes) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    @property
    def http(self) -> str:
        """The address of the web server, which is started when it is first asked for."""
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
            self._server.daemon_threads = True
            self._server.pages = self.pages  # type: ignore[attr-defined]
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def policy(self) -> Policy:
        return Policy((self.folder,), allowed_hosts=("127.0.0.1",))

    def fill(self, value: Any) -> Any:
        """``{folder}`` and ``{http}`` in the texts of a value."""
        if isinstance(value, str):
            value = value.replace("{folder}", self.folder)
            return value.replace("{http}", self.http) if "{http}" in value else value
        if isinstance(value, Mapping):
            return {key: self.fill(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(one) for one in value]
        return value


class _Pages(BaseHTTPRequestHandler):
    """``/``: a page; ``/json``: some JSON; ``/status/404``: that status; ``/sitemap.xml``; else what was asked."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        status, kind, text = self._content(body)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

    def _content(self, body: str) -> tuple[int, str, str]:
        address = urlsplit(self.path)
        made = self.server.pages.get(address.path)  # type: ignore[attr-defined]
        if made is not None:
            return 200, "application/json", json.dumps(made(body))
        if address.path == "/":
            return 200, "text/html; charset=utf-8", PAGE
        if address.path == "/json":
            return 200, "application/json", FILES["data.json"]
        if address.path.startswith("/status/"):
            return int(address.path.rpartition("/")[2]), "text/plain", "as you wish"
        if address.path == "/sitemap.xml":
            return 200, "application/xml", self._sitemap()
        told = {"method": self.command, "path": address.path, "query": parse_qs(address.query), "body": body}
        return 200, "application/json", json.dumps({**told, "headers": dict(self.headers)})

    def _sitemap(self) -> str:
        host = self.headers["Host"]
        pages = "".join(f"<url><loc>http://{host}/{name}</loc></url>" for name in ("", "about"))
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{pages}</urlset>'

    def log_message(self, *_: object) -> None:
        pass
