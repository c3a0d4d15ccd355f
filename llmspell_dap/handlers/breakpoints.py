"""What a program is to stop at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_dap.protocol import Arguments, Json
from llmspell_dap.registry import request
from llmspell_dap.translate import (
    breakpoint_in,
    breakpoint_out,
    function_breakpoint_in,
    location_out,
    source_in,
    without_none,
)
from llmspell_kernel.debug.model import Breakpoint, ExceptionFilter, ExceptionFilterState
from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_dap.session import Session

FILTERS = [
    {
        "filter": "raised",
        "label": "Raised Errors",
        "description": "Stop where an error is raised, even if the program catches it.",
        "default": False,
        "supportsCondition": True,
        "conditionDescription": 'A Lua expression that sees the error as `error`, e.g. tostring(error):find("timeout")',
    },
    {
        "filter": "uncaught",
        "label": "Uncaught Errors",
        "description": "Stop where an error is raised that nothing will catch.",
        "default": True,
        "supportsCondition": True,
        "conditionDescription": "A Lua expression that sees the error as `error`.",
    },
    {
        "filter": "tool",
        "label": "Tool Errors",
        "description": "Stop where a tool has failed, before the program sees its error.",
        "default": False,
        "supportsCondition": True,
        "conditionDescription": 'A Lua expression that sees the error as `error`, e.g. error.tool == "calculator"',
    },
]
NAMES = {one["filter"] for one in FILTERS}


@request(
    "setBreakpoints",
    supportsConditionalBreakpoints=True,
    supportsHitConditionalBreakpoints=True,
    supportsLogPoints=True,
)
def set_breakpoints(session: Session, arguments: Arguments) -> Json:
    client = session.client
    source = source_in(arguments.object("source"), client)
    if arguments.values.get("breakpoints") is not None:
        wanted = [breakpoint_in(one, client) for one in arguments.objects("breakpoints")]
    else:  # the old form
        wanted = [Breakpoint(client.line_in(_line(line))) for line in arguments.items("lines")]
    states = session.debugger.set_breakpoints(source, wanted)
    return {"breakpoints": [breakpoint_out(state, client) for state in states]}


def _line(line: Any) -> int:
    if type(line) is not int:
        raise UserError("setBreakpoints: `lines` must be whole numbers")
    return line


@request("setFunctionBreakpoints", supportsFunctionBreakpoints=True)
def set_function_breakpoints(session: Session, arguments: Arguments) -> Json:
    wanted = [function_breakpoint_in(one) for one in arguments.objects("breakpoints")]
    states = session.debugger.set_function_breakpoints(wanted)
    return {"breakpoints": [breakpoint_out(state, session.client) for state in states]}


@request("breakpointLocations", supportsBreakpointLocationsRequest=True)
def breakpoint_locations(session: Session, arguments: Arguments) -> Json:
    client = session.client
    source = source_in(arguments.object("source"), client)
    first = client.line_in(arguments.needed_number("line"))
    end = arguments.maybe_number("endLine")
    found = session.debugger.breakpoint_locations(source, first, first if end is None else client.line_in(end))
    return {"breakpoints": [location_out(one, client) for one in found]}


@request(
    "setExceptionBreakpoints",
    exceptionBreakpointFilters=FILTERS,
    supportsExceptionFilterOptions=True,
)
def set_exception_breakpoints(session: Session, arguments: Arguments) -> Json:
    wanted = [ExceptionFilter(_filter(name)) for name in arguments.texts("filters")]
    for option in arguments.objects("filterOptions"):
        name = _filter(option.needed_text("filterId"))
        wanted.append(ExceptionFilter(name, option.maybe_text("condition") or None))
    session.filters = wanted
    states = _arm(session)[: len(wanted)]
    bodies = [without_none({"id": s.id, "verified": s.verified, "message": s.message}) for s in states]
    return {"breakpoints": bodies}


def arm_more_exceptions(session: Session, arguments: Arguments) -> None:
    """The ``exceptions`` of a launch, beside what the client has its user tick."""
    more = [ExceptionFilter(_filter(name)) for name in arguments.texts("exceptions")]
    if more != session.more_filters:
        session.more_filters = more
        _arm(session)


def _arm(session: Session) -> list[ExceptionFilterState]:
    ticked = {one.name for one in session.filters}
    more = [one for one in session.more_filters if one.name not in ticked]
    return session.debugger.set_exceptions([*session.filters, *more])


def _filter(name: str) -> Any:
    if name not in NAMES:
        raise UserError(f"unknown exception filter {name!r}; there are {', '.join(sorted(map(str, NAMES)))}")
    return name
