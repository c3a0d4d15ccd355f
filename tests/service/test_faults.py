"""What goes wrong around a kernel: clients, disks, messages of all sizes. It goes on, and says what was wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from llmspell_kernel.config import SETTINGS
from llmspell_kernel.jupyter.connection import CHANNELS
from llmspell_kernel.jupyter.messages import Author
from llmspell_kernel.jupyter.zmq_client import KernelGone
from tests.service.kernels import COMMAND, SECONDS, Kernels, Running, five_free_ports, pause
from tests.soak.garbage import GREETING, READY

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")
MEGABYTE = b"x" * 2**20


@pytest.fixture
def kernel(kernels: Kernels) -> Running:
    return kernels.daemon("one")


def test_a_hundred_megabytes_in_parts_are_refused_with_a_word(kernel: Running) -> None:
    """Each frame is below the limit; the message is not."""
    client = kernel.client()
    request = Author().message("is_complete_request", {"code": "1"}, buffers=[MEGABYTE] * 100)
    client._sockets["shell"].send_multipart(client._wires["shell"].write(request))
    told = client.reply_to(str(request.header["msg_id"])).content
    assert told["evalue"] == "a message of 100.0 MB was refused: kernel.max_message_size_mb is 64"
    assert client.execute("return 1").reply["status"] == "ok"


def test_who_stops_in_the_middle_of_a_message_holds_nobody_up(kernel: Running) -> None:
    with ExitStack() as stalled:
        for channel in CHANNELS:
            one = stalled.enter_context(socket.create_connection(("127.0.0.1", kernel.told[f"{channel}_port"])))
            one.sendall(GREETING + READY + b"\1\x09<IDS|MSG>\1\x40half")
        client = kernel.client()
        assert client.execute("return io.read()", read=lambda prompt: "typed").reply["status"] == "ok"
        assert client.request("kernel_info_request", {}, "control")["status"] == "ok"


def test_os_exit_ends_a_cell_and_no_kernel(kernel: Running) -> None:
    client = kernel.client()
    assert client.execute("coroutine.wrap(function() os.exit(3, true) end)()").reply["ename"] == "Exit"
    assert client.execute("return 1").reply["status"] == "ok"


def test_a_notebook_that_is_gone_while_its_cell_is_paused_leaves_a_kernel_that_others_can_use(
    kernel: Running, kernels: Kernels
) -> None:
    gone, client = kernel.client(), kernel.client()
    pause(gone)
    waiting = client.send("shell", "execute_request", {"code": "return 2"})
    gone.close()
    assert kernels.status("one")["state"] == "paused"  # a page that is loaded again finds it so
    assert client.request("interrupt_request", {}, "control")["status"] == "ok"
    assert client.reply_to(waiting).content["status"] == "ok"


def test_who_waits_for_a_kernel_that_is_killed_is_told(kernel: Running, kernels: Kernels) -> None:
    client = kernel.client()
    id = client.send("shell", "execute_request", {"code": "print('on') while true do end"})
    while client.receive("iopub", SECONDS).type != "stream":
        pass
    kernel.signal(signal.SIGKILL)
    with pytest.raises(KernelGone, match="the kernel has ended"):
        client.reply_to(id)
    assert kernel.ended()  # its sockets are closed a little before
    assert kernels.status("one")["state"] == "stale"


def full_disk(kernels: Kernels, kilobytes: int, *words: str) -> subprocess.CompletedProcess[str]:
    """As if there were no more room than that: a file does not get larger."""
    script = f'ulimit -f {kilobytes} && exec "$@"'
    return subprocess.run(
        ["bash", "-c", script, "bash", *COMMAND, *words], cwd=kernels.folder, capture_output=True, text=True,
        timeout=SECONDS,
    )  # fmt: skip


def test_a_disk_that_fills_up_costs_lines_of_the_log_and_nothing_else(kernels: Kernels) -> None:
    assert full_disk(kernels, 8, "start", "--daemon", "--id", "one").returncode == 0
    kernel = kernels.keep(Running(kernels.runtime / "kernel-one.json"))
    client = kernel.client()
    for n in range(200):
        client.send("control", f"nonsense_{n}_request", {})
    assert client.request("kernel_info_request", {}, "control")["status"] == "ok"
    assert client.execute("return 1").reply["status"] == "ok"
    log = Path(kernel.told["log_file"])
    assert 4096 < log.stat().st_size <= 8192 and "nonsense_199" not in log.read_text()
    assert kernels.command("stop", "one").returncode == 0 and not kernel.path.exists()


def test_a_log_that_can_not_be_begun_anew_goes_on(kernels: Kernels) -> None:
    kernels.settings("[logging]\nrotate_size_mb = 0.002\n")
    kernel = kernels.daemon("one")
    log = Path(kernel.told["log_file"])
    (log.parent / "one.log.1.gz").mkdir()  # where the old one is to go
    client = kernel.client()
    for n in range(50):
        assert client.request(f"nonsense_{n}_request", {}, "control")["status"] == "error"
    assert client.execute("return 1").reply["status"] == "ok"
    assert "nonsense_49" in log.read_text()


def test_a_disk_without_room_for_the_connection_file_is_told(kernels: Kernels) -> None:
    done = full_disk(kernels, 0, "start", "--daemon", "--id", "one")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "cannot write the connection file" in done.stderr and "File too large" in done.stderr
    assert [path.name for path in kernels.runtime.iterdir()] == []


def test_all_settings_of_a_kernel_are_tried_here() -> None:
    texts = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    ours = [key for key in SETTINGS if key.startswith(("kernel.", "transport.", "logging.", "dap."))]
    assert [key for key in ours if key not in texts and f"{key.rpartition('.')[2]} = " not in texts] == []


def test_ports_are_taken_from_the_settings(kernels: Kernels) -> None:
    port = five_free_ports()
    kernels.settings(f"[kernel]\nport = {port}\nmetrics_port = 0\n[dap]\nport = 0\n")
    kernel = kernels.daemon("one")
    assert (kernel.told["shell_port"], kernel.told["hb_port"]) == (port, port + 4)
    for name in ("metrics_port", "dap_port"):
        socket.create_connection(("127.0.0.1", kernel.told[name])).close()
