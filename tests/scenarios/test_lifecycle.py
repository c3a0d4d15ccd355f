"""Starting and ending, as the many clients do it; the traps they set."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from llmspell_kernel.debug import engine
from tests.support.client import PATIENCE, Client, InProcessWire, Refused
from tests.support.editor import Editor

HELLO = "print('hello') -- @hello\nprint(...)\n"
ENDLESS = "print('ready')\nwhile true do end\n"


def test_what_is_announced_has_a_handler(editor: Editor) -> None:
    from llmspell_dap.registry import HANDLERS

    announced = editor.initialize()
    requests = {
        "supportsConfigurationDoneRequest": "configurationDone",
        "supportsSetVariable": "setVariable",
        "supportsSetExpression": "setExpression",
        "supportsRestartRequest": "restart",
        "supportsExceptionInfoRequest": "exceptionInfo",
        "supportsCompletionsRequest": "completions",
        "supportsTerminateRequest": "terminate",
        "supportsLoadedSourcesRequest": "loadedSources",
        "supportsBreakpointLocationsRequest": "breakpointLocations",
        "supportsCancelRequest": "cancel",
    }
    for capability, command in requests.items():
        assert announced[capability] is True
        assert command in HANDLERS
    for capability, value in announced.items():
        assert value, f"{capability} is announced as {value}: leave it out"


def test_configuration_before_the_launch(editor: Editor) -> None:
    editor.initialize()
    editor.text, editor.path = HELLO, editor.write(HELLO)
    editor.break_at("hello")
    editor.client.request("configurationDone")
    editor.client.request("launch", {"program": str(editor.path)})
    assert editor.stopped() == "breakpoint"


def test_configuration_after_the_launch_response(editor: Editor) -> None:
    """Visual Studio's way: it waits for the launch response first."""
    editor.initialize()
    editor.text, editor.path = HELLO, editor.write(HELLO)
    editor.client.request("launch", {"program": str(editor.path)})
    editor.break_at("hello")
    editor.client.request("configurationDone")
    assert editor.stopped() == "breakpoint"


def test_nothing_runs_before_configuration_is_done(editor: Editor) -> None:
    editor.initialize()
    editor.client.request("launch", {"program": str(editor.write(HELLO))})
    assert editor.client.request("threads")["threads"] == [{"id": 1, "name": "main"}]
    assert editor.output() == ""
    editor.client.request("configurationDone")
    assert editor.ended() == 0
    assert editor.output() == "hello\n\n"


def test_stop_on_entry_and_arguments(editor: Editor) -> None:
    text = "print(arg[1], ARGS.key, select('#', ...)) -- @first\n"
    editor.launch(text, stopOnEntry=True, args=["one", "--key", "value"])
    assert editor.stopped() == "entry"
    assert editor.at("first")
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "one\tvalue\t3\n"


def test_the_working_folder_and_the_environment(editor: Editor) -> None:
    folder = editor.folder / "elsewhere"
    folder.mkdir()
    (folder / "data.txt").write_text("found")
    text = "print(io.open('data.txt'):read('a'), os.getenv('LLMSPELL_TEST'), os.getenv('HOME'))\n"
    before = os.getcwd()
    try:
        editor.launch(text, cwd=str(folder), env={"LLMSPELL_TEST": "yes", "HOME": None})
        assert editor.ended() == 0
    finally:
        os.chdir(before)
        os.environ.pop("LLMSPELL_TEST", None)
        os.environ["HOME"] = os.path.expanduser("~root") if "HOME" not in os.environ else os.environ["HOME"]
    assert editor.output() == "found\tyes\tnil\n"


def test_no_debug_runs_without_stopping(editor: Editor) -> None:
    editor.launch(HELLO, breakpoints=["hello"], noDebug=True)
    assert editor.ended() == 0
    assert editor.output() == "hello\n\n"


def test_modules_on_the_lua_path(editor: Editor) -> None:
    editor.write("return { name = 'extra' }\n", "extra/thing.lua")
    editor.launch("print(require('thing').name)\n", luaPath=[str(editor.folder / "extra")])
    assert editor.ended() == 0
    assert editor.output() == "extra\n"


def test_exit_codes(editor: Editor) -> None:
    editor.launch("io.write('before')\nos.exit(7)\n")
    assert editor.ended() == 7
    assert editor.output() == "before"


@pytest.mark.parametrize(("given", "code"), [("256", 0), ("-1", 255), ("2^40", 0), ("false", 1), ("true", 0)])
def test_exit_codes_are_those_a_shell_would_show(editor: Editor, given: str, code: int) -> None:
    editor.launch(f"os.exit({given})\n")
    assert editor.ended() == code


def test_an_expression_that_ends_the_program_ends_it(editor: Editor) -> None:
    editor.launch(HELLO, ["hello"])
    editor.stopped()
    with pytest.raises(Refused, match="the program ends"):
        editor.evaluate("os.exit(7)", context="repl")
    assert editor.ended() == 7
    assert editor.output() == ""


def test_no_time_passes_for_a_program_that_is_paused(editor: Editor) -> None:
    """Its time would be over long before it goes on; it is not, and is over at last."""
    editor.launch("local turns = 0 -- @first\nwhile true do turns = turns + 1 end\n", ["first"], timeout=0.1)
    editor.stopped()
    editor.evaluate("(function() local t = os.clock() repeat until os.clock() > t + 0.3 end)()")
    assert editor.next() == "step"
    editor.go()
    assert editor.ended() == 1
    assert editor.output("stderr") == "llmspell: the program ran longer than its limit of 0.1 s\n"


def test_pause_a_loop_and_let_it_go_on(editor: Editor) -> None:
    editor.launch(ENDLESS)
    editor.client.wait_for("output")
    for _ in range(3):
        editor.client.request("pause", {"threadId": 1})
        assert editor.stopped() == "pause"
        assert editor.line() == 2
        editor.go()


def test_pause_inside_a_coroutine(editor: Editor) -> None:
    text = "local co = coroutine.wrap(function()\n  print('in')\n  while true do end -- @loop\nend)\nco()\n"
    editor.launch(text)
    editor.client.wait_for("output")
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    assert editor.at("loop")
    assert editor.thread != 1


def test_pause_a_program_that_makes_coroutines_all_the_time(editor: Editor) -> None:
    text = (
        "print('go')\nwhile true do\n  local co = coroutine.wrap(function() coroutine.yield() end)\n  co() co()\nend\n"
    )
    editor.launch(text)
    editor.client.wait_for("output")
    for _ in range(5):
        editor.client.request("pause", {"threadId": 1})
        assert editor.stopped() == "pause"
        editor.go()


@pytest.mark.parametrize(
    "body",
    [
        "while true do end",
        "pcall(function() while true do pcall(error) end end) while true do end",
        "coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()",
    ],
)
def test_terminate_whatever_it_does(editor: Editor, body: str) -> None:
    editor.launch(f"print('ready') {body}\n")
    editor.client.wait_for("output")
    editor.client.request("terminate")
    assert editor.ended() == 143


@pytest.mark.parametrize("order", [["configurationDone", "launch"], ["launch"], ["launch", "configurationDone"]])
def test_terminate_what_is_still_being_launched(editor: Editor, order: list[str]) -> None:
    editor.initialize()
    arguments = {"launch": {"program": str(editor.write(ENDLESS))}}
    for command in order[:-1]:
        editor.client.send(command, arguments.get(command))
    last = editor.client.send(order[-1], arguments.get(order[-1]))
    editor.client.request("terminate")
    assert editor.ended() == 143
    editor.client.response(last)
    assert editor.output() == ""


def test_terminate_wins_over_a_restart(editor: Editor) -> None:
    editor.launch(ENDLESS)
    editor.client.send("restart")
    editor.client.request("terminate")
    assert editor.ended() == 143
    assert editor.client.request("threads")
    assert [e for e in editor.client.events if e["event"] in ("exited", "stopped")] == []


def test_a_response_to_nothing_changes_nothing(editor: Editor) -> None:
    editor.launch(HELLO, breakpoints=["hello"])
    editor.stopped()
    nothing = {"seq": 90, "type": "response", "request_seq": 1, "command": "runInTerminal", "success": False}
    editor.client.wire.send(nothing)
    editor.client.wire.send({"type": "response"})
    editor.go()
    assert editor.ended() == 0
    assert editor.output("stderr") == ""


def test_a_restart_that_fails_can_be_tried_again(editor: Editor) -> None:
    editor.launch(ENDLESS)
    with pytest.raises(Refused, match="no such file"):
        editor.client.request("restart", {"arguments": {"program": str(editor.folder / "missing.lua")}})
    editor.client.wait_for("terminated")
    editor.client.request("restart", {"arguments": {"program": str(editor.write(HELLO))}})
    assert editor.ended() == 0


def test_terminate_while_paused(editor: Editor) -> None:
    editor.launch(HELLO, breakpoints=["hello"])
    editor.stopped()
    editor.client.request("terminate")
    assert editor.ended() == 143
    assert editor.output() == ""


def test_restart_keeps_breakpoints_and_takes_new_arguments(editor: Editor) -> None:
    editor.launch(HELLO, breakpoints=["hello"], args=["old"])
    editor.stopped()
    again = {"arguments": {"program": str(editor.path), "args": ["new"]}}
    editor.client.request("restart", again)
    assert editor.stopped() == "breakpoint"
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "hello\nnew\n"
    assert [e for e in editor.client.transcript if e.get("event") == "terminated"][1:] == []


def test_a_restart_keeps_the_console(editor: Editor) -> None:
    editor.launch(HELLO, breakpoints=["hello"])
    editor.stopped()
    for console, told in (("integratedTerminal", "stop the session and launch it anew"), ("window", "is one of")):
        with pytest.raises(Refused, match=told):
            editor.client.request("restart", {"arguments": {"program": str(editor.path), "console": console}})
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "hello\n\n"


def test_restart_after_the_end(editor: Editor) -> None:
    editor.launch(HELLO)
    assert editor.ended() == 0
    editor.client.request("restart")
    assert editor.ended() == 0
    assert editor.output() == "hello\n\n" * 2


def test_disconnect_is_answered_and_ends_the_program(editor: Editor) -> None:
    editor.launch(ENDLESS)
    editor.client.wait_for("output")
    editor.client.request("disconnect", {"terminateDebuggee": True})


def test_disconnect_without_terminating_lets_the_program_finish(editor: Editor) -> None:
    proof = editor.folder / "proof"
    os.mkfifo(proof)
    text = f"print('x') -- @stop\nlocal f = io.open({str(proof)!r}, 'w') f:write('done') f:close()\n"
    editor.launch(text, breakpoints=["stop"])
    editor.stopped()
    editor.client.request("disconnect", {"terminateDebuggee": False})
    assert proof.read_text() == "done"


def test_disconnect_from_a_program_that_has_not_begun_ends_it(editor: Editor) -> None:
    """Whatever `terminateDebuggee` says: the fixture waits for the session to end."""
    editor.initialize()
    editor.client.request("launch", {"program": str(editor.write(ENDLESS))})
    editor.client.request("disconnect", {"terminateDebuggee": False})


def test_disconnect_gives_up_an_endless_evaluation(editor: Editor) -> None:
    proof = editor.folder / "proof"
    os.mkfifo(proof)
    editor.launch(f"local x = 1 -- @stop\nlocal f = io.open({str(proof)!r}, 'w') f:write('done') f:close()\n", ["stop"])
    editor.stopped()
    frame = editor.top()["id"]
    endless = "(function() print('in') while true do end end)()"
    editor.client.send("evaluate", {"expression": endless, "frameId": frame})
    editor.client.wait_for("output")
    editor.client.request("disconnect", {"terminateDebuggee": False})
    assert proof.read_text() == "done"


def test_columns_of_completions_are_utf16_code_units(editor: Editor) -> None:
    editor.launch("local value = { field = 1 }\nprint(value) -- @stop\n", ["stop"])
    editor.stopped()
    for text in ('"é" .. value.fi', '"😀" .. value.fi', '"😀😀" .. value.fi + 1'):
        caret = len(text[: text.index("fi") + 2].encode("utf-16-le")) // 2
        arguments = {"text": text, "column": caret + 1, "frameId": editor.top()["id"]}
        (target,) = editor.client.request("completions", arguments)["targets"]
        assert target == {"label": "field", "type": "field", "start": caret - 2 + 1, "length": 2}


def test_a_hover_has_no_side_effects(editor: Editor) -> None:
    editor.launch("local t = { x = 1, ['='] = 2, f = print }\nprint(t) -- @stop\n", ["stop"])
    editor.stopped()
    for harmless, shown in (
        ("t.x", "1"),
        ("t['=']", "2"),
        ("t.x == 2 or t['x'] >= 1", "true"),
        ("#t", "0"),
        ("not (t) or 'y'", '"y"'),
    ):
        assert editor.evaluate(harmless, context="hover") == shown
    for harmful in ("t.x = 5", "t.f(1)", "t.f{}", "t.f'x'", "t.f[[x]]", "t:f 'x'", "while true do end", "local y"):
        with pytest.raises(Refused, match="calls nothing"):
            editor.evaluate(harmful, context="hover")
    assert editor.evaluate("t.x") == "1"


def test_breakpoints_in_strings_given_to_load_also_after_a_restart(editor: Editor) -> None:
    text = "local f = load('local a = 1\\nlocal b = 2\\nreturn a', '=generated')\nf() -- @call\n"
    editor.launch(text, ["call"])
    editor.stopped()
    editor.step_in()
    reference = editor.top()["source"]["sourceReference"]
    source = {"sourceReference": reference}
    editor.client.request("setBreakpoints", {"source": source, "breakpoints": [{"line": 2}]})
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.line() == 2
    editor.break_at()
    editor.client.request("restart")
    assert editor.stopped() == "breakpoint"
    assert editor.line() == 2
    assert editor.top()["source"]["sourceReference"] == reference


@pytest.mark.parametrize("endless", ["(function() %s end)()", "coroutine.wrap(function() %s end)()"])
def test_cancel_interrupts_an_endless_evaluation(editor: Editor, endless: str) -> None:
    editor.launch(HELLO, breakpoints=["hello"])
    editor.stopped()
    frame = editor.top()["id"]
    seq = editor.client.send("evaluate", {"expression": endless % "while true do end", "frameId": frame})
    editor.client.request("cancel", {"requestId": seq})
    with pytest.raises(Refused, match="cancelled"):
        editor.client.response(seq)
    assert editor.evaluate("1 + 1") == "2"


def test_a_question_that_waits_is_answered_when_the_program_goes_on(editor: Editor) -> None:
    editor.launch(HELLO, breakpoints=["hello"])
    editor.stopped()
    going = editor.client.send("continue", {"threadId": 1})
    late = editor.client.send("scopes", {"frameId": 1})
    editor.client.response(going)
    with pytest.raises(Refused, match="notStopped"):
        editor.client.response(late)
    assert editor.ended() == 0


STUCK = """\
local first = not io.open("started")
io.open("started", "w"):close()
print("ready")
if first then io.open("pipe"):read() end
print("awake")
while true do end -- @busy
"""


def test_a_program_that_was_left_behind_does_not_touch_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.1)
    monkeypatch.chdir(tmp_path)  # the launch does, and it is not this program's end that would go back
    before = set(threading.enumerate())
    editor = Editor(Client(InProcessWire), tmp_path)
    os.mkfifo(tmp_path / "pipe")
    editor.launch(STUCK, cwd=str(tmp_path))
    editor.client.wait_for("output", lambda output: "ready" in output["output"])
    (stuck,) = (t for t in set(threading.enumerate()) - before if t.name == "lua")
    editor.client.request("restart")
    editor.client.wait_for("output", lambda output: "awake" in output["output"])
    (tmp_path / "pipe").write_text("go on\n")
    stuck.join(PATIENCE)
    assert not stuck.is_alive()
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"
    assert editor.at("busy")
    assert editor.output().count("awake") == 1
    editor.close()
