"""Tools: Python functions that Lua, the command line and messages call alike.

A tool is a plain function with annotations and a docstring. `Tools` knows them by name, checks what is given to them,
and makes of what they return a result that every caller understands. The built-in ones are imported when one of their
family is first called; what is told of them before comes from a catalog. Any thread may call.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from threading import Lock, RLock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from llmspell_kernel.config import Config
from llmspell_kernel.config import read as read_settings
from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.logs import Log
from llmspell_kernel.tools.answers import answer, failure, plain, read
from llmspell_kernel.tools.calls.call import Progress
from llmspell_kernel.tools.calls.running import Counts, Running
from llmspell_kernel.tools.names import ALIASES, BUILTIN, MODULES, canonical
from llmspell_kernel.tools.sandbox.policy import Policy
from llmspell_kernel.tools.schema import Problems, call_parameter, near, signature, summary
from llmspell_kernel.tools.spec import About, Result, about

if TYPE_CHECKING:
    from llmspell_kernel.tools.search import Index

__all__ = ["Result", "Tool", "Tools"]
Parameters = Mapping[str, Any]
LOG = Log("llmspell_kernel.tools")


class Takes(Protocol):
    """What a tool takes: `Signature` of a Python function, or a JSON Schema (foreign.py)."""

    def schema(self) -> dict[str, Any]: ...
    def check(self, given: Parameters) -> dict[str, Any]:
        """The arguments. Raises Problems."""


class Tool:
    """A function and what is known of it."""

    def __init__(
        self, function: Callable[..., Any], name: str = "", said: About | None = None,
        *, takes: Takes | None = None, description: str = "",
    ) -> None:  # fmt: skip
        self.about = said or about(function)
        self.name = canonical(name or self.about.name or getattr(function, "__name__", "tool"))
        self.function = function
        self.description = description or summary(function.__doc__ or "")
        self.call_parameter = None if takes else call_parameter(function)
        self.counts = Counts()
        self.ours = getattr(function, "__module__", "").startswith(BUILTIN)
        self._takes = takes or signature(function, self.about.aliases)

    def schema(self) -> dict[str, Any]:
        return self._takes.schema()

    def info(self) -> dict[str, Any]:
        """What the catalog tells of a tool: see catalog.py."""
        from llmspell_kernel.tools.catalog import entry  # it reads a file, for the built-in ones

        return entry(self)

    def checked(self, given: Parameters) -> dict[str, Any]:
        """The arguments of the function. Raises ToolError that names every problem."""
        try:
            return self._takes.check(given)
        except Problems as error:
            raise ToolError(
                f"{self.name}: {error}", tool=self.name, code="invalid_parameters",
                details={"problems": error.problems},
            ) from None  # fmt: skip


class Tools:
    """``settings``: llmspell.toml; by default nothing is set, and nothing is built in: see `standard`."""

    def __init__(self, policy: Policy | None = None, settings: Config | None = None) -> None:
        self.settings = settings or Config({})
        self.policy = policy or Policy.of(self.settings)
        self.running = Running(self.settings)
        self.problems: list[str] = []  # of plugins that could not be had
        self._tools: dict[str, Tool] = {}
        self._index: Index | None = None  # made at the first search
        self._later: dict[str, str] = {}  # name → module
        self._lock, self._seeing = Lock(), RLock()
        self._interrupts = 0
        self._close_servers: Callable[[], None] = lambda: None
        self._unseen: list[Callable[[], None]] = []  # where others' tools come from: looking costs

    @staticmethod
    def standard(policy: Policy | None = None, settings: Config | None = None) -> Tools:
        """The built-in tools, and those of the project and of installed packages. Raises UserError: bad settings."""
        tools = Tools(policy, settings or read_settings())
        tools._later.update(MODULES)
        tools._unseen.append(tools._look)
        return tools

    def _look(self) -> None:
        from llmspell_kernel.tools.plugins import add_files, add_installed  # when a name is not one of ours

        add_files(self, self.settings["tools.paths"])
        add_installed(self)
        if self.settings["tools.mcp"]:
            self._add_servers()

    def _add_servers(self) -> None:
        try:
            from llmspell_kernel.tools.mcp_bridge import add_servers
        except ModuleNotFoundError as error:
            self.problems.append(f"tools.mcp needs the Python module {error.name}: pip install 'llmspell[mcp]'")
            return
        self._close_servers = add_servers(self, self.settings["tools.mcp"])

    def _see(self) -> None:
        """From here on the tools of the project and of installed packages are known."""
        with self._seeing:
            while self._unseen:
                self._unseen.pop()()

    # Which there are ------------------------------------------------------------------------------

    def add(self, function: Callable[..., Any], *, said: About | None = None, **more: Any) -> Tool:
        """Make a function a tool; what `tool` (spec.py) says may be given here too.

        Raises ValueError when the name is taken.
        """
        tool = Tool(function, said=(said or about(function))._replace(**more))
        if tool.about.runs == "process" and ("<locals>" in function.__qualname__ or function.__module__ == "__main__"):
            raise ValueError(f"{tool.name} runs in a process of its own: its function must be one of a module's")
        if self._has(tool.name):
            raise ValueError(f"there is a tool named {tool.name!r} already")
        return self.put(tool)

    def put(self, tool: Tool) -> Tool:
        """A tool that is made already. Raises ToolError when the name is that of a built-in one."""
        if tool.name in self._later:
            raise ToolError(f"{tool.name} is a built-in tool; choose another name", code="invalid_parameters")
        self._tools[tool.name] = tool
        return tool

    def get(self, name: str) -> Tool:
        """Raises ToolError: ``unknown_tool``, ``missing_extra``."""
        tool = self._tools.get(name)
        if tool is not None:
            return tool
        key = canonical(name)
        tool = self._tools.get(key)
        if tool is None:
            self._known(key, name)
            tool = self._tools.get(key) or self._load(key)
        return tool

    def _known(self, key: str, name: str) -> None:
        if not self.exists(key):
            hint = near(key, [*self.names(), *ALIASES], "; `llmspell tool list` and Tool.list() name all")
            raise ToolError(f"no tool named {name!r}{hint}", tool=name, code="unknown_tool")

    def _load(self, key: str) -> Tool:
        with self._lock:
            tool = self._tools.get(key)
            if tool is None:
                try:
                    module = importlib.import_module(BUILTIN + self._later[key])
                except ModuleNotFoundError as error:
                    raise missing_extra(key, error) from error
                tool = self._tools[key] = Tool(getattr(module, key.replace("-", "_")), key)
        return tool

    def names(self) -> list[str]:
        self._see()
        return sorted({*self._tools, *self._later})

    def exists(self, name: str) -> bool:
        key = canonical(name)
        if self._has(key):
            return True
        self._see()
        return self._has(key)

    def _has(self, key: str) -> bool:
        return key in self._tools or key in self._later

    def info(self, name: str) -> dict[str, Any]:
        """What the catalog tells of a tool, and how it has been used. Raises ToolError."""
        key = canonical(name)
        tool = self._tools.get(key)
        if tool is None:
            self._known(key, name)
            tool = self._tools.get(key)
        if tool is not None and not tool.ours:
            return {**tool.info(), "metrics": tool.counts.as_dict()}
        from llmspell_kernel.tools.catalog import catalog

        counts = tool.counts if tool else Counts()
        return {**catalog()[key], "metrics": counts.as_dict()}

    def every(self) -> list[dict[str, Any]]:
        """`info` of all."""
        return [self.info(name) for name in self.names()]

    def categories(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for told in self.every():
            found.setdefault(told["category"], []).append(told["name"])
        return found

    def search(self, words: str, most: int = 10) -> list[dict[str, Any]]:
        """The tools that words describe, the best first."""
        if self._index is None:
            from llmspell_kernel.tools.search import Index

            self._index = Index()
        return self._index.ranked(words, self.every())[:most]

    # Calls ------------------------------------------------------------------------------------------

    def call(
        self, name: str, parameters: Parameters, *, seconds: float | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Call a tool; gives operation, success, result, metadata and text. Raises ToolError.

        ``seconds``: how long it may take, if that is less than the settings say.
        """
        tool = self._tools.get(name) or self.get(name)
        start = perf_counter()
        try:
            self.policy.require_level(tool.name, tool.about.level)
            arguments = tool.checked(parameters)
            value, cached = self.running.run(tool, arguments, self.policy, seconds, progress)
            result = read(value if tool.ours else plain(value))
        except ToolError as error:
            error.tool = error.tool or tool.name
            tool.counts.failed(perf_counter() - start, error.code)
            _log(tool.name, perf_counter() - start, error.code)
            raise
        duration = perf_counter() - start
        tool.counts.succeeded(duration)
        _log(tool.name, duration, "ok")
        return answer(parameters.get("operation"), result, duration, cached)

    def answer(self, name: str, parameters: Parameters, **how: Any) -> dict[str, Any]:
        """The same, but an error is an answer too: success is false, and `error` says why."""
        start = perf_counter()
        try:
            return self.call(name, parameters, **how)
        except UserError as error:
            return failure(parameters.get("operation"), error, perf_counter() - start)

    def all(
        self, calls: Sequence[tuple[str, Parameters]], concurrency: int = 8, seconds: float | None = None
    ) -> list[dict[str, Any]]:
        """Answers to several calls, in their order; as many as `concurrency` run at once, each so many seconds.

        An `interrupt` ends them all, also those that have not begun.
        """
        from concurrent.futures import ThreadPoolExecutor  # only where calls run side by side

        if concurrency < 1:
            raise ToolError(f"concurrency must be at least 1, not {concurrency}", code="invalid_parameters")
        interrupts = self._interrupts

        def one(call: tuple[str, Parameters]) -> dict[str, Any]:
            if self._interrupts != interrupts:
                stopped = ToolError(f"{call[0]}: interrupted before it began", code="cancelled")
                return failure(call[1].get("operation"), stopped, 0)
            return self.answer(*call, seconds=seconds)

        if len(calls) < 2 or concurrency == 1:
            return list(map(one, calls))
        with ThreadPoolExecutor(min(concurrency, len(calls), 64)) as pool:
            return list(pool.map(one, calls))

    def map(
        self, name: str, parameters: Sequence[Parameters], concurrency: int = 8, seconds: float | None = None
    ) -> list[dict[str, Any]]:
        """Answers of one tool to several parameters. Raises ToolError: ``unknown_tool``."""
        here = self.get(name).about.runs == "here"  # threads would only cost
        return self.all([(name, one) for one in parameters], 1 if here else concurrency, seconds)

    def used(self) -> dict[str, Counts]:
        """Any thread: how the tools have been used that were."""
        return {name: tool.counts for name, tool in list(self._tools.items()) if tool.counts.calls}

    def settle(self, settings: Config) -> None:
        """Other settings, for the calls that come; which tools there are stays."""
        before, self.running = self.running, Running(settings)
        self.settings, self.policy = settings, Policy.of(settings)
        before.close()

    def interrupt(self, reason: str = "interrupted") -> None:
        """Any thread: whoever waits for a tool gets an error now."""
        self._interrupts += 1
        self.running.interrupt(reason)

    def close(self) -> None:
        """End what waits for work, and connections to other servers."""
        self.running.close()
        close, self._close_servers = self._close_servers, lambda: None
        close()


def _log(name: str, seconds: float, outcome: str) -> None:
    if LOG.wants("debug"):
        LOG.debug(f"{name} took {seconds * 1000:.2f} ms", outcome=outcome)


def missing_extra(name: str, error: ModuleNotFoundError) -> ToolError:
    from llmspell_kernel.tools.catalog import catalog

    extra = catalog()[name]["extra"]
    if not extra:
        return ToolError(f"{name} needs the Python module {error.name}, which is not installed", code="missing_extra")
    return ToolError(
        f"{name} needs the Python module {error.name}; install it with: pip install 'llmspell[{extra}]'",
        tool=name, code="missing_extra", details={"extra": extra, "module": error.name},
    )  # fmt: skip
