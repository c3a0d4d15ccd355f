"""An editor attached to a kernel that runs already: DAP on stdio and TCP, the kernel a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.jupyter.connection import read_connection
from tests.cli.test_run import LLMSPELL
from tests.notebook.test_connect import Kernel
from tests.support.client import PATIENCE, Client, Message, Refused, Server, StdioWire, TcpWire, environment
from tests.support.editor import Editor

SUM = """function add(a, b)
  local r = a + b -- @add
  return r
end
print('sum', add(1, 2)) -- @call
"""


class Attached(Editor):
    def attach(self, *places: Any, **arguments: Any) -> None:
        """As VS Code does it: attach, breakpoints in `program.lua`, configurationDone."""
        self.initialize()
        request = self.client.send("attach", arguments)
        if places:
            self.break_at(*places)
        self.client.request("configurationDone")
        self.client.response(request)

    def detach(self) -> None:
        self.client.request("disconnect")
        self.client.until_closed()

    def text_of(self, source: Message) -> str:
        arguments = {"source": source, "sourceReference": source["sourceReference"]}
        return str(self.client.request("source", arguments)["content"])


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


@pytest.fixture
def kernel(shared: Kernel, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    yield shared
    assert "programs" not in request.fixturenames or alive(shared)  # whoever has come and gone


def alive(kernel: Kernel) -> bool:
    with Programs() as programs:
        return programs.exec(kernel, "'alive'").communicate(timeout=PATIENCE) == ("alive\n", "")


@pytest.fixture
def own() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


class Programs:
    """What others have the kernel run."""

    def __init__(self) -> None:
        self._all: list[subprocess.Popen[str]] = []

    def exec(self, kernel: Kernel, code: str) -> subprocess.Popen[str]:
        return self._begin("exec", "--connect", kernel.id, code)

    def run(self, kernel: Kernel, path: Path, *arguments: str) -> subprocess.Popen[str]:
        return self._begin("run", "--connect", kernel.id, str(path), *arguments)

    def _begin(self, *words: str) -> subprocess.Popen[str]:
        self._all.append(
            subprocess.Popen(
                [*LLMSPELL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
            )
        )
        return self._all[-1]

    def __enter__(self) -> Programs:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._all:
            if one.poll() is None:
                one.kill()
            one.communicate(timeout=PATIENCE)


@pytest.fixture
def programs() -> Iterator[Programs]:
    with Programs() as programs:
        yield programs


Open = Callable[[], Attached]


@pytest.fixture
def open_editor(tmp_path: Path) -> Iterator[Open]:
    """Another editor, each with an adapter of its own."""
    clients = []

    def open() -> Attached:
        clients.append(Client(StdioWire))
        return Attached(clients[-1], tmp_path)

    yield open
    for client in clients:
        client.wire.close()


@pytest.fixture
def editor(open_editor: Open) -> Attached:
    return open_editor()


def test_stops_in_a_script_that_somebody_runs_steps_and_detaches(
    kernel: Kernel, editor: Attached, programs: Programs
) -> None:
    editor.text = SUM
    path = editor.write(SUM)
    editor.attach("add", kernel=kernel.id)
    running = programs.run(kernel, path)
    assert editor.stopped() == "breakpoint" and editor.at("add")
    assert editor.locals() == {"a": "1", "b": "2"} and editor.top()["source"]["path"] == str(path)
    assert editor.evaluate("a + b + 100") == "103"
    assert editor.next() == "step" and editor.locals()["r"] == "3"
    assert editor.step_out() == "step" and editor.at("call")
    editor.go()
    assert running.communicate(timeout=PATIENCE)[0] == "sum\t3\n"
    editor.client.wait_for("output", lambda body: body["output"] == "sum\t3\n")
    editor.detach()
    assert programs.run(kernel, path).communicate(timeout=PATIENCE)[0] == "sum\t3\n", "its breakpoints are gone"


def test_stops_in_a_cell_that_has_a_text_and_no_file(kernel: Kernel, editor: Attached, programs: Programs) -> None:
    cell = "function twice(x)\n  return 2 * x\nend"
    programs.exec(kernel, cell).communicate(timeout=PATIENCE)
    editor.attach(connectionFile=str(kernel.file), kernel=kernel.id)  # as our VS Code extension says it
    source = editor.client.request("loadedSources")["sources"][-1]
    assert "path" not in source and editor.text_of(source) == cell
    (point,) = editor.client.request("setBreakpoints", {"source": source, "breakpoints": [{"line": 2}]})["breakpoints"]
    assert point["verified"] and point["source"]["sourceReference"] == source["sourceReference"]
    running = programs.exec(kernel, "twice(21)")
    assert editor.stopped() == "breakpoint" and editor.last_stop["hitBreakpointIds"] == [point["id"]]
    frames = editor.frames()
    assert [frame["name"] for frame in frames][:2] == ["twice", "main chunk"]
    assert frames[0]["source"]["sourceReference"] == source["sourceReference"]
    assert editor.text_of(frames[1]["source"]) == "twice(21)"
    editor.go()
    assert running.communicate(timeout=PATIENCE)[0] == "42\n"


LIBRARY = "local lib = {}\nfunction lib.call(f)\n  return f()\nend\nreturn lib\n"
CALLER = """package.path = FOLDER .. "/?.lua"
local lib = require("lib")
lib.call(function() -- @call
  return 1 -- @own
end)
"""


@pytest.mark.parametrize("own_code", [True, False])
def test_steps_over_libraries_in_a_kernel_too_unless_all_code_is_wanted(
    own_code: bool, own: Kernel, editor: Attached, programs: Programs
) -> None:
    library = editor.write(LIBRARY, "lua_modules/share/lua/5.4/lib.lua")
    editor.text = CALLER.replace("FOLDER", f'"{library.parent}"')
    path = editor.write(editor.text)
    editor.attach("call", kernel=own.id, **({} if own_code else {"justMyCode": False}))
    running = programs.run(own, path)
    assert editor.stopped() == "breakpoint"
    while editor.line() in (3, 5) and not in_library(editor):  # the function is made, and given
        editor.step_in()
    assert in_library(editor) is not own_code
    assert not own_code or editor.at("own")
    editor.detach()
    running.communicate(timeout=PATIENCE)


def in_library(editor: Attached) -> bool:
    return editor.top()["source"]["name"] == "lib.lua"


def test_attaches_by_host_and_port(kernel: Kernel, editor: Attached, programs: Programs) -> None:
    editor.text = SUM
    path = editor.write(SUM)
    editor.attach("call", host="127.0.0.1", port=read_connection(str(kernel.file)).ports[0])
    running = programs.run(kernel, path)
    assert editor.stopped() == "breakpoint"
    editor.detach()  # what is paused goes on
    assert running.communicate(timeout=PATIENCE)[0] == "sum\t3\n"


@pytest.fixture
def adapter() -> Iterator[Server]:
    """One that looks for kernels where these tests have theirs, which the shared one may not."""
    adapter = Server()
    yield adapter
    adapter.close()


def test_attaches_over_tcp(kernel: Kernel, adapter: Server, tmp_path: Path, programs: Programs) -> None:
    client = Client(lambda receive: TcpWire(receive, adapter.port))
    editor = Attached(client, tmp_path)
    editor.text = SUM
    editor.attach("add", kernel=kernel.id)
    running = programs.run(kernel, editor.write(SUM))
    assert editor.stopped() == "breakpoint"
    client.wire.close()  # without a word
    assert running.communicate(timeout=PATIENCE)[0] == "sum\t3\n"


def test_what_was_configured_before_the_attach_holds(kernel: Kernel, editor: Attached, programs: Programs) -> None:
    editor.text = SUM
    path = editor.write(SUM)
    editor.initialize()
    known = editor.break_at("add", "call")
    editor.client.request("setExceptionBreakpoints", {"filters": ["raised"]})
    editor.client.request("configurationDone")
    editor.client.request("attach", {"kernel": kernel.id})
    running = programs.run(kernel, path)
    assert editor.stopped() == "breakpoint" and editor.at("call")
    assert editor.last_stop["hitBreakpointIds"] == [known[1]["id"]]
    editor.go()
    assert editor.stopped() == "breakpoint" and editor.at("add")
    assert editor.last_stop["hitBreakpointIds"] == [known[0]["id"]]
    (again,) = editor.break_at("call")
    assert again["id"] not in (0, known[0]["id"])
    editor.go()
    running.communicate(timeout=PATIENCE)
    failing = programs.exec(kernel, "local q = 1 error('boom')")
    assert editor.stopped() == "exception" and editor.locals() == {"q": "1"}
    assert editor.last_stop["text"] == "cell:1: boom"
    editor.go()
    assert failing.wait(PATIENCE) == 1


def test_a_second_editor_is_refused_and_the_first_one_not_disturbed(
    kernel: Kernel, open_editor: Open, programs: Programs
) -> None:
    first, second = open_editor(), open_editor()
    first.text = SUM
    path = first.write(SUM)
    first.attach("add", kernel=kernel.id)
    running = programs.run(kernel, path)
    assert first.stopped() == "breakpoint"
    second.initialize()
    with pytest.raises(Refused) as refused:
        second.client.request("attach", {"kernel": kernel.id})
    assert "another editor is attached to this kernel" in refused.value.text
    assert first.locals() == {"a": "1", "b": "2"}
    first.detach()
    running.communicate(timeout=PATIENCE)
    second.client.request("attach", {"kernel": kernel.id})  # now it may
    second.text = SUM
    second.break_at("call")
    running = programs.run(kernel, path)
    assert second.stopped() == "breakpoint"
    second.go()
    assert running.communicate(timeout=PATIENCE)[0] == "sum\t3\n"


def test_an_editor_that_is_killed_lets_the_program_go_on(kernel: Kernel, open_editor: Open, programs: Programs) -> None:
    editor = open_editor()
    editor.text = SUM
    path = editor.write(SUM)
    editor.attach("add", kernel=kernel.id)
    running = programs.run(kernel, path)
    assert editor.stopped() == "breakpoint"
    wire = editor.client.wire
    assert isinstance(wire, StdioWire)
    wire.process.kill()
    assert running.communicate(timeout=PATIENCE)[0] == "sum\t3\n"
    open_editor().attach(kernel=kernel.id)


def test_the_end_of_the_kernel_ends_the_session(own: Kernel, editor: Attached, programs: Programs) -> None:
    editor.text = SUM
    path = editor.write(SUM)
    editor.attach("add", kernel=own.id)
    programs.run(own, path)
    assert editor.stopped() == "breakpoint"
    own.kill()
    editor.client.wait_for("output", lambda body: "the kernel has ended" in body["output"])
    editor.client.wait_for("terminated")
    with pytest.raises(Refused) as refused:
        editor.frames()
    assert refused.value.text == "the kernel has ended"
    editor.detach()


def test_pause_and_an_interrupt_of_somebody_else(kernel: Kernel, editor: Attached, programs: Programs) -> None:
    editor.attach(kernel=kernel.id)
    running = programs.exec(kernel, "print('runs') while true do end")
    editor.client.wait_for("output", lambda body: body["output"] == "runs\n")
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    running.send_signal(2)
    assert running.wait(PATIENCE) == 130
    editor.client.wait_for("continued")


LOOP = """print('runs')
local function body()
  while going do turn(1) end
end
{}
print('goes on')
"""


@pytest.mark.parametrize("run", ["body()", "coroutine.wrap(body)()"])
def test_an_attach_in_the_middle_of_a_cell_takes_effect_at_once(
    editor: Attached, programs: Programs, own: Kernel, run: str
) -> None:
    turn = "function turn(x)\n  turns = turns + x -- @turn\nend\nturns, going = 0, true\n"
    path = editor.write(turn)
    assert programs.run(own, path).wait(PATIENCE) == 0
    running = programs.exec(own, LOOP.format(run))
    assert running.stdout is not None and running.stdout.readline() == "runs\n"
    editor.attach(kernel=own.id)
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    editor.text = turn
    assert editor.break_at("turn")[0]["verified"]
    editor.go()
    assert editor.stopped() == "breakpoint" and editor.at("turn") and editor.locals() == {"x": "1"}
    assert editor.next() == "step"
    editor.detach()
    assert running.poll() is None
    again = Attached(Client(StdioWire), path.parent)
    again.attach(kernel=own.id)  # in the middle, once more
    again.client.request("pause", {"threadId": 1})
    assert again.stopped() == "pause"
    again.client.request("evaluate", {"expression": "going = false", "frameId": again.top()["id"], "context": "repl"})
    again.detach()
    assert running.communicate(timeout=PATIENCE)[0] == "goes on\n"
    again.client.wire.close()


def test_an_expression_that_never_ends_is_cancelled(kernel: Kernel, editor: Attached, programs: Programs) -> None:
    editor.text = SUM
    editor.attach("add", kernel=kernel.id)
    running = programs.run(kernel, editor.write(SUM))
    editor.stopped()
    asked = {"expression": "(function() while true do end end)()", "frameId": editor.top()["id"], "context": "repl"}
    endless = editor.client.send("evaluate", asked)
    editor.client.request("cancel", {"requestId": endless})
    with pytest.raises(Refused):
        editor.client.response(endless)
    editor.go()
    assert running.communicate(timeout=PATIENCE)[0] == "sum\t3\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, 'say to which kernel: "kernel"'),
        ({"kernel": "nobody"}, "no kernel has the id 'nobody'"),
        ({"kernel": 1}, '"kernel" is a string'),
        ({"kernel": "nobody", "port": 1}, "no kernel has the id 'nobody'"),
        ({"host": "127.0.0.1"}, 'give "kernel" or "connectionFile", or "port"'),
        ({"port": 0}, '"port" is a number'),
        ({"port": 9}, "or the key in it as --key"),
        ({"port": 9, "key": "k"}, "no kernel listens at"),
        ({"connectionFile": "/no/such.json"}, "cannot read the connection file"),
    ],
)
def test_who_is_not_there_is_told_and_the_session_goes_on(editor: Attached, arguments: Message, told: str) -> None:
    editor.initialize()
    with pytest.raises(Refused) as refused:
        editor.client.request("attach", arguments)
    assert told in refused.value.text
    editor.launch("print('hello')")
    assert editor.ended() == 0


def test_a_kernel_that_has_ended_and_a_wrong_key(own: Kernel, editor: Attached) -> None:
    editor.initialize()
    with pytest.raises(Refused) as refused:
        editor.client.request("attach", {"kernel": own.id, "key": "wrong"})
    assert "does not take this key" in refused.value.text
    own.kill()
    with pytest.raises(Refused) as refused:
        editor.client.request("attach", {"kernel": own.id})
    assert "it has ended" in refused.value.text


def test_a_notebook_s_debugger_and_an_editor_do_not_meet(kernel: Kernel, editor: Attached) -> None:
    from llmspell_kernel.jupyter.zmq_client import Client as Front

    front = Front(read_connection(str(kernel.file)))

    def ask(command: str, **arguments: object) -> Message:
        content = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        return front.request("debug_request", content, "control")

    try:
        assert ask("initialize", clientID="jupyterlab")["success"] and ask("attach")["success"]
        editor.initialize()
        with pytest.raises(Refused) as refused:
            editor.client.request("attach", {"kernel": kernel.id})
        assert "a Jupyter front end debugs this kernel" in refused.value.text
        assert ask("disconnect")["success"]
        editor.client.request("attach", {"kernel": kernel.id})
        assert ask("debugInfo")["body"]["isStarted"] is False
        for command in ("initialize", "attach", "setBreakpoints", "disconnect"):
            assert "another editor is attached" in ask(command)["message"]
        editor.client.request("threads")
    finally:
        front.close()
