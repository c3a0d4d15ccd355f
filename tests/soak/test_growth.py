"""A kernel that runs long does not grow. ``--soak 60``: 10,000 of each."""

from __future__ import annotations

import os
from collections.abc import Callable

import psutil
import pytest

from llmspell_kernel.jupyter.zmq_client import Client
from tests.service.kernels import Kernels

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")
GROWTH = 5 * 2**20  # bytes
FILLED = 3000  # executions until what is kept of them is full


def execute(client: Client, n: int) -> None:
    """A cell that calls a tool, prints, gives a table; each tenth one fails."""
    call = f"x = {{Tool.execute('text-manipulator', {{operation = 'uppercase', input = 'a{n}'}}).result}}"
    code = f"{call} print(x[1]) " + ("return x" if n % 10 else f"error('problem {n}')")
    done = client.execute(code, stop_on_error=False)
    assert done.reply["status"] == ("ok" if n % 10 else "error"), done.reply


def invoke(client: Client, n: int) -> None:
    content = {"command": "invoke", "name": "calculator", "params": {"input": f"{n} * 2"}}
    assert client.request("tool_request", content)["result"]["result"] == 2 * n


@pytest.mark.parametrize("use", [execute, invoke])
def test_a_kernel_does_not_grow(kernels: Kernels, soak: float, use: Callable[[Client, int], None]) -> None:
    kernel = kernels.daemon("one")
    client, process = kernel.client(), psutil.Process(kernel.pid)
    count = min(10_000, int(200 * soak))
    for n in range(min(count, FILLED)):
        use(client, n)
    before = process.memory_info().rss
    for n in range(count):
        use(client, FILLED + n)
    assert process.memory_info().rss - before <= GROWTH
