"""One call, as a tool sees it: what it may touch, how long it may take, whether it is still wanted.

A tool that wants to know has a parameter annotated with `Call`; it is not among those that callers give. The tool's
thread, but `cancel`: any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import Any

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox.policy import Policy

Progress = Callable[[float, str], None]  # from 0 to 1, and what is done
Compute = Callable[[Callable[..., Any], dict[str, Any]], Any]


class GaveUp(Exception):
    """Nobody waits for a call any more. The text says why; an empty one: it took too long."""


def _nobody(_done: float, _text: str) -> None:
    pass


class Call:
    def __init__(
        self,
        policy: Policy,
        settings: Mapping[str, Any] | None = None,
        seconds: float | None = None,
        progress: Progress = _nobody,
    ) -> None:
        """``settings``: what llmspell.toml says of this tool."""
        self.policy = policy
        self.settings = settings or {}
        self.progress = progress
        self.compute: Compute = lambda function, arguments: function(**arguments)
        """Call a module's function in a process that is killed when the call is over (if the call is not in one)."""
        self._end = None if seconds is None else monotonic() + seconds
        self._cancelled = False
        self._lock = Lock()
        self._on_cancel: list[Callable[[], Any]] = []

    def seconds(self, most: float = 3600) -> float:
        """What is left of the call's time, at most `most`: for the timeouts of libraries."""
        return most if self._end is None else max(min(self._end - monotonic(), most), 0.001)

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def check(self) -> None:
        """Raises ToolError when nobody waits for the result any more."""
        if self._cancelled:
            raise ToolError("the call was cancelled", code="cancelled")

    def on_cancel(self, function: Callable[[], Any]) -> None:
        """Have what the tool waits for closed when the call is given up."""
        with self._lock:
            if not self._cancelled:
                self._on_cancel.append(function)
                return
        function()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            functions, self._on_cancel = self._on_cancel, []
        for function in functions:
            try:
                function()
            except Exception:  # what it closes may be half open: the call is over whatever happens
                pass
