"""``tool_request``: list, info, invoke, search and test tools. A message of llmspell's own. Lua thread only."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.jupyter.messages import BadContent, Content, Json

if TYPE_CHECKING:
    from llmspell_kernel.jupyter.kernel import Request
    from llmspell_kernel.tools.registry import Tools


def tool(request: Request) -> Json:
    content = Content(request.message)
    command = content.text("command")
    answer = COMMANDS.get(command)
    if answer is None:
        raise BadContent(f"tool_request: `command` is one of {', '.join(COMMANDS)}, not {command!r}")
    found: Json = answer(request.kernel.tools(), content)
    return found


def _list(tools: Tools, content: Content) -> Json:
    category = content.text("category", "")
    names = sorted(tools.names() if not category else tools.categories().get(category, []))
    return {"status": "ok", "tools": names, "count": len(names), "category": category or None}


def _info(tools: Tools, content: Content) -> Json:
    try:
        return {"status": "ok", **tools.info(content.text("name"))}
    except ToolError as error:
        return _failed(error, content)


def _invoke(tools: Tools, content: Content) -> Json:
    name, parameters = content.text("name"), content.object("params")
    start = perf_counter()
    try:
        result = tools.call(name, parameters)
    except ToolError as error:
        return {**_failed(error, content), "duration_ms": (perf_counter() - start) * 1000}
    taken = (perf_counter() - start) * 1000
    return {"status": "ok", "tool": name, "result": result, "duration_ms": taken, "streaming": False}


ERROR_TYPES = {
    "unknown_tool": "not_found",
    "invalid_parameters": "validation_error",
    "not_allowed": "configuration_error",
    "timeout": "timeout",
    "interrupted": "interrupted",
}


def _failed(error: UserError, content: Content) -> Json:
    code = getattr(error, "code", "failed")
    details = getattr(error, "details", None)
    return {
        "status": "error",
        "tool": content.text("name"),
        "error": str(error),
        "error_type": ERROR_TYPES.get(code, "execution_error"),
        "details": details,
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": [],
    }


def _search(tools: Tools, content: Content) -> Json:
    """Tools whose name or description has every word; a match in the name comes first."""
    query = content.values.get("query")
    words = [query] if isinstance(query, str) else query
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadContent("tool_request: `query` is a list of words")
    words = [word.lower() for one in words for word in one.split()]
    category = content.text("category", "")
    found = []
    for name in tools.names() if not category else tools.categories().get(category, []):
        about = f"{name} {tools.info(name)['description']}".lower()
        if all(word in about for word in words):
            found.append((-sum(word in name.lower() for word in words), name))
    return {"status": "ok", "matches": [name for _, name in sorted(found)], "query": words}


def _test(tools: Tools, content: Content) -> Json:
    """Whether a tool can be used: it is there, its schema can be made, and it refuses what it does not take."""
    name = content.text("name")
    try:
        schema = tools.info(name)["schema"]
    except ToolError as error:
        return {**_failed(error, content), "success": False, "message": str(error)}
    refused = _refusal_of(tools, name)
    message = f"{name} is ready" if refused else f"{name} has taken a parameter that it does not know"
    details: Json = {"parameters": sorted(schema.get("properties", {})), "required": schema.get("required", [])}
    return {"status": "ok", "success": refused, "tool": name, "message": message, "details": details}


def _refusal_of(tools: Tools, name: str) -> bool:
    try:
        tools.call(name, {"no such parameter": 1})
    except ToolError as error:
        return error.code == "invalid_parameters"
    return False


COMMANDS: dict[str, Any] = {"list": _list, "info": _info, "invoke": _invoke, "search": _search, "test": _test}
