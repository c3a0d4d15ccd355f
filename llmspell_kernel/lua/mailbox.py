"""The only place where two threads meet: jobs go in from any thread, one thread works them off.

``post`` may be called anywhere. ``work_one`` is called by the thread that owns Lua. The result
of a job travels back as an `Outcome` to a function that the poster gave; it is called on the
Lua thread, so it should only hand the outcome over.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

Job = Callable[..., Any]


class Outcome(NamedTuple):
    """A value or an exception: what became of a job."""

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


Then = Callable[[Outcome], None]


def ignore(outcome: Outcome) -> None:
    """For jobs whose outcome nobody waits for; an error of ours must still be seen."""
    if outcome.error is not None:
        raise outcome.error


class Mailbox:
    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Job, Then]] = SimpleQueue()

    def post(self, job: Job, then: Then = ignore) -> None:
        """Any thread: have ``job(*args)`` called on the Lua thread."""
        self._jobs.put((job, then))

    def work_one(self, *args: Any) -> Any:
        """Lua thread: wait for a job and do it; gives what the job gave (None for an error)."""
        return _do(self._jobs.get(), args)

    def work_waiting(self, *args: Any) -> None:
        """Lua thread: do the jobs that are there; wait for none."""
        while True:
            try:
                item = self._jobs.get_nowait()
            except Empty:
                return
            _do(item, args)

    def waiting(self) -> bool:
        return not self._jobs.empty()


def _do(item: tuple[Job, Then], args: tuple[Any, ...]) -> Any:
    job, then = item
    try:
        value = job(*args)
    except Exception as error:
        then(Outcome(error=error))
        return None
    then(Outcome(value))
    return value
