"""Joins a session, a debugger and a transport; the whole interface of a transport is three functions.

``send(message)`` writes to the client. ``call_soon(f, *args)`` has a function called, from any thread, one
at a time and in order; everything but `_listen` is called so ("in the session's turn"). ``finished()`` ends it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Literal

from llmspell_dap.actions import Action, Ask, Cancel, CloseTerminal, Finish, Later, Launch, OpenTerminal, Send
from llmspell_dap.output import OutputBatcher
from llmspell_dap.protocol import Json
from llmspell_dap.session import Session
from llmspell_dap.terminal import Terminal
from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import Ended, Event, Output
from llmspell_kernel.debug.pause import Ticket
from llmspell_kernel.logs import Log, asked_for

LOG = Log("llmspell_dap")
SETTLING = 2.0  # seconds that a program waits for its output to be sent, when the session has much to do
GATHER = 0.01  # seconds between two batches of output, unless an event comes between
SendMessage = Callable[[Json], None]
CallSoon = Callable[..., None]


class Driver:
    def __init__(
        self,
        send: SendMessage,
        call_soon: CallSoon,
        finished: Callable[[], None],
        debugger: Debugger | None = None,
    ) -> None:
        """``finished``: called once, when the connection may be ended. ``debugger``: one that is there already."""
        self._send = send
        self._call_soon = call_soon
        self._finished = finished
        self._output = OutputBatcher(lambda: call_soon(self._output_came))
        self.debugger = Debugger(self._listen) if debugger is None else debugger
        self.debugger.listener = self._listen
        self.session = Session(self.debugger, log)
        self._terminal: Terminal | None = None
        self.catch_up: Callable[[], None] = lambda: None  # take what the program wrote past us
        self.drain: Callable[[], None] = lambda: None  # and the rest of it, at the end
        self._tickets: dict[int, Ticket] = {}  # by the identity of the request, which `_answered` holds
        self._flushed_at = 0.0
        self._is_finished = False
        self._ended = True

    def receive(self, message: Json) -> None:
        """A message of the client."""
        self._perform(self.session.receive(message))

    def bad_message(self, reason: str) -> None:
        self._perform(self.session.bad_message(reason))

    def closed(self) -> None:
        """The client is gone."""
        self._output.close()
        self._perform(self.session.closed())

    # Lua thread
    def _listen(self, event: Event) -> None:
        if isinstance(event, Output):
            self.catch_up()  # what came before
            self._output.add(event)
        else:
            self._call_soon(self._notify, event)

    def _output_came(self) -> None:
        """The first text goes at once; what follows it closely is gathered."""
        wait = self._flushed_at + GATHER - monotonic()
        if wait <= 0:
            self._flush()
        else:
            self._after(wait, self._flush)

    def _flush(self, everything: bool = False) -> None:
        self._flushed_at = monotonic()
        for output in self._output.take(everything):
            self._perform(self.session.notify(output))

    def settle(self) -> None:
        """Any thread that is not in the session's turn: when it returns, what came before has been sent."""
        if not self._output.is_empty():
            sent = threading.Event()
            self._call_soon(self._flush)
            self._call_soon(sent.set)
            sent.wait(SETTLING)

    def wait_for_room(self) -> None:
        """A thread that brings output waits here while too much is under way."""
        self._output.wait_for_room()

    def native_output(self, category: Literal["stdout", "stderr"], text: str) -> None:
        """Any thread: what C libraries and child processes wrote to the program's stdout or stderr."""
        self._output.add(Output(category, text), wait=False)

    def _notify(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._ended = True
            self.drain()
        self._flush(everything=True)
        self._perform(self.session.notify(event))

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._send(action.message)
            elif isinstance(action, Ask):
                then = partial(self._call_soon, self._answered, action.request)
                self._tickets[id(action.request)] = self.debugger.ask(action.question, then)
            elif isinstance(action, Cancel):
                ticket = self._tickets.get(id(action.request))
                if ticket is not None:
                    self.debugger.cancel(ticket)
            elif isinstance(action, Launch):
                self._ended = False
                self.debugger.launch(action.options, partial(self._call_soon, self._loaded))
            elif isinstance(action, Later):
                self._after(action.seconds, partial(self._later, action.then))
            elif isinstance(action, OpenTerminal):
                self._open_terminal(action.kind)
            elif isinstance(action, CloseTerminal):
                self._close_terminal()
            elif isinstance(action, Finish):
                self._finish(action)

    def _answered(self, request: Any, outcome: Any) -> None:
        self._tickets.pop(id(request), None)
        self._perform(self.session.answered(request, outcome))

    def _loaded(self, outcome: Any) -> None:
        if outcome.error is not None:
            self._ended = True
        self._flush()
        self._perform(self.session.loaded(outcome))

    def _open_terminal(self, kind: str) -> None:
        self._close_terminal()  # of a program before
        self._terminal = Terminal(partial(self._call_soon, self._terminal_ready), self._terminal_lost)
        self._perform(self.session.run_in_terminal(kind, self._terminal.command))

    def _close_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    def _terminal_ready(self) -> None:
        self._perform(self.session.terminal_ready())

    def _terminal_lost(self) -> None:
        """Any thread: its window was closed, or Ctrl-C pressed in it."""
        self.debugger.terminate()

    def _after(self, seconds: float, function: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, self._call_soon, (function,))
        timer.daemon = True
        timer.start()

    def _later(self, then: Callable[[], None]) -> None:
        self._perform(self.session.later(then))

    def _finish(self, action: Finish) -> None:
        if self._is_finished or (action.wait and not self._ended):
            return
        self._is_finished = True
        self._close_terminal()
        self._output.close()
        self.debugger.close()
        self._finished()


def log(text: str) -> None:
    """Trouble of ours, where a person can find it: never on the protocol's channel."""
    if asked_for():
        LOG.error(text)
    else:
        print(f"llmspell dap: {text}", file=sys.stderr, flush=True)
