"""Around a call: where it runs, how long it may take, what is kept of it. Any thread.

| ``runs`` | where | what ends it when its time is over |
|---|---|---|
| here | the caller's thread; under a limit below `QUICK` a worker thread | its own limits |
| thread | a worker thread | its connection is closed, `Stopped` raised in it; else it is left behind |
| process | a worker process | it is killed |

Code in C that keeps Python's lock (``sum(range(10**12))``) holds up every thread, and nothing here can end it: a tool
that computes so says ``runs="process"``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from llmspell_kernel import config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call, GaveUp, Progress
from llmspell_kernel.tools.sandbox.policy import Policy

if TYPE_CHECKING:
    from llmspell_kernel.tools.calls.cache import Cache
    from llmspell_kernel.tools.calls.processes import Processes
    from llmspell_kernel.tools.calls.threads import Threads
    from llmspell_kernel.tools.registry import Tool

QUICK = 5  # seconds: what runs here ends sooner by its own limits


class Counts:
    """How a tool has been used in this process."""

    def __init__(self) -> None:
        self.calls = self.errors = self.timeouts = self.cache_hits = self.cache_misses = 0
        self.seconds = 0.0

    def succeeded(self, seconds: float) -> None:
        self.calls += 1
        self.seconds += seconds

    def failed(self, seconds: float, code: str) -> None:
        self.succeeded(seconds)
        self.errors += 1
        self.timeouts += code == "timeout"

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class Running:
    def __init__(self, settings: config.Config) -> None:
        self._settings = settings
        self._seconds: float = settings["tools.timeout_seconds"]
        self._timeouts: dict[str, float] = {
            name.replace("_", "-"): seconds for name, seconds in settings["tools.timeouts"].items()
        }
        self._cached = settings["tools.cache_enabled"]
        self._cache: Cache | None = None
        self._threads: Threads | None = None
        self._processes: Processes | None = None

    def run(
        self, tool: Tool, arguments: dict[str, Any], policy: Policy, seconds: float | None, progress: Progress | None
    ) -> tuple[Any, bool]:
        """What the function returns, and whether it was kept from an earlier call. Raises ToolError."""
        if self._cached and tool.about.pure:
            return self._from_cache(tool, arguments, policy, seconds, progress)
        return self._run(tool, arguments, policy, seconds, progress), False

    def _from_cache(self, tool: Tool, arguments: dict[str, Any], *how: Any) -> tuple[Any, bool]:
        from llmspell_kernel.tools.calls.cache import Cache, key_of  # a library, where it is wanted

        if self._cache is None:
            self._cache = Cache(self._settings["tools.cache_size_mb"], self._settings["tools.cache_ttl_seconds"])
        key = key_of(tool.name, tool.about.version, arguments)
        if key is None:
            return self._run(tool, arguments, *how), False
        kept = self._cache.get(key)
        if kept is not None:
            tool.counts.cache_hits += 1
            return kept[0], True
        tool.counts.cache_misses += 1
        value = self._run(tool, arguments, *how)
        self._cache.put(key, (value,))
        return value, False

    def limit(self, name: str, wanted: float | None) -> float:
        """Seconds that a call may take."""
        usual = self._timeouts.get(name, self._seconds)
        return usual if wanted is None else min(wanted, usual)

    def _run(
        self, tool: Tool, arguments: dict[str, Any], policy: Policy, wanted: float | None, progress: Progress | None
    ) -> Any:
        seconds = self.limit(tool.name, wanted)
        runs = tool.about.runs
        call = None
        if runs != "here" or tool.call_parameter or seconds < QUICK:
            call = Call(policy, self._own_settings(tool.name), seconds, *([progress] if progress else []))
        if tool.call_parameter and runs != "process":
            arguments[tool.call_parameter] = call
        function = tool.function
        if runs == "here" and seconds >= QUICK:
            return self._guarded(tool, lambda: function(**arguments), seconds)
        assert call is not None
        call.compute = lambda function, arguments: self._beside(function, arguments, call)
        if runs == "process":
            return self._guarded(tool, lambda: self._in_process(function, arguments, call, seconds), seconds)
        return self._guarded(tool, lambda: self._in_thread(lambda: function(**arguments), call, seconds), seconds)

    def _own_settings(self, name: str) -> dict[str, Any]:
        key = f"tools.{name}"
        return self._settings[key] if key in config.SETTINGS else {}

    def _in_thread(self, function: Callable[[], Any], call: Call, seconds: float) -> Any:
        if self._threads is None:
            from llmspell_kernel.tools.calls.threads import Threads

            self._threads = Threads()
        return self._threads.run(function, call, seconds)

    def _in_process(self, function: Callable[..., Any], arguments: dict[str, Any], call: Call, seconds: float) -> Any:
        if self._processes is None:
            from llmspell_kernel.tools.calls.processes import Processes

            self._processes = Processes(self._settings["tools.max_memory_mb"])
        return self._processes.run(function, arguments, call, seconds)

    def _beside(self, function: Callable[..., Any], arguments: dict[str, Any], call: Call) -> Any:
        """For a tool in a worker thread. Another one waits for the process: `Stopped` in ours must not leave it."""
        answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

        def run() -> None:
            try:
                answers.put((self._in_process(function, arguments, call, call.seconds()), None))
            except BaseException as error:
                answers.put((None, error))

        threading.Thread(target=run, name="llmspell-compute", daemon=True).start()
        value, error = answers.get()
        if error is not None:
            raise error
        return value

    def _guarded(self, tool: Tool, run: Callable[[], Any], seconds: float) -> Any:
        """Whatever the function does, the caller is given a ToolError."""
        try:
            return run()
        except ToolError:
            raise
        except RecursionError as error:
            raise ToolError("the input is nested too deeply, or the tool calls itself for ever") from error
        except MemoryError as error:
            raise ToolError("not enough memory for this call") from error
        except SystemExit as error:
            raise ToolError(f"the tool called sys.exit({error.code!r})") from error
        except Exception as error:
            raise self._said(tool, error, seconds) from error

    def _said(self, tool: Tool, error: Exception, seconds: float) -> ToolError:
        if not isinstance(error, GaveUp):
            return ToolError(str(error) or type(error).__name__)
        if str(error):
            return ToolError(f"{tool.name}: {error}", code="cancelled")
        usual = seconds == self.limit(tool.name, None)
        hint = "; tools.timeout_seconds or tools.timeouts in llmspell.toml allow more" if usual else ""
        return ToolError(
            f"{tool.name} took longer than its limit of {seconds:g} s{hint}",
            code="timeout", details={"seconds": seconds},
        )  # fmt: skip

    def interrupt(self, reason: str) -> None:
        for workers in (self._threads, self._processes):
            if workers is not None:
                workers.give_up(reason)

    def close(self) -> None:
        if self._processes is not None:
            self._processes.close()
