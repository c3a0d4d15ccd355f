"""A kernel as a process among others: what signals mean to it, when it ends, what it tells of itself."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from llmspell_kernel import config
from llmspell_kernel.config import Config
from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.kernel import Kernel, Request
from llmspell_kernel.jupyter.zmq_server import Server
from llmspell_kernel.logs import Log, by_settings, set_up
from llmspell_kernel.service.notify import notify
from llmspell_kernel.service.options import Start, limits_of, memory_of
from llmspell_kernel.service.reloading import waiting

if TYPE_CHECKING:
    from llmspell_kernel.service.deadlines import Deadlines
    from llmspell_kernel.service.http import Watched

LOG, MESSAGES = Log("llmspell_kernel.service"), Log("llmspell_kernel.messages")
SIGNALS = ("SIGHUP", "SIGUSR1")  # besides SIGINT and SIGTERM


def signals() -> tuple[int, ...]:
    """Those that this process is to hear. A terminal that is closed ends what it runs; `nohup` is heeded."""
    wanted = []
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            continue
        if name == "SIGHUP" and sys.stdin is not None and sys.stdin.isatty():
            continue
        wanted.append(number)
    return tuple(wanted)


def log_crashes(path: str) -> None:
    """What Python says on stderr where it dies, or a thread of it: a daemon's stderr is nowhere."""
    import faulthandler
    import traceback  # costs as much as Lua does, and is seldom needed

    faulthandler.enable(open(path, "ab", buffering=0))  # noqa: SIM115 - as long as we live
    threading.excepthook = lambda one: LOG.error(
        "".join(traceback.format_exception(one.exc_type, one.exc_value, one.exc_traceback)),
        of_thread=one.thread.name if one.thread else None,
    )


class Service:
    def __init__(self, kernel: Kernel, server: Server, start: Start, settings: Config, about: dict[str, Any]) -> None:
        self._kernel = kernel
        self._server = server
        self._start = start
        self._settings = self._at_start = settings
        self._about = about
        self._started = time.time()
        self._deadlines: Deadlines | None = None
        self._told_to_end = False
        self._logs_requests = False
        kernel.handlers["status_request"] = lambda request: self.report()
        kernel.handlers["shutdown_request"] = self._shutdown
        self._limit()
        self._log_requests()

    def watched(self, port: Watched) -> None:
        """Serve metrics and health there."""
        from prometheus_client.exposition import choose_encoder

        from llmspell_kernel.service.metrics import Metrics

        registry = Metrics(self._kernel, self._server).registry

        def metrics(accept: str) -> tuple[str, bytes]:
            encode, kind = choose_encoder(accept)
            return kind, encode(registry)

        port.serve(self._health, metrics)

    def _health(self) -> dict[str, Any] | None:
        if self._told_to_end:
            return None
        told = self.report()
        return {name: told[name] for name in ("state", "uptime_seconds", "pid", "version")}

    def _log_requests(self) -> None:
        """How long each took, if that is logged."""
        if self._logs_requests or not MESSAGES.wants("debug"):
            return
        from llmspell_kernel.service.requests import Requests

        self._logs_requests = True
        watch = Requests(
            self._kernel.handlers,
            lambda one: MESSAGES.debug(f"{one.kind} took {one.seconds * 1000:.2f} ms", status=one.status),
        )
        self._kernel.watch(watch.sent)

    def report(self) -> dict[str, Any]:
        """Any thread."""
        from llmspell_kernel.service.report import report  # most kernels are never asked

        return report(self._kernel, self._server, self._about, self._started)

    # When it ends: any thread --------------------------------------------------------------------------

    def _limit(self) -> None:
        execution = self._settings["kernel.execution_timeout"]
        idle = self._settings["kernel.idle_timeout"] if self._start.idle_timeout is None else self._start.idle_timeout
        if os.environ.get("JPY_PARENT_PID"):
            idle = None  # Jupyter has its own rules for that, and would start it again
        if self._deadlines is None and (execution or idle):
            from llmspell_kernel.service.deadlines import Deadlines

            self._deadlines = Deadlines(self._kernel, self._unused)
        if self._deadlines is not None:
            self._deadlines.set(execution, idle)

    def _unused(self, seconds: float) -> None:
        self._end(f"nobody has used this kernel for {seconds:g} s (idle_timeout)")

    def _end(self, why: str) -> None:
        """The cell that runs has its time to end; a second time it has none."""
        LOG.info(f"ending: {why}")
        if self._told_to_end:
            self._server.end()
            return
        self._told_to_end = True
        notify("STOPPING=1")
        grace = float(self._settings["kernel.grace_seconds"])
        current = self._kernel.current
        if current is not None:
            text = f"llmspell: {why}; this cell has {grace:g} s to end\n"
            self._kernel.publish("stream", {"name": "stderr", "text": text}, current.message.header)
        self._server.farewell = self._say_goodbye
        self._server.finish(grace)

    def _say_goodbye(self) -> None:
        """All clients are told, as after a shutdown_request of one of them."""
        self._kernel.publish("shutdown_reply", {"status": "ok", "restart": False}, {})

    def _shutdown(self, request: Request) -> Any:
        LOG.info("ending: a client has asked for it", restart=bool(request.content.get("restart", False)))
        return self._kernel.shutdown(request)

    # Signals: the control thread -------------------------------------------------------------------------

    def heard(self, number: int) -> None:
        if number == signal.SIGINT:
            self._kernel.interrupt()
        elif number == signal.SIGTERM:
            self._end("it was told to end (SIGTERM)")
        elif number == getattr(signal, "SIGHUP", None):
            self._reload()
        elif number == getattr(signal, "SIGUSR1", None):
            LOG.warn(f"state (SIGUSR1)\n{self.dump()}")

    def _reload(self) -> None:
        """All that can be changed while the kernel runs (see reloading.py); what was asked for at its start holds."""
        try:
            settings = config.read()
            set_up(*by_settings(settings, self._about.get("log_file")))
        except UserError as error:
            LOG.error(f"llmspell.toml is not reloaded: {error}")
            return
        self._settings = settings
        self._limit()
        self._log_requests()
        self._server.clients.most = limits_of(self._start, settings).clients
        self._server.linger = limits_of(self._start, settings).linger
        self._server.owner.post(lambda *_: self._settle(settings))
        if wait := waiting(self._at_start, settings):
            LOG.warn(f"these hold from the next start of the kernel on: {', '.join(wait)}")
        LOG.info("llmspell.toml is reloaded (SIGHUP)")

    def _settle(self, settings: Config) -> None:
        """Lua thread."""
        self._kernel.cells.runtime.limit_memory(memory_of(settings))
        if (tools := self._kernel.made_tools) is not None:
            tools.settle(settings)

    def dump(self) -> str:
        """What it does just now: its status, and where each of its threads is."""
        import traceback

        names = {thread.ident: thread.name for thread in threading.enumerate()}
        lines = [json.dumps(self.report(), indent=2, default=str)]
        for ident, frame in sys._current_frames().items():
            lines += [f"thread {names.get(ident, ident)}", *map(str.rstrip, traceback.format_stack(frame))]
        return "\n".join(lines)
