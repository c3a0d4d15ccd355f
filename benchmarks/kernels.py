"""Kernels as processes, ours and others', each with a client of its own."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import FOLDER, HERE
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import Connection, read_connection
from llmspell_kernel.jupyter.zmq_client import Client, NoAnswer

ECHO = (os.path.join(HERE, "kernel_echo.py"),)
OURS = ("-m", "llmspell_kernel", "kernel", "start", "--connection-file")
OTHERS = {
    "ipykernel": ("-m", "ipykernel_launcher", "-f"),
    "ilua": ("-m", "ilua.app", "-c"),  # Lua in a process behind it, `lua` on the PATH
}
PATIENCE = 30.0  # seconds for a kernel to start
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
# What jupyter-client sends with a cell; ilua needs all of it.
USUAL = {"silent": False, "store_history": True, "user_expressions": {}, "stop_on_error": True}


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None and (name != "ilua" or shutil.which("lua") is not None)


class Process:
    """A kernel, or an echo, and a client of it."""

    def __init__(self, *command: str, topics: Sequence[bytes] = (b"",)) -> None:
        self.path = os.path.join(FOLDER, f"kernel-{time.monotonic_ns()}.json")
        if command == OTHERS["ilua"]:  # which makes no connection file
            _write_connection(self.path)
        is_quiet = command in OTHERS.values()  # of others: their banners say nothing here
        self._process = subprocess.Popen(
            [sys.executable, *command, self.path],
            stdout=subprocess.DEVNULL if is_quiet else None,
            stderr=subprocess.DEVNULL if is_quiet else None,
            env={**os.environ, "IPYTHONDIR": os.path.join(FOLDER, "ipython")},
            start_new_session=True,  # what it starts ends with it
        )
        atexit.register(self._kill)  # whatever happens here, none is left
        self.client = Client(self._connection(), topics=topics)

    def _connection(self) -> Connection:
        """When it can be reached. Raises SystemExit: it never can."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError, UserError):  # not there, half written, not bound
                connection = read_connection(self.path)
                address = connection.address("shell").removeprefix("tcp://").rpartition(":")
                socket.create_connection((address[0], int(address[2]))).close()
                return connection
            select.select([], [], [], 0.001)
        raise SystemExit(f"{self._process.args} does not start")

    def heard(self) -> Process:
        """When its broadcasts arrive here."""
        while True:
            self.info("shell")
            with contextlib.suppress(NoAnswer):
                while True:
                    if self.client.receive("iopub", 0.1).type == "status":
                        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def execute(self, code: str = "1") -> None:
        reply = self.client.execute(code, **USUAL).reply
        assert reply["status"] == "ok", reply

    def info(self, channel: str = "control") -> None:
        self.client.request("kernel_info_request", {}, channel)

    def debug(self, command: str, **arguments: Any) -> Any:
        """The body of the response."""
        return self.ask((command, arguments))[0]

    def ask(self, *requests: tuple[str, dict[str, Any]]) -> list[Any]:
        """Of the debugger, all at once; gives the bodies of the responses."""
        ids = [
            self.client.send("control", "debug_request",
                {"type": "request", "seq": 1, "command": command, "arguments": arguments})
            for command, arguments in requests
        ]  # fmt: skip
        found: dict[Any, Any] = {}
        while len(found) < len(ids):
            message = self.client.receive("control")
            assert message.content.get("success", True), message.content
            found[message.parent.get("msg_id")] = message.content.get("body")
        return [found[id] for id in ids]

    def memory(self) -> float:
        """Megabytes."""
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def close(self) -> None:
        self._kill()
        atexit.unregister(self._kill)
        self.client.close()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def _write_connection(path: str) -> None:
    """As launchers do it, but with ports that the system gives to nobody: the kernel binds them a second later."""
    ports: set[int] = set()
    while len(ports) < len(PORTS):
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            ports.add(port)
    about = {"ip": "127.0.0.1", "transport": "tcp", "key": "k" * 32, "signature_scheme": "hmac-sha256"}
    with open(path, "w") as file:
        json.dump({**dict(zip(PORTS, ports, strict=True)), **about}, file)
