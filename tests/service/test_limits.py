"""Every setting of a kernel, felt by its clients."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest
import zmq

from llmspell_kernel import config
from llmspell_kernel.jupyter.connection import CHANNELS, new_connection
from llmspell_kernel.jupyter.zmq_client import NoAnswer
from llmspell_kernel.jupyter.zmq_server import Server
from llmspell_kernel.service.options import Start, connection_of, limits_of, memory_of
from tests.service.kernels import SECONDS, Kernels

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


def test_a_kernel_that_nobody_uses_ends(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nidle_timeout = 0.2\n")
    done = kernels.command("start", "--id", "one", "--log-file", "one.log")
    assert done.returncode == 0 and list(kernels.runtime.iterdir()) == []
    assert "nobody has used this kernel for 0.2 s (idle_timeout)" in (kernels.folder / "one.log").read_text()


def test_a_cell_is_use_for_as_long_as_it_runs(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nidle_timeout = 0.4\n")
    kernel = kernels.daemon("one", "--idle-timeout", "2")  # which is stronger
    assert kernel.client().execute("os.execute('sleep 2.2') return 1").reply["status"] == "ok"
    assert kernel.ended()


@pytest.mark.parametrize(
    "code", ["while true do end", "os.execute('sleep 60')", "io.read()", "while true do pcall(error) end"]
)
def test_a_cell_that_runs_too_long_is_ended_and_the_kernel_is_not(kernels: Kernels, code: str) -> None:
    kernels.settings("[kernel]\nexecution_timeout = 0.3\n")
    client = kernels.daemon("one").client()
    id = client.send("shell", "execute_request", {"code": code, "allow_stdin": True})
    reply = client.reply_to(id).content
    assert reply["evalue"] == "the cell took longer than its limit of 0.3 s (kernel.execution_timeout)"
    assert client.execute("return 1").reply["status"] == "ok"


def test_a_client_too_many_is_told_so_and_served_when_another_is_gone(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nmax_concurrent_clients = 5\n")
    kernel = kernels.daemon("one", "--max-clients", "2")
    one, two, three = kernel.client(), kernel.client(), kernel.client()
    for client in (one, two, one):
        assert client.execute("return 1").reply["status"] == "ok"
    refused = three.execute("return 1").reply
    assert refused["ename"] == "Refused"
    assert refused["evalue"].startswith("this kernel serves 2 clients already, which is its limit; close one")
    assert three.request("kernel_info_request", {}, "control")["status"] == "ok"  # who can look can also interrupt
    assert (kernels.status("one")["clients"], kernels.status("one")["max_clients"]) == (2, 2)
    one.close()
    while three.execute("return 1").reply["status"] != "ok":
        pass
    assert two.execute("return 1").reply["status"] == "ok"


def test_who_only_looks_or_listens_is_no_client_and_who_debugs_is_one(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nmax_concurrent_clients = 1\n")
    kernel = kernels.daemon("one")
    looking, debugging, other = kernel.client(), kernel.client(), kernel.client()
    looking.request("kernel_info_request", {}, "control")
    looking.send("stdin", "input_reply", {"value": "for nobody"})
    assert kernels.status("one")["clients"] == 0
    initialize = {"type": "request", "seq": 1, "command": "initialize", "arguments": {}}
    assert debugging.request("debug_request", initialize, "control")["success"]
    assert debugging.execute("return 1").reply["status"] == "ok"  # the same one, on another of its sockets
    assert kernels.status("one")["clients"] == 1
    assert other.execute("return 1").reply["ename"] == "Refused"
    assert other.request("debug_request", initialize, "control")["ename"] == "Refused"
    assert other.request("interrupt_request", {}, "control")["status"] == "ok"
    debugging.close()
    while other.execute("return 1").reply["status"] != "ok":
        pass


def test_a_message_that_is_too_large_ends_its_connection_alone(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nmax_message_size_mb = 0.5\n")
    kernel = kernels.daemon("one")
    large, other = kernel.client(), kernel.client()
    id = large.send("shell", "execute_request", {"code": f"return #'{'x' * 600_000}'"})
    assert other.execute(f"return #'{'x' * 400_000}'").reply["status"] == "ok"
    with pytest.raises(NoAnswer):
        large.reply_to(id, seconds=0.5)


def test_a_connection_that_is_dead_is_closed(kernels: Kernels) -> None:
    kernels.settings("[kernel]\ntimeout_seconds = 0.3\n")
    kernel = kernels.daemon("one")
    for channel in ("shell", "control", "iopub", "hb"):
        with socket.create_connection(("127.0.0.1", kernel.told[f"{channel}_port"]), SECONDS) as stalled:
            while stalled.recv(1000):  # its greeting, and then the end
                pass
    assert kernel.client().execute("return 1").reply["status"] == "ok"


def test_a_cell_that_wants_more_memory_fails_and_the_kernel_lives(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nmax_memory_mb = 32\n")
    client = kernels.daemon("one").client()
    assert "limit of 32 MB" in client.execute("return #string.rep('x', 2^26 // 1 | 0)").reply["evalue"]
    assert "limit of 32 MB" in client.execute("local t = {} for i = 1, 1e9 do t[i] = {} end").reply["evalue"]
    assert client.execute("return 1").reply["status"] == "ok"


def test_the_stricter_limit_of_memory_holds() -> None:
    assert memory_of(config.Config({"lua.memory": 10, "kernel.max_memory_mb": 20})) == 10
    assert memory_of(config.Config({"lua.memory": 30, "kernel.max_memory_mb": 20})) == 20
    assert memory_of(config.Config({})) is None


def test_a_kernel_says_that_it_has_no_luajit(kernels: Kernels) -> None:
    kernels.settings('[lua]\nruntime = "luajit"\n')
    kernel = kernels.daemon("one")
    kernel.logged("lua.runtime does not hold here: kernels run Lua 5.4")
    assert kernel.client().execute("assert(_VERSION == 'Lua 5.4')").reply["status"] == "ok"


def test_the_port_of_the_settings_is_used_unless_another_is_given() -> None:
    settings = config.Config({"kernel.port": 9555})
    assert connection_of(Start(), settings).ports == (9555, 9556, 9557, 9558, 9559)
    assert connection_of(Start(port=0), settings).ports == (0, 0, 0, 0, 0)
    assert connection_of(Start(), settings).ip == "127.0.0.1"


def test_buffers_are_those_of_the_connections() -> None:
    """Linux gives twice of what is asked for, its own needs included (socket(7))."""
    settings = config.Config(
        {"transport.zeromq.sndbuf": 50_000, "transport.zeromq.rcvbuf": 60_000, "transport.zeromq.linger": 7}
    )
    server = Server(new_connection(), limits_of(Start(), settings))
    port = server.connection.ports[CHANNELS.index("shell")]
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.recv(1)  # of the greeting: it has been accepted
        sizes = [
            (one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
            for one in connections_of(port)
        ]
        assert sizes == [(100_000, 120_000)]
    assert {one.linger for one in server._sockets.values()} == {7}
    server.close()


@pytest.mark.parametrize(("linger", "arrives"), [(60_000, True), (0, False)])
def test_what_is_under_way_at_the_end_waits_for_who_is_slow_as_long_as_linger_says(
    kernels: Kernels, linger: int, arrives: bool
) -> None:
    kernels.settings(f"[transport.zeromq]\nlinger = {linger}\n")
    kernel = kernels.daemon("one")
    with zmq.Context() as context, context.socket(zmq.SUB) as slow:
        slow.rcvhwm, slow.rcvbuf = 1, 4096
        slow.subscribe(b"")
        slow.connect(f"tcp://127.0.0.1:{kernel.told['iopub_port']}")
        slow.recv_multipart()  # its welcome
        kernel.client().execute("for i = 1, 300 do io.write(('x'):rep(100000)) end", seconds=SECONDS)
        kernel.signal(signal.SIGTERM)
        if not arrives:
            assert kernel.ended()
        heard = 0
        while slow.poll(SECONDS * 1000 if arrives else 0):
            heard += sum(map(len, message := slow.recv_multipart()))
            if message[0] == b"shutdown_reply":
                break
        assert (heard > 30_000_000) == arrives
        assert kernel.ended()


def connections_of(port: int) -> Iterator[socket.socket]:
    """Those that this process has accepted there."""
    for name in os.listdir("/proc/self/fd"):
        try:
            one = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with one:
            listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if one.family == socket.AF_INET and one.getsockname()[1] == port and not listens:
                yield one
