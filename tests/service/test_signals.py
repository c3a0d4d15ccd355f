"""What signals mean to a kernel that serves."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from llmspell_kernel import config
from llmspell_kernel.jupyter.messages import Message
from llmspell_kernel.jupyter.zmq_client import Client
from llmspell_kernel.service.reloading import ELSEWHERE, MEMORY, WAIT
from tests.service.kernels import COMMAND, SECONDS, Kernels, Running, pause

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
    pause(client)
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


def reload(kernels: Kernels, kernel: Running, text: str) -> str:
    """Gives what the log says to it."""
    kernels.settings(text)
    log, client = Path(kernel.told["log_file"]), kernel.client()
    before = log.read_text()
    kernel.signal(signal.SIGHUP)
    while "llmspell.toml is reloaded" not in (said := log.read_text().removeprefix(before)):
        client.request("kernel_info_request", {}, "control")  # it lives
    client.close()
    return said


def test_sighup_reads_the_settings_again(kernels: Kernels) -> None:
    kernels.settings('[tools]\nlevel = "safe"\n[kernel]\nmax_memory_mb = 400\n')
    kernel = kernels.daemon("one")
    client = kernel.client()
    write = "return Tool.execute('file-operations', {operation = 'write', path = 'a', input = 'x'}).success"
    assert client.execute(write).reply["status"] == "error"
    text = "execution_timeout = 0.2\nmax_concurrent_clients = 1\nmax_memory_mb = 32\ngrace_seconds = 9"
    reload(kernels, kernel, f'[kernel]\n{text}\n[logging]\nlevel = "debug"\n')
    assert client.execute(write).reply["status"] == "ok"
    assert "limit of 0.2 s" in client.execute("while true do end").reply["evalue"]
    assert "limit of 32 MB" in client.execute("return #string.rep('x', 2^26 // 1 | 0)").reply["evalue"]
    assert kernels.status("one")["max_clients"] == 1
    assert kernel.client().execute("return 1").reply["ename"] == "Refused"
    assert "execute_request took" in Path(kernel.told["log_file"]).read_text()
    reload(kernels, kernel, "")
    assert client.execute("return #string.rep('x', 2^26 // 1 | 0)").reply["status"] == "ok"
    assert kernels.status("one")["max_clients"] is None


def test_what_is_fixed_when_a_kernel_starts_is_named_when_it_changes(kernels: Kernels) -> None:
    kernels.settings("[kernel]\nmax_message_size_mb = 64\n")
    kernel = kernels.daemon("one", "--idle-timeout", "1000")
    log = reload(kernels, kernel, "[kernel]\nport = 9555\nmax_memory_mb = 5\nidle_timeout = 0.001\n[dap]\nport = 0\n")
    told = "WARN  llmspell_kernel.service: these hold from the next start of the kernel on: "
    assert told + "kernel.port, kernel.max_memory_mb, dap.port\n" in log
    assert "hold from" not in reload(kernels, kernel, "[tools]\ntimeout_seconds = 3\n")
    assert kernel.client().execute("return 1").reply["status"] == "ok"  # what the command said is stronger still


def test_every_setting_is_reloaded_or_said_to_wait() -> None:
    """Each was looked at: a new one is to be put in its place here."""
    taken_on = [key for key in config.SETTINGS if key not in (*WAIT, *MEMORY, *ELSEWHERE)]
    assert [key for key in taken_on if not key.startswith("tools.")] == [
        "kernel.max_concurrent_clients", "kernel.idle_timeout", "kernel.execution_timeout", "kernel.grace_seconds",
        "transport.zeromq.linger", "logging.level", "logging.format", "logging.rotate_size_mb", "logging.rotate_count",
    ]  # fmt: skip


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
