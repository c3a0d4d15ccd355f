"""The language server in a file of 5,000 lines: completion and diagnostics after each keystroke, and its start.

Somebody types two statements in the middle of the file; after each letter the editor asks for completion and waits
for the diagnostics. The floor is a server of pygls' own that answers the same requests with nothing: what LSP in
Python costs on this machine. A file of 20,000 lines is told beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.measure import HERE, Row, percentile

FUNCTION = """\
--- Work number {n}.
function M.work{n}(first, second)
  local calc, x <const> = Tool.get("calculator"), first + {n}
  for index, value in ipairs(second) do
    x_total = calc:execute{{ input = "1 + " .. value }}.text .. index .. x
    table.insert(second, function(z) return z + value end)
  end
  if first == nil then return M.other:method(second) end
  return {{ a = 1, [x] = 2, calc }}
end
"""
TYPED = 'local zed = M.wor\nlocal other = Tool.get("calc")\nif zed then\nother:execute{ inp'
COMPLETION, DIAGNOSTICS, START = 30, 150, 700  # milliseconds
STARTS = 7


def text(lines: int) -> str:
    functions = "".join(FUNCTION.format(n=n) for n in range(lines // 10))
    return f"local M = {{}}\n{functions}return M\n"


class Server:
    """A client that waits for each answer; small, so that its own work is not measured."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.path.dirname(HERE)
        )
        self.number = 0
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.notify("initialized", {})

    def send(self, **message: Any) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method: str, params: Any) -> None:
        self.send(method=method, params=params)

    def ask(self, method: str, params: Any) -> int:
        self.number += 1
        self.send(id=self.number, method=method, params=params)
        return self.number

    def request(self, method: str, params: Any) -> Any:
        number = self.ask(method, params)
        while (message := self.read()).get("id") != number:
            pass
        return message["result"]

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def close(self) -> None:
        self.request("shutdown", None)
        self.notify("exit", None)
        self.process.wait()


OURS = (sys.executable, "-m", "llmspell_kernel", "lsp")
FLOOR = (sys.executable, os.path.join(HERE, "language_floor.py"))


def keystrokes(command: tuple[str, ...], lines: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the completion and to the diagnostics, for each letter."""
    server, uri = Server(*command), "file:///bench.lua"
    whole = {"uri": uri, "languageId": "lua", "version": 1, "text": text(lines)}
    server.notify("textDocument/didOpen", {"textDocument": whole})
    while server.read().get("method") != "textDocument/publishDiagnostics":
        pass
    offered = 0
    line, character, completions, diagnostics = lines // 2 + 5, 0, list[float](), list[float]()
    for version, letter in enumerate(TYPED, 2):
        here = {"line": line, "character": character}
        change = {"range": {"start": here, "end": here}, "text": letter}
        line, character = (line + 1, 0) if letter == "\n" else (line, character + 1)
        start = time.perf_counter()
        identifier = {"uri": uri, "version": version}
        server.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})
        asked = server.ask(
            "textDocument/completion",
            {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}},
        )
        missing = {"completion", "diagnostics"}
        while missing:
            message, now = server.read(), (time.perf_counter() - start) * 1000
            if message.get("id") == asked:
                offered += _offered(message["result"])
                completions.append(now)
                missing.discard("completion")
            elif message.get("method") == "textDocument/publishDiagnostics":
                diagnostics.append(now)
                missing.discard("diagnostics")
    server.close()
    assert offered or command is FLOOR, "no completion was ever offered"
    return completions, diagnostics


def _offered(result: Any) -> int:
    return len(result["items"] if isinstance(result, dict) else result or ())


def first_answer(command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    server = Server(*command)
    uri = "file:///start.lua"
    server.notify(
        "textDocument/didOpen",
        {"textDocument": {"uri": uri, "languageId": "lua", "version": 1, "text": 'Tool.get("ca")'}},
    )
    position = {"line": 0, "character": 12}
    result = server.request("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
    taken = (time.perf_counter() - start) * 1000
    assert _offered(result) or command is FLOOR
    server.close()
    return taken


def rows() -> Iterator[Row]:
    floor, ours, large = (keystrokes(*one) for one in ((FLOOR, 5000), (OURS, 5000), (OURS, 20_000)))
    p95 = [percentile(one[0], 0.95) for one in (floor, ours, large)]
    told = [percentile(one[1], 0.95) for one in (floor, ours, large)]
    yield Row("completion after a keystroke in 5,000 lines, p95", p95[1], COMPLETION, "ms",
              note=f"floor {p95[0]:.1f} ms; in 20,000 lines {p95[2]:.1f} ms")  # fmt: skip
    yield Row("diagnostics after a keystroke in 5,000 lines, p95", told[1], DIAGNOSTICS, "ms",
              note=f"floor {told[0]:.1f} ms; in 20,000 lines {told[2]:.1f} ms")  # fmt: skip
    starts = [(first_answer(FLOOR), first_answer(OURS)) for _ in range(STARTS)]
    bare, whole = (statistics.median(one) for one in zip(*starts, strict=True))
    yield Row("llmspell lsp: start to first answer", whole, START, "ms", note=f"floor {bare:.0f} ms")
