"""What a session wants done: values that the driver carries out. No thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Union

from llmspell_dap.protocol import Json, Request
from llmspell_kernel.debug.model import ProgramOptions


class Send(NamedTuple):
    message: Json


class Ask(NamedTuple):
    """A question for the paused program; its outcome comes back through `answered`."""

    request: Request
    question: Callable[[Any], Any]


class Cancel(NamedTuple):
    """Give up a question that was asked."""

    request: Request


class Launch(NamedTuple):
    """Load a program; the outcome comes back through `loaded`."""

    options: ProgramOptions


class Later(NamedTuple):
    """Call `later` with ``then`` after so many seconds."""

    seconds: float
    then: Callable[[], None]


class Finish(NamedTuple):
    """The connection is over; end it when the program has ended (``wait``) or now."""

    wait: bool


class OpenTerminal(NamedTuple):
    """Get a terminal from the client; the command to run in it comes back through `run_in_terminal`."""

    kind: str


class CloseTerminal(NamedTuple):
    """Give the terminal back, or wait for none any more."""


Action = Union[Send, Ask, Cancel, Launch, Later, Finish, OpenTerminal, CloseTerminal]  # noqa: UP007
