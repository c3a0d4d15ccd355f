"""Editors at a kernel's own port."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.kernels import Kernels, Running
from tests.support.client import Client, Refused, TcpWire
from tests.support.editor import Editor

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")

SUM = """function add(a, b)
  local r = a + b -- @add
  return r
end
print('sum', add(1, 2)) -- @call
"""


@pytest.fixture
def kernel(kernels: Kernels) -> Running:
    kernels.settings("[dap]\nport = 0\n")
    return kernels.daemon("one")


class Attached(Editor):
    """As VS Code does it: attach, breakpoints in `program.lua`, configurationDone."""

    def attach(self, *places: str) -> None:
        self.initialize()
        request = self.client.send("attach", {})
        if places:
            self.break_at(*places)
        self.client.request("configurationDone")
        self.client.response(request)


@pytest.fixture
def editors(kernel: Running, tmp_path: Path) -> Iterator[list[Attached]]:
    found = [Attached(Client(lambda receive: TcpWire(receive, kernel.told["dap_port"])), tmp_path) for _ in range(2)]
    yield found
    for editor in found:
        editor.client.wire.close()


def test_an_editor_attaches_stops_steps_and_leaves_the_kernel_running(
    kernel: Running, kernels: Kernels, editors: list[Attached]
) -> None:
    editor, client = editors[0], kernel.client()
    editor.text = SUM
    path = editor.write(SUM)
    editor.attach("add")
    running = client.send("shell", "execute_request", {"code": f"dofile('{path}')"})
    assert editor.stopped() == "breakpoint" and editor.locals() == {"a": "1", "b": "2"}
    assert kernels.status("one")["state"] == "paused" and kernels.status("one")["dap_port"] == kernel.told["dap_port"]
    assert editor.next() == "step" and editor.locals()["r"] == "3"
    editor.client.request("disconnect")
    editor.client.until_closed()
    assert client.reply_to(running).content["status"] == "ok"
    assert client.execute(f"dofile('{path}')").reply["status"] == "ok"  # its breakpoints are gone


def test_one_editor_at_a_time_and_the_next_when_it_is_gone(kernel: Running, editors: list[Attached]) -> None:
    first, second = editors
    first.attach()
    second.initialize()
    with pytest.raises(Refused, match="another editor is attached"):
        second.client.request("attach", {})
    first.client.request("disconnect")
    first.client.until_closed()
    request = second.client.send("attach", {"kernel": "whatever"})
    second.client.request("configurationDone")
    second.client.response(request)


def test_an_editor_is_a_client_among_the_others(kernels: Kernels, kernel: Running, editors: list[Attached]) -> None:
    first, second = editors
    first.attach()
    assert kernels.status("one")["clients"] == 1
    kernels.settings("[kernel]\nmax_concurrent_clients = 1\n")
    kernel.signal(signal.SIGHUP)
    kernel.logged("llmspell.toml is reloaded")
    assert kernel.client().execute("return 1").reply["ename"] == "Refused"
    second.initialize()
    with pytest.raises(Refused, match="attach: this kernel serves 1 clients already, which is its limit"):
        second.client.request("attach", {})
    first.client.request("disconnect")
    first.client.until_closed()
    while kernels.status("one")["clients"]:
        pass


def test_nothing_is_launched_at_a_kernel(kernel: Running, editors: list[Attached]) -> None:
    editors[0].initialize()
    with pytest.raises(Refused, match="this is the port of a kernel; attach to it"):
        editors[0].client.request("launch", {"program": "x.lua"})
    editors[0].client.wire.close()
    assert kernel.client().execute("return 1").reply["status"] == "ok"


def test_a_kernel_ends_though_an_editor_is_attached(kernel: Running, kernels: Kernels, editors: list[Attached]) -> None:
    editors[0].attach()
    assert kernels.command("stop", "one").stdout == "kernel one has ended\n"
    editors[0].client.until_closed()


def test_a_port_in_use_is_told(kernel: Running, kernels: Kernels) -> None:
    done = kernels.command("start", "--daemon", "--dap-port", str(kernel.told["dap_port"]))
    assert done.returncode == 2 and "cannot listen on 127.0.0.1" in done.stderr
