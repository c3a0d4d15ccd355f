"""A session over a kernel's ``debug_request`` messages, with what Jupyter adds to DAP.

The kernel's handler is `Channel.debug_request`; what it is given is answered on whatever thread has the session's
turn. Jupyter's own requests (``debugInfo`` … ``copyToGlobals``, see jupyter-client's documentation, "Additions to the
DAP") are answered here, all others by the same `Session` as over stdio. Clients use a ``seq`` more than once, so the
session sees numbers of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from llmspell_dap.driver import Driver, log
from llmspell_dap.protocol import Arguments, Json
from llmspell_dap.registry import State
from llmspell_dap.session import trace
from llmspell_dap.translate import variable_out
from llmspell_dap.transports.cell_sources import CellSources
from llmspell_dap.transports.jupyterlab import NAME as JUPYTERLAB
from llmspell_dap.transports.jupyterlab import JupyterLab
from llmspell_dap.transports.streams import Loop
from llmspell_kernel.debug.guest import Guest, Owner
from llmspell_kernel.debug.hooks import Hooks
from llmspell_kernel.debug.model import Event, Resumed, Variable
from llmspell_kernel.debug.pause import variables_of
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.cells import EXPRESSION, SEED, STATEMENT, SUFFIX
from llmspell_kernel.jupyter.kernel import LATER, Kernel, Request
from llmspell_kernel.jupyter.media import bundle_out
from llmspell_kernel.lua.keywords import KEYWORDS
from llmspell_kernel.lua.lines import Compiler
from llmspell_kernel.lua.mailbox import Outcome
from llmspell_kernel.lua.values import data, text

# What may be asked while another one's editor is attached: it changes nothing.
HARMLESS = ("debugInfo", "dumpCell", "inspectVariables", "modules")
NAME = re.compile(r"[A-Za-z_]\w*")


class _Waiting(NamedTuple):
    seq: Any  # the client's
    request: Request


class Channel:
    def __init__(self, kernel: Kernel, owner: Owner) -> None:
        self._kernel = kernel
        self._cells = kernel.cells
        self._guest = Guest(kernel.cells.runtime, owner, self._chunks, self._text_of)
        kernel.cells.prepare = self._guest.load
        kernel.interrupted = self._guest.interrupt
        kernel.is_debugged = lambda: self._is_started
        kernel.is_paused = lambda: self._stopped is not None
        self._compiler = Compiler()
        self._loop = Loop()
        self._driver: Driver | None = None
        self._last_seq = 0
        self._waiting: dict[int, _Waiting] = {}
        self._initialized: Json | None = None  # the event, while JupyterLab does not know yet what can be done
        self._breakpoints: dict[str, list[Json]] = {}  # by path, as the client has sent them
        self._stopped: int | None = None  # the thread
        self._cell_sources = CellSources(kernel.cells.prefix, kernel.cells.texts, kernel.renamed)
        self._jupyterlab = JupyterLab(kernel.cells.given, kernel.renamed)
        self._lease: str | None = None  # the topic that an editor hears as long as it is there (see cli/attaching.py)
        self._owner = ""  # its session
        kernel.missed = partial(self._loop.call_soon, self._missed)

    # Any thread
    def debug_request(self, request: Request) -> Any:
        self._loop.call_soon(self._receive, request)
        return LATER

    def _chunks(self) -> list[bytes]:
        return [b"@" + path.encode() for path in self._cells.texts.paths()]

    def _text_of(self, path: str) -> bytes | None:
        """The text of a cell as it runs."""
        code = self._cells.texts.get(path)
        if code is None:
            return None
        whole = data(code)
        is_expression = not STATEMENT.match(code) and self._compiler.check(EXPRESSION + whole) is None
        return EXPRESSION + whole if is_expression else whole

    # In the session's turn -----------------------------------------------------------------------------

    def _receive(self, request: Request) -> None:
        message = request.content
        command = message.get("command")
        try:
            if not isinstance(command, str):
                raise UserError("a debug_request has a command, such as debugInfo")
            own = OWN.get(command)
            if self._is_leased_to_another(request) and command not in HARMLESS:
                raise UserError("another editor is attached to this kernel; it must disconnect first")
            if self._lease is not None:
                message = {**message, "arguments": self._cell_sources.back(message.get("arguments"))}
            if own is not None:
                own(self, request, Arguments(message.get("arguments"), command))
            elif command == "variables" and self._stopped is None and self._is_started:
                self._open_globals(request, Arguments(message.get("arguments"), "variables"))
            else:
                self._forward(request, message)
        except UserError as error:
            self._refuse(request, str(error))

    @property
    def _is_started(self) -> bool:
        return self._driver is not None and self._driver.session.state not in (State.NEW, State.CLOSED)

    @property
    def _is_jupyterlab(self) -> bool:
        return self._driver is not None and self._driver.session.client.name == JUPYTERLAB

    def _is_leased_to_another(self, request: Request) -> bool:
        return self._is_started and self._lease is not None and request.message.header.get("session") != self._owner

    def _missed(self, topic: str) -> None:
        """An editor has gone without a word: what it has stopped goes on."""
        if topic == self._lease and self._driver is not None and self._is_started:
            self._driver.closed()
            self._stopped = self._lease = None

    def _begin(self, request: Request, lease: Any) -> None:
        """Raises UserError: somebody else has begun."""
        if self._is_started and (lease is not None) != (self._lease is not None):
            raise UserError("a Jupyter front end debugs this kernel; end its debugger first")
        if not self._is_started:
            self._lease = lease if isinstance(lease, str) else None
            self._owner = str(request.message.header.get("session"))

    def _forward(self, request: Request, message: Json) -> None:
        command = message.get("command")
        if command == "initialize":
            self._begin(request, message.get("lease"))
        if command == "cancel":
            message = self._own_numbers(message)
        if not self._is_started:
            if command != "initialize":
                raise UserError(f"{command}: the debugger is not started; the first request is initialize")
            self._driver = Driver(self._send, self._loop.call_soon, lambda: None, self._guest)
            self._driver.session.attach = self._guest.attach
            self._guest.listener = partial(self._listen, self._guest.listener)
            self._guest.settle = self._driver.settle
            self._cells.hash_all = True
        assert self._driver is not None
        if command == "attach" and self._initialized is not None:
            self._tell(self._initialized)
            self._initialized = None
        if command == "setBreakpoints":
            self._keep(message.get("arguments"))
        self._last_seq += 1
        self._waiting[self._last_seq] = _Waiting(message.get("seq"), request)
        self._driver.receive({**message, "type": "request", "seq": self._last_seq})

    def _own_numbers(self, cancel: Json) -> Json:
        """With the number that the session knows the request by that is to be cancelled."""
        arguments = cancel.get("arguments")
        asked = arguments.get("requestId") if isinstance(arguments, dict) else None
        ours = next((seq for seq, one in reversed(self._waiting.items()) if one.seq == asked), None)
        return {**cancel, "arguments": {} if ours is None else {"requestId": ours}}

    def _send(self, message: Json) -> None:
        if message["type"] == "response":
            self._respond(message)
        elif message["event"] == "initialized" and self._is_jupyterlab:
            # It makes a menu of what the request is answered, and the answer is still on its way, on another socket.
            self._initialized = message
        elif message["event"] != "continued":  # that has been told
            self._tell(message)

    # Lua thread
    def _listen(self, listen: Callable[[Event], None], event: Event) -> None:
        """JupyterLab clears its call stack when it hears ``continued``, so it hears it each time, and before anything
        that the program does then."""
        if isinstance(event, Resumed):
            body = {"threadId": event.thread, "allThreadsContinued": True}
            self._tell({"seq": 0, "type": "event", "event": "continued", "body": body})
        listen(event)

    def _respond(self, message: Json) -> None:
        seq, request = self._waiting.pop(message["request_seq"])
        for one in message.get("body", {}).get("breakpoints", ()) if message["command"] == "setBreakpoints" else ():
            if one.get("reason") == "pending" and one["source"].get("path", "").startswith(self._cells.prefix):
                # The text of a cell is known, and when it runs it is this text: there is nothing to wait for.
                one["verified"] = True
                del one["reason"], one["message"]
        if self._is_jupyterlab:
            message = self._jupyterlab.out(message, request.content)
        if self._lease is not None:
            message = self._cell_sources.out(message)
        request.reply({**message, "request_seq": seq})
        if message["success"] and message["command"] == "disconnect":
            self._stopped = self._lease = None
            self._tell({"seq": message["seq"], "type": "event", "event": "terminated"})

    def _tell(self, event: Json) -> None:
        if event["event"] == "stopped":
            self._stopped = event["body"]["threadId"]
            self._jupyterlab.forget()
        elif event["event"] == "continued":
            self._stopped = None
        if self._lease is not None:
            event = self._cell_sources.out(event)
        current = self._kernel.current
        parent = {} if current is None else current.message.header
        self._kernel.publish("debug_event", event, parent)

    # Jupyter's own requests -------------------------------------------------------------------------------

    def _answer(self, request: Request, body: Json) -> None:
        self._reply(request, True, body=body)

    def _refuse(self, request: Request, problem: str) -> None:
        self._reply(request, False, message=problem, body={"error": {"id": 1, "format": problem}})

    def _reply(self, request: Request, success: bool, **more: Any) -> None:
        self._last_seq += 1
        asked = request.content
        request.reply(
            {
                "seq": self._last_seq,
                "type": "response",
                "request_seq": asked.get("seq", 0),
                "success": success,
                "command": asked.get("command", ""),
                **more,
            }
        )

    def _info(self, request: Request, arguments: Arguments) -> None:
        self._answer(
            request,
            {
                "isStarted": self._is_started and not self._is_leased_to_another(request),
                "hashMethod": "Murmur2",
                "hashSeed": SEED,
                "tmpFilePrefix": self._cells.prefix,
                "tmpFileSuffix": SUFFIX,
                "breakpoints": [{"source": path, "breakpoints": all} for path, all in self._breakpoints.items()],
                "stoppedThreads": [] if self._stopped is None else [self._stopped],
                "richRendering": True,
                "exceptionPaths": ["Lua Errors"],
                "copyToGlobals": True,
            },
        )

    def _keep(self, arguments: Any) -> None:
        """Breakpoints outlive the session; the front end asks for them when it comes again."""
        if not isinstance(arguments, dict) or not isinstance(arguments.get("source"), dict):
            return
        path, wanted = arguments["source"].get("path"), arguments.get("breakpoints")
        if isinstance(path, str) and wanted and isinstance(wanted, list):
            self._breakpoints[path] = wanted
        elif isinstance(path, str):
            self._breakpoints.pop(path, None)

    def _dump(self, request: Request, arguments: Arguments) -> None:
        code = arguments.needed_text("code")
        self._cells.hash_all = True
        path = self._cells.path_of(code)
        self._cells.texts.add(path, code)
        self._answer(request, {"sourcePath": path})

    def _source(self, request: Request, arguments: Arguments) -> None:
        source = arguments.object("source")
        path = source.text("path")
        code = None if arguments.number("sourceReference") else self._cells.texts.get(path)
        if code is not None:
            self._answer(request, {"content": code, "mimeType": "text/x-lua"})
        elif path.startswith(self._cells.prefix):
            raise UserError("the text of this cell is not known any more; run it again")
        else:
            self._forward(request, request.content)

    def _modules(self, request: Request, arguments: Arguments) -> None:
        found = [one for one in self._guest.sources() if one.path and not one.path.startswith(self._cells.prefix)]
        modules = [{"id": n, "name": one.name, "path": one.path} for n, one in enumerate(found, 1)]
        self._answer(request, {"modules": modules, "totalModules": len(modules)})

    def _later(self, request: Request, question: Callable[[Hooks | None], Any], body: Callable[[Any], Json]) -> None:
        """Answer with what the Lua thread says, when it has a moment: at once if it is idle or paused."""
        then = partial(self._loop.call_soon, self._came, request, body)
        self._guest.post(question, then)

    def _came(self, request: Request, body: Callable[[Any], Json], outcome: Outcome) -> None:
        error = outcome.error
        if error is None:
            try:
                self._answer(request, body(outcome.value))
                return
            except UserError as problem:
                error = problem
        if not isinstance(error, UserError):
            log(trace(error))
        self._refuse(request, str(error))

    def _inspect(self, request: Request, arguments: Arguments) -> None:
        """The program's own globals."""

        def question(hooks: Hooks | None) -> list[Json]:
            if hooks is None:
                rename = self._kernel.renamed
                return [_variable(name, kind, rename(shown)) for name, kind, shown in self._cells.globals()]
            (reference,) = hooks.ask(b"globals")
            found = variables_of(hooks.ask(b"children", reference, b"", 0, 0, False))
            return self._shown([one for one in found if one.name not in self._cells.given and not one.internal])

        self._later(request, question, lambda found: {"variables": found})

    def _shown(self, variables: Sequence[Variable]) -> list[Json]:
        assert self._driver is not None
        client = self._driver.session.client
        found = [variable_out(one, client) for one in variables]
        return self._jupyterlab.variables(found) if self._is_jupyterlab else found

    def _open_globals(self, request: Request, arguments: Arguments) -> None:
        """Children of what `_inspect` has shown, while nothing is stopped."""
        reference = arguments.needed_number("variablesReference")
        start, count = max(arguments.number("start"), 0), max(arguments.number("count"), 0)
        which = data(arguments.text("filter"))

        def question(hooks: Hooks | None) -> list[Json]:
            if hooks is None:
                raise UserError("the debugger is not attached")
            return self._shown(variables_of(hooks.ask(b"children", reference, which, start, count, False)))

        self._later(request, question, lambda found: {"variables": found})

    def _rich(self, request: Request, arguments: Arguments) -> None:
        """A variable as a MIME bundle: of a frame, or a global. Nothing of the program runs for it."""
        name, frame = arguments.needed_text("variableName"), arguments.maybe_number("frameId")
        if frame is not None and self._stopped is not None:
            then = partial(self._loop.call_soon, self._came, request, _rich_body)
            self._guest.ask(lambda pause: pause.apply(self._cells.rich, name, frame), then)
        else:
            self._later(request, lambda hooks: self._cells.rich_global(name), _rich_body)

    def _copy(self, request: Request, arguments: Arguments) -> None:
        source, target = arguments.needed_text("srcVariableName"), arguments.needed_text("dstVariableName")
        frame = arguments.maybe_number("srcFrameId")
        for name in (source, target):
            if not NAME.fullmatch(name) or name in KEYWORDS:
                raise UserError(f"copyToGlobals: {name!r} is no name of a variable")
        then = partial(self._loop.call_soon, self._came, request, lambda _: {})
        self._guest.ask(lambda pause: pause.evaluate(f"_G.{target} = {source}", frame, "repl"), then)


def _variable(name: str, kind: str, shown: str) -> Json:
    return {"name": name, "value": shown, "type": kind, "evaluateName": name, "variablesReference": 0}


def _rich_body(flat: Any) -> Json:
    parts = [text(one) for one in flat]
    return {"data": bundle_out(dict(zip(parts[::2], parts[1::2], strict=True))), "metadata": {}}


OWN: dict[str, Callable[[Channel, Request, Arguments], None]] = {
    "debugInfo": Channel._info,
    "dumpCell": Channel._dump,
    "source": Channel._source,
    "modules": Channel._modules,
    "inspectVariables": Channel._inspect,
    "richInspectVariables": Channel._rich,
    "copyToGlobals": Channel._copy,
}
