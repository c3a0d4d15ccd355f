"""``llmspell tool invoke``: a tool without Lua. Reached without click, which costs more than most calls.

Exit codes: 0, 1 (the tool failed), 2 (usage: no such tool, wrong parameters), 130 (Ctrl-C).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from llmspell_kernel.cli.progress import Progress
from llmspell_kernel.cli.tool.words import HELP, Invocation, UsageError, parameters, parsed
from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.tools.registry import Tools

USAGE = ("unknown_tool", "invalid_parameters")


def main(words: list[str]) -> int:
    out = sys.stdout
    try:
        asked = parsed(words)
        if asked is None:
            print(HELP, end="")
            return 0
        with prints_to_stderr():  # what a tool prints is not its result
            return _shown(_answer(asked), asked.output, out)
    except UsageError as error:
        sys.stderr.write(f"llmspell: {error}; see llmspell tool invoke --help\n")
        return 2
    except UserError as error:
        sys.stderr.write(f"llmspell: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("llmspell: interrupted\n")
        return 130


def _answer(asked: Invocation) -> dict[str, Any]:
    if asked.connect is not None:
        return _answer_there(asked, asked.connect)
    tools = Tools.standard()
    try:
        tool = tools.get(asked.name)
        given = parameters(asked, tool.schema())
        with Progress(tool.name) as progress:
            return tools.answer(asked.name, given, seconds=asked.seconds, progress=progress.told)
    except ToolError as error:
        for problem in tools.problems if error.code == "unknown_tool" else ():
            sys.stderr.write(f"llmspell: {problem}\n")
        return _failed(error)
    finally:
        tools.close()


def _answer_there(asked: Invocation, connect: str) -> dict[str, Any]:
    from llmspell_kernel.cli.connecting import RemoteTools, remote

    tools = RemoteTools(remote(connect, asked.key))
    try:
        told = tools.info(asked.name)
        given = parameters(asked, told["schema"])
        with Progress(told["name"]):
            return tools.answer(asked.name, given, seconds=asked.seconds)
    except ToolError as error:
        return _failed(error)
    finally:
        tools.close()


def _failed(error: ToolError) -> dict[str, Any]:
    from llmspell_kernel.tools.answers import failure

    return failure(None, error, 0)


def _shown(answer: dict[str, Any], output: str, out: TextIO) -> int:
    success = answer["success"]
    if output != "text":
        from llmspell_kernel.tools.answers import json_of

        _write(out, json_of(answer, pretty=output == "pretty"))
    elif success:
        _write(out, answer["text"])
    else:
        sys.stderr.write(f"llmspell: {answer['error']['message']}\n")
    return 0 if success else 2 if answer["error"]["code"] in USAGE else 1


def _write(out: TextIO, text: str) -> None:
    """The bytes as they are, and a line's end."""
    out.flush()
    out.buffer.write(text.encode("utf-8", "surrogateescape"))
    if not text.endswith("\n"):
        out.buffer.write(b"\n")
    out.flush()


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    before, sys.stdout = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout = before
