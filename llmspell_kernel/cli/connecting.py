"""What the commands do in a kernel that runs already (``--connect``). Main thread."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, NoReturn

from llmspell_kernel.cli.console.links import Remote
from llmspell_kernel.cli.console.person import read_line
from llmspell_kernel.cli.console.view import View, problem_of
from llmspell_kernel.cli.options import RunOptions
from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.jupyter.messages import Json, Message
from llmspell_kernel.service.finding import find_connection

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def remote(connect: str, key: str | None) -> Remote:
    """Raises UserError."""
    return Remote(find_connection(connect, key))


# Programs ---------------------------------------------------------------------------------------------


def run_there(options: RunOptions, command: str) -> int:
    """``run`` and ``exec``: the program's output and errors are shown here, its exit code is ours."""
    given = [name for name in ("lua_path", "safe", "memory", "runtime") if getattr(options, name)]
    if given:
        name = "--" + given[0].replace("_", "-")
        raise UserError(f"{name} is settled where the kernel is started; it can't be given with --connect")
    assert options.connect is not None
    code, more = _program(options, command)
    link = remote(options.connect, options.key)
    try:
        reply = _run_in_time(link, code, more, options.timeout)
    finally:
        link.close()
    return 0 if reply.get("status") == "ok" else _exit_code(reply)


def _program(options: RunOptions, command: str) -> tuple[str, Json]:
    """The text and what it is executed with. Raises UserError: it can't be read or sent."""
    path = os.path.abspath(options.script)
    try:
        if options.script == "-":
            path, whole = "stdin", sys.stdin.buffer.read()
        elif command == "exec":
            path, whole = "", os.fsencode(options.script)
        else:
            with open(path, "rb") as file:
                whole = file.read()
    except OSError as error:
        raise UserError(f"cannot read {options.script}: {(error.strerror or str(error)).lower()}") from error
    try:
        text = whole.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{options.script}: only UTF-8 can be sent to a kernel ({error.reason})") from None
    script = {"script": {"path": path, "args": list(options.args)}} if path else {}
    if options.args and not path:
        raise UserError("exec --connect takes no arguments: the code is run as a cell")
    return text, {"store_history": False, **script}


def _run_in_time(link: Remote, code: str, more: Json, seconds: float | None) -> Json:
    view, over = View(), threading.Event()
    view.broken = link.interrupt
    with link.attending() as presses:

        def end() -> None:
            over.set()
            presses.press()

        timer = threading.Timer(threading.TIMEOUT_MAX if seconds is None else min(seconds, threading.TIMEOUT_MAX), end)
        timer.daemon = True
        if seconds is not None:
            timer.start()
        try:
            reply = link.execute(code, lambda message: _show(view, message), _typed, **more)
        finally:
            timer.cancel()
    if view.is_broken:
        return {"status": "error", "exit_code": FAILED}
    if over.is_set() and reply.get("ename") == "Interrupted":
        view.complain(f"llmspell: the program ran longer than its limit of {seconds:g} s")
        return {**reply, "exit_code": FAILED}
    if reply.get("ename") == "Interrupted":
        view.complain("llmspell: interrupted")
    elif reply.get("status") != "ok" and not view.told_an_error and "exit_code" not in reply:
        view.complain(problem_of(reply))
    return reply


def _show(view: View, message: Message) -> None:
    """An exit is none of the program's errors, and an interrupt was ours."""
    if message.type != "error" or message.content.get("ename") not in ("Exit", "Interrupted"):
        view.heard(message)


def _typed(prompt: str) -> str | None:
    return read_line(sys.stdin, prompt)


def _exit_code(reply: Json) -> int:
    if "exit_code" in reply:
        return int(reply["exit_code"])
    return INTERRUPTED if reply.get("ename") == "Interrupted" else FAILED


# Tools --------------------------------------------------------------------------------------------------


class RemoteTools:
    """A kernel's tools, as the commands ask for them: see Tools."""

    def __init__(self, link: Remote) -> None:
        self._link = link
        self.problems: list[str] = []

    def _ask(self, command: str, **content: Any) -> Json:
        """Raises UserError, KeyboardInterrupt. What a tool prints is not its result."""
        with self._link.attending():
            answer = self._link.converse("tool_request", {"command": command, **content}, _printed)
        if answer.get("error_type") == "interrupted":
            raise KeyboardInterrupt
        return answer

    def _told(self, command: str, **content: Any) -> Json:
        answer = self._ask(command, **content)
        if answer.get("status") != "ok":
            _refused(answer)
        return answer

    def every(self) -> list[Json]:
        answer = self._told("list")
        self.problems = answer.get("problems", [])
        return list(answer["details"])

    def names(self) -> list[str]:
        return [one["name"] for one in self.every()]

    def info(self, name: str) -> Json:
        told = self._told("info", name=name)
        return {key: value for key, value in told.items() if key not in ("status", "security_level")}

    def search(self, words: str, most: int = 10) -> list[Json]:
        return list(self._told("search", query=[words], most=most)["details"])

    def test(self, name: str) -> Json:
        return self._told("test", name=name)

    def answer(self, name: str, parameters: Mapping[str, Any], *, seconds: float | None = None, **_: Any) -> Json:
        answer = self._ask("invoke", name=name, params=dict(parameters), timeout=seconds)
        if answer.get("status") == "ok":
            return dict(answer["result"])
        from llmspell_kernel.tools.answers import failure

        return failure(parameters.get("operation"), _error(answer), answer.get("duration_ms", 0) / 1000)

    def close(self) -> None:
        self._link.close()


def _printed(message: Message) -> None:
    if message.type == "stream":
        sys.stderr.write(message.content["text"])
        sys.stderr.flush()


def _error(answer: Json) -> ToolError:
    text = str(answer.get("error") or answer.get("evalue") or "the kernel refused it")
    return ToolError(
        text, tool=answer.get("tool", ""), code=answer.get("code", "failed"), details=answer.get("details")
    )


def _refused(answer: Json) -> NoReturn:
    raise _error(answer)
