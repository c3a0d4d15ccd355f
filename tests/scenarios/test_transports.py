"""Clients that vanish, talk garbage or come in crowds; terminals; real processes only."""

from __future__ import annotations

import os
import pty
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmspell_dap import session
from llmspell_dap.transports import streams
from tests.support.client import (
    PATIENCE,
    Client,
    InProcessWire,
    Refused,
    Server,
    StdioWire,
    TcpWire,
    encode,
    environment,
    start_adapter,
)
from tests.support.editor import Editor
from tests.support.lifeline import Lifeline


@pytest.fixture
def stdio() -> Iterator[Client]:
    client = Client(StdioWire)
    yield client
    client.wire.close()


def connect(server: Server, folder: Path) -> Editor:
    folder.mkdir(exist_ok=True)
    return Editor(Client(lambda receive: TcpWire(receive, server.port)), folder)


PROGRAMS = ["while true do end\n", "local stop = 1 -- @stop\nprint(stop)\n"]


@pytest.mark.parametrize("body", PROGRAMS)
def test_a_client_that_vanishes_takes_its_program_along(server: Server, tmp_path: Path, body: str) -> None:
    life = Lifeline(tmp_path)
    editor = connect(server, tmp_path)
    editor.launch(life.program(body), breakpoints=["stop"] if "@stop" in body else None)
    editor.client.wait_for("output")
    editor.close()
    assert life.ended()


def test_stdin_that_ends_takes_the_program_along(tmp_path: Path) -> None:
    life = Lifeline(tmp_path)
    editor = Editor(Client(StdioWire), tmp_path)
    editor.launch(life.program("while true do end\n"))
    editor.client.wait_for("output")
    editor.close()
    assert life.ended()
    assert editor.client.wire.process.returncode == 0


class Deaf:
    """A client that reads until the program's first words and never again."""

    def __init__(self, send: Callable[[bytes], Any], read: Callable[[int], bytes], program: Path) -> None:
        self._send = send
        self.request(1, "initialize", adapterID="deaf")
        self.request(2, "launch", program=str(program))
        self.request(3, "configurationDone")
        heard = b""
        while b"xxxx" not in heard:
            heard += read(1000)

    def request(self, seq: int, command: str, **arguments: Any) -> None:
        self._send(encode({"seq": seq, "type": "request", "command": command, "arguments": arguments}))


@pytest.mark.parametrize("kind", ["stdio", "tcp"])
def test_a_client_that_reads_no_more_can_still_say_goodbye(server: Server, tmp_path: Path, kind: str) -> None:
    life = Lifeline(tmp_path)
    program = tmp_path / "flood.lua"
    program.write_text(life.program("while true do print(('x'):rep(50000000)) end\n"))
    if kind == "stdio":
        with start_adapter() as process:
            assert process.stdin and process.stdout
            client = Deaf(partial(os.write, process.stdin.fileno()), partial(os.read, process.stdout.fileno()), program)
            client.request(4, "disconnect")
            assert life.ended()
    else:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            client = Deaf(connection.sendall, connection.recv, program)
            client.request(4, "disconnect")
            assert life.ended()


@pytest.mark.parametrize("kind", ["stdio", "tcp"])
def test_a_program_that_was_let_go_outlives_its_client(server: Server, tmp_path: Path, kind: str) -> None:
    """For as long as it wants, also when that is longer than the end of a session may take."""
    proof = tmp_path / "proof"
    editor = connect(server, tmp_path) if kind == "tcp" else Editor(Client(StdioWire), tmp_path)
    seconds = f"local t = os.time()\nwhile os.time() - t < {streams.PATIENCE + 2} do end\n"
    life = Lifeline(tmp_path)
    editor.launch(life.program(f"{seconds}local f = io.open({str(proof)!r}, 'w') f:write('done') f:close()\n"))
    editor.client.wait_for("output")
    editor.client.request("disconnect", {"terminateDebuggee": False})
    editor.close()
    assert life.ended()
    assert proof.read_text() == "done"


def test_an_adapter_that_is_killed_takes_its_programs_along(tmp_path: Path) -> None:
    server = Server()
    life = Lifeline(tmp_path)
    editor = connect(server, tmp_path)
    editor.launch(life.program("while true do end\n"))
    editor.client.wait_for("output")
    server.process.kill()
    server.process.communicate()
    assert life.ended()
    editor.close()


def test_two_clients_at_once_each_with_its_own_program(server: Server, tmp_path: Path) -> None:
    text = "local folder, name = ... -- @stop\nprint(name, os.getenv('WHO'))\n"
    editors = []
    for name in ("first", "second"):
        editor = connect(server, tmp_path / name)
        here = {"cwd": str(editor.folder), "env": {"WHO": name}}
        editor.launch(text, breakpoints=["stop"], args=[str(editor.folder), name], **here)
        editors.append(editor)
    for editor in editors:
        assert editor.stopped() == "breakpoint"
    for editor in reversed(editors):
        editor.go()
        assert editor.ended() == 0
    assert [e.output() for e in editors] == ["first\tfirst\n", "second\tsecond\n"]
    for editor in editors:
        editor.close()


def test_garbage_ends_one_session_and_not_the_adapter(server: Server, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as bad:
        bad.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while data := bad.recv(4096):
            answer += data
    assert b"not a header line" in answer
    editor = connect(server, tmp_path)
    editor.launch("print('fine')\n")
    assert editor.ended() == 0
    editor.close()


def test_garbage_in_a_body_is_told_and_the_session_lives(stdio: Client, tmp_path: Path) -> None:
    stdio.wire.write(b"Content-Length: 3\r\n\r\n{x}")
    told = stdio.wait_for("output")
    assert told["category"] == "important"
    assert "not JSON" in told["output"]
    editor = Editor(stdio, tmp_path)
    editor.launch("print('fine')\n")
    assert editor.ended() == 0


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("launch", {"program": "\ud800"}),
        ("launch", {"program": "x.lua", "args": ["\ud800"]}),
        ("setBreakpoints", {"source": {"path": "\ud800"}, "breakpoints": []}),
        ("setBreakpoints", {"source": {"path": "x.lua"}, "breakpoints": [{"line": 1, "condition": "\ud800"}]}),
    ],
)
def test_half_of_a_surrogate_pair_is_refused(stdio: Client, command: str, arguments: dict[str, Any]) -> None:
    stdio.request("initialize", {"adapterID": "test"})
    with pytest.raises(Refused, match="not Unicode|list of strings"):
        stdio.request(command, arguments)


def test_child_processes_and_c_code_never_write_into_the_protocol(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    text = "os.execute('echo from a child')\nlocal f = io.open('/dev/stdout', 'w') f:write('past us\\n') f:close()\nprint(io.read())\n"
    editor.launch(text)
    assert editor.ended() == 0
    assert "from a child\n" in editor.output()
    assert "past us\n" in editor.output()
    assert "nil\n" in editor.output()


def test_characters_of_a_child_process_come_whole(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    (tmp_path / "text").write_text("x" + "€" * 100_000)
    editor.launch(f"os.execute('cat {tmp_path}/text')\n")
    assert editor.ended() == 0
    assert editor.output() == "x" + "€" * 100_000


def test_a_child_that_goes_on_writing_does_not_hold_up_the_end(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    editor.launch("os.execute('timeout 15 yes 2>/dev/null &')\n")
    assert editor.ended() == 0


def test_a_crowd_of_clients(server: Server, tmp_path: Path) -> None:
    editors = [connect(server, tmp_path / str(n)) for n in range(30)]
    for n, editor in enumerate(editors):
        editor.launch("print(...) -- @stop\n", ["stop"], args=[str(n)])
    for editor in editors:
        assert editor.stopped() == "breakpoint"
        editor.go()
    for n, editor in enumerate(editors):
        assert editor.ended() == 0
        assert editor.output() == f"{n}\n"
        editor.close()


def is_dropped(server: Server) -> bool:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.settimeout(PATIENCE)
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True


def is_served(server: Server, folder: Path) -> bool:
    editor = connect(server, folder)
    editor.launch("print('fine')\n")
    code = editor.ended()
    editor.close()
    return code == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")
def test_a_listener_without_file_descriptors_drops_a_client_and_goes_on(tmp_path: Path) -> None:
    server = Server(stderr=subprocess.PIPE)
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), before[1]))
    for _ in range(3):
        assert is_dropped(server)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert is_served(server, tmp_path)
    server.process.terminate()
    _, told = server.process.communicate(timeout=PATIENCE)
    assert told == "llmspell dap: a client could not be let in: Too many open files\n" * 3


NO_FORK = """
import os, sys
from llmspell_dap.__main__ import main
fork, failures = os.fork, [OSError(11, "Resource temporarily unavailable")]
def sometimes():
    if failures:
        raise failures.pop()
    return fork()
os.fork = sometimes
sys.exit(main(sys.argv[1:]))
"""


def test_a_listener_that_can_not_fork_drops_a_client_and_goes_on(tmp_path: Path) -> None:
    server = Server(sys.executable, "-c", NO_FORK, stderr=subprocess.PIPE)
    assert is_dropped(server)
    assert is_served(server, tmp_path)
    server.process.terminate()
    _, told = server.process.communicate(timeout=PATIENCE)
    assert told == "llmspell dap: no process for a client could be made: Resource temporarily unavailable\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_listener_that_is_told_to_end_takes_its_programs_along(tmp_path: Path, number: int) -> None:
    server = Server()
    life = Lifeline(tmp_path)
    editor = connect(server, tmp_path)
    editor.launch(life.program("while true do end\n"))
    editor.client.wait_for("output")
    server.process.send_signal(number)
    assert life.ended()
    assert server.close() == ""
    assert server.process.returncode == 0
    editor.close()


def run_adapter(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmspell_dap", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=PATIENCE, stdin=subprocess.DEVNULL
    )


def test_a_port_that_is_taken(server: Server) -> None:
    result = run_adapter("--listen", f"127.0.0.1:{server.port}")
    assert result.returncode == 2
    assert result.stderr.startswith(f"llmspell dap: cannot listen on 127.0.0.1:{server.port}: address already in use")
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--listen", "nowhere"], "[HOST:]PORT"),
        (["--listen", "127.0.0.1:99999"], "0 to 65535"),
        (["--listen", "127.0.0.1:²"], "0 to 65535"),
        (["--listen", ""], "[HOST:]PORT"),
        (["--listen"], "--listen"),
        (["--bogus"], "--bogus"),
        (["--listen", "0.0.0.0:0"], "--allow-remote"),
    ],
)
def test_wrong_options(words: list[str], told: str) -> None:
    result = run_adapter(*words)
    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr


class PersonAtTheTerminal:
    """Runs what runInTerminal asks for in a pty, as an editor's terminal does."""

    def __init__(self) -> None:
        self.ours, self._theirs = pty.openpty()
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, request: dict) -> dict:
        arguments = request["arguments"]
        self.process = subprocess.Popen(
            arguments["args"],
            cwd=arguments["cwd"],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env=environment(),
            start_new_session=True,
        )
        os.close(self._theirs)
        return {"processId": self.process.pid}

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def presses_ctrl_c(self) -> None:
        """The terminal's driver tells the foreground process, which is not the program."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)

    def sees(self, text: str) -> str:
        seen = ""
        while text not in seen:
            ready, _, _ = select.select([self.ours], [], [], PATIENCE)
            assert ready, f"{text!r} never came, only {seen!r}"
            seen += os.read(self.ours, 4096).decode()
        return seen


@pytest.fixture
def person() -> Iterator[PersonAtTheTerminal]:
    person = PersonAtTheTerminal()
    yield person
    if person.process is not None:
        person.process.kill()
        person.process.wait()
    os.close(person.ours)


ASKING = "io.write('name? ')\nlocal name = io.read() -- @read\nprint('hello ' .. name) -- @greet\n"


@pytest.mark.parametrize("transport", ["stdio", "tcp"])
def test_a_terminal_of_the_clients_with_stdin(
    transport: str, server: Server, person: PersonAtTheTerminal, tmp_path: Path
) -> None:
    client = Client(StdioWire) if transport == "stdio" else Client(lambda r: TcpWire(r, server.port))
    editor = Editor(client, tmp_path)
    client.on_request = person.run
    editor.launch(ASKING, breakpoints=["greet"], console="integratedTerminal")
    person.sees("name? ")
    person.types("Ada\n")
    assert editor.stopped() == "breakpoint"
    assert editor.locals() == {"name": '"Ada"'}
    editor.go()
    assert editor.ended() == 0
    person.sees("hello Ada")
    assert editor.output() == ""
    client.request("disconnect")
    assert person.process is not None
    assert person.process.wait(PATIENCE) == 0
    editor.close()


def test_the_terminal_is_in_the_programs_folder_whose_modules_are_nobodys_business(
    stdio: Client, person: PersonAtTheTerminal, tmp_path: Path
) -> None:
    folder = tmp_path / "a projéct"
    folder.mkdir()
    for name in ("socket.py", "os.py", "llmspell_dap.py"):
        (folder / name).write_text("raise SystemExit('not for you')")
    asked: list[Any] = []
    stdio.on_request = lambda request: asked.append(request) or person.run(request)  # type: ignore[func-returns-value]
    editor = Editor(stdio, tmp_path)
    editor.launch("print(io.read('n') + 1)", cwd=str(folder), console="integratedTerminal")
    person.types("41\n")
    assert editor.ended() == 0
    person.sees("42")
    assert asked[0]["arguments"]["cwd"] == str(folder)


def test_ctrl_c_in_the_terminal_ends_the_program_each_time(
    stdio: Client, person: PersonAtTheTerminal, tmp_path: Path
) -> None:
    editor = Editor(stdio, tmp_path)
    stdio.on_request = person.run
    editor.launch("print('run')\nwhile true do end\n", console="integratedTerminal")
    for _ in range(2):
        person.sees("run")
        person.presses_ctrl_c()
        assert editor.ended() == 143
        stdio.request("restart")
    stdio.request("terminate")
    assert editor.ended() == 143


def test_a_terminal_that_is_closed_ends_the_program(stdio: Client, person: PersonAtTheTerminal, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    stdio.on_request = person.run
    editor.launch("print('run')\nwhile true do end\n", console="integratedTerminal")
    person.sees("run")
    assert person.process is not None
    person.process.send_signal(signal.SIGHUP)
    assert editor.ended() == 143


def test_a_terminal_is_given_back_when_the_launch_fails(
    stdio: Client, person: PersonAtTheTerminal, tmp_path: Path
) -> None:
    editor = Editor(stdio, tmp_path)
    stdio.on_request = person.run
    editor.initialize()
    with pytest.raises(Refused, match="no such file"):
        stdio.request("launch", {"program": str(tmp_path / "missing.lua"), "console": "integratedTerminal"})
    assert person.process is not None
    assert person.process.wait(PATIENCE) == 0
    editor.launch("print('in the console')\n")
    assert editor.ended() == 0
    assert editor.output() == "in the console\n"


def test_a_terminal_that_never_comes_is_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "TERMINAL_PATIENCE", 0.2)
    client = Client(InProcessWire)
    client.on_request = lambda request: {}
    editor = Editor(client, tmp_path)
    editor.initialize()
    with pytest.raises(Refused, match=r"not called back for 0.2 s"):
        client.request("launch", {"program": str(editor.write(ASKING)), "console": "integratedTerminal"})
    editor.launch("print('in the console')\n")
    assert editor.ended() == 0
    editor.close()


@pytest.mark.parametrize("goodbye", ["terminate", "disconnect"])
def test_who_waits_for_a_terminal_can_still_say_goodbye(stdio: Client, tmp_path: Path, goodbye: str) -> None:
    editor = Editor(stdio, tmp_path)
    stdio.on_request = lambda request: {}
    editor.initialize()
    launch = stdio.send("launch", {"program": str(editor.write(ASKING)), "console": "integratedTerminal"})
    stdio.wait_for_request("runInTerminal")
    stdio.request(goodbye)
    with pytest.raises(Refused, match="cancelled"):
        stdio.response(launch)


def test_a_client_that_can_not_open_a_terminal(stdio: Client, tmp_path: Path) -> None:
    editor = Editor(stdio, tmp_path)
    stdio.on_request = lambda request: None
    editor.text, editor.path = ASKING, editor.write(ASKING)
    editor.initialize()
    with pytest.raises(Refused) as refused:
        stdio.request("launch", {"program": str(editor.path), "console": "externalTerminal"})
    assert "could not open a terminal" in refused.value.text
