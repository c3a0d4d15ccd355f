"""``llmspell kernel start``: a kernel's parts, put together. The main thread owns Lua."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

from llmspell_kernel import config, logs
from llmspell_kernel.config import Config
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import LOOPBACK, Connection, read_connection
from llmspell_kernel.jupyter.interruptible import POKE, InterruptibleTools, poke
from llmspell_kernel.jupyter.kernel import Kernel, Request
from llmspell_kernel.jupyter.streams import Streams
from llmspell_kernel.jupyter.waking import Wake, watch_signals
from llmspell_kernel.jupyter.zmq_server import Server
from llmspell_kernel.logs import Log
from llmspell_kernel.lua.runtime import Options
from llmspell_kernel.service import discovery, pid_file, serving
from llmspell_kernel.service.notify import notify
from llmspell_kernel.service.options import Start, connection_of, limits_of, memory_of
from llmspell_kernel.service.serving import Service

if TYPE_CHECKING:
    from llmspell_kernel.service.http import Watched
    from llmspell_kernel.tools.registry import Tools


Json = dict[str, Any]
SWITCH = 0.001  # seconds that a thread which computes keeps Python from the others: control must answer soon


TRANSPORT, MESSAGES, SERVICE = (Log(f"llmspell_kernel.{name}") for name in ("transport", "messages", "service"))


def main(connection_file: str) -> int:
    try:
        return start(Start(connection_file))
    except UserError as error:
        sys.stderr.write(f"llmspell: {error}\n")
        return 2


def start(wanted: Start, ready: Callable[[Json], None] | None = None) -> int:
    """Serve until the kernel is told to end. ``ready`` is told of it when it can be reached. Raises UserError."""
    signals = watch_signals(serving.signals())  # those that come before there is a kernel will be heard by it
    settings = config.read()
    rules, target = logs.by_settings(settings, wanted.log_file)
    with ExitStack() as left:
        id, path = _named(wanted)
        discovery.check_free(path)
        if wanted.pid_file is not None:
            descriptor = pid_file.write(wanted.pid_file)
            left.callback(os.close, descriptor)
            left.callback(pid_file.remove, wanted.pid_file)
        connection = _connection(wanted, path, settings)
        server = Server(connection, limits_of(wanted, settings), TRANSPORT.warn)
        server.left = left.close
        watched = _watched(wanted, settings)
        about = {**discovery.about_us(id), "connection_file": os.path.abspath(path), "log_file": target.file}
        if watched is not None:
            left.callback(watched.close)
            about["metrics_port"] = watched.port
        if (editors := _editors(wanted, settings)) is not None:
            about["dap_port"] = editors.getsockname()[1]
        if server.connection != connection or not os.path.exists(path) or _is_ours(path):
            discovery.claim(path, server.connection, about)
            left.callback(discovery.leave, path)
        logs.set_up(rules, target)  # not before the id is ours: its log may be that of a kernel which runs
        if target.file is not None:
            serving.log_crashes(target.file)
        if ready is None and wanted.connection_file is None:
            sys.stderr.write(f"llmspell kernel: jupyter console --existing {path}\n")
            if sys.stdin is not None and sys.stdin.isatty():
                sys.stderr.write(f"Ctrl-C interrupts the cell; the kernel ends with: llmspell kernel stop {id}\n")
            sys.stderr.flush()

        def serves(kernel: Kernel) -> Service:
            service = Service(kernel, server, wanted, settings, about)
            if watched is not None:
                service.watched(watched)
            if editors is not None:
                from llmspell_kernel.cli.kernel import dap

                dap.serve(editors, server.connection)
            if not server.connection.ip.startswith("127.") and server.connection.transport == "tcp":
                SERVICE.warn("other machines may reach this kernel: who has its key runs code here", ip=connection.ip)
            if settings.runtime == "luajit":
                SERVICE.warn("lua.runtime does not hold here: kernels run Lua 5.4")
            SERVICE.info(f"kernel {id} serves", pid=os.getpid(), connection_file=path)
            notify("READY=1")
            if ready is not None:
                ready(about)
            return service

        options = Options(settings.lua_path, settings.safe, memory_of(settings))
        serve(server, options, signals, service=serves)
        SERVICE.info(f"kernel {id} has ended")
    return 0


def _watched(wanted: Start, settings: Config) -> Watched | None:
    """Where metrics are served, if they are. Raises UserError: the port is in use, or a module missing."""
    port = settings["kernel.metrics_port"] if wanted.metrics_port is None else wanted.metrics_port
    if port is None:
        return None
    try:
        import prometheus_client  # noqa: F401 - whether it is there
    except ModuleNotFoundError:
        raise UserError("metrics need prometheus-client: pip install 'llmspell[metrics]'") from None
    from llmspell_kernel.service.http import Watched

    return Watched(wanted.host or LOOPBACK, port)


def _editors(wanted: Start, settings: Config) -> socket.socket | None:
    """Where editors attach, if they may. Raises UserError: the port is in use."""
    port = settings["dap.port"] if wanted.dap_port is None else wanted.dap_port
    if port is None:
        return None
    from llmspell_kernel.cli.kernel import dap

    return dap.listen(port)


def start_daemon(wanted: Start) -> int:
    """The same in the background. Raises UserError: what went wrong there."""
    import click  # not what Jupyter waits for

    from llmspell_kernel.service import daemon

    id, _ = _named(wanted)
    settings = config.read()
    log_file = os.path.abspath(wanted.log_file or settings["logging.file"] or discovery.log_file_of(id))
    wanted = wanted._replace(id=id, log_file=log_file)
    os.environ.pop("JPY_PARENT_PID", None)  # where a notebook's program starts us, we do not end with its kernel
    told = daemon.detach(lambda ready: start(wanted, ready), log_file)
    click.echo(
        f"kernel {told['kernel_id']} is running (process {told['pid']})\n"
        f"  connection file  {told['connection_file']}\n  log              {told['log_file']}"
    )
    return 0


def _named(wanted: Start) -> tuple[str, str]:
    """Its id and its connection file."""
    if wanted.connection_file is not None:
        path = os.path.abspath(wanted.connection_file)
        known = discovery.read(path)
        if wanted.id is not None:
            return discovery.checked_id(wanted.id), path
        return discovery.fitting_id(known.id if known else discovery.id_of(path)), path
    id = discovery.new_id() if wanted.id is None else wanted.id
    return id, discovery.path_of(discovery.checked_id(id))


def _is_ours(path: str) -> bool:
    known = discovery.read(path)
    return known is not None and known.pid is not None


def _connection(wanted: Start, path: str, settings: Config) -> Connection:
    """That of a file which is there, but for one that a kernel has left whose place we take."""
    has_wishes = wanted.port is not None or wanted.host is not None
    if wanted.connection_file is None or not os.path.exists(path) or (has_wishes and _is_ours(path)):
        return connection_of(wanted, settings)
    if has_wishes:
        raise UserError(
            f"{path} says which ports to use; leave out --port and --host, or name a file that is not there"
        )
    return read_connection(path)


def standard_tools() -> Tools:
    from llmspell_kernel.tools.registry import Tools

    return Tools.standard()


def serve(
    server: Server,
    options: Options,
    signals: Wake,
    make_tools: Callable[[], Tools] = standard_tools,
    service: Callable[[Kernel], Service] | None = None,
) -> None:
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

    kernel = Kernel(server.send, tools, options, MESSAGES.error, server.read_line)
    kernel.cells.poke = wake
    plug_in_debugger(server, kernel)
    take_native_output(kernel.streams)
    server.signals, server.on_signal = signals, heard if service is None else service(kernel).heard
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
