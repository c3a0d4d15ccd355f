"""Kernels as processes, over real sockets: what several channels, signals and clients do to each other."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from llmspell_kernel.jupyter.connection import read_connection
from llmspell_kernel.jupyter.zmq_client import Client
from tests.notebook.notebook import SECONDS, Notebook

pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter-client's own


def test_control_answers_while_a_cell_runs(notebook: Notebook) -> None:
    cell = notebook.begin("print('on') while true do end")
    notebook.until(cell, "stream")
    assert notebook.ask("kernel_info_request", {}, "control")["status"] == "ok"
    assert notebook.ask("interrupt_request", {}, "control") == {"status": "ok"}
    assert notebook.end(cell).reply["ename"] == "Interrupted"


WAITS = [
    "while true do end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do pcall(function() while true do end end) end",
    "os.execute('sleep 60')",
    "io.popen('sleep 60'):read('a')",
    "for i = 1, math.huge do string.rep('x', 100) end",
    "setmetatable({}, { __tostring = function() while true do end end })",
    "io.read()",
]


@pytest.mark.parametrize("how", ["message", "signal"])
@pytest.mark.parametrize("code", WAITS)
def test_an_interrupt_ends_the_cell_wherever_it_is(notebook: Notebook, code: str, how: str) -> None:
    cell = notebook.begin(
        f"print('on') return {code}" if not code.startswith(("while", "for")) else f"print('on') {code}"
    )
    notebook.until(cell, "stream")
    if how == "message":
        notebook.ask("interrupt_request", {}, "control")
    else:
        os.kill(notebook.pid, signal.SIGINT)
    assert notebook.end(cell).reply["ename"] == "Interrupted"
    assert notebook.run("1 + 1").result == "2"


def test_an_interrupt_while_nothing_runs_harms_nothing(notebook: Notebook) -> None:
    notebook.ask("interrupt_request", {}, "control")
    os.kill(notebook.pid, signal.SIGINT)
    assert notebook.run("return 5").result == "5"


def test_a_person_is_asked_for_input(notebook: Notebook) -> None:
    cell = notebook.begin("io.write('name? ') local n = io.read() return n .. '!'")
    assert notebook.input_request() == {"prompt": "", "password": False}
    notebook.client.input("Ada")
    assert notebook.end(cell).result == "Ada!"


def test_what_was_typed_for_a_cell_that_was_interrupted_is_not_for_the_next(notebook: Notebook) -> None:
    cell = notebook.begin("io.read()")
    notebook.input_request()
    notebook.ask("interrupt_request", {}, "control")
    notebook.end(cell)
    notebook.client.input("late")
    cell = notebook.begin("io.read()")
    notebook.input_request()
    notebook.client.input("right")
    assert notebook.end(cell).result == "right"


def test_another_client_can_not_answer_for_the_one_that_was_asked(notebook: Notebook) -> None:
    other = notebook.new_client()
    cell = notebook.begin("io.read()")
    notebook.input_request()
    other.input("intruder")
    notebook.client.input("mine")
    assert notebook.end(cell).result == "mine"
    other.stop_channels()


def test_cells_that_wait_are_not_run_when_one_before_fails(notebook: Notebook) -> None:
    first = notebook.begin("io.read() error('wrong', 0)")
    notebook.input_request()
    second, third = notebook.begin("ran = true"), notebook.send("kernel_info_request", {})
    notebook.client.input("")
    assert notebook.answer(first)["status"] == "error"
    assert notebook.answer(second)["status"] == "aborted"
    assert notebook.answer(third)["status"] == "ok"
    assert notebook.run("ran").result == "nil"


@pytest.mark.parametrize("asked", [{"stop_on_error": False}, {"silent": True}], ids=["client wants it so", "silent"])
def test_they_are_run_after_an_error_that_is_to_stop_nothing(notebook: Notebook, asked: dict[str, bool]) -> None:
    first = notebook.begin("io.read() error('wrong', 0)", **asked)
    notebook.input_request()
    second = notebook.begin("went_on = true")
    notebook.client.input("")
    assert [notebook.answer(first)["status"], notebook.answer(second)["status"]] == ["error", "ok"]


def client_of(notebook: Notebook) -> Client:
    return Client(read_connection(notebook.manager.connection_file))


def test_a_client_that_does_not_read_holds_nobody_up(notebook: Notebook) -> None:
    stalled, client = client_of(notebook), client_of(notebook)
    client.wait_until_heard()
    done = client.execute("for i = 1, 300 do io.write(('x'):rep(100000)) end return 'done'")
    assert sum(len(one.content["text"]) for one in done.broadcasts if one.type == "stream") == 30_000_000
    stalled.close()
    client.close()


def test_fifty_clients_each_get_their_own_answers(notebook: Notebook) -> None:
    clients = [notebook.new_client() for _ in range(50)]
    ids = [client.execute(f"return {n}", reply=False) for n, client in enumerate(clients)]
    for client, id in zip(clients, ids, strict=True):
        assert client.get_shell_msg(timeout=SECONDS)["parent_header"]["msg_id"] == id
    for client in clients:
        client.stop_channels()
    notebook.settle()


def test_a_client_that_vanishes_in_the_middle_of_a_cell_takes_nothing_along(notebook: Notebook) -> None:
    other = notebook.new_client()
    other.execute("vanished = io.read()", allow_stdin=True)
    other.get_stdin_msg(timeout=SECONDS)
    other.stop_channels()
    notebook.ask("interrupt_request", {}, "control")
    assert notebook.run("vanished").result == "nil"


def raw(notebook: Notebook, channel: str, frames: list[bytes]) -> None:
    info = notebook.manager.get_connection_info()
    kind = {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "iopub": zmq.XSUB, "hb": zmq.DEALER}[
        channel
    ]
    with zmq.Context() as context, context.socket(kind) as one:
        one.linger = 1000
        one.connect(f"tcp://{info['ip']}:{info[channel + '_port']}")
        one.send_multipart(frames)


@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub", "hb"])
def test_garbage_on_a_socket_harms_nobody(notebook: Notebook, channel: str) -> None:
    for frames in (
        [b""], [b"garbage"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"],
        [b"x", b"<IDS|MSG>", b"0" * 64, b"[", b"{", b"\xff", b"\0"], [os.urandom(50_000)], [b"\1" + os.urandom(100)],
    ):  # fmt: skip
        raw(notebook, channel, frames)
    with socket.create_connection(("127.0.0.1", notebook.manager.get_connection_info()[channel + "_port"])) as one:
        one.sendall(os.urandom(5000))
    assert notebook.run("6 * 7").result == "42"
    assert notebook.ask("kernel_info_request", {}, "control")["status"] == "ok"


def test_a_message_with_a_wrong_signature_is_not_answered_and_a_replay_neither(notebook: Notebook) -> None:
    session = notebook.client.session
    message = session.msg("execute_request", {"code": "replayed = (replayed or 0) + 1"})
    frames = session.serialize(message)
    socket = notebook.client.shell_channel.socket
    socket.send_multipart(frames)
    notebook.answer(message["header"]["msg_id"])
    socket.send_multipart(frames)  # again
    wrong = session.serialize(session.msg("execute_request", {"code": "replayed = 100"}))
    wrong[1] = b"0" * 64
    socket.send_multipart(wrong)
    assert notebook.run("replayed").result == "1"


def test_a_message_that_is_too_large_ends_its_connection_and_nobody_elses(notebook: Notebook) -> None:
    raw(notebook, "shell", [b"x" * (65 * 1024 * 1024)])
    assert notebook.run("1").result == "1"


def test_a_megabyte_goes_in_and_out(notebook: Notebook) -> None:
    text = "x" * 1_000_000
    assert notebook.run(f"return #'{text}'").result == "1000000"
    assert notebook.run("io.write(('y'):rep(1000000))").output == "y" * 1_000_000


def test_the_heartbeat_beats_while_a_cell_runs(notebook: Notebook) -> None:
    cell = notebook.begin("print('on') while true do end")
    notebook.until(cell, "stream")
    info = notebook.manager.get_connection_info()
    with zmq.Context() as context, context.socket(zmq.REQ) as beat:
        beat.connect(f"tcp://{info['ip']}:{info['hb_port']}")
        beat.send(b"ping")
        assert beat.poll(SECONDS * 1000) and beat.recv() == b"ping"
    notebook.ask("interrupt_request", {}, "control")
    notebook.end(cell)


def test_a_tool_is_called_by_message(notebook: Notebook) -> None:
    answer = notebook.ask("tool_request", {"command": "invoke", "name": "calculator", "params": {"input": "6 * 7"}})
    assert answer["result"]["result"] == 42


def test_what_commands_write_is_output_of_the_cell_in_its_place(notebook: Notebook) -> None:
    run = notebook.run("print('one') os.execute('echo two; echo three >&2') print('four')")
    assert run.output.split() == ["one", "two", "three", "four"]
    assert [(one["name"], one["text"]) for one in run.of("stream") if "three" in one["text"]] == [("stderr", "three\n")]


def test_a_command_that_never_stops_writing_is_interrupted(notebook: Notebook) -> None:
    cell = notebook.begin("os.execute('yes')")
    notebook.until(cell, "stream")
    notebook.ask("interrupt_request", {}, "control")
    assert notebook.end(cell).reply["ename"] == "Interrupted"


def test_a_command_that_a_cell_has_left_behind_is_heard_later(notebook: Notebook) -> None:
    cell = notebook.begin("os.execute('(read x < /dev/null; echo late) &')")
    heard = "".join(one["content"]["text"] for one in notebook.until(cell, "stream") if one["msg_type"] == "stream")
    assert heard == "late\n"
    notebook.answer(cell)


# A kernel of its own for each of these ---------------------------------------------------------------


def test_a_restart_forgets_and_a_shutdown_ends_even_an_endless_cell() -> None:
    notebook = Notebook()
    notebook.run("x = 1")
    notebook.manager.restart_kernel(now=False)
    notebook.client.wait_for_ready(SECONDS)
    assert notebook.run("x").result == "nil"
    cell = notebook.begin("print('on') while true do end")
    notebook.until(cell, "stream")
    process = notebook.manager.provisioner.process
    assert notebook.ask("shutdown_request", {"restart": False}, "control") == {"status": "ok", "restart": False}
    assert process.wait(SECONDS) == 0
    notebook.close()


def test_thousands_of_requests_at_once_are_answered_in_order() -> None:
    notebook = Notebook()  # of its own: who listens to the others' would have to hear of it all
    client = client_of(notebook)
    ids = [client.send("shell", "execute_request", {"code": str(n), "silent": True}) for n in range(10_000)]
    for id in ids:
        message = client.receive("shell", SECONDS)
        assert message.parent["msg_id"] == id and message.content["status"] == "ok"
    client.close()
    notebook.close()


def start(folder: Path, *words: str, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "llmspell_kernel", "kernel", "start", *words]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload,no-any-return]


def stopped(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    code = process.wait(SECONDS)
    assert process.stderr is not None
    process.stderr.close()
    return code


def test_a_kernel_that_is_started_by_hand_says_how_to_reach_it(tmp_path: Path, installed: Path) -> None:
    process = start(tmp_path)
    assert process.stderr is not None
    path = Path(process.stderr.readline().split()[-1])
    info = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and info["pid"] == process.pid and len(info["key"]) == 64
    assert path.parent == installed / "runtime"
    assert stopped(process) == 0 and not path.exists()


def test_a_connection_file_is_followed_exactly_and_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        path = tmp_path / "c.json"
        ports = {f"{name}_port": 0 for name in ("shell", "stdin", "control", "hb")}
        path.write_text(json.dumps({**ports, "iopub_port": port, "ip": "127.0.0.1", "key": "k", "transport": "tcp"}))
        process = start(tmp_path, "--connection-file", str(path))
        assert process.wait(SECONDS) == 2
        assert process.stderr is not None
        assert f"cannot listen on tcp://127.0.0.1:{port} (iopub)" in process.stderr.read()
        process.stderr.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no object"),
        ("{}", "`shell_port` must be a port number, and is missing"),
        ('{"shell_port": 70000}', "`shell_port` must be a port number"),
    ],
)
def test_a_bad_connection_file_is_one_clear_error(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    process = start(tmp_path, "--connection-file", str(path))
    assert process.stderr is not None
    assert problem in process.stderr.read()
    process.stderr.close()
    assert process.wait(SECONDS) == 2


def test_sigterm_ends_a_kernel_whose_cell_runs() -> None:
    notebook = Notebook()
    cell = notebook.begin("print('on') while true do end")
    notebook.until(cell, "stream")
    os.kill(notebook.pid, signal.SIGTERM)
    assert notebook.manager.provisioner.process.wait(SECONDS) == 0
    notebook.close()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")
def test_a_kernel_ends_with_the_process_that_has_started_it(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "os.environ['JPY_PARENT_PID'] = str(os.getpid())\n"
        "words = [sys.executable, '-m', 'llmspell_kernel', 'kernel', 'start', '-f', 'c.json']\n"
        "kernel = subprocess.Popen(words, stderr=sys.stdout)\n"
        "print(kernel.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin is not None and parent.stdout is not None
    kernel = os.pidfd_open(int(parent.stdout.readline()))
    parent.stdin.close()
    parent.wait(SECONDS)
    gone = threading.Event()
    threading.Thread(target=lambda: (parent.stdout.read(), gone.set()), daemon=True).start()  # type: ignore[union-attr,func-returns-value]
    assert gone.wait(SECONDS), "the kernel has outlived its parent"
    parent.stdout.close()
    os.close(kernel)


WAITING_TOOL = """
import sys, threading
from llmspell_kernel.cli.kernel.start import serve
from llmspell_kernel.jupyter.connection import new_connection, write_connection
from llmspell_kernel.jupyter.waking import watch_signals
from llmspell_kernel.jupyter.zmq_server import Server
from llmspell_kernel.lua.runtime import Options
from llmspell_kernel.tools.registry import Tools

def wait_for_ever() -> str:
    "Waits."
    print("waiting", flush=True)
    threading.Event().wait()
    return "never"

def compute_for_ever() -> str:
    "Computes."
    print("waiting", flush=True)
    while True:
        pass

def tools() -> Tools:
    made = Tools.standard()
    made.add(wait_for_ever)
    made.add(compute_for_ever)
    return made

signals = watch_signals()
server = Server(new_connection())
write_connection("c.json", server.connection)
print("ready", flush=True)
serve(server, Options(), signals, tools)
"""


def hears(client: Client, text: str) -> None:
    while text not in client.receive("iopub", SECONDS).content.get("text", ""):
        pass


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Client]:
    """A client of a kernel with tools that never return."""
    process = subprocess.Popen([sys.executable, "-c", WAITING_TOOL], cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    client = Client(read_connection(str(tmp_path / "c.json")))
    client.wait_until_heard()
    yield client
    client.close()
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("tool", ["wait_for_ever", "compute_for_ever"])
@pytest.mark.parametrize("caught", [False, True])
def test_an_interrupt_ends_a_tool_that_waits_and_the_cell_with_it(waiting: Client, tool: str, caught: bool) -> None:
    code = f"Tool.execute('{tool}')"
    id = waiting.send(
        "shell", "execute_request", {"code": f"while true do pcall(function() {code} end) end" if caught else code}
    )
    hears(waiting, "waiting")
    waiting.request("interrupt_request", {}, "control")
    assert waiting.reply_to(id).content["ename"] == "Interrupted"
    assert waiting.execute("return 1 + 1").broadcasts[2].content["data"] == {"text/plain": "2"}


def test_an_interrupt_ends_a_tool_that_is_called_by_message(waiting: Client) -> None:
    id = waiting.send("shell", "tool_request", {"command": "invoke", "name": "wait_for_ever"})
    hears(waiting, "waiting")
    waiting.request("interrupt_request", {}, "control")
    assert waiting.reply_to(id).content["error_type"] == "interrupted"


def test_a_shutdown_ends_a_kernel_whose_tool_waits(waiting: Client) -> None:
    waiting.send("shell", "tool_request", {"command": "invoke", "name": "wait_for_ever"})
    hears(waiting, "waiting")
    assert waiting.request("shutdown_request", {}, "control")["status"] == "ok"
