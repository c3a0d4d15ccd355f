"""Two ways to own Lua, with the same ``post``: a thread of its own, or the caller's."""

from __future__ import annotations

import threading
from typing import Any

from llmspell_kernel.lua.mailbox import Job, Mailbox, Outcome, Then, ignore


class LuaThread:
    """A thread that works off its mailbox until `end`. Daemonic: a tool that never returns does not
    keep the process alive."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._going_on = True
        self._thread = threading.Thread(target=self._work, name="lua", daemon=True)
        self._thread.start()

    def post(self, job: Job, then: Then = ignore) -> None:
        self.mailbox.post(job, then)

    def end(self) -> None:
        """Any thread: the thread ends when the jobs before this one are done."""
        self.post(self._stop)

    def join(self, seconds: float | None = None) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _stop(self, *_: Any) -> None:
        self._going_on = False

    def _work(self) -> None:
        while self._going_on:
            self.mailbox.work_one()


class Inline:
    """The caller's thread owns Lua: a job is done at once."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()

    def post(self, job: Job, then: Then = ignore) -> None:
        try:
            value = job()
        except Exception as error:
            then(Outcome(error=error))
        else:
            then(Outcome(value))
