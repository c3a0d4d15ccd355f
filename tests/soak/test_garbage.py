"""Garbage on every socket of a kernel for ``--soak`` seconds, while somebody works with it."""

from __future__ import annotations

import json
import os
import urllib.request
from time import monotonic

import psutil
import pytest

from llmspell_kernel.jupyter.zmq_client import Client
from tests.service.kernels import SECONDS, Kernels, Running
from tests.soak.attack import attacked
from tests.support.client import Client as Editor
from tests.support.client import TcpWire

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")

GROWTH = 40 * 2**20  # bytes: what a kernel remembers is bounded, and then it is full
FEW = 5  # files that a kernel opens when they are first needed


def work(kernel: Running, client: Client, n: int) -> None:
    """Nothing of it is lost, late for ever, or somebody else's."""
    done = client.execute(f"kept = (kept or 0) + 1 print('line {n}') return kept")
    assert done.reply["status"] == "ok"
    heard = [one for one in done.broadcasts if one.type != "debug_event"]  # which editors hear
    assert [one.type for one in heard] == ["status", "execute_input", "stream", "execute_result", "status"]
    assert heard[2].content["text"] == f"line {n}\n" and heard[3].content["data"] == {"text/plain": str(n)}
    assert client.request("kernel_info_request", {}, "control")["status"] == "ok"
    with urllib.request.urlopen(f"http://127.0.0.1:{kernel.told['metrics_port']}/health", timeout=SECONDS) as answer:
        assert json.loads(answer.read())["pid"] == kernel.pid


def answer(client: Client, n: int) -> None:
    """A person is asked, and heard."""
    done = client.execute("return io.read()", read=lambda prompt: f"typed {n}")
    shown = [one.content["data"] for one in done.broadcasts if one.type == "execute_result"]
    assert shown == [{"text/plain": f"typed {n}"}]


def edit(kernel: Running) -> None:
    """An editor comes and goes."""
    editor = Editor(lambda receive: TcpWire(receive, kernel.told["dap_port"]))
    editor.request("initialize", {"adapterID": "llmspell"})
    request = editor.send("attach", {})
    editor.request("configurationDone")
    editor.response(request)
    editor.request("disconnect")
    editor.until_closed()
    editor.wire.close()


def test_garbage_on_every_socket_costs_nobody_anything(kernels: Kernels, soak: float) -> None:
    kernel = kernels.daemon("one", "--metrics-port", "0", "--dap-port", "0")
    client, process = kernel.client(), psutil.Process(kernel.pid)
    edit(kernel)
    memory, files, n = process.memory_info().rss, process.num_fds(), 0
    with attacked(kernel, seed=5) as attack:
        end = monotonic() + soak
        while monotonic() < end or n < 20 or not all(attack.sent.values()):
            n += 1
            work(kernel, client, n)
            if n % 10 == 0:
                answer(client, n)
            if n % 20 == 0:
                edit(kernel)
    while process.num_fds() > files + FEW:  # all of theirs are gone
        work(kernel, client, n := n + 1)
    assert process.memory_info().rss - memory < GROWTH
    assert kernels.command("stop", "one").returncode == 0
