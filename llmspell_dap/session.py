"""One debug session: messages and events in, actions out. No I/O, no threads, no knowledge of Lua.

The states and what moves them are the table `TRANSITIONS`. A response stands in the list of actions
before anything it causes; what the debugger does later comes in through `answered` and `notify`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from llmspell_dap import handlers  # noqa: F401 - the handlers register themselves
from llmspell_dap.actions import Action, Ask, Cancel, CloseTerminal, Finish, Later, Launch, Send
from llmspell_dap.context import Client
from llmspell_dap.protocol import Arguments, Json, Request, read_request
from llmspell_dap.registry import HANDLERS, LATER, Handler, State
from llmspell_dap.translate import breakpoint_out, source_out, without_none
from llmspell_kernel.debug import model
from llmspell_kernel.debug.model import Event, ExceptionFilter, ProgramOptions
from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.mailbox import Outcome

TRANSITIONS: dict[tuple[State, str], State] = {
    (State.NEW, "initialize"): State.READY,
    (State.READY, "configured"): State.CONFIGURED,
    (State.READY, "loaded"): State.LOADED,
    (State.READY, "attached"): State.RUNNING,
    (State.CONFIGURED, "attached"): State.RUNNING,
    (State.CONFIGURED, "loaded"): State.RUNNING,
    (State.LOADED, "configured"): State.RUNNING,
    (State.RUNNING, "stopped"): State.PAUSED,
    (State.PAUSED, "resumed"): State.RUNNING,
    (State.RUNNING, "ended"): State.ENDED,
    (State.PAUSED, "ended"): State.ENDED,
    (State.LOADED, "ended"): State.ENDED,
    (State.ENDED, "restarted"): State.CONFIGURED,
    **{(state, "closed"): State.CLOSED for state in State},
}


class DebuggerLike(Protocol):
    """What a session tells its debugger at once; see llmspell_kernel.debug.engine.Debugger."""

    def start(self) -> None: ...
    def set_breakpoints(
        self, source: model.Source, wanted: Sequence[model.Breakpoint]
    ) -> list[model.BreakpointState]: ...
    def breakpoint_locations(self, source: model.Source, first: int, last: int) -> list[model.Location]: ...
    def set_exceptions(self, filters: Sequence[model.ExceptionFilter]) -> list[model.ExceptionFilterState]: ...
    def just_my_code(self, on: bool) -> None: ...
    def pause(self) -> None: ...
    def resume(self, step: model.Step) -> None: ...
    def terminate(self) -> None: ...
    def detach(self) -> None: ...
    def sources(self) -> list[model.Source]: ...
    def source_text(self, source: model.Source) -> str: ...


class Session:
    def __init__(self, debugger: DebuggerLike, log: Callable[[str], None] = lambda text: None) -> None:
        self.debugger = debugger
        self.client = Client()
        self.state = State.NEW
        self.options: ProgramOptions | None = None
        self.filters: list[ExceptionFilter] = []  # what the client has ticked
        self.more_filters: list[ExceptionFilter] = []  # what the launch says
        self.console = ""  # of the launch
        self.launching: Request | None = None  # a launch or restart that has no response yet
        self.restarting: Request | None = None
        self._ending = False  # what is being launched is to end at once
        self._terminal: Json | None = None  # our request for a terminal that has not come yet
        self.loaded_once = False
        self.attach: Callable[[], None] | None = None  # where there is a program that is not ours to end
        self.attached = False
        self.has_terminal = False  # the transport gives the program one
        self._actions: list[Action] = []
        self._pending: dict[int, Request] = {}  # questions without an answer
        self._running: Request | None = None
        self._seq = 0
        self._log = log

    # In ---------------------------------------------------------------------------------------

    def receive(self, message: Json) -> list[Action]:
        """A message of the client."""
        request = read_request(message)
        if request is not None and self.state is not State.CLOSED:
            self._handle(request)
        elif message.get("type") == "response":
            self._terminal_answered(message)
        elif request is None and message.get("type") != "event":
            self._log(f"ignored a message that is no request: {str(message)[:200]}")
        return self._taken()

    def bad_message(self, reason: str) -> list[Action]:
        """What came was no message at all."""
        self._log(reason)
        if self.state is not State.CLOSED:
            self.output("important", f"llmspell: {reason}\n")
        return self._taken()

    def answered(self, request: Request, outcome: Outcome) -> list[Action]:
        """The outcome of an `Ask`."""
        if self._pending.get(id(request)) is request:
            del self._pending[id(request)]
            self._outcome(request, outcome)
        return self._taken()

    def loaded(self, outcome: Outcome) -> list[Action]:
        """The outcome of a `Launch`."""
        if self.state is State.CLOSED:  # the client went while the program was being loaded
            if outcome.error is None:
                self.debugger.terminate()
            else:
                self.act(Finish(False))
        elif outcome.error is not None:
            self._load_failed(outcome)
        else:
            self.loaded_once = True
            self.move("loaded")
            if self._ending:
                self.debugger.terminate()
            else:
                self.started_if_ready()
            if self.state is State.LOADED:
                self.act(Later(1.0, self._answer_who_waits))
        return self._taken()

    def later(self, then: Callable[[], None]) -> list[Action]:
        """The time of a `Later` has come."""
        then()
        return self._taken()

    def notify(self, event: Event) -> list[Action]:
        """Something has happened to the program."""
        if self.state is not State.CLOSED:
            EVENTS[type(event)](self, event)
        elif isinstance(event, model.Ended):
            self.act(Finish(False))
        return self._taken()

    def closed(self) -> list[Action]:
        """The client is gone: so is the program, unless it was to live on."""
        if self.state is not State.CLOSED:
            self.close(terminate=True)
        return self._taken()

    # Out --------------------------------------------------------------------------------------

    def act(self, action: Action) -> None:
        self._actions.append(action)

    def _taken(self) -> list[Action]:
        actions, self._actions = self._actions, []
        for action in actions:
            if isinstance(action, Send):
                self._seq += 1
                action.message["seq"] = self._seq
        return actions

    def _send(self, message: Json) -> None:
        self.act(Send({"seq": 0, **message}))

    def event(self, name: str, body: Json | None = None) -> None:
        self._send({"type": "event", "event": name, **({} if body is None else {"body": body})})

    def respond(self, request: Request, body: Json | None = None) -> None:
        self._send(
            {
                "type": "response",
                "request_seq": request.seq,
                "success": True,
                "command": request.command,
                **({} if body is None else {"body": body}),
            }
        )

    def refuse(self, request: Request, text: str, short: str = "") -> None:
        self._send(
            {
                "type": "response",
                "request_seq": request.seq,
                "success": False,
                "command": request.command,
                "message": short or text,
                "body": {"error": {"id": 1, "format": text, "showUser": request.command in SHOWN}},
            }
        )

    def output(self, category: str, text: str, source: model.Source | None = None, line: int = 0) -> None:
        body: Json = {"category": category, "output": text}
        if source is not None:
            body["source"] = source_out(source, self.client)
            body["line"] = self.client.line_out(line)
        self.event("output", body)

    # Requests ---------------------------------------------------------------------------------

    def _handle(self, request: Request) -> None:
        handler = HANDLERS.get(request.command)
        if handler is None:
            self.refuse(request, f"unknown request {request.command!r}")
        elif self.state not in handler.when:
            self.refuse(request, *_not_now(self.state, handler))
        else:
            self._run(handler, request)

    def _run(self, handler: Handler, request: Request) -> None:
        self._running = request
        try:
            arguments = Arguments(request.arguments, request.command)
            if handler.on_lua_thread:
                client = self.client
                self.ask(request, lambda pause: handler.function(pause, arguments, client))
                return
            body = handler.function(self, arguments)
        except Exception as error:
            self._outcome(request, Outcome(error=error))
            return
        if body is not LATER:
            made, self._actions = (
                self._actions,
                [],
            )  # events a handler makes stand behind its response
            self.respond(request, body)
            self._actions += made

    def ask(self, request: Request, question: Callable[[Any], Any]) -> None:
        self._pending[id(request)] = request
        self.act(Ask(request, question))

    @property
    def current(self) -> Request:
        """The request that is being handled."""
        assert self._running is not None
        return self._running

    def _outcome(self, request: Request, outcome: Outcome) -> None:
        error = outcome.error
        if error is None:
            self.respond(request, outcome.value)
        elif isinstance(error, UserError):
            short = {"NotStopped": "notStopped"}.get(type(error).__name__, "")
            self.refuse(request, str(error), "cancelled" if str(error) == "cancelled" else short)
        else:
            self._log(trace(error))
            self.refuse(request, f"internal error in {request.command}: {error!r}; please report it")

    def cancel(self, seq: int) -> None:
        for key, pending in list(self._pending.items()):
            if pending.seq == seq:
                del self._pending[key]
                self.refuse(pending, "cancelled")
                self.act(Cancel(pending))

    def _abandon_questions(self) -> None:
        for request in list(self._pending.values()):
            self.refuse(request, "the program is not paused", "notStopped")
        self._pending.clear()

    # The program's life ---------------------------------------------------------------------------

    def move(self, what: str) -> bool:
        """Follow the table; False when it knows no such move."""
        state = TRANSITIONS.get((self.state, what))
        if state is not None:
            self.state = state
        return state is not None

    def started_if_ready(self) -> None:
        """Configured and loaded: the launch is answered and the program runs."""
        if self.state is State.RUNNING:
            self.launch_response()
            assert self.options is not None
            name = self.options.path
            self.event("process", {"name": name, "isLocalProcess": True, "startMethod": "launch"})
            self.debugger.start()

    def _answer_who_waits(self) -> None:
        """A client that waits for the launch response before it configures gets it now."""
        if self.state is State.LOADED:
            self.launch_response()

    def launch_response(self) -> None:
        if self.launching is not None:
            self.respond(self.launching)
            self.launching = None

    def _load_failed(self, outcome: Outcome) -> None:
        request, self.launching = self.launching, None
        self._terminal = None
        self.act(CloseTerminal())
        text = str(outcome.error)
        if isinstance(outcome.error, UserError):
            self.output("stderr", f"llmspell: {text}\n")
        if request is not None:
            self._outcome(request, outcome)
        if self.loaded_once:
            self.state = State.ENDED  # a restart that failed: the session is over
            self.event("terminated")

    def resumed(self, step: model.Step) -> None:
        self.move("resumed")
        self.debugger.resume(step)

    def close(self, terminate: bool) -> None:
        """Disconnect: answer what waits, end the program or let it run on."""
        alive = self.state in (State.RUNNING, State.PAUSED, State.LOADED) or self._loading
        for question in self._pending.values():  # nobody waits for it, and the program must not
            self.act(Cancel(question))
        self._abandon_questions()
        for request in (self.launching, self.restarting):
            if request is not None:
                self.refuse(request, "the session has ended", "cancelled")
        self.launching = self.restarting = None
        runs_on = not terminate and self.state is not State.LOADED  # that one has not begun
        self.move("closed")
        if not alive:
            self.act(Finish(False))
            return
        if runs_on or self.attached:
            self.debugger.detach()
        else:
            self.debugger.terminate()
        self.act(Finish(True))

    # Events ---------------------------------------------------------------------------------------

    def _on_stopped(self, event: model.Stopped) -> None:
        self.move("stopped")
        body = {
            "reason": event.reason,
            "description": event.description,
            "threadId": event.thread,
            "text": event.text,
            "allThreadsStopped": True,
            "hitBreakpointIds": list(event.hit) or None,
        }
        self.event("stopped", without_none(body))

    def _on_resumed(self, event: model.Resumed) -> None:
        if self.state is State.PAUSED and self.move("resumed"):
            self.event("continued", {"threadId": event.thread, "allThreadsContinued": True})

    def _on_breakpoint(self, event: model.BreakpointChanged) -> None:
        self.event(
            "breakpoint",
            {"reason": "changed", "breakpoint": breakpoint_out(event.state, self.client)},
        )

    def _on_source(self, event: model.SourceLoaded) -> None:
        self.event("loadedSource", {"reason": "new", "source": source_out(event.source, self.client)})

    def _on_output(self, event: model.Output) -> None:
        self.output(event.category, event.text, event.source, event.line)

    def _on_ended(self, event: model.Ended) -> None:
        self._abandon_questions()
        if event.error:
            self.output("stderr", f"llmspell: {event.error}\n")
        self.move("ended")
        self.launch_response()  # it may have ended before it began
        restart, self.restarting = self.restarting, None
        if restart is not None:
            self.relaunch(restart)
            return
        self.event("exited", {"exitCode": event.exit_code})
        self.event("terminated")

    def launch(self) -> None:
        assert self.options is not None
        self._ending = False
        self.act(Launch(self.options))

    @property
    def _loading(self) -> bool:
        return self.launching is not None and self._terminal is None

    def terminate(self) -> None:
        """End the program, in whatever state it is."""
        restart, self.restarting = self.restarting, None
        if restart is not None:
            self.refuse(restart, "the program was terminated", "cancelled")
        if self.state in (State.RUNNING, State.PAUSED, State.LOADED):
            self.debugger.terminate()
        elif self._loading:
            self._ending = True
        elif self.state is not State.ENDED:
            if self.launching is not None:
                self._load_failed(Outcome(error=UserError("cancelled")))
            self.event("terminated")

    def run_in_terminal(self, kind: str, command: list[str]) -> list[Action]:
        """Ask the client to run our end of a terminal."""
        folder = self.options.cwd if self.options is not None else None
        cwd = folder if folder is not None and os.path.isdir(folder) else os.getcwd()
        arguments = {"kind": kind, "title": "llmspell", "cwd": cwd, "args": command}
        self._terminal = {"seq": 0, "type": "request", "command": "runInTerminal", "arguments": arguments}
        self.act(Send(self._terminal))
        return self._taken()

    def _terminal_answered(self, response: Json) -> None:
        asked = self._terminal
        if asked is None or response.get("request_seq") != asked["seq"]:
            self._log(f"ignored a response to nothing: {str(response)[:200]}")
        elif response.get("success") is False:
            self._no_terminal(response.get("message") or "it gave no reason")
        else:
            self.act(Later(TERMINAL_PATIENCE, lambda: self._terminal_is_late(asked)))

    def _terminal_is_late(self, asked: Json) -> None:
        if self._terminal is asked:
            self._no_terminal(f"what was to run in it has not called back for {TERMINAL_PATIENCE:g} s")

    def _no_terminal(self, reason: Any) -> None:
        self._load_failed(Outcome(error=UserError(f"the client could not open a terminal: {reason}")))

    def terminal_ready(self) -> list[Action]:
        asked, self._terminal = self._terminal, None
        if self.state is not State.CLOSED and asked is not None:
            self.launch()
        return self._taken()

    def relaunch(self, request: Request) -> None:
        self.launching = request
        self.move("restarted")
        self.launch()


EVENTS: dict[type, Callable[[Session, Any], None]] = {
    model.Stopped: Session._on_stopped,
    model.Resumed: Session._on_resumed,
    model.BreakpointChanged: Session._on_breakpoint,
    model.SourceLoaded: Session._on_source,
    model.Output: Session._on_output,
    model.Ended: Session._on_ended,
}
TERMINAL_PATIENCE = 20.0  # seconds for a terminal to come after the client has said that it opens it
SHOWN = ("launch", "attach", "restart", "initialize")  # refusals that an editor should show


def _not_now(state: State, handler: Handler) -> tuple[str, str]:
    if state is State.NEW:
        return f"{handler.command}: the first request is initialize", ""
    if handler.when <= {State.PAUSED}:
        return "the program is not paused", "notStopped"
    if handler.command == "initialize":
        return "initialize: the session is initialized already", ""
    return f"{handler.command} can't be done now (the session is {state.value})", ""


def trace(error: BaseException) -> str:
    import traceback  # only for a bug of ours

    return "".join(traceback.format_exception(error))
