"""What callers are given: the result of a tool or its error, in one shape for all. Any thread.

``{operation, success, message?, result?, error?{code, message, details}, metadata{duration_ms, cached?}, text}``
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, time
from pathlib import PurePath
from typing import Any

from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.tools.spec import Result

Answer = dict[str, Any]
MAX_DEPTH = 100


def read(value: Any) -> Result:
    """What a tool returned, as value and text."""
    if type(value) is Result:
        return value
    return Result(value, value if type(value) is str else text_of(value))


def answer(operation: Any, result: Result, seconds: float, cached: bool) -> Answer:
    metadata: dict[str, Any] = {"duration_ms": seconds * 1000}
    if cached:
        metadata["cached"] = True
    made = {
        "operation": operation, "success": True, "result": result.value, "metadata": metadata, "text": result.text,
    }  # fmt: skip
    if result.message is not None:
        made["message"] = result.message
    return made


def failure(operation: Any, error: UserError, seconds: float) -> Answer:
    about = {"code": getattr(error, "code", "failed"), "message": str(error)}
    details = getattr(error, "details", None)
    if details:
        about["details"] = details
    return {
        "operation": operation, "success": False, "error": about,
        "metadata": {"duration_ms": seconds * 1000}, "text": str(error),
    }  # fmt: skip


def json_of(made: Answer, pretty: bool) -> str:
    """For programs. Bytes are a text, as in Lua; what no JSON can hold (inf, nan) is a text too."""
    plain_answer = {name: one for name, one in json_plain(made).items() if one is not None or name == "result"}
    return json.dumps(plain_answer, ensure_ascii=False, indent=2 if pretty else None)


def json_plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): json_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return text_of(value) if isinstance(value, bytes) else value


def text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


# What a tool of somebody's returns becomes plain data, or an error of that tool -----------------------


def _list(value: Any, depth: int) -> list[Any]:
    return [_plain(one, depth + 1) for one in value]


def _dict(value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
    return {_key(key): _plain(one, depth + 1) for key, one in value.items()}


def _key(key: Any) -> Any:
    if isinstance(key, str | int | float | bool):
        return key
    raise ToolError(f"the tool returned a dict with {key!r} as a key", code="bad_result")


def _set(value: Any, depth: int) -> list[Any]:
    return sorted(_list(value, depth), key=lambda one: (type(one).__name__, str(one)))


FORMS: list[tuple[type | tuple[type, ...], Callable[[Any, int], Any]]] = [
    (Mapping, _dict), ((list, tuple), _list), ((set, frozenset), _set),
    ((date, time), lambda value, _: value.isoformat()), (PurePath, lambda value, _: str(value)),
]  # fmt: skip


def plain(value: Any) -> Any:
    """Plain data. Raises ToolError (``bad_result``) for what has no such form."""
    if type(value) is Result:
        return value._replace(value=_plain(value.value, 0))
    return _plain(value, 0)


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, str | bytes | bool | int | float):
        return value
    if depth > MAX_DEPTH:
        raise ToolError("the tool returned data that contains itself or is nested too deeply", code="bad_result")
    for kind, form in FORMS:
        if isinstance(value, kind):
            return form(value, depth)
    raise ToolError(
        f"the tool returned a {type(value).__name__}, which is not data; "
        "return texts, numbers, lists and dicts of them",
        code="bad_result",
    )
