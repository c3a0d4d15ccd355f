"""Worker processes for tools that compute: killed when their time is over. Any thread.

A worker is this Python with nothing but the tools (worker.py). It is given the module and the name of a function, its
arguments and the call's policy; it is bounded in memory, and ends when we do, whatever it is at.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from llmspell_kernel.tools.calls.call import Call, GaveUp

PACKAGES = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
# Not -m: it looks for modules in the working folder first, and a project's pickle.py is not ours to run.
START = """
import sys
sys.path = [*sys.path[1:], sys.argv.pop(1)]
from llmspell_kernel.tools.calls.worker import main
main()
"""
Begin = tuple[str, str, Mapping[str, Any], Any, Mapping[str, Any]]  # module, name, arguments, policy, settings


class Died(Exception):
    """The worker ended without an answer."""


class Processes:
    def __init__(self, memory_mb: float | None) -> None:
        self._memory_mb = memory_mb
        self._idle: list[_Process] = []
        self._busy: dict[_Process, str | None] = {}  # why it is given up
        self._lock = threading.Lock()

    def run(self, function: Callable[..., Any], arguments: Mapping[str, Any], call: Call, seconds: float | None) -> Any:
        """Raises GaveUp, Died, or what the function raises."""
        with self._lock:
            process = self._idle.pop() if self._idle else _Process(self._memory_mb)
            self._busy[process] = None
        runs = [process]  # emptied when it is over: a cancel that comes later must not end another call's
        call.on_cancel(lambda: self._kill(process, "", runs))
        timer = None
        if seconds is not None:
            timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._kill, (process, ""))
            timer.daemon = True
            timer.start()
        try:
            error, value = process.ask(
                (function.__module__, function.__qualname__, arguments, call.policy, call.settings)
            )
        except Died as died:
            with self._lock:
                reason = self._busy.pop(process)
                runs.clear()
            process.end()
            if reason is not None:
                raise GaveUp(reason) from None
            raise died
        finally:
            if timer is not None:
                timer.cancel()
        with self._lock:
            given_up = self._busy.pop(process)
            runs.clear()
            if given_up is None:
                self._idle.append(process)
        if error is not None:
            raise error
        return value

    def _kill(self, process: _Process, reason: str, runs: list[_Process] | None = None) -> None:
        with self._lock:
            if process in self._busy and self._busy[process] is None and runs != []:
                self._busy[process] = reason
                process.kill()

    def give_up(self, reason: str) -> None:
        """Any thread: end whatever runs."""
        with self._lock:
            busy = list(self._busy)
        for process in busy:
            self._kill(process, reason)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


class _Process:
    def __init__(self, memory_mb: float | None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, PACKAGES, str(memory_mb or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._send(list(sys.path))

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(value, self._process.stdin)
            self._process.stdin.flush()
        except OSError as error:
            raise Died(self._death()) from error

    def ask(self, begin: Begin) -> tuple[BaseException | None, Any]:
        assert self._process.stdout is not None
        self._send(begin)
        try:
            answer: tuple[BaseException | None, Any] = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise Died(self._death()) from error
        return answer

    def _death(self) -> str:
        code = self._process.wait()
        return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for stream in (self._process.stdin, self._process.stdout):
            try:
                stream.close()
            except OSError:  # what it was to read has no reader any more
                pass
        self._process.kill()
        self._process.wait()
