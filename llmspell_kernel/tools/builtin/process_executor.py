"""process_executor: a program of the list, without a shell. Any thread."""

from __future__ import annotations

import os
import signal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.sandbox import environment as variables
from llmspell_kernel.tools.sandbox import programs
from llmspell_kernel.tools.sandbox.policy import MEGABYTE
from llmspell_kernel.tools.sandbox.running_program import Ended, Program
from llmspell_kernel.tools.spec import Example, Result, tool

MOST = MEGABYTE  # bytes of output
DAY = 86400.0


@tool(
    category="system",
    level="restricted",
    aliases={"command": "executable", "args": "arguments", "stdin": "input"},
    examples=[
        Example("Run a program", {"executable": "echo", "arguments": ["$HOME", "; ls"]}, text="$HOME ; ls\n"),
        Example(
            "Count lines",
            {"executable": "wc", "arguments": ["-l", "hello.txt"], "working_directory": "{folder}"},
            result={"exit_code": 0, "stdout": "1 hello.txt\n"},
        ),
        Example("Find nothing", {"executable": "grep", "arguments": ["x"], "input": "abc"}, result={"exit_code": 1}),
        Example("A program that is not on the list", {"executable": "sh"}, error="not_allowed"),
    ],
)
def process_executor(
    call: Call,
    executable: str,
    arguments: list[str] | None = None,
    working_directory: str | None = None,
    environment: dict[str, str] | None = None,
    input: str = "",
    timeout_seconds: float | None = None,
) -> Result:
    """Run a program of the allowed ones and give what it writes; no shell, no inherited environment.

    Args:
        executable: The program: a name of the list, or its absolute path.
        arguments: Its arguments, each as it is: nothing is expanded.
        working_directory: Where it runs; the first allowed folder if none is given.
        environment: Its variables besides PATH, LANG and HOME.
        input: What it reads from its stdin.
        timeout_seconds: After how long it is ended, if that is sooner than the call's limit.
    """
    policy = call.policy
    path = programs.found(policy, executable)
    folder = _folder(call, working_directory)
    words = arguments or []
    programs.require_words(policy, path, words, folder)
    program = Program(path, words, folder, _variables(folder, environment or {}), _bytes(input), MOST)
    call.on_cancel(program.kill)
    seconds = DAY if timeout_seconds is None else timeout_seconds
    if not 0 < seconds <= DAY:
        raise ToolError("`timeout_seconds` must be above 0 and at most a day", code="invalid_parameters")
    try:
        ended = program.run(seconds)  # the call's limit kills it as well
    except (OSError, ValueError) as error:
        raise ToolError(f"{executable} can't be started: {getattr(error, 'strerror', None) or error}") from error
    return _result(executable, path, ended, seconds)


def _folder(call: Call, wanted: str | None) -> str:
    folder = call.policy.resolve(wanted) if wanted is not None else call.policy.roots()[0]
    if not os.path.isdir(folder):
        raise ToolError(f"{folder} is no folder to run a program in", code="invalid_parameters")
    return folder


def _variables(folder: str, given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        variables.require_sound(name, value)
    system = {"SYSTEMROOT": os.environ["SYSTEMROOT"]} if "SYSTEMROOT" in os.environ else {}  # Windows needs it
    return {"PATH": programs.SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": folder, **system, **given}


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ToolError("`input` is no text: it has half of a surrogate pair", code="invalid_parameters") from error


def _result(executable: str, path: str, ended: Ended, seconds: float) -> Result:
    stdout, stderr = (raw.decode("utf-8", "surrogateescape") for raw in (ended.stdout, ended.stderr))
    if ended.too_long:
        raise ToolError(
            f"{executable} did not end within {seconds:g} s",
            code="timeout",
            details={"seconds": seconds, "stdout": stdout, "stderr": stderr},
        )
    fields = {
        "executable": path, "exit_code": ended.exit_code, "success": ended.exit_code == 0, "stdout": stdout,
        "stderr": stderr, "truncated": ended.too_much,
    }  # fmt: skip
    if ended.exit_code < 0 and not ended.too_much:
        fields["signal"] = signal.Signals(-ended.exit_code).name
    note = f"[more than {MOST} bytes: ended]\n" if ended.too_much else ""
    return Result(fields, stdout + note + (stderr if ended.exit_code else ""))
