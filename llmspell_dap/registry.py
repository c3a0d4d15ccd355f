"""Which request is handled by which function, when, and on which thread; what is announced.

``@request("next", when=PAUSED)``: ``f(session, arguments)``, at once, in the session's turn.
``@question("scopes")``: ``f(pause, arguments, client)``, on the Lua thread while the program is paused.
Both give the body of the response; a request may give `LATER` when it responds by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple


class State(Enum):
    NEW = "new"
    READY = "ready"  # initialized
    CONFIGURED = "configured"  # configurationDone, nothing loaded yet
    LOADED = "loaded"  # launched, not configured
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    CLOSED = "closed"


ALWAYS = frozenset(State) - {State.NEW, State.CLOSED}
ALIVE = frozenset({State.RUNNING, State.PAUSED})
PAUSED = frozenset({State.PAUSED})
LATER: Any = object()


class Handler(NamedTuple):
    command: str
    function: Callable[..., Any]
    when: frozenset[State]
    on_lua_thread: bool


HANDLERS: dict[str, Handler] = {}
CAPABILITIES: dict[str, Any] = {}


def request(command: str, when: frozenset[State] = ALWAYS, **capabilities: Any) -> Callable[[Any], Any]:
    return _register(command, when, False, capabilities)


def question(command: str, **capabilities: Any) -> Callable[[Any], Any]:
    return _register(command, PAUSED, True, capabilities)


def _register(
    command: str, when: frozenset[State], on_lua_thread: bool, capabilities: dict[str, Any]
) -> Callable[[Any], Any]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        HANDLERS[command] = Handler(command, function, when, on_lua_thread)
        CAPABILITIES.update(capabilities)
        return function

    return register
