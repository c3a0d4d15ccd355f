"""The process of a tool that computes, begun by processes.py with the most memory in megabytes, or "".

Reads pickles of what is to be called from stdin, and writes pickles of (error, value) to what was its stdout: what a
tool prints goes to stderr. Ends when its parent does: a thread sees the end of stdin while the tool computes.
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import sys
import threading
from queue import SimpleQueue
from typing import Any, BinaryIO

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.schema import call_parameter


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is our parent's to decide
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _bound(sys.argv[1:])
    requests: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    sys.path[:] = requests.get()
    while True:
        answer = _answer(requests.get())
        answers.write(_pickled(answer))
        answers.flush()


def _bound(words: list[str]) -> None:
    if not words or not words[0] or sys.platform == "win32":
        return
    import resource

    most = int(float(words[0]) * 1024 * 1024)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _read(stream: BinaryIO, requests: SimpleQueue[Any]) -> None:
    try:
        while True:
            requests.put(pickle.load(stream))
    except (EOFError, OSError):
        os._exit(0)  # nobody waits for an answer


def _answer(begin: tuple[str, str, dict[str, Any], Any, dict[str, Any]]) -> tuple[BaseException | None, Any]:
    module, name, arguments, policy, settings = begin
    try:
        function: Any = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        parameter = call_parameter(function)
        if parameter:
            arguments = {**arguments, parameter: Call(policy, settings)}
        return None, function(**arguments)
    except SystemExit as error:
        return ToolError(f"the tool called sys.exit({error.code!r})"), None
    except MemoryError:
        return ToolError("not enough memory: the tool needs more than tools.max_memory_mb allows"), None
    except BaseException as error:
        return error, None


def _pickled(answer: tuple[BaseException | None, Any]) -> bytes:
    try:
        return pickle.dumps(answer)
    except Exception as problem:
        error = answer[0] or problem
        return pickle.dumps((ToolError(f"{type(error).__name__}: {error}"), None))
