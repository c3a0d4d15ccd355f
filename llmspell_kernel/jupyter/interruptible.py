"""Tools whose calls an interrupt breaks off. Lua thread, which must be the process's main one for that.

Python gives an exception to a thread that waits in C (a sleep, a read, a lock) only on the main thread, and only from
the handler of a signal. So the main thread owns Lua, and whoever wants to interrupt it pokes it with a signal.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ToolError

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

WAITING = ("call", "answer", "all", "map")  # methods of Tools that run tools
POKE = getattr(signal, "SIGURG", None)  # nobody else uses it, and it is ignored where nobody listens


class InterruptibleTools:
    def __init__(self, tools: Tools, interrupted: Callable[[], bool]) -> None:
        """``interrupted``: whether the program that runs is to end."""
        self._tools = tools
        self._interrupted = interrupted
        self._open = False  # while a call may be broken off

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._tools, name)
        return partial(self._call, value) if name in WAITING else value

    def interruptibly(self, function: Callable[[], Any]) -> Any:
        """Something else that runs tools. Raises ToolError: interrupted."""
        return self._call(function)

    def _call(self, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        try:
            return self._open_to_interrupts(function, *arguments, **more)
        except KeyboardInterrupt:
            name = arguments[0] if arguments and isinstance(arguments[0], str) else "tool"
            raise ToolError(f"{name} was interrupted", tool=name, code="interrupted") from None

    def _open_to_interrupts(self, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        self._open = True
        try:
            if self._interrupted():  # just now
                raise KeyboardInterrupt
            return function(*arguments, **more)
        finally:
            self._open = False

    def break_off(self, *_: Any) -> None:
        """The handler of `POKE`."""
        if self._open:
            self._open = False
            raise KeyboardInterrupt


def poke() -> None:
    """Any thread."""
    if POKE is not None:
        signal.pthread_kill(threading.main_thread().ident or 0, POKE)
