"""``tool_request``: list, info, invoke, search and test tools. A message of llmspell's own. Lua thread only."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.jupyter.messages import BadContent, Content, Json

if TYPE_CHECKING:
    from llmspell_kernel.jupyter.kernel import Request
    from llmspell_kernel.tools.examples import Played
    from llmspell_kernel.tools.registry import Tools

MOST = 10  # tools that a search finds, unless told otherwise


def tool(request: Request) -> Json:
    content = Content(request.message)
    command = content.text("command")
    answer = COMMANDS.get(command)
    if answer is None:
        raise BadContent(f"tool_request: `command` is one of {', '.join(COMMANDS)}, not {command!r}")
    found: Json = answer(request.kernel.tools(), content)
    request.kernel.streams.flush(everything=True)  # what they have printed comes before the reply
    return found


def _told(info: Json) -> Json:
    """What the catalog says, and what is missing where the kernel runs."""
    from llmspell_kernel.tools.catalog import install_line, missing

    lacking = missing(info)
    return {**info, "missing": lacking, "install": install_line(info) if lacking else None}


def _list(tools: Tools, content: Content) -> Json:
    category = content.text("category", "")
    told = [_told(one) for one in tools.every() if category in ("", one["category"])]
    names = [one["name"] for one in told]
    return {
        "status": "ok", "tools": names, "count": len(names), "category": category or None,
        "details": told, "problems": tools.problems,
    }  # fmt: skip


def _info(tools: Tools, content: Content) -> Json:
    try:
        told = tools.info(content.text("name"))
    except ToolError as error:
        return _failed(error, content)
    return {"status": "ok", **_told(told), "security_level": told["level"]}


def _invoke(tools: Tools, content: Content) -> Json:
    name, parameters, seconds = content.text("name"), content.object("params"), _seconds(content)
    start = perf_counter()
    try:
        result = tools.call(name, parameters, seconds=seconds)
    except ToolError as error:
        return {**_failed(error, content), "duration_ms": (perf_counter() - start) * 1000}
    taken = (perf_counter() - start) * 1000
    return {"status": "ok", "tool": name, "result": result, "duration_ms": taken, "streaming": False}


def _seconds(content: Content) -> float | None:
    seconds = content.values.get("timeout")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise BadContent("tool_request: `timeout` is a number of seconds above 0")
    return float(seconds)


ERROR_TYPES = {
    "unknown_tool": "not_found",
    "not_found": "not_found",
    "invalid_parameters": "validation_error",
    "not_allowed": "configuration_error",
    "missing_extra": "configuration_error",
    "timeout": "timeout",
    "interrupted": "interrupted",
    "cancelled": "interrupted",
}


def _failed(error: UserError, content: Content) -> Json:
    code = getattr(error, "code", "failed")
    details = getattr(error, "details", None)
    return {
        "status": "error",
        "tool": content.text("name"),
        "error": str(error),
        "error_type": ERROR_TYPES.get(code, "execution_error"),
        "code": code,
        "details": details,
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": [],
    }


def _search(tools: Tools, content: Content) -> Json:
    """The best first, as `Tools.search` ranks them."""
    query = content.values.get("query")
    words = [query] if isinstance(query, str) else query
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadContent("tool_request: `query` is a list of words")
    category, most = content.text("category", ""), content.number("most", MOST)
    found = [one for one in tools.search(" ".join(words), 1000) if category in ("", one["category"])][: max(most, 0)]
    return {"status": "ok", "matches": [one["name"] for one in found], "query": words, "details": found}


def _test(tools: Tools, content: Content) -> Json:
    """Run the worked examples of a tool; one that lacks a module is not tried, and that is no failure."""
    try:
        told = _told(tools.info(content.text("name")))
        tested = [] if told["missing"] else _played(tools, told["name"])
    except ToolError as error:
        return {**_failed(error, content), "success": False, "message": str(error)}
    good = sum(not one.problem for one in tested)
    message = f"not tried, it needs {', '.join(told['missing'])}" if told["missing"] else f"{good} of {len(tested)}"
    return {
        "status": "ok", "success": good == len(tested), "tool": told["name"], "message": f"{told['name']}: {message}",
        "details": {
            "examples": [one._asdict() for one in tested], "missing": told["missing"], "install": told["install"],
        },
    }  # fmt: skip


def _played(tools: Tools, name: str) -> list[Played]:
    from llmspell_kernel.tools.examples import played  # a web server, for some

    run = getattr(tools, "interruptibly", lambda function: function())  # see InterruptibleTools
    found: list[Played] = run(lambda: list(played(tools, tools.get(name))))
    return found


COMMANDS: dict[str, Any] = {"list": _list, "info": _info, "invoke": _invoke, "search": _search, "test": _test}
