"""Going on, stepping, pausing; threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_dap.protocol import Arguments, Json
from llmspell_dap.registry import ALIVE, LATER, PAUSED, State, request
from llmspell_kernel.debug.model import Step

if TYPE_CHECKING:
    from llmspell_dap.session import Session

MAIN = {"id": 1, "name": "main"}


@request("continue", PAUSED)
def continue_(session: Session, arguments: Arguments) -> Json:
    session.resumed(Step("continue"))
    return {"allThreadsContinued": True}


@request("next", PAUSED)
def next_(session: Session, arguments: Arguments) -> None:
    session.resumed(Step("over", arguments.number("threadId")))


@request("stepIn", PAUSED)
def step_in(session: Session, arguments: Arguments) -> None:
    session.resumed(Step("into", arguments.number("threadId")))


@request("stepOut", PAUSED)
def step_out(session: Session, arguments: Arguments) -> None:
    session.resumed(Step("out", arguments.number("threadId")))


@request("pause", ALIVE)
def pause(session: Session, arguments: Arguments) -> None:
    session.debugger.pause()


@request("threads")
def threads(session: Session, arguments: Arguments) -> Any:
    """While the program runs only the main thread is known for sure."""
    if session.state is not State.PAUSED:
        return {"threads": [MAIN]}
    session.ask(session.current, lambda paused: {"threads": [_thread(t) for t in paused.threads()]})
    return LATER


def _thread(thread: Any) -> Json:
    return {"id": thread.id, "name": thread.name}
