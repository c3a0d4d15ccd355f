"""A kernel's five ZeroMQ sockets. No event loop, no polling: threads wait for what they own.

* The *main thread* owns Lua and the shell and stdin sockets: a cell runs where its request is read.
* The *control thread* owns the control socket, and hears signals, subscriptions and the end of our parent: it
  answers while a cell runs, is paused, or waits for input.
* The *heartbeat* is libzmq's own loop: it needs no Python.
* iopub belongs to whoever holds its lock. It is an XPUB socket, so that a client that has subscribed is welcomed
  and loses no message after that (JEP 65).
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, NamedTuple

import zmq

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.clients import UNKNOWN, Clients
from llmspell_kernel.jupyter.connection import CHANNELS, Connection
from llmspell_kernel.jupyter.kernel import Kernel, Log, trace
from llmspell_kernel.jupyter.messages import Author, Message
from llmspell_kernel.jupyter.waking import MainThread, Wake, parent_end
from llmspell_kernel.jupyter.wire import Wire, WireError

KINDS = {"shell": zmq.ROUTER, "iopub": zmq.XPUB, "stdin": zmq.ROUTER, "control": zmq.ROUTER, "hb": zmq.ROUTER}
SMALL = {"iopub": 1024, "hb": 65_536}  # bytes: more is no topic (each byte of one costs 100) and no heartbeat
MEGABYTE = 1024 * 1024
ENDING = "the cell was interrupted: the kernel was told to end"
BATCH = 100  # messages of one channel that are taken before others are looked at


class Limits(NamedTuple):
    message: int = 64 * MEGABYTE  # bytes of one frame; whoever sends more is disconnected
    waiting: int = 40_000  # frames (7 a message) for a client that does not read; what comes then is lost to it
    linger: int = 1000  # milliseconds for what is under way at the end
    abort: int = 10  # milliseconds without a message after which those sent before an error have come
    patience: float = 5.0  # seconds for a cell to end at the end; one that waits in C never may
    clients: int | None = None  # that may send requests at a time
    silence: float | None = None  # seconds after which a connection is closed whose other end does not answer
    send_buffer: int | None = None  # bytes that the system keeps for a connection; else as it likes
    receive_buffer: int | None = None


DEFAULT_LIMITS = Limits()


class Server:
    def __init__(self, connection: Connection, limits: Limits = DEFAULT_LIMITS, log: Log = lambda text: None) -> None:
        """Binds the sockets; `connection` then has their ports. Raises UserError: a port is in use."""
        self._limits = limits
        self.linger = limits.linger
        self._log = log
        key, now = connection.key.encode(), datetime.now(timezone.utc)
        self._wires = {name: Wire(key, connection.signature_scheme, now) for name in CHANNELS}
        self._author = Author()
        self._context = zmq.Context()
        self._sockets = {name: self._socket(name) for name in CHANNELS}
        self.clients = Clients({name: self._sockets[name] for name in ("shell", "control")}, limits.clients)
        self.connection = self._bound(connection)
        self.owner = MainThread()
        self._iopub_lock = threading.Lock()
        self._control_wake = Wake()
        self._outbox: deque[tuple[str, Message]] = deque()  # control's, from other threads
        self._missed: deque[str] = deque()  # topics that nobody hears any more
        self._control_thread: threading.Thread | None = None
        self._held: deque[tuple[Message, bool]] = deque()  # and whether it is of a client whose cell has failed
        self._asked: tuple[bytes, ...] = ()  # who is to give input
        self._ending = threading.Event()
        self._closing = False  # no request is begun any more
        self.farewell: Callable[[], None] = lambda: None  # called when the last cell has ended, and all can be told
        self.restarting = False
        self.signals: Wake | None = None
        self.on_signal: Callable[[int], None] = lambda number: None
        self.left: Callable[[], None] = lambda: None  # called before the process is left in the middle of a cell

    def _socket(self, name: str) -> zmq.Socket[bytes]:
        made = self._context.socket(KINDS[name])
        made.linger = self._limits.linger
        made.maxmsgsize = SMALL.get(name, self._limits.message)
        made.sndhwm = self._limits.waiting
        _tune(made, self._limits)
        if name == "iopub":
            made.setsockopt(zmq.XPUB_VERBOSE, 1)
        elif name != "hb":
            made.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a client that reconnects keeps its name
        return made

    def _bound(self, connection: Connection) -> Connection:
        ports = []
        for name in CHANNELS:
            address = connection.address(name)
            try:
                self._sockets[name].bind(address)
            except zmq.ZMQError as error:
                self._context.destroy(linger=0)
                taken = error.errno in (zmq.EADDRINUSE, errno.EACCES)
                hint = "choose another port, or 0" if taken else "give an address of this machine"
                raise UserError(
                    f"cannot listen on {address} ({name}): {zmq.strerror(error.errno or 0).lower()}; {hint}"
                ) from error
            last = self._sockets[name].getsockopt(zmq.LAST_ENDPOINT)
            assert isinstance(last, bytes)
            ports.append(int(last.rstrip(b"\0").rpartition(b"-" if connection.transport == "ipc" else b":")[2]))
        return connection.with_ports(tuple(ports))

    def close(self) -> None:
        """Of a server that has never served: what is bound is free again."""
        self.clients.close()
        self._control_wake.close()
        self.owner.mailbox.wake.close()
        self._context.destroy(linger=0)
        _remove_files(self.connection)

    # Out: any thread ------------------------------------------------------------------------------

    def send(self, channel: str, message: Message) -> None:
        if channel == "iopub":
            self._broadcast(message)
        elif channel == "control":
            self._send_control(message)
        elif threading.current_thread() is threading.main_thread():
            if channel == "stdin":
                self._expect(message)
            self._write(channel, message)
        else:
            self.owner.post(lambda *_: self._write(channel, message))

    def _write(self, channel: str, message: Message) -> None:
        _send(self._sockets[channel], self._wires[channel].write(message))

    def _broadcast(self, message: Message) -> None:
        frames = self._wires["iopub"].write(message)
        with self._iopub_lock:
            iopub = self._sockets["iopub"]
            if not iopub.closed:
                _send(iopub, frames)
                self._welcome()  # a send takes notice of subscriptions, and nobody is woken for them then

    def _welcome(self) -> None:
        """With the lock: greet those who have subscribed; who alone has heard a topic is missed when it goes."""
        iopub = self._sockets["iopub"]
        while _readable(iopub):
            what = iopub.recv()
            if what[:1] == b"\0":
                self._missed.append(what[1:].decode("utf-8", "replace"))
                self._control_wake.ring()
            elif what[:1] == b"\1":
                content = {"subscription": what[1:].decode("utf-8", "replace")}
                welcome = self._author.message("iopub_welcome", content, identities=(what[1:],))
                _send(iopub, self._wires["iopub"].write(welcome))

    def _send_control(self, message: Message) -> None:
        if threading.current_thread() is self._control_thread:
            self._write("control", message)
        else:
            self._outbox.append(("control", message))
            self._control_wake.ring()

    # The main thread ----------------------------------------------------------------------------------

    def serve(self, kernel: Kernel) -> bool:
        """Main thread, until the kernel is told to end; whether it is to be started again."""
        kernel.ended, kernel.cell_failed = self.end, self._hold
        self._kernel = kernel
        heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._control_thread = threading.Thread(target=self._control, name="control", daemon=True)
        heartbeat.start()
        self._control_thread.start()
        with self._iopub_lock:
            self._welcome()  # those who were here before us
        kernel.starting()
        self._shell(kernel)
        if self._closing:
            self._refuse_the_rest(kernel)
        self.farewell()
        self._ending.set()
        self._control_wake.ring()
        self._control_thread.join()
        self.clients.close()
        for name in ("shell", "control", "stdin", "iopub"):
            with self._iopub_lock:
                self._sockets[name].close(self.linger)
        self._context.term()  # waits for what is under way; ends the heartbeat
        heartbeat.join()
        _remove_files(self.connection)
        return self.restarting

    def _shell(self, kernel: Kernel) -> None:
        shell, mailbox = self._sockets["shell"], self.owner.mailbox
        wake = mailbox.wake.fileno()
        poller = zmq.Poller()
        for one in (shell, self._sockets["stdin"], wake):
            poller.register(one, zmq.POLLIN)
        while not (self._ending.is_set() or self._closing):
            ready = dict(poller.poll(0 if self._held else None))
            if wake in ready:
                mailbox.wake.heard()
                self._guarded(mailbox.work_waiting)
            if self._sockets["stdin"] in ready:
                self._forget_input()
            if self._held:
                message, kernel.aborting = self._held.popleft()
                self._serve(kernel, message)
            elif shell in ready and (taken := self._take("shell")) is not None:
                kernel.aborting = False
                self._serve(kernel, taken)

    def _serve(self, kernel: Kernel, message: Message) -> None:
        """What the control channel has answered before the message was sent is done first: its breakpoints hold."""
        self._guarded(self.owner.mailbox.work_waiting)
        self._guarded(kernel.shell, message)

    def _refuse_the_rest(self, kernel: Kernel) -> None:
        """Cells that have come too late are answered: they are not run."""
        kernel.aborting = True
        waiting = [message for message, _ in self._held]
        while len(waiting) < self._limits.waiting and (message := self._take("shell")) is not None:
            waiting.append(message)
        for message in waiting:
            if message.type == "execute_request":
                self._guarded(kernel.shell, message)

    def _guarded(self, function: Callable[..., None], *arguments: object) -> None:
        """A bug of ours must not take the program along that somebody has in this kernel."""
        try:
            function(*arguments)
        except Exception as error:
            self._log(trace(error))

    def _hold(self) -> None:
        """A cell has failed and its client does not know yet: what it has sent is not to be run. Some of that may
        still be on its way ("run all" sends one cell after the other). What others have sent is."""
        shell, current = self._sockets["shell"], self._kernel.current
        failed = current.message.identities if current is not None else ()
        while len(self._held) < self._limits.waiting and shell.poll(self._limits.abort):
            if (message := self._take("shell")) is not None:
                self._held.append((message, message.identities == failed))

    def _take(self, channel: str) -> Message | None:
        """A message that is there; None if there is none, or one that is refused."""
        try:
            frames, connection = _receive(self._sockets[channel])
        except zmq.Again:
            return None
        try:
            message = self._wires[channel].read(frames)
        except WireError as error:
            self._log(f"{channel}: a message was refused: {error}")
            return None
        problem = self._problem(channel, connection, message, frames)
        if problem is None:
            return message
        self._log(f"{channel}: {problem}")
        if channel != "stdin":
            self._guarded(self._kernel.refuse, channel, message, problem)
        return None

    def _problem(self, channel: str, connection: int, message: Message, frames: list[bytes]) -> str | None:
        """Why a message is not taken that is a good one: how large it is, or how many clients there are."""
        if (size := sum(map(len, frames))) > self._limits.message:  # libzmq looks at each frame
            limit = f"{self._limits.message / MEGABYTE:g}"
            return f"a message of {size / MEGABYTE:.1f} MB was refused: kernel.max_message_size_mb is {limit}"
        uses = channel == "shell" or (channel == "control" and message.type == "debug_request")
        if not uses or self.clients.admit(channel, connection, b"".join(message.identities)):
            return None
        return (
            f"this kernel serves {self.clients.most} clients already, which is its limit; "
            "close one, or raise kernel.max_concurrent_clients"
        )

    # stdin: the main thread, in the middle of a cell

    def _expect(self, request: Message) -> None:
        """What was typed for a request before is not for this one."""
        self._asked = tuple(request.identities)
        self._forget_input()

    def _forget_input(self) -> None:
        """Nobody has asked for it."""
        while _readable(self._sockets["stdin"]):
            self._take("stdin")

    def read_line(self) -> Message | None:
        """The reply of the client that was asked; None when the cell is to end instead."""
        stdin, wake = self._sockets["stdin"], self.owner.mailbox.wake
        poller = zmq.Poller()
        poller.register(stdin, zmq.POLLIN)
        poller.register(wake.fileno(), zmq.POLLIN)
        while True:
            if self._ending.is_set() or self._kernel.cells.runtime.interrupted:
                return None
            ready = dict(poller.poll())
            if wake.fileno() in ready:
                wake.heard()
            message = self._take("stdin") if stdin in ready else None
            if message is not None and message.type == "input_reply" and tuple(message.identities) == self._asked:
                return message

    # The control thread ---------------------------------------------------------------------------------

    def _control(self) -> None:
        control, iopub = self._sockets["control"], self._sockets["iopub"]
        poller = zmq.Poller()
        poller.register(control, zmq.POLLIN)
        iopub_end = iopub.getsockopt(zmq.FD)
        assert isinstance(iopub_end, int)
        try:
            parent = parent_end()
        except ProcessLookupError:
            self._orphaned()
            return
        ends = [
            iopub_end, self._control_wake.fileno(), self.signals and self.signals.fileno(), parent,
            *self.clients.filenos(),
        ]  # fmt: skip
        for end in ends:
            if end is not None:
                poller.register(end, zmq.POLLIN)
        while not self._ending.is_set():
            self._post_out()
            for _ in range(BATCH):
                if not _readable(control):
                    break
                if (message := self._take("control")) is not None:
                    self._guarded(self._kernel.control, message)
            with self._iopub_lock:
                self._welcome()
            self.clients.look()
            while self._missed:
                self._guarded(self._kernel.missed, self._missed.popleft())
            self._hear(dict(poller.poll()), parent)
        self._post_out()

    def _post_out(self) -> None:
        while self._outbox:
            channel, message = self._outbox.popleft()
            self._write(channel, message)

    def _hear(self, ready: dict[object, int], parent: int | None) -> None:
        if self._control_wake.fileno() in ready:
            self._control_wake.heard()
        if self.signals is not None and self.signals.fileno() in ready:
            for number in self.signals.heard():
                self._guarded(self.on_signal, number)
        if parent is not None and parent in ready:
            self._orphaned()

    def _orphaned(self) -> None:
        self._log("the process that has started this kernel has ended, and so does the kernel")
        self.end()

    def finish(self, seconds: float) -> None:
        """Any thread: no cell is begun any more, and the one that runs has so much time before it is interrupted."""
        self._closing = True
        self.owner.mailbox.wake.ring()
        timer = threading.Timer(seconds, self.end, kwargs={"reason": ENDING})
        timer.daemon = True
        timer.start()

    def end(self, restart: bool = False, reason: str = "interrupted") -> None:
        """Any thread: the cell that runs is interrupted, `serve` returns."""
        self.restarting = restart
        self._ending.set()
        self._kernel.interrupt(reason)
        self.owner.mailbox.wake.ring()
        self._control_wake.ring()
        timer = threading.Timer(self._limits.patience, self._leave)
        timer.daemon = True
        timer.start()

    def _leave(self) -> None:
        """The cell waits in C and can't be ended."""
        self._log("the cell did not end; the kernel leaves it")
        self._kernel.cells.runtime.end_processes(kill=True)
        self.left()
        _remove_files(self.connection)
        os._exit(0)

    # The heartbeat ------------------------------------------------------------------------------------

    def _beat(self) -> None:
        heartbeat = self._sockets["hb"]
        try:
            zmq.proxy(heartbeat, heartbeat)
        except zmq.ZMQError:  # the context has ended
            pass
        finally:
            heartbeat.close()


def _remove_files(connection: Connection) -> None:
    """Sockets that are files: libzmq leaves them behind."""
    for channel in CHANNELS if connection.transport == "ipc" else ():
        with suppress(OSError):  # who has started us may have removed them
            os.remove(connection.address(channel).removeprefix("ipc://"))


MORE, LAST = int(zmq.SNDMORE), 0
HEARTBEATS = 3  # that may go unanswered


def _tune(socket: zmq.Socket[bytes], limits: Limits) -> None:
    if limits.send_buffer is not None:
        socket.setsockopt(zmq.SNDBUF, limits.send_buffer)
    if limits.receive_buffer is not None:
        socket.setsockopt(zmq.RCVBUF, limits.receive_buffer)
    if limits.silence is not None:
        milliseconds = max(1, int(limits.silence * 1000))
        socket.setsockopt(zmq.HEARTBEAT_IVL, max(1, milliseconds // HEARTBEATS))
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, milliseconds)
        socket.setsockopt(zmq.HANDSHAKE_IVL, milliseconds)


SOURCE = int(zmq.SRCFD)


def _receive(socket: zmq.Socket[bytes]) -> tuple[list[bytes], int]:
    """The frames of a message, and the connection it came over. Raises zmq.Again: there is none.

    A frame knows whether more follow; to ask the socket for it costs as much as to receive the frame.
    """
    part: Any = socket.recv(zmq.NOBLOCK, copy=False)
    first, frames = part, [part.bytes]
    while part.more:
        part = socket.recv(copy=False)
        frames.append(part.bytes)
    try:
        return frames, first.get(SOURCE)
    except zmq.ZMQError:  # a peer of ZeroMQ's first days: nothing is known of it
        return frames, UNKNOWN


def _send(socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
    """As ``send_multipart``, which computes with enums for each frame."""
    last = frames.pop()
    for frame in frames:
        socket.send(frame, MORE)
    socket.send(last, LAST)


EVENTS, READABLE = int(zmq.EVENTS), int(zmq.POLLIN)  # numbers: to compute with enums takes longer than to ask


def _readable(socket: zmq.Socket[bytes]) -> bool:
    return bool(int(socket.getsockopt(EVENTS)) & READABLE)
