"""The debugger of one program at a time: breakpoints, steps, pauses, questions.

Every public method may be called on any thread and returns at once. What touches Lua is posted
to the one thread that owns it; events go to ``listener``, which is called on that thread and
should only hand them over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from llmspell_kernel.debug.breakpoints import Breakpoints
from llmspell_kernel.debug.filters import Filters
from llmspell_kernel.debug.hooks import Callbacks, Hooks, describe_error
from llmspell_kernel.debug.launching import RunningTime, prepared
from llmspell_kernel.debug.model import (
    DESCRIPTIONS,
    NOTES,
    Breakpoint,
    BreakpointChanged,
    BreakpointState,
    Ended,
    Event,
    ExceptionFilter,
    ExceptionFilterState,
    FunctionBreakpoint,
    Location,
    Output,
    ProgramOptions,
    Resumed,
    Source,
    SourceLoaded,
    Step,
    Stopped,
)
from llmspell_kernel.debug.pause import NotStopped, Pause, Ticket
from llmspell_kernel.debug.sources import Sources, short_name
from llmspell_kernel.debug.telling import Late, message, trouble
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.loader import Chunk, read_chunk
from llmspell_kernel.lua.mailbox import Outcome, Then, ignore
from llmspell_kernel.lua.runtime import Exit, Interrupted, LuaRuntime, Options, ProgramError
from llmspell_kernel.lua.thread import LuaThread
from llmspell_kernel.lua.values import text
from llmspell_kernel.tools.registry import Tools

T = TypeVar("T")
TERMINATED = 143  # the exit code of a program that was told to end, as a shell shows SIGTERM
PATIENCE = 2.0  # seconds until a program that does not end (it waits in C) is given up


class End:
    """What a paused program is told instead of a step when it must end."""


class Debugger:
    def __init__(self, listener: Callable[[Event], None], tools: Callable[[], Tools] = Tools.standard) -> None:
        self.listener = listener
        self._tools = tools
        self._sources = Sources()
        self._breakpoints = Breakpoints(self._sources, probing=os.environ.get("LLMSPELL_TIER") != "hook")
        self._filters = Filters()
        self._just_my_code = False
        self._thread: LuaThread | None = None
        self._lock = threading.Lock()  # of the three below
        self._paused = False
        self._running = False
        self._ended = True
        self._options: ProgramOptions | None = None
        self._runtime: LuaRuntime | None = None
        self._hooks: Hooks | None = None
        self._time = RunningTime()
        self._function: Any = None
        self._chunk = Chunk("", b"", b"")
        self._next_frame = 1
        self._names: list[tuple[int, tuple[str, ...]]] = []  # of functions, that Lua is to look for
        self._pause: Pause | None = None
        self._unanswered = 0  # questions that are on their way to Lua, or being answered there
        self._resuming = False  # the step is on its way to the paused program
        self._wants_pause = self._wants_end = False
        self._answering: Ticket | None = None
        self._late = Late(self._feel)

    # The program's life --------------------------------------------------------------------------

    def launch(self, options: ProgramOptions, then: Then) -> None:
        """Load (compile) a program, without running it. The outcome's error may be a UserError:
        a missing file, a directory, a syntax error with file:line."""
        self._thread = self._thread or LuaThread()
        self._wants_pause = self._wants_end = False
        self._thread.post(lambda: self._load(options), then)

    def start(self) -> None:
        """Run what is loaded; ends with exactly one `Ended`."""
        assert self._thread is not None, "launch comes first"
        self._thread.post(self._run)

    def _load(self, options: ProgramOptions) -> None:
        self._close_runtime()
        self._sources.clear()
        options = prepared(options)
        chunk = read_chunk(options.path)
        write = partial(self._write, options) if options.capture else None
        runtime = LuaRuntime(
            self._tools,
            Options(options.lua_path, options.safe, options.memory_mb, write, options.runtime or "lua54", True),
        )
        self._runtime = runtime
        runtime.prepare(chunk, options.args)
        self._function, self._chunk = runtime.load(chunk), chunk
        self._options, self._just_my_code = options, options.just_my_code
        self._ended = False
        if options.debug:
            self._attach(runtime, chunk.name)

    def _attach(self, runtime: LuaRuntime, name: bytes) -> None:
        self._hooks = hooks = Hooks(runtime, self._callbacks(partial(self._on_attention, runtime)))
        self._names = []
        hooks.watch_loads()
        runtime.api.describe_error = describe_error
        for state in self._breakpoints.unload(runtime.options.runtime):
            self.listener(BreakpointChanged(state))
        if runtime.options.runtime == "luajit":
            self.listener(Output("console", NOTES[b"luajit"]))
        records = self._on_loaded(name)
        if records is not None:
            hooks.plan(name, self._breakpoints.records(self._sources.of(name)))
        self._send_filters()
        self._send_names()
        self._pass_over_libraries(os.path.dirname(self._chunk.path) if self._just_my_code else None)

    def _callbacks(self, attention: Callable[[], bytes | None]) -> Callbacks:
        return Callbacks(self._on_stop, attention, self._prepare, self._on_loaded, self._on_note, self._on_log,
                         self._late.soon, lambda name: self._sources.is_library(self._sources.of(name)),
                         self._on_named, self._breakpoints.names_around)  # fmt: skip

    def _run(self) -> None:
        runtime, options, hooks = self._runtime, self._options, self._hooks
        assert runtime is not None and options is not None
        with self._lock:
            self._running = True
        self._time = time = RunningTime(options.seconds, runtime.interrupt)
        time.go()
        try:
            if hooks is not None:
                reason = "pause" if self._wants_pause else "entry" if options.stop_on_entry else None
                self._wants_pause = False
                self._function = hooks.load_program(self._chunk, self._function)
                hooks.begin(reason)
            if self._wants_end:
                raise Interrupted("terminated")
            runtime.run(self._function, options.args)
            ended = Ended(0)
        except Exit as exit:
            ended = Ended(exit.code)
        except Interrupted as error:
            ended = Ended(TERMINATED) if self._wants_end else Ended(1, str(error))
        except ProgramError as error:
            ended = Ended(1, error.traceback or str(error))
        finally:
            time.rest()
        if hooks is not None:
            hooks.deliver_log()
        if runtime is self._runtime:  # not left behind
            self._end(ended)

    def _end(self, ended: Ended) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
            self._running = self._paused = False
        self.listener(ended)

    def _close_runtime(self) -> None:
        if self._runtime is not None:
            self._runtime.close()
        self._runtime = self._hooks = self._function = None

    def terminate(self) -> None:
        """End the program, paused or running, in whatever coroutine; `Ended` follows."""
        self._wants_end = True
        with self._lock:
            thread, paused, running, ended = self._thread, self._paused, self._running, self._ended
            if thread is not None and paused:
                thread.mailbox.post(lambda *_: End)
        if ended or thread is None:
            return
        if running and self._runtime is not None:
            self._runtime.interrupt("terminated")
        elif not running:
            thread.post(lambda *_: None if self._running else self._end(Ended(TERMINATED)))
        self._give_up_later(self._runtime)

    def _give_up_later(self, runtime: LuaRuntime | None) -> None:
        """A program that waits in C (a read, a tool) can't be ended: its thread is left behind. Unless
        it waits for a process that it has started: that can."""

        def end_processes() -> None:
            if runtime is not None and not self._ended:
                runtime.end_processes()

        def give_up() -> None:
            with self._lock:
                stuck = self._runtime is runtime and not self._ended
                left = self._thread
                if stuck:
                    self._thread = None
            if stuck and left is not None:
                self.kill_processes()
                left.end()
                self._end(Ended(TERMINATED, "the program waits outside of Lua; it was left behind"))

        for seconds, what in ((PATIENCE / 2, end_processes), (PATIENCE, give_up)):
            timer = threading.Timer(seconds, what)
            timer.daemon = True
            timer.start()

    def kill_processes(self) -> None:
        if self._runtime is not None:
            self._runtime.end_processes(kill=True)

    def detach(self) -> None:
        """Forget all breakpoints and let the program run on undebugged."""
        self._filters = Filters()
        with self._lock:
            thread, paused = self._thread, self._paused
            if thread is None or self._ended:
                return
            if paused:
                thread.mailbox.post(self._let_go)
        if not paused:
            self._post(self._let_go)

    def _let_go(self, *pause: Pause) -> Step | None:
        """The program may have come to a stop since it was to be let go."""
        if self._hooks is not None:
            self._hooks.detach()
        return Step("continue") if pause else None

    def close(self) -> None:
        """After the end: free the Lua thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.post(lambda *_: self._close_runtime())
            thread.end()

    # What to stop at --------------------------------------------------------------------------------

    def set_breakpoints(self, source: Source, wanted: Sequence[Breakpoint]) -> list[BreakpointState]:
        """Replace all breakpoints of a source, before a program or while one runs."""
        states = self._breakpoints.set(source, wanted)
        name = self._sources.chunk_name(source)
        if source.reference and name is None:
            name = self._sources.name_of(source)
        if name is not None:
            self._post(lambda *_: self._plan(name, source))
        return states

    def _plan(self, name: bytes, source: Source, *_: Pause) -> None:
        if self._hooks is not None:
            self._hooks.plan(name, self._breakpoints.records(source))

    def set_function_breakpoints(self, wanted: Sequence[FunctionBreakpoint]) -> list[BreakpointState]:
        """Replace all breakpoints on functions, before a program or while one runs."""
        loaded = self._sources.named()
        before = [one for one in loaded if self._breakpoints.records(one[1])]
        states = self._breakpoints.set_functions(wanted, [source for _, source in loaded])
        after = [one for one in loaded if self._breakpoints.records(one[1])]
        for name, source in {*before, *after}:
            self._post(partial(self._plan, name, source))
        self._post(self._send_names)
        return states

    def _send_names(self, *_: Pause) -> None:
        names = self._breakpoints.names()
        if self._hooks is not None and names != self._names:
            self._names = names
            self._hooks.name(names)

    def breakpoint_locations(self, source: Source, first: int, last: int) -> list[Location]:
        return self._breakpoints.locations(source, first, last)

    def set_exceptions(self, filters: Sequence[ExceptionFilter]) -> list[ExceptionFilterState]:
        """Replace the exception filters; a condition sees the error value as ``error``."""
        states = self._filters.set(filters, self._breakpoints.check, self._breakpoints.next_id)
        self._post(lambda *_: self._send_filters())
        return states

    def just_my_code(self, on: bool) -> None:
        """Whether steps and errors pass over libraries, in what runs already; a launch brings its own wish."""
        self._just_my_code = on
        self._post(lambda *_: self._pass_over_libraries(os.getcwd() if on else None))

    def _pass_over_libraries(self, home: str | None) -> None:
        self._sources.home = home
        if self._hooks is not None:
            self._hooks.set_just_my_code(home is not None)

    def _send_filters(self) -> None:
        if self._hooks is not None:
            self._hooks.set_filters(self._filters.records())

    def _post(self, job: Callable[..., Any]) -> None:
        """Have a job done on the Lua thread, in the middle of the program if it runs."""
        if (thread := self._thread) is not None:
            thread.post(job)
            self._feel()

    def _feel(self) -> None:
        """Have the program, if it runs, ask what is wanted (`_on_attention`)."""
        if self._running and not self._paused and self._runtime is not None:
            self._runtime.attention()

    # Going on -----------------------------------------------------------------------------------------

    def pause(self) -> None:
        with self._lock:
            if self._ended or (self._paused and not self._resuming):
                return
            self._wants_pause = True
        if self._running and self._runtime is not None:
            self._runtime.attention()

    def resume(self, step: Step) -> None:
        """Let the paused program go on; nothing happens if it is not paused."""
        with self._lock:
            if self._paused and self._thread is not None:
                self._resuming = True
                self._thread.mailbox.post(lambda *_: step)

    def ask(self, question: Callable[[Pause], T], then: Then = ignore) -> Ticket:
        """Have a question answered on the Lua thread; NotStopped unless the program is paused."""
        ticket = Ticket()
        if (outcome := self._recalled(question)) is not None:
            then(outcome)
            return ticket
        with self._lock:
            if self._paused and self._thread is not None:
                self._unanswered += 1
                job = partial(self._answer, ticket, question)
                self._thread.mailbox.post(job, then)
                return ticket
        then(Outcome(error=NotStopped()))
        return ticket

    def _recalled(self, question: Callable[[Pause], T]) -> Outcome | None:
        """The answer that was foreseen, unless something asked before may still change it."""
        with self._lock:
            pause = None if self._resuming or self._unanswered or not self._paused else self._pause
        if pause is None:
            return None
        try:
            return Outcome(question(cast(Pause, pause.recall)))
        except Exception:  # not foreseen, or wrong: the Lua thread will say
            return None

    def _answer(self, ticket: Ticket, question: Callable[[Pause], T], pause: Pause | None = None) -> T:
        try:
            if pause is None:
                raise NotStopped
            self._answering = ticket
            if ticket.cancelled:
                raise UserError("cancelled")
            return question(pause)
        finally:
            self._answering = None
            with self._lock:
                self._unanswered -= 1

    def cancel(self, ticket: Ticket) -> None:
        """Give up a question; an evaluation is interrupted. Its outcome is the error "cancelled"."""
        ticket.cancelled = True
        if self._answering is ticket and self._runtime is not None:
            self._runtime.attention()

    # Sources ---------------------------------------------------------------------------------------------

    def sources(self) -> list[Source]:
        return self._sources.all()

    def source_text(self, source: Source) -> str:
        return text(self._sources.text(source))

    # Called from the program's hooks, on the Lua thread -----------------------------------------------------

    def _on_stop(self, reason: bytes, thread: int, hit: bytes) -> tuple[bytes, int]:
        self._time.rest()
        ids = tuple(int(id) for id in hit.split(b",") if id)
        name: Any = reason.decode()
        if name == "breakpoint" and ids and all(self._breakpoints.is_function(id) for id in ids):
            name = "function breakpoint"
        stopped = Stopped(name, thread, ids, DESCRIPTIONS[name], column=self._breakpoints.column(ids))
        assert self._hooks is not None and self._runtime is not None and self._thread is not None
        pause = Pause(self._hooks, self._sources, stopped, self._next_frame)
        if name == "exception":
            pause.python_error = self._runtime.api.python_error
            problem = pause.exception()
            pause.stopped = stopped = stopped._replace(text=problem.description)
        with self._lock:
            self._paused, self._pause = True, pause
            self._wants_pause = self._resuming = False
        if self._wants_end:
            step: Any = End
        else:
            pause.recall.foresee(pause)
            self.listener(stopped)
            step = self._wait(pause)
        return self._go_on(pause, step)

    def _wait(self, pause: Pause) -> Any:
        assert self._thread is not None and self._runtime is not None
        while not self._runtime.interrupted:  # an expression may call os.exit
            answer = self._thread.mailbox.work_one(pause)
            if isinstance(answer, Step) or answer is End:
                return answer
        return End

    def _go_on(self, pause: Pause, step: Any) -> tuple[bytes, int]:
        assert self._hooks is not None and self._thread is not None and self._runtime is not None
        with self._lock:
            self._paused, self._pause, self._resuming = False, None, False
        self._next_frame = pause.next_frame
        self._thread.mailbox.work_waiting()  # a question that came too late is answered: not paused
        self._hooks.forget()
        if step is End or self._runtime.interrupted:
            return b"end", 0
        self._time.go()
        self.listener(Resumed(step.thread or pause.stopped.thread))
        return step.kind.encode(), step.thread

    def _on_attention(self, runtime: LuaRuntime) -> bytes | None:
        if not runtime.running:
            return None  # not felt: the stop was meant for the program
        runtime.attended()
        if self._answering is not None and runtime is self._runtime:
            return b"cancel" if self._answering.cancelled or self._wants_end else None
        if runtime.interrupted:
            runtime.kill()
            return b"end"
        assert self._thread is not None, "a program that was left behind is interrupted"
        self._thread.mailbox.work_waiting()
        if self._wants_pause:
            return b"pause"
        return b"log" if self._late.take() else None

    def _prepare(self, name: bytes, text: bytes | None) -> Any:
        """A chunk is to be loaded: its text with probes, and their places; None to load it as it is."""
        source = self._sources.known(name)
        if source is None and text is not None and self._breakpoints.may_define(text):
            source = self._sources.of(name, short_name(name), text)
        prepared = None if source is None else self._breakpoints.with_probes(source, text)
        if prepared is None or self._hooks is None:
            return None
        return prepared.text, self._hooks.table(prepared.places)

    def _on_loaded(self, name: bytes, probed: bool = False) -> Any:
        is_file = name.startswith(b"@")
        source, new = self._sources.load(name) if is_file else (self._sources.seen(name), False)
        if source is None:
            return None
        if new:
            self.listener(SourceLoaded(source))
        for state in self._breakpoints.loaded(source, probed):
            self.listener(BreakpointChanged(state))
        self._send_names()
        return self._table(source)

    def _on_named(self, id: int, name: bytes | None = None, *lines: int) -> Any:
        """A name of a function breakpoint means a function now, on these lines of a chunk: its breakpoints."""
        source = None if name is None else self._sources.of(name, b"" if name.startswith(b"@") else short_name(name))
        for state in self._breakpoints.named(id, source, *([lines] if lines else [])):  # type: ignore[arg-type]
            self.listener(BreakpointChanged(state))
        return None if source is None else self._table(source)

    def _table(self, source: Source) -> Any:
        records = self._breakpoints.records(source)
        return self._hooks.table(records) if records and self._hooks is not None else None

    def _on_note(self, id: int, what: bytes, problem: bytes) -> None:
        if what in NOTES:
            if what == b"hook" and self._runtime is not None:
                self._runtime.keep_hooks(False)  # the program has one of its own
            self.listener(Output("important", NOTES[what]))
            return
        self.listener(trouble(self._breakpoints.state(id), id, what, problem))

    def _on_log(self, id: int, said: bytes) -> None:
        self.listener(message(self._breakpoints.state(id), said))

    def _write(self, options: ProgramOptions, stream: bytes, written: bytes, name: bytes, line: int) -> None:
        if options is not self._options:
            return  # a program that was left behind
        source = self._sources.of(name) if name.startswith(b"@") else None
        category: Any = "stdout" if stream == b"stdout" else "stderr"
        self.listener(Output(category, text(written), source, line if source else 0))
