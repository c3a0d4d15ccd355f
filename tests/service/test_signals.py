"""What signals mean to a kernel that serves."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from llmspell_kernel.jupyter.messages import Message
from llmspell_kernel.jupyter.zmq_client import Client
from tests.service.kernels import COMMAND, SECONDS, Kernels, Running

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


def begin(client: Client, code: str) -> str:
    """A cell that has printed ``on``."""
    id = client.send("shell", "execute_request", {"code": f"print('on') {code}", "allow_stdin": True})
    heard(client, "stream")
    return id


def heard(client: Client, kind: str) -> Message:
    while (message := client.receive("iopub", SECONDS)).type != kind:
        pass
    return message


def test_a_cell_has_time_to_end_and_those_after_it_are_not_begun(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    client = kernel.client()
    first = begin(client, "return io.read()")
    asked = client.receive("stdin", SECONDS)
    second = client.send("shell", "execute_request", {"code": "never = 1"})
    kernel.signal(signal.SIGTERM)
    notice = heard(client, "stream")
    assert notice.content["text"] == "llmspell: it was told to end (SIGTERM); this cell has 5 s to end\n"
    assert notice.parent["msg_id"] == first
    client.send("stdin", "input_reply", {"value": "in time"}, asked.header)
    assert client.reply_to(first).content["status"] == "ok"
    assert client.reply_to(second).content["status"] == "aborted"
    assert heard(client, "shutdown_reply").content == {"status": "ok", "restart": False}
    assert kernel.ended() and not kernel.path.exists()


def test_a_kernel_that_is_paused_ends_too(kernels: Kernels) -> None:
    kernels.settings("[kernel]\ngrace_seconds = 0.2\n")
    kernel = kernels.daemon("one")
    client = kernel.client()

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
    kernel.signal(signal.SIGTERM)
    heard(client, "shutdown_reply")
    assert kernel.ended() and not kernel.path.exists()


@pytest.mark.parametrize("code", ["while true do end", "os.execute('sleep 60')", "io.read()"])
def test_a_cell_that_does_not_end_is_interrupted(kernels: Kernels, code: str) -> None:
    kernels.settings("[kernel]\ngrace_seconds = 0.2\n")
    kernel = kernels.daemon("one")
    client = kernel.client()
    id = begin(client, code)
    kernel.signal(signal.SIGTERM)
    reply = client.reply_to(id).content
    assert (reply["ename"], reply["evalue"]) == ("Interrupted", "the cell was interrupted: the kernel was told to end")
    heard(client, "shutdown_reply")
    assert kernel.ended() and not kernel.path.exists()


def test_a_second_sigterm_does_not_wait(kernels: Kernels) -> None:
    kernels.settings("[kernel]\ngrace_seconds = 1000\n")
    kernel = kernels.daemon("one")
    client = kernel.client()
    begin(client, "while true do end")
    kernel.signal(signal.SIGTERM)
    assert "has 1000 s to end" in heard(client, "stream").content["text"]
    kernel.signal(signal.SIGTERM)
    assert kernel.ended()


def test_sigint_interrupts_the_cell_and_the_daemon_goes_on(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    client = kernel.client()
    id = begin(client, "while true do end")
    kernel.signal(signal.SIGINT)
    assert client.reply_to(id).content["ename"] == "Interrupted"
    assert client.execute("return 1").reply["status"] == "ok"


def test_sighup_reads_the_settings_again(kernels: Kernels) -> None:
    kernels.settings('[tools]\nlevel = "safe"\n')
    kernel = kernels.daemon("one")
    client = kernel.client()
    write = "return Tool.execute('file-operations', {operation = 'write', path = 'a', input = 'x'}).success"
    assert client.execute(write).reply["status"] == "error"
    kernels.settings("[kernel]\nexecution_timeout = 0.2\nmax_concurrent_clients = 1\n")
    kernel.signal(signal.SIGHUP)
    kernel.logged("llmspell.toml is reloaded")
    assert client.execute(write).reply["status"] == "ok"
    assert "limit of 0.2 s" in client.execute("while true do end").reply["evalue"]
    assert kernels.status("one")["max_clients"] == 1
    assert kernel.client().execute("return 1").reply["ename"] == "Refused"


def test_a_mistake_in_the_new_settings_changes_nothing(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    kernels.settings("[kernel]\nidle_timeot = 1\n")
    kernel.signal(signal.SIGHUP)
    assert "did you mean kernel.idle_timeout?" in kernel.logged("llmspell.toml is not reloaded")
    assert kernel.client().execute("return 1").reply["status"] == "ok"


def test_sigusr1_dumps_the_state_to_the_log(kernels: Kernels) -> None:
    kernels.settings('[logging]\nformat = "pretty"\n')
    kernel = kernels.daemon("one")
    client = kernel.client()
    id = begin(client, "while true do end")
    kernel.signal(signal.SIGUSR1)
    log = kernel.logged("thread MainThread") + kernel.logged("in dump")
    assert '"state": "busy"' in log and f'"pid": {kernel.pid}' in log
    kernel.signal(signal.SIGINT)
    assert client.reply_to(id).content["ename"] == "Interrupted"


def test_a_daemon_outlives_the_terminal_that_has_started_it(kernels: Kernels) -> None:
    """As a shell does it: the whole group of its jobs hears SIGHUP."""
    script = '"$@" start --daemon --id one && kill -HUP 0'
    subprocess.run(["sh", "-c", script, "sh", *COMMAND], cwd=kernels.folder, start_new_session=True, check=False)
    kernel = kernels.keep(Running(kernels.runtime / "kernel-one.json"))
    assert kernel.client().execute("return 1").reply["status"] == "ok"
    assert "reloaded" not in kernels.command("logs", "one").stdout
