"""Worker threads for tools that wait: a call can be given up while its function still runs. Any thread.

The caller waits for a `Job`, at most as long as the call may take. A job that is given up is told so: what it waits for
is closed (`Call.cancel`), and Python raises `Stopped` in its thread at the next instruction. A function that hears
neither, as it waits in C, keeps its thread until it returns; nobody waits for it, and no process does at its end.
"""

from __future__ import annotations

import contextvars
import ctypes
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

from llmspell_kernel.tools.calls.call import Call, GaveUp


class Stopped(SystemExit):
    """Raised in a tool's thread whose result nobody wants any more. Not an Exception (tools catch those), and one that
    a thread may end with in silence."""


class Outcome(NamedTuple):
    value: Any = None
    error: BaseException | None = None


class Job:
    def __init__(self, function: Callable[[], Any], call: Call) -> None:
        self._function = function
        self._context = contextvars.copy_context()
        self.call = call
        self._settled = threading.Lock()  # taken once, by who settles it
        self._ready = threading.Lock()
        self._ready.acquire()
        self._outcome = Outcome()
        self.done = False  # by its function

    def run(self) -> bool:
        """The worker's thread. Whether its caller waited until it was done."""
        try:
            outcome = Outcome(self._context.run(self._function))
        except (Exception, SystemExit) as error:
            outcome = Outcome(error=error)
        except BaseException as error:  # a KeyboardInterrupt of the tool's is not one of the caller's
            outcome = Outcome(error=RuntimeError(f"the tool raised {type(error).__name__}"))
        return self._settle(outcome, done=True)

    def give_up(self, reason: str) -> bool:
        """Any thread. Whether it was not done yet."""
        return self._settle(Outcome(error=GaveUp(reason)), done=False)

    def _settle(self, outcome: Outcome, done: bool) -> bool:
        if not self._settled.acquire(blocking=False):
            return False
        self._outcome, self.done = outcome, done
        self._ready.release()
        return True

    def wait(self, seconds: float | None) -> Any:
        """The result. Raises GaveUp, or what the function raised."""
        if not self._ready.acquire(timeout=-1 if seconds is None else min(seconds, threading.TIMEOUT_MAX)):
            self.give_up("")
            self._ready.acquire()  # it may have been done just now
        value, error = self._outcome
        if error is not None:
            raise error
        return value


class Threads:
    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._busy: dict[Job, _Worker] = {}

    def run(self, function: Callable[[], Any], call: Call, seconds: float | None) -> Any:
        """Raises GaveUp when it took longer, or `give_up` was called; else what the function raises."""
        job = Job(function, call)
        with self._lock:
            worker = self._idle.pop() if self._idle else _Worker()
            self._busy[job] = worker
        worker.jobs.put(job)
        try:
            return job.wait(seconds)
        finally:
            if job.done:
                self._done(job)
            else:  # it is given up, or who waits has been interrupted
                self._leave(job)

    def give_up(self, reason: str) -> None:
        """Any thread: nobody waits any more, whatever runs."""
        with self._lock:
            jobs = list(self._busy)
        for job in jobs:
            job.give_up(reason)

    def _done(self, job: Job) -> None:
        with self._lock:
            self._idle.append(self._busy.pop(job))

    def _leave(self, job: Job) -> None:
        with self._lock:
            worker = self._busy.pop(job)
        job.give_up("")
        job.call.cancel()
        worker.stop()


class _Worker:
    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._left = False
        self._thread = threading.Thread(target=self._work, name="llmspell-tool", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while self.jobs.get().run():
                pass
            with self._lock:  # `stop` is not aimed at what is no longer there
                self._left = True
        except Stopped:
            pass

    def stop(self) -> None:
        with self._lock:
            thread = self._thread.ident
            if not self._left and thread is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stopped))
