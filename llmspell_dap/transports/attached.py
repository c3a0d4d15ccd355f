"""An editor's session with a kernel: what it says goes to the kernel's session, what that says comes back.

Until the editor attaches, its session is an ordinary one of ours, which could launch a program as well. Then the
kernel is told what the editor has said before, and answers from there on. Everything here is called in the session's
turn; the kernel is whatever ``connect`` gives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from llmspell_dap.driver import CallSoon, Driver, SendMessage
from llmspell_dap.protocol import Json
from llmspell_dap.registry import State
from llmspell_kernel.errors import UserError

Heard = Callable[[Json | None], None]
KEYS = ("kernel", "connectionFile", "host", "port")
CONFIGURING = ("setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints")
# Requests that cause events: these are not passed on before the response.
CAUSING = ("attach", "continue", "next", "stepIn", "stepOut", "goto", "pause", "terminate", "disconnect", *CONFIGURING)
GONE = "the kernel has ended"


class Far(Protocol):
    """A kernel's session."""

    def send(self, message: Json) -> None: ...
    def close(self) -> None: ...


# Arguments of attach, what hears the kernel's messages on any thread (None: it has ended) → the kernel.
# Raises UserError: there is none.
Connect = Callable[[Json, Heard], Far]


class Relay:
    def __init__(
        self, write: SendMessage, call_soon: CallSoon, connect: Connect | None, is_fixed: bool = False
    ) -> None:
        """``is_fixed``: there is one kernel, and nothing else to debug here."""
        self._is_fixed = is_fixed
        self._write = write
        self._call_soon = call_soon
        self._connect = connect
        self.driver: Driver  # is set when it is made: it sends through us
        self._seq = 0
        self._said: list[Json] = []  # initialize, then what was configured before the attach
        self._local_ids: dict[Any, list[int]] = {}  # of breakpoints, by the seq of their request
        self._ids: dict[int, int] = {}  # the kernel's → those that the editor knows
        self._highest_id = 0
        self._far: Far | None = None
        self._is_ready = self._is_gone = False
        self._attaching: Json | None = None  # the request
        self._to_configure = 0  # requests of before that have no answer yet
        self._waiting: list[Json] = []  # for the kernel to be ready
        self._own: dict[int, Callable[[Json], None]] = {}  # requests of ours, by their seq
        self._pending: dict[Any, Json] = {}  # the editor's, by their seq
        self._events: list[Json] = []  # behind a response

    # To the editor -----------------------------------------------------------------------------------

    def send(self, message: Json) -> None:
        """What our own session says, or the kernel's."""
        if self._far is None and message["type"] == "response" and message["command"] in CONFIGURING:
            found = message.get("body", {}).get("breakpoints", ())
            ids = self._local_ids[message["request_seq"]] = [one.get("id", 0) for one in found]
            self._highest_id = max([self._highest_id, *ids])
        self._seq += 1
        self._write({**message, "seq": self._seq})

    def _refuse(self, request: Json, text: str) -> None:
        self.send(
            {
                "type": "response", "request_seq": request.get("seq", 0), "success": False,
                "command": request.get("command", ""), "message": text,
                "body": {"error": {"id": 1, "format": text, "showUser": request.get("command") == "attach"}},
            }
        )  # fmt: skip

    def _event(self, name: str, **body: Any) -> None:
        self.send({"type": "event", "event": name, **({"body": body} if body else {})})

    # From the editor ---------------------------------------------------------------------------------

    def receive(self, message: Json) -> None:
        command = message.get("command") if message.get("type") == "request" else None
        if self._far is not None:
            self._forward(message)
        elif command == "launch" and self._is_fixed:
            self._refuse(message, "launch: this is the port of a kernel; attach to it")
        elif command == "attach" and self._connect is not None and self._may_attach:
            self._attach(message, self._connect)
        else:
            if command == "initialize":
                self._said = [message]
            elif command in CONFIGURING:
                self._said.append(message)
            self.driver.receive(message)

    def closed(self) -> None:
        """The editor is gone without a word."""
        if self._far is None or self._is_gone:
            self.driver.closed()
        else:
            self._ask("disconnect", {"terminateDebuggee": False}, lambda response: self._finish())

    def _forward(self, message: Json) -> None:
        command = message.get("command")
        if message.get("type") != "request":
            return
        if self._is_gone and command == "disconnect":
            self.send(
                {"type": "response", "request_seq": message.get("seq", 0), "success": True, "command": "disconnect"}
            )
            self._finish()
        elif self._is_gone:
            self._refuse(message, GONE)
        elif not self._is_ready:
            self._waiting.append(message)
        else:
            self._pending[message.get("seq")] = message
            assert self._far is not None
            self._far.send(message)

    @property
    def _may_attach(self) -> bool:
        session = self.driver.session
        return session.state in (State.READY, State.CONFIGURED) and session.launching is None

    # Attaching ----------------------------------------------------------------------------------------

    def _attach(self, request: Json, connect: Connect) -> None:
        arguments = request.get("arguments")
        if self._is_fixed:
            arguments = {} if arguments is None else arguments
        elif not isinstance(arguments, dict) or not any(arguments.get(key) is not None for key in KEYS):
            self._refuse(
                request,
                'attach: say to which kernel: "kernel" (its id), "connectionFile", or "host" and "port" (and "key")',
            )
            return
        try:
            self._far = connect(arguments, partial(self._call_soon, self._heard))
        except UserError as error:
            self._refuse(request, f"attach: {error}")
            return
        self._attaching = request
        first = self._said[0].get("arguments")
        self._ask("initialize", {} if first is None else first, partial(self._initialized, request))

    def _initialized(self, request: Json, response: Json) -> None:
        if response.get("success"):
            self._ask("attach", request.get("arguments"), partial(self._attached, request))
        else:
            self._failed(request, response)

    def _attached(self, request: Json, response: Json) -> None:
        if not response.get("success"):
            self._failed(request, response)
            return
        before = self._said[1:]
        self._to_configure = len(before)
        then = partial(self._complete, {**response, "request_seq": request.get("seq", 0)})
        for said in before:
            ids = self._local_ids.get(said.get("seq"), [])
            self._ask(said["command"], said.get("arguments"), partial(self._configured, ids, then))
        then()

    def _configured(self, known: list[int], then: Callable[[], None], response: Json) -> None:
        """The editor knows these breakpoints by the ids that our session has given them, and not how they are now."""
        found = response.get("body", {}).get("breakpoints", ())
        for id, one in zip(known, found, strict=False):
            if id and "id" in one:
                self._ids[one["id"]] = id
                body = {"reason": "changed", "breakpoint": one}
                self._events.append({"type": "event", "event": "breakpoint", "body": body})
        self._to_configure -= 1
        then()

    def _complete(self, response: Json) -> None:
        """The attach is answered when what was said before it holds."""
        if self._to_configure == 0 and not self._is_ready:
            self._is_ready, self._attaching = True, None
            self.send(response)
            self._say_what_waits()

    def _failed(self, request: Json, response: Json) -> None:
        """Our own session goes on."""
        self._attaching = None
        self._let_go()
        self._refuse(request, f"attach: {_text_of(response)}")
        self._say_what_waits()

    def _say_what_waits(self) -> None:
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.receive(message)

    def _ask(self, command: str, arguments: Any, then: Callable[[Json], None]) -> None:
        seq = -1 - len(self._own)
        self._own[seq] = then
        assert self._far is not None
        given = {} if arguments is None else {"arguments": arguments}
        self._far.send({"seq": seq, "type": "request", "command": command, **given})

    def _let_go(self) -> None:
        if self._far is not None:
            self._far.close()
        self._far, self._is_ready, self._events = None, False, []

    def _finish(self) -> None:
        self._let_go()
        self.driver.closed()

    # From the kernel -----------------------------------------------------------------------------------

    def _heard(self, message: Json | None) -> None:
        if self._far is None or self._is_gone:
            return
        if message is None:
            self._ended()
        elif message.get("type") == "response":
            self._answered(message)
        elif message.get("event") != "initialized":  # that has been said
            self._events.append(message)
        self._tell()

    def _tell(self) -> None:
        if not self._is_ready or any(one.get("command") in CAUSING for one in self._pending.values()):
            return
        events, self._events = self._events, []
        for event in events:
            self.send(self._known(event))

    def _answered(self, response: Json) -> None:
        seq = response.get("request_seq")
        then = self._own.get(seq) if type(seq) is int else None
        if then is not None:
            self._own[seq] = lambda response: None  # type: ignore[index]
            then(response)
            return
        self._pending.pop(seq, None)
        self.send(self._known(response))
        if response.get("command") == "disconnect" and response.get("success"):
            self._finish()

    def _known(self, message: Json) -> Json:
        """With ids of breakpoints that the editor knows."""
        body = message.get("body")
        if not self._highest_id or not isinstance(body, dict):
            return message
        body = dict(body)
        if "hitBreakpointIds" in body:
            body["hitBreakpointIds"] = [self._id(one) for one in body["hitBreakpointIds"]]
        if message.get("event") == "breakpoint":
            body["breakpoint"] = self._breakpoint(body["breakpoint"])
        if message.get("command") in CONFIGURING and "breakpoints" in body:
            body["breakpoints"] = [self._breakpoint(one) for one in body["breakpoints"]]
        return {**message, "body": body}

    def _breakpoint(self, one: Json) -> Json:
        return {**one, "id": self._id(one["id"])} if "id" in one else one

    def _id(self, id: int) -> int:
        return self._ids.get(id, id + self._highest_id)

    def _ended(self) -> None:
        self._is_gone = True
        attaching = [] if self._attaching is None else [self._attaching]
        pending = [*attaching, *self._pending.values(), *self._waiting]
        self._pending, self._waiting = {}, []
        for request in pending:
            self._refuse(request, GONE)
        self._event("output", category="important", output=f"llmspell: {GONE}\n")
        self._event("terminated")


def _text_of(response: Json) -> str:
    error = response.get("body", {}).get("error", {})
    return str(error.get("format") or response.get("message") or "the kernel refuses")
