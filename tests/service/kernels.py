"""The command, and kernels that it has started."""

from __future__ import annotations

import io
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from llmspell_kernel.cli.main import main
from llmspell_kernel.jupyter.connection import read_connection
from llmspell_kernel.jupyter.zmq_client import Client

SECONDS = 20  # after which what does not come is broken
COMMAND = [sys.executable, "-m", "llmspell_kernel", "kernel"]


class Running:
    """A kernel's process."""

    def __init__(self, path: Path, process: subprocess.Popen[str] | None = None) -> None:
        self.path = path
        self.told: dict[str, Any] = json.loads(path.read_text())
        self.pid: int = self.told["pid"]
        self.process = process
        self._descriptor = os.pidfd_open(self.pid)
        self._clients: list[Client] = []

    def client(self) -> Client:
        """A client of it that is heard and hears."""
        client = Client(read_connection(str(self.path)))
        self._clients.append(client)
        client.wait_until_heard(SECONDS)
        return client

    def signal(self, number: int) -> None:
        signal.pidfd_send_signal(self._descriptor, number)

    def ended(self) -> bool:
        """Waits for it."""
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        return bool(poller.poll(SECONDS * 1000))

    def logged(self, text: str) -> str:
        """Waits until its log says so; gives all lines to that one."""
        follow = [*COMMAND, "logs", "--follow", str(self.path)]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if text in line:
                    break
            process.kill()
        assert text in lines[-1], "".join(lines)
        return "".join(lines)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        try:
            self.signal(signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(self._descriptor)
        if self.process is not None:
            self.process.wait(SECONDS)
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()


def pause(client: Client) -> None:
    """A cell of this client stands at a breakpoint."""

    def debug(command: str, **arguments: object) -> dict[str, object]:
        content = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        return dict(client.request("debug_request", content, "control").get("body", {}))

    debug("initialize")
    debug("attach")
    path = debug("dumpCell", code="return 1")["sourcePath"]
    debug("setBreakpoints", source={"path": path}, breakpoints=[{"line": 1}])
    debug("configurationDone")
    client.send("shell", "execute_request", {"code": "return 1"})
    while client.receive("iopub", SECONDS).content.get("event") != "stopped":
        pass


def in_process(words: list[str]) -> subprocess.CompletedProcess[str]:
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        before, sys.argv = sys.argv, ["llmspell", *words]
        try:
            code = main()
        finally:
            sys.argv = before
    out.seek(0)
    return subprocess.CompletedProcess(words, code, out.read(), err.getvalue())


class Kernels:
    def __init__(self, folder: Path) -> None:
        self.folder = folder  # where commands are given
        self.runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
        self._running: list[Running] = []

    def settings(self, text: str) -> None:
        (self.folder / "llmspell.toml").write_text(text)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``start`` as a process; what only looks at kernels in this one, which is faster."""
        if words[0] != "start":
            return in_process(["kernel", *words])
        return subprocess.run([*COMMAND, *words], cwd=self.folder, capture_output=True, text=True, timeout=SECONDS * 2)

    def daemon(self, id: str, *words: str) -> Running:
        done = self.command("start", "--daemon", "--id", id, *words)
        assert done.returncode == 0, done.stderr
        return self.keep(Running(self.runtime / f"kernel-{id}.json"))

    def foreground(self, *words: str) -> Running:
        process = subprocess.Popen([*COMMAND, "start", *words], cwd=self.folder, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        return self.keep(Running(Path(process.stderr.readline().split()[-1]), process))

    def keep(self, kernel: Running) -> Running:
        self._running.append(kernel)
        return kernel

    def status(self, id: str) -> dict[str, Any]:
        done = self.command("status", id, "-o", "json")
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))

    def close(self) -> None:
        for kernel in self._running:
            kernel.close()


def five_free_ports() -> int:
    """The first of them: below those that the system gives to whoever takes any, such as other tests."""
    while True:
        first = random.randrange(12_000, 32_000)
        with ExitStack() as held:
            try:
                for port in range(first, first + 5):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:  # taken
                continue
            return first
