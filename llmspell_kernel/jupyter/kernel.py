"""The kernel: requests in, replies and broadcasts out. No sockets, no threads of its own.

`shell` is called on the thread that owns Lua, `control` on another one that is never busy; ``send`` takes what
goes out, on either. Who is to handle a request is a table, ``handlers``: the debugger is plugged in there.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel import __version__
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter import asking, comms, executing, tool_messages
from llmspell_kernel.jupyter.cells import Cells, Host
from llmspell_kernel.jupyter.history import History
from llmspell_kernel.jupyter.media import Failure, renaming
from llmspell_kernel.jupyter.messages import PROTOCOL, Author, Json, Message
from llmspell_kernel.jupyter.streams import Streams
from llmspell_kernel.lua.runtime import DEFAULTS, Options

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

LATER: Any = object()  # what a handler gives that replies by itself
Send = Callable[[str, Message], None]  # channel, message; "shell", "control", "stdin" or "iopub"
Log = Callable[[str], None]


class Request(NamedTuple):
    """A message that came, with the ways to answer it; any thread may."""

    kernel: Kernel
    channel: str
    message: Message

    @property
    def content(self) -> Json:
        return self.message.content

    def publish(self, kind: str, content: Json, metadata: Json | None = None) -> None:
        self.kernel.publish(kind, content, self.message.header, metadata)

    def reply(self, content: Json) -> None:
        """The answer, and with it the end of the request."""
        kind = self.message.type.removesuffix("_request") + "_reply"
        self.kernel.reply(self.channel, self.message, kind, content)
        self.finish()

    def finish(self) -> None:
        self.publish("status", {"execution_state": "idle"})


Handler = Callable[[Request], Any]
ON_SHELL = frozenset(
    [
        "execute_request",
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "history_request",
        "comm_info_request",
        "comm_open",
        "comm_msg",
        "comm_close",
        "tool_request",
    ]
)
LOOKING = frozenset({"status_request", "kernel_info_request"})  # do not count as use
SILENT = frozenset({"comm_open", "comm_msg", "comm_close"})  # have no reply


class Kernel:
    def __init__(
        self,
        send: Send,
        tools: Callable[[], Tools],
        options: Options = DEFAULTS,
        log: Log = lambda text: None,
        read_line: Callable[[], Message | None] = lambda: None,
    ) -> None:
        """``read_line``: Lua thread; waits for an ``input_reply``, None when the cell is to end instead."""
        self._send = send
        self.log = log
        self._author = Author()
        self._read_line = read_line
        self._tools = tools
        self._made_tools: Tools | None = None
        self.streams = Streams(self._stream)
        host = Host(self.streams.write, self._display, self._clear, self._read, self._comm)
        self.cells = Cells(self.tools, options, host)
        self.renamed = renaming(self.cells.prefix, self.cells.texts)
        self.history = History()
        self.count = 0  # of executions
        self.current: Request | None = None  # on the Lua thread
        self._last_parent: Json = {}
        self.allow_stdin = False
        self.muted = False
        self.aborting = False  # the request at hand was sent before its client could know that a cell has failed
        self.cell_failed: Callable[[], None] = lambda: None  # the transport's: look what was sent before that
        self.payload: list[Json] = []
        self.used_at = monotonic()
        self.busy_since = 0.0  # when the Lua thread began the request at hand, by the same clock
        self.is_debugged: Callable[[], bool] = lambda: False  # the debugger's
        self.is_paused: Callable[[], bool] = lambda: False
        self.ended: Callable[[bool], None] = lambda restart: None  # the transport's: shutdown was asked for
        self.interrupted: Callable[[], None] = lambda: None  # the debugger's: a paused cell is to end
        self.missed: Callable[[str], None] = lambda topic: None  # the debugger's: nobody hears a topic any more
        self.handlers: dict[str, Handler] = {
            "kernel_info_request": lambda request: self.info(),
            "interrupt_request": self._interrupt,
            "shutdown_request": self.shutdown,
            "execute_request": executing.execute,
            "complete_request": asking.complete,
            "inspect_request": asking.inspect,
            "is_complete_request": asking.is_complete,
            "history_request": asking.history,
            "comm_info_request": comms.info,
            "comm_open": comms.came,
            "comm_msg": comms.came,
            "comm_close": comms.came,
            "tool_request": tool_messages.tool,
        }

    @property
    def last_activity(self) -> float:
        """When it was last used, as time.time() has it."""
        return time() - (monotonic() - self.used_at)

    @property
    def made_tools(self) -> Tools | None:
        return self._made_tools

    # Lua thread: tools are made when the first one is used
    def tools(self) -> Tools:
        if self._made_tools is None:
            self._made_tools = self._tools()
        return self._made_tools

    def watch(self, sent: Send) -> None:
        """Have all that goes out seen before, on the thread that sends it; for whoever counts."""
        send = self._send

        def both(channel: str, message: Message) -> None:
            sent(channel, message)
            send(channel, message)

        self._send = both

    # In -----------------------------------------------------------------------------------------------

    def shell(self, message: Message) -> None:
        """Lua thread."""
        request = Request(self, "shell", message)
        self.busy_since = monotonic()
        self.current = request
        try:
            self._handle(request)
        finally:
            self.current = None
            if message.type not in LOOKING:
                self.used_at = monotonic()

    def control(self, message: Message) -> None:
        """The control thread: what needs Lua is refused there."""
        self._handle(Request(self, "control", message))

    def refuse(self, channel: str, message: Message, text: str) -> None:
        """The thread of the channel: an error in the place of what was asked for."""
        request = Request(self, channel, message)
        request.publish("status", {"execution_state": "busy"})
        request.reply(refusal("Refused", text))

    def _handle(self, request: Request) -> None:
        if request.message.type not in LOOKING:
            self.used_at = monotonic()
        request.publish("status", {"execution_state": "busy"})
        try:
            answer = self._answer(request)
        except Failure as failure:
            answer = {"status": "error", **failure.content}
        except UserError as error:
            answer = refusal(type(error).__name__, str(error))
        except Exception as error:
            self.log(f"{request.message.type}: {trace(error)}")
            answer = refusal("InternalError", f"internal error, see the kernel's log: {error!r}")
        if answer is LATER:
            return
        if answer is not None and request.message.type not in SILENT:
            request.reply(answer)
        else:
            request.finish()

    def _answer(self, request: Request) -> Any:
        kind = request.message.type
        handler = self.handlers.get(kind)
        if handler is None:
            self.log(f"a message of the unknown type {kind!r} on {request.channel}")
            if not kind.endswith("_request"):
                return None
            raise UserError(f"this kernel knows no {kind}")
        if request.channel == "control" and kind in ON_SHELL:
            raise UserError(f"{kind} goes over the shell channel")
        return handler(request)

    # Out: any thread ------------------------------------------------------------------------------------

    def publish(self, kind: str, content: Json, parent: Json, metadata: Json | None = None) -> None:
        topic = (kind.encode(),)
        self._send("iopub", self._author.message(kind, content, parent, topic, metadata))

    def reply(self, channel: str, request: Message, kind: str, content: Json) -> None:
        self._send(channel, self._author.message(kind, content, request.header, request.identities))

    def starting(self) -> None:
        """Once, when clients can be heard."""
        self.publish("status", {"execution_state": "starting"}, {})

    # What a program does; Lua thread ----------------------------------------------------------------------

    def tell(self, kind: str, content: Json, metadata: Json | None = None) -> None:
        """Broadcast for the request that is being handled, after what was printed before."""
        self.streams.flush()
        if not self.muted:
            self.publish(kind, content, self._parent, metadata)

    @property
    def _parent(self) -> Json:
        """What runs, or ran last: a process that a cell has left behind may still have something to say."""
        current = self.current
        if current is not None:
            self._last_parent = current.message.header
        return self._last_parent

    def _stream(self, name: str, text: str) -> None:
        if not self.muted:
            self.publish("stream", {"name": name, "text": text}, self._parent)

    def _display(self, bundle: Any, id: Any, updates: bool, metadata: Any) -> tuple[Any, ...]:
        return executing.display(self, bundle, id, updates, metadata)

    def _clear(self, wait: bool) -> None:
        self.tell("clear_output", {"wait": bool(wait)})

    def _comm(self, *arguments: Any) -> tuple[Any, ...]:
        return comms.told(self, *arguments)

    def _read(self) -> tuple[Any, ...]:
        return executing.read(self)

    def ask_for_input(self, prompt: str, password: bool = False) -> Message | None:
        """Lua thread: a line from whoever runs the cell; None when the cell is to end instead."""
        assert self.current is not None
        asker = self.current.message
        content = {"prompt": prompt, "password": password}
        self._send("stdin", self._author.message("input_request", content, asker.header, asker.identities))
        return self._read_line()

    # Handlers of any channel ---------------------------------------------------------------------------------

    def info(self) -> Json:
        debugs = "debug_request" in self.handlers
        return {
            "status": "ok",
            "protocol_version": PROTOCOL,
            "implementation": "llmspell",
            "implementation_version": __version__,
            "language_info": {
                "name": "lua",
                "version": "5.4",
                "mimetype": "text/x-lua",
                "file_extension": ".lua",
                "pygments_lexer": "lua",
                "codemirror_mode": "lua",
            },
            "banner": f"llmspell {__version__} · Lua 5.4 with Python tools. name? tells about a name.",
            "help_links": [{"text": "Lua 5.4 Reference Manual", "url": "https://www.lua.org/manual/5.4/"}],
            "supported_features": ["debugger"] if debugs else [],
            "debugger": debugs,  # older front ends look here
        }

    def interrupt(self, reason: str = "interrupted") -> None:
        """Any thread: end the cell that runs or is paused."""
        self.cells.interrupt(reason)
        self.interrupted()

    def _interrupt(self, request: Request) -> Json:
        self.interrupt()
        return {"status": "ok"}

    def shutdown(self, request: Request) -> Any:
        restart = bool(request.content.get("restart", False))
        content = {"status": "ok", "restart": restart}
        request.publish("shutdown_reply", content)
        request.reply(content)
        self.ended(restart)
        return LATER


def refusal(name: str, text: str) -> Json:
    return {"status": "error", "ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}


def trace(error: BaseException) -> str:
    import traceback  # only for a bug of ours

    return "".join(traceback.format_exception(error))
