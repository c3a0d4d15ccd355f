"""A kernel against a minimal signed echo in plain pyzmq, by one client in turn."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import FOLDER, HERE, Row, milliseconds, percentile, python
from llmspell_kernel.jupyter.connection import Connection, read_connection
from llmspell_kernel.jupyter.zmq_client import Client

BLOCKS, COUNT, WARM_UP = 12, 60, 10
STARTS = 5
PROGRAM = "local a, b, c = 1, 2, 3\nfor i = 1, 1000000 do\n  a = a + i\n  b = a % 7\n  c = b + 1\nend"
KERNEL = ["-m", "llmspell_kernel", "kernel", "start", "--connection-file"]


class Process:
    """A kernel, or an echo, and a client of it."""

    def __init__(self, *command: str, topics: tuple[bytes, ...] = (b"",)) -> None:
        self.path = os.path.join(FOLDER, f"kernel-{time.monotonic_ns()}.json")
        self._process = subprocess.Popen([sys.executable, *command, self.path])
        self.client = Client(self._connection(), topics=topics)

    def _connection(self) -> Connection:
        while not os.path.exists(self.path):
            select.select([], [], [], 0.001)
        return read_connection(self.path)

    @property
    def pid(self) -> int:
        return self._process.pid

    def execute(self, code: str = "1") -> None:
        self.client.execute(code)

    def info(self) -> None:
        self.client.request("kernel_info_request", {}, "control")

    def debug(self, command: str, **arguments: Any) -> Any:
        content = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        return self.client.request("debug_request", content, "control")["body" if command not in STEPS else "success"]

    def memory(self) -> float:
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self.client.close()


STEPS = ("next", "attach", "continue")


def blocks(*work: Callable[[], None]) -> list[list[float]]:
    """In turn, so that noise meets all; in blocks, each one warm."""
    times: list[list[float]] = [[] for _ in work]
    for _ in range(BLOCKS):
        for one, taken in zip(work, times, strict=True):
            taken += [milliseconds(one) for _ in range(COUNT + WARM_UP)][WARM_UP:]
    return times


def step_once(kernel: Process) -> None:
    """What JupyterLab does at a step: the stack, the scopes, the variables."""
    kernel.debug("next", threadId=1)
    while True:
        message = kernel.client.receive("iopub")
        if message.type == "debug_event" and message.content["event"] == "stopped":
            break
    frame = kernel.debug("stackTrace", threadId=1)["stackFrames"][0]["id"]
    scope = kernel.debug("scopes", frameId=frame)["scopes"][0]["variablesReference"]
    kernel.debug("variables", variablesReference=scope)


def stepping() -> Process:
    kernel = Process(*KERNEL, topics=(b"debug_event",))  # a Python client that reads all would be the half of it
    kernel.client.wait_until_heard()
    kernel.debug("initialize", clientID="bench")
    kernel.debug("attach")
    path = kernel.debug("dumpCell", code=PROGRAM)["sourcePath"]
    kernel.debug("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}])
    kernel.client.send("shell", "execute_request", {"code": PROGRAM})
    while kernel.client.receive("iopub").content.get("event") != "stopped":
        pass
    kernel.debug("setBreakpoints", source={"path": path}, breakpoints=[])
    return kernel


def start_time() -> float:
    """Spawn to first reply, on the ports of a file that is there, as launchers do it."""
    begun = time.perf_counter()
    kernel = Process(*KERNEL)
    kernel.client.request("kernel_info_request", {})
    taken = (time.perf_counter() - begun) * 1000
    kernel.close()
    return taken


def rows() -> Iterator[Row]:
    echo, kernel = Process(os.path.join(HERE, "kernel_echo.py")), Process(*KERNEL)
    kernel.client.wait_until_heard()
    idle = kernel.memory()
    floor, ours = blocks(echo.execute, kernel.execute)
    a, b = percentile(floor, 0.5), percentile(ours, 0.5)
    yield Row("execute, p50 against a signed echo", b / a, 1.5, note=f"{b:.2f} ms, echo {a:.2f} ms")
    p99 = percentile(ours, 0.99)
    yield Row("execute, p99 against its p50", p99 / b, 5, note=f"{p99:.2f} ms, echo {percentile(floor, 0.99):.2f} ms")
    large = "return #'" + "x" * 1_000_000 + "'"
    for what, code in (("a 1 MB cell", large), ("a 1 MB output", "io.write(('y'):rep(1000000))")):
        yield Row(
            what, percentile([milliseconds(lambda code=code: kernel.execute(code)) for _ in range(15)], 0.5), 15, "ms"
        )
    yield Row("memory of an idle kernel", idle, 35, "MB")
    for n in range(3000):  # until all that is bounded is full
        kernel.execute(f"x = {n}")
    before = kernel.memory()
    for n in range(10_000):
        kernel.execute(f"x = (x or 0) + {n}")
    yield Row("growth over 10,000 executions", kernel.memory() - before, 5, "MB")
    kernel.client.send("shell", "execute_request", {"code": "while true do end"})
    spinning = [milliseconds(kernel.info) for _ in range(200)]
    yield Row("kernel_info while a cell spins, p50", percentile(spinning, 0.5), 5, "ms")
    echo.close()
    kernel.close()
    kernel = stepping()
    steps = [milliseconds(lambda: step_once(kernel)) for _ in range(300)][20:]
    yield Row("a step with all that JupyterLab asks, p50", percentile(steps, 0.5), 4, "ms")
    kernel.close()
    python("-c", "import zmq, lupa.lua54")  # from disk once
    yield Row("spawn to first reply", percentile([start_time() for _ in range(STARTS)], 0.5), 200, "ms")
