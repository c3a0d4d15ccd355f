"""The debugger of a Lua state that somebody else runs: of a kernel's cells.

It costs nothing until `attach`, takes effect at once, in the middle of what runs, and can come and go. Public methods
may be called on any thread, as those of `Debugger`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from llmspell_kernel.debug.breakpoints import Breakpoints
from llmspell_kernel.debug.engine import Debugger, End
from llmspell_kernel.debug.filters import Filters
from llmspell_kernel.debug.hooks import Hooks, describe_error
from llmspell_kernel.debug.model import Output, ProgramOptions, Resumed, Step
from llmspell_kernel.debug.pause import Pause
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.mailbox import Job, Mailbox, Outcome, Then, ignore
from llmspell_kernel.lua.runtime import AskError, LuaRuntime


class Owner(Protocol):
    """The thread that owns Lua."""

    @property
    def mailbox(self) -> Mailbox: ...
    def post(self, job: Job, then: Then = ignore) -> None: ...
    def end(self) -> None: ...


class Guest(Debugger):
    def __init__(
        self,
        runtime: LuaRuntime,
        owner: Owner,
        chunks: Callable[[], Iterable[bytes]],
        text_of: Callable[[str], bytes | None],
    ) -> None:
        """``chunks``: the names of those that have run before, if known; ``text_of``: the text of a path."""
        super().__init__(lambda event: None)
        self._owned: LuaRuntime = runtime
        self._runtime = runtime
        self._thread = owner  # type: ignore[assignment]
        self._chunks = chunks
        self._sources.given = text_of
        self._active = False
        self._ended = False
        self.settle: Callable[[], None] = lambda: None  # waits until the client was told what there was to tell
        runtime.watch = self._watching
        runtime.errand = self._work_in_between

    @property
    def _running(self) -> bool:
        """Also what has begun before there was a debugger."""
        return self._owned.running

    @_running.setter
    def _running(self, running: bool) -> None:
        """The runtime knows it."""

    # Coming and going --------------------------------------------------------------------------------

    def attach(self) -> None:
        self._active = True
        for name in self._chunks():
            self._sources.load(name)  # they can be asked for at once
        self._post(self._install)

    def _install(self, *_: Any) -> None:
        if self._hooks is not None or not self._active:
            return
        try:
            self._put_in()
        except AskError as error:  # the program has changed what we need of Lua
            self._hooks = None
            self._owned.forget_hooks()
            self.listener(Output("important", f"llmspell: nothing can be debugged in this kernel: {error}\n"))

    def _put_in(self) -> None:
        self._hooks = hooks = Hooks(self._owned, self._callbacks(lambda: self._on_attention(self._owned)))
        hooks.watch_loads()
        self._owned.api.describe_error = describe_error
        for name in {*self._chunks(), *hooks.adopt_old()}:
            super()._on_loaded(name)
            hooks.plan(name, self._breakpoints.records(self._sources.of(name)))
        self._send_filters()
        self._send_names()
        self._pass_over_libraries(os.getcwd() if self._just_my_code else None)

    def _work_in_between(self) -> None:
        """Lua thread, in the middle of what has begun before there were hooks: what was posted is done now."""
        self._owner.mailbox.work_waiting()
        if self._wants_pause and self._hooks is not None:
            self._owned.attention()  # which the hook feels

    def detach(self) -> None:
        """Forget breakpoints and filters; what is paused goes on."""
        self._active = False
        self._filters, self._names = Filters(), []
        self._breakpoints = Breakpoints(self._sources, probing=os.environ.get("LLMSPELL_TIER") != "hook")
        with self._lock:
            if self._paused:
                self._owner.mailbox.post(self._let_go)
                return
        self._post(self._let_go)

    @property
    def _owner(self) -> Any:
        return self._thread

    def _let_go(self, *pause: Pause) -> Any:
        if self._hooks is not None and not self._active:
            self._hooks.rest()
        return Step("continue") if pause else None

    def close(self) -> None:
        """The Lua state lives on."""

    def launch(self, options: ProgramOptions, then: Then) -> None:
        then(Outcome(error=UserError("launch: this is a kernel, which runs cells; use attach")))

    # Runs ------------------------------------------------------------------------------------------------

    @contextmanager
    def _watching(self) -> Iterator[None]:
        with self._lock:
            self._wants_pause = self._wants_end = False
        if self._hooks is not None:
            self._hooks.begin(None)
        yield
        if self._hooks is not None:
            self._hooks.deliver_log()
            self.settle()

    def load(self, chunk: Chunk, function: Any) -> Any:
        """Lua thread: the chunk that is to run next, with probes where breakpoints stand in it."""
        return function if self._hooks is None else self._hooks.load_program(chunk, function)

    def pause(self) -> None:
        """What runs; while nothing does there is nothing to pause."""
        if self._running:
            super().pause()

    def interrupt(self) -> None:
        """After the runtime was interrupted: what is paused ends too."""
        with self._lock:
            if self._paused:
                self._owner.mailbox.post(lambda *_: End)

    def terminate(self) -> None:
        """End what runs; the state goes on."""
        if self._running:
            self._owned.interrupt("terminated")
        self.interrupt()

    def _go_on(self, pause: Pause, step: Any) -> tuple[bytes, int]:
        answer = super()._go_on(pause, step)
        if step is End:
            self.listener(Resumed(pause.stopped.thread))
        return answer

    def _prepare(self, name: bytes, text: bytes | None) -> Any:
        return super()._prepare(name, text) if self._active else None

    def _on_loaded(self, name: bytes, probed: bool = False) -> Any:
        if self._active:
            return super()._on_loaded(name, probed)
        if name.startswith(b"@"):
            self._sources.load(name)
        return None

    # Questions while nothing is paused ----------------------------------------------------------------

    def post(self, question: Callable[[Hooks | None], Any], then: Then) -> None:
        """Have something asked on the Lua thread, paused or not; the hooks are None before the first `attach`."""
        thread = self._owner
        thread.post(lambda *_: question(self._hooks), then)
        if self._running and not self._paused:
            self._owned.attention()
