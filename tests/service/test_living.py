"""Kernels come, are looked at, and go."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import zmq

from llmspell_kernel.jupyter.connection import Connection, read_connection
from llmspell_kernel.jupyter.messages import Author
from llmspell_kernel.jupyter.wire import Wire
from llmspell_kernel.jupyter.zmq_client import Client
from llmspell_kernel.service import discovery
from llmspell_kernel.service.asking import ask
from llmspell_kernel.service.changes import Changes
from tests.service.kernels import COMMAND, SECONDS, Kernels, Running, five_free_ports
from tests.support.person import Person, people

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")


def test_a_daemon_is_found_asked_and_ended_by_its_id(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    assert stat.S_IMODE(kernel.path.stat().st_mode) == 0o600
    client = kernel.client()
    client.execute("x = 6 * 7")
    status = kernels.status("one")
    assert (status["pid"], status["state"], status["clients"], status["executions"]) == (kernel.pid, "idle", 1, 1)
    assert status["ports"]["shell"] == kernel.told["shell_port"] and status["cwd"] == str(kernels.folder)
    assert status["rss_bytes"] == pytest.approx(psutil.Process(kernel.pid).memory_info().rss, rel=0.5)
    client.close()
    assert f"one  {kernel.pid}  idle" in kernels.command("status").stdout
    done = kernels.command("stop", "one")
    assert (done.returncode, done.stdout) == (0, "kernel one has ended\n")
    assert kernel.ended() and not kernel.path.exists()
    assert kernels.command("status").stdout == "no kernel is running\n"
    assert "kernel one has ended" in kernels.command("logs", "one").stdout


def test_a_daemon_keeps_the_working_folder_and_nothing_else_of_its_parent(kernels: Kernels) -> None:
    (kernels.folder / "mine.lua").write_text("return 'found'")
    kernel = kernels.daemon("one")  # whose pipes were read to their ends
    process = psutil.Process(kernel.pid)
    assert process.cwd() == str(kernels.folder) and process.terminal() is None
    assert os.getsid(kernel.pid) != os.getsid(0) and os.getsid(kernel.pid) != kernel.pid
    assert os.readlink(f"/proc/{kernel.pid}/fd/0") == "/dev/null"
    assert kernel.client().execute("return dofile('mine.lua')").broadcasts[2].content["data"]["text/plain"] == "found"


def test_a_kernel_tells_that_it_is_busy_and_that_it_is_paused(kernels: Kernels) -> None:
    kernel = kernels.foreground()
    client = kernel.client()
    id = client.send("shell", "execute_request", {"code": "print('on') while true do end"})
    while client.receive("iopub", SECONDS).type != "stream":
        pass
    busy = kernels.status(kernel.told["kernel_id"])
    assert busy["state"] == "busy" and busy["cpu_seconds"] > 0
    client.request("interrupt_request", {}, "control")
    client.reply_to(id)

    def debug(command: str, **arguments: object) -> None:
        content = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        assert client.request("debug_request", content, "control")["success"]

    debug("initialize")
    debug("attach")
    path = client.request(
        "debug_request",
        {"type": "request", "seq": 1, "command": "dumpCell", "arguments": {"code": "local a = 1\nreturn a"}},
        "control",
    )["body"]["sourcePath"]
    debug("setBreakpoints", source={"path": path}, breakpoints=[{"line": 2}])
    debug("configurationDone")
    client.send("shell", "execute_request", {"code": "local a = 1\nreturn a"})
    while client.receive("iopub", SECONDS).content.get("event") != "stopped":
        pass
    assert kernels.status(kernel.told["kernel_id"])["state"] == "paused"


def test_a_kernel_that_was_killed_is_told_once_and_its_place_is_free(kernels: Kernels) -> None:
    kernel = kernels.daemon("one", "--pid-file", "kernel.pid")
    assert (kernels.folder / "kernel.pid").read_text() == f"{kernel.pid}\n"
    kernel.signal(signal.SIGKILL)
    assert kernel.ended()
    told = kernels.command("status", "one")
    assert told.returncode == 1 and "stale: its process has ended without a goodbye" in told.stdout
    assert not kernel.path.exists()
    assert kernels.command("status").stdout == "no kernel is running\n"
    again = kernels.daemon("one", "--pid-file", "kernel.pid")
    assert (kernels.folder / "kernel.pid").read_text() == f"{again.pid}\n"


def test_a_kernel_that_has_crashed_says_where(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    kernel.signal(signal.SIGSEGV)
    assert kernel.ended()
    assert kernels.command("status", "one").returncode == 1
    log = kernels.command("logs", "one").stdout
    assert "Fatal Python error: Segmentation fault" in log and "zmq_server.py" in log


def test_a_file_that_a_killed_kernel_has_left_is_no_obstacle_and_no_other_process_is_taken_for_it(
    kernels: Kernels,
) -> None:
    kernel = kernels.daemon("one")
    kernel.signal(signal.SIGKILL)
    assert kernel.ended()
    kernel.path.write_text(json.dumps({**kernel.told, "pid": os.getpid()}))  # its number has gone to another
    assert kernels.command("stop", "one").stdout == "kernel one had ended before\n"
    kernel.path.write_text(json.dumps(kernel.told))
    assert kernels.status(kernels.daemon("one").told["kernel_id"])["state"] == "idle"


def test_a_daemon_does_not_end_with_the_notebook_that_has_started_it(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as notebook:
        monkeypatch.setenv("JPY_PARENT_PID", str(notebook.pid))
        kernel = kernels.daemon("one")
    assert kernel.client().execute("return 1").reply["status"] == "ok"


def test_who_makes_a_kernel_known_to_other_machines_is_warned(kernels: Kernels) -> None:
    kernel = kernels.daemon("one", "--host", "0.0.0.0")
    assert "WARN  llmspell_kernel.service: other machines may reach this kernel" in kernel.logged("serves")


def test_an_id_is_given_once(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    for more in ([], ["--daemon"]):
        second = kernels.command("start", "--id", "one", *more)
        assert second.returncode == 2
        assert f"kernel one is running already (process {kernel.pid}); choose another id or file" in second.stderr
    assert kernels.status("one")["pid"] == kernel.pid
    assert "not ''" in kernels.command("start", "--daemon", "--id", "").stderr  # a script's variable that is not set


def test_a_kernel_with_a_file_elsewhere_is_ended_as_the_error_says(kernels: Kernels) -> None:
    path = kernels.folder / "a file.json"
    assert kernels.command("start", "--daemon", "--id", "one", "--connection-file", str(path)).returncode == 0
    kernel = kernels.keep(Running(path))
    second = kernels.command("start", "--connection-file", str(path)).stderr
    assert second.endswith(f"or end it: llmspell kernel stop '{path}'\n")
    assert kernels.command("stop", str(path)).stdout == "kernel one has ended\n" and kernel.ended()


def test_a_kernel_s_sockets_are_gone_with_it_that_are_files(kernels: Kernels) -> None:
    ports = {f"{name}_port": n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
    path = kernels.folder / "kernel.json"
    path.write_text(json.dumps({**ports, "transport": "ipc", "ip": str(kernels.folder / "socket"), "key": "k"}))
    assert kernels.command("start", "--daemon", "--connection-file", str(path)).returncode == 0
    sockets = list(kernels.folder.glob("socket-*"))
    assert kernels.command("stop", str(path), "--force").stdout == "kernel kernel has ended\n"
    assert len(sockets) == 5 and list(kernels.folder.iterdir()) == [path]


def test_an_address_that_is_not_this_machine_s_is_told(kernels: Kernels) -> None:
    for host in ("no.such.host.invalid", "192.0.2.1", "::1"):
        refused = kernels.command("start", "--daemon", "--host", host)
        assert refused.returncode == 2
        assert refused.stderr.endswith("give an address of this machine\n")


@pytest.mark.parametrize("how", ["--daemon", ""])
def test_a_kernel_needs_no_stdio(kernels: Kernels, how: str) -> None:
    """Some that start services close it: what is opened next has its numbers then, and a program's output goes there."""
    path = kernels.folder / "kernel.json"
    start = f"exec {shlex.join(COMMAND)} start {how} --id one --connection-file {path} <&- >&- 2>&-"
    process = subprocess.Popen(["sh", "-c", start], cwd=kernels.folder)
    if how:
        assert process.wait(SECONDS) == 0
    client = Client(written(path))
    client.wait_until_heard(SECONDS)
    done = client.execute("print(1) io.stderr:write('2\\n') os.execute('echo 3')")
    client.close()
    assert "".join(one.content["text"] for one in done.broadcasts if one.type == "stream") == "1\n2\n3\n"
    assert kernels.command("stop", str(path)).returncode == 0
    assert process.wait(SECONDS) == 0


def written(path: Path) -> Connection:
    """Waits for the file."""
    with closing(Changes([str(path.parent)], None)) as changes:
        while not path.exists():
            changes.wait()
    return read_connection(str(path))


def test_a_kernel_is_started_where_the_terminal_knows_no_unicode(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    path = kernels.folder / "eine größe.json"
    started = kernels.command("start", "--daemon", "--connection-file", str(path))
    assert (started.returncode, started.stderr) == (0, "")
    assert kernels.keep(Running(path)).told["kernel_id"] == "eine_gr__e"  # an id has letters of ASCII


class Starter(Person):
    command = ("kernel", "start")


def test_a_person_who_starts_a_kernel_at_a_terminal_is_told_how_it_ends(kernels: Kernels) -> None:
    with people() as seated:
        person = seated(Starter(kernels.folder, "--id", "one"))
        person.sees("Ctrl-C interrupts the cell; the kernel ends with: llmspell kernel stop one")
        assert kernels.command("stop", "one").returncode == 0
        assert person.leaves() == 0


def test_of_many_that_want_an_id_at_once_one_has_it(kernels: Kernels) -> None:
    codes: list[int] = []
    starts = [
        threading.Thread(target=lambda: codes.append(kernels.command("start", "--daemon", "--id", "one").returncode))
        for _ in range(4)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert sorted(codes) == [0, 2, 2, 2]
    assert kernels.command("stop", "one").returncode == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--id", "../x"], "a kernel's id has letters, digits"),
        (["--port", "65533"], "the port must be 0 (any) or one with 4 more after it, not 65533"),
        (["--log-file", "/proc/none/log"], "cannot write the log file /proc/none/log"),
        (["--pid-file", "/proc/none/pid"], "cannot write the PID file /proc/none/pid"),
        (["--connection-file", "/proc/none/c.json"], "cannot write the connection file /proc/none/c.json"),
        (["--host", "256.0.0.1"], "cannot listen on tcp://256.0.0.1"),
    ],
)
def test_a_daemon_that_can_not_start_says_why(kernels: Kernels, words: list[str], problem: str) -> None:
    done = kernels.command("start", "--daemon", *words)
    assert done.returncode == 2 and done.stderr.startswith("llmspell: ") and problem in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_means_five_of_them_in_a_row_and_one_in_use_is_told(kernels: Kernels) -> None:
    port = five_free_ports()
    kernel = kernels.daemon("one", "--port", str(port))
    assert [kernel.told[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")] == list(
        range(port, port + 5)
    )
    second = kernels.command("start", "--daemon", "--port", str(port + 2))
    assert second.returncode == 2 and f"cannot listen on tcp://127.0.0.1:{port + 2} (shell)" in second.stderr


def test_all_are_ended_together_and_one_that_does_not_end_is_killed_if_told_so(kernels: Kernels) -> None:
    one, two = kernels.daemon("one"), kernels.daemon("two")
    two.signal(signal.SIGSTOP)
    assert kernels.command("status", "two").returncode == 1
    done = kernels.command("stop", "--all", "--timeout", "0.5")
    assert done.returncode == 1 and one.ended()
    assert done.stdout == "kernel one has ended\nkernel two did not end in time; --force kills it\n"
    done = kernels.command("stop", "two", "--timeout", "0", "--force")
    assert (done.returncode, done.stdout) == (0, "kernel two did not end in time and was killed\n")
    assert two.ended() and not two.path.exists()


def test_a_kernel_that_jupyter_has_started_is_among_them(kernels: Kernels) -> None:
    first = kernels.foreground("--id", "first")
    text = json.dumps(
        {name: told for name, told in first.told.items() if name not in ("pid", "born", "kernel_id", "host")}
    )
    first.signal(signal.SIGTERM)
    assert first.ended()
    path = kernels.runtime / "kernel-abc.json"
    path.write_text(text)  # as Jupyter does: no process in it
    process = subprocess.Popen([*COMMAND, "start", "-f", str(path)], cwd=kernels.folder)
    client = Client(read_connection(str(path)))
    client.wait_until_heard(SECONDS)
    client.close()
    assert ask([str(path)], "kernel_info_request", SECONDS) != [None]
    assert path.read_text() == text
    assert kernels.status("abc")["pid"] == process.pid
    assert kernels.command("stop", "abc").stdout == "kernel abc has ended\n"
    assert process.wait(SECONDS) == 0 and path.exists()  # it is Jupyter's


FOREVER = 1_000_000.0  # seconds: who waits so long is ended by the tests' own limit


def jupyters_file(kernels: Kernels) -> Path:
    """As Jupyter writes it: no process in it."""
    first = five_free_ports()
    ports = {f"{name}_port": first + n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"))}
    path = kernels.runtime / "kernel-abc.json"
    kernels.runtime.mkdir(exist_ok=True)
    path.write_text(json.dumps({**ports, "ip": "127.0.0.1", "transport": "tcp", "key": "k"}))
    return path


def test_nobody_waits_for_a_kernel_that_is_gone_and_it_is_not_said_to_end(kernels: Kernels) -> None:
    path = jupyters_file(kernels)
    assert ask([str(path)], "status_request", FOREVER) == [None]
    assert kernels.command("status").stdout == kernels.command("stop", "--all").stdout == "no kernel is running\n"
    done = kernels.command("stop", "abc")
    assert (done.returncode, done.stdout) == (1, "kernel abc does not answer: it is gone, or none of llmspell's\n")


def test_nobody_waits_for_a_kernel_of_another_language_and_it_is_not_ended(kernels: Kernels) -> None:
    path = jupyters_file(kernels)
    wire, author = Wire(b"k"), Author()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as control:
        control.linger = 0
        control.bind(read_connection(str(path)).address("control"))

        def answer() -> None:
            while (asked := wire.read(control.recv_multipart())).type != "kernel_info_request":
                pass  # it knows no other
            control.send_multipart(wire.write(author.message("kernel_info_reply", {}, asked.header, asked.identities)))

        answers = threading.Thread(target=answer)
        answers.start()
        assert ask([str(path)], "status_request", FOREVER) == [None]
        answers.join()


def test_the_status_is_shown_again_and_again(kernels: Kernels) -> None:
    kernels.daemon("one")
    words = [*COMMAND, "status", "one", "--watch", "--interval", "0.1", "-o", "json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        first, second = (json.loads(watch.stdout.readline()) for _ in range(2))
        assert first["uptime_seconds"] < second["uptime_seconds"]
        watch.send_signal(signal.SIGINT)
        assert watch.wait(SECONDS) == 130


def test_nobody_is_told_anything_without_the_key(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    forged = kernels.folder / "forged.json"
    forged.write_text(json.dumps({**kernel.told, "key": "0" * 64}))
    done = kernels.command("status", str(forged), "-o", "json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (1, "silent")
    assert kernels.status("one")["state"] == "idle"


def test_files_that_are_no_connection_files_are_left_alone(kernels: Kernels) -> None:
    kernels.runtime.mkdir()
    for name, text in {"kernel-a.json": "{", "kernel-b.json": "[]", "kernel-c.json": "{}", "other.json": "{}"}.items():
        (kernels.runtime / name).write_text(text)
    assert discovery.every() == []
    done = kernels.command("status", "a")
    assert (done.returncode, done.stderr) == (2, "llmspell: no kernel has the id 'a'; none is running\n")
    assert len(list(kernels.runtime.iterdir())) == 4


def test_words_that_are_missing_or_too_many(kernels: Kernels) -> None:
    assert "name kernels (ID or connection file), or say --all" in kernels.command("stop").stderr
    assert "name kernels" in kernels.command("stop", "x", "--all").stderr
    assert (
        "./none.json is no connection file of a kernel: there is no such file"
        in kernels.command("status", "./none.json").stderr
    )
    (kernels.folder / "other.json").write_text("{}")
    assert kernels.command("status", str(kernels.folder / "other.json")).stderr.endswith(
        "is no connection file of a kernel\n"
    )


def test_a_kernel_in_the_foreground_is_told_apart_by_its_file_too(kernels: Kernels) -> None:
    kernel = kernels.foreground("--id", "x")
    assert kernels.status(str(kernel.path))["id"] == "x"
    assert "logs to its stderr" in kernels.command("logs", "x").stderr
