"""``llmspell kernel start``: a kernel's parts, put together. The main thread owns Lua."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from llmspell_kernel import config
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import (
    Connection,
    new_connection,
    read_connection,
    runtime_folder,
    write_connection,
)
from llmspell_kernel.jupyter.interruptible import POKE, InterruptibleTools, poke
from llmspell_kernel.jupyter.kernel import Kernel, Request
from llmspell_kernel.jupyter.streams import Streams
from llmspell_kernel.jupyter.waking import Wake, watch_signals
from llmspell_kernel.jupyter.zmq_server import DEFAULT_LIMITS, Limits, Server
from llmspell_kernel.lua.runtime import Options

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools


SWITCH = 0.001  # seconds that a thread which computes keeps Python from the others: control must answer soon


def log(text: str) -> None:
    sys.stderr.write(f"llmspell kernel: {text}\n")
    sys.stderr.flush()


def main(connection_file: str) -> int:
    try:
        return start(connection_file)
    except UserError as error:
        sys.stderr.write(f"llmspell: {error}\n")
        return 2


def start(connection_file: str | None, limits: Limits = DEFAULT_LIMITS) -> int:
    """Serve until the kernel is told to end. Raises UserError."""
    signals = watch_signals()  # those that come before there is a kernel will be heard by it
    settings = config.read()
    connection = _connection(connection_file)
    server = Server(connection, limits, log)
    path = connection_file or os.path.join(runtime_folder(), f"kernel-{os.getpid()}.json")
    written = server.connection != connection or not os.path.exists(path)
    if written:
        write_connection(path, server.connection, pid=os.getpid())
    if connection_file is None:
        log(f"jupyter console --existing {path}")
    if written:
        server.left = partial(_remove, path)
    serve(server, Options(settings.lua_path, settings.safe, settings.memory_mb), signals)
    server.left()
    return 0


def standard_tools() -> Tools:
    from llmspell_kernel.tools.registry import Tools

    return Tools.standard()


def serve(server: Server, options: Options, signals: Wake, make_tools: Callable[[], Tools] = standard_tools) -> None:
    """Main thread: a kernel with the debugger in it, behind these sockets."""
    interruptible: InterruptibleTools | None = None

    def tools() -> Tools:
        nonlocal interruptible
        interruptible = InterruptibleTools(make_tools(), lambda: kernel.cells.runtime.interrupted)
        return interruptible  # type: ignore[return-value]

    def break_off(*_: object) -> None:
        if interruptible is not None:
            interruptible.break_off()

    def wake() -> None:
        server.owner.mailbox.wake.ring()  # who waits for input
        poke()  # who waits in a tool

    def heard(number: int) -> None:
        if number == signal.SIGINT:
            kernel.interrupt()
        elif number == signal.SIGTERM:
            server.end()

    kernel = Kernel(server.send, tools, options, log, server.read_line)
    kernel.cells.poke = wake
    plug_in_debugger(server, kernel)
    take_native_output(kernel.streams)
    server.signals, server.on_signal = signals, heard
    if POKE is not None:
        signal.signal(POKE, break_off)
    sys.setswitchinterval(SWITCH)
    gc.collect()
    gc.freeze()  # what is there now stays: no need to look at it again and again
    server.serve(kernel)
    kernel.cells.runtime.close()


class _NativeOutput:
    """What commands, C libraries and tools write to the process's stdout and stderr belongs to the cell."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.catch_up: Callable[[], None] = lambda: None
        self.drain: Callable[[], None] = lambda: None

    def wait_for_room(self) -> None:
        """There always is."""

    def native_output(self, category: Literal["stdout", "stderr"], text: str) -> None:
        self._streams.add(category, text.encode("utf-8", "surrogateescape"))


def take_native_output(streams: Streams) -> None:
    from llmspell_dap.transports.native import take_over

    native = _NativeOutput(streams)
    take_over(native)
    streams.catch_up = native.catch_up


def plug_in_debugger(server: Server, kernel: Kernel) -> None:
    """It is imported when the first client asks for it: most kernels are never debugged."""

    def debug_request(request: Request) -> Any:
        from llmspell_dap.transports.jupyter import Channel

        channel = Channel(kernel, server.owner)
        kernel.handlers["debug_request"] = channel.debug_request
        return channel.debug_request(request)

    kernel.handlers["debug_request"] = debug_request


def _connection(path: str | None) -> Connection:
    return read_connection(path) if path and os.path.exists(path) else new_connection()


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:  # whoever has started us was faster
        return
