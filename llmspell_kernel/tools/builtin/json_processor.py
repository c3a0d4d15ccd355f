"""json_processor: read, write, query and compare JSON. Any thread."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.data.json_schemas import validate
from llmspell_kernel.tools.data.json_streams import values
from llmspell_kernel.tools.data.queries import Language, ask
from llmspell_kernel.tools.spec import Example, Result, tool


@tool(
    category="data",
    pure=True,
    aliases={"json": "input"},
    examples=[
        Example("Parse a text", {"input": '{"a": [1, 2]}'}, result={"a": [1, 2]}),
        Example(
            "Ask with JMESPath", {"operation": "query", "input": {"a": [1, 2]}, "query": "a[1]"}, text="2", result=2
        ),
        Example(
            "Ask with jq", {"operation": "query", "input": {"a": [1, 2]}, "query": ".a | map(. * 10)"}, result=[10, 20]
        ),
        Example(
            "Line by line",
            {"operation": "stream", "input": '{"n": 1}\n{"n": 2}\n', "query": ".n"},
            text="1\n2",
            result=[1, 2],
        ),
        Example("A mistake is located", {"input": "{1}"}, error="failed"),
    ],
)
def json_processor(
    call: Call,
    input: Any,
    operation: Literal["parse", "stringify", "query", "validate", "stream", "merge", "keys"] = "parse",
    query: str | None = None,
    schema: dict[str, Any] | None = None,
    other: Any = None,
    pretty: bool = False,
    sort_keys: bool = False,
    language: Language = "auto",
    limit: int | None = None,
) -> Result:
    """Work on JSON: a text, or data.

    Args:
        input: JSON text; stringify takes data as it is, stream a list or a text of many values: JSON Lines, values one
            after the other, an array.
        operation: What to do.
        query: A JMESPath expression or a jq filter (query: all of it, if not given; stream: asked of each value).
        schema: A JSON Schema (validate).
        other: Data or JSON text to merge into the input.
        pretty: Indent what is written.
        sort_keys: Order the keys of what is written.
        language: The query's; auto: JMESPath where it is that, and jq otherwise. A jq filter with several results
            gives a list of them, one with none nothing.
        limit: How many values at most (stream): what follows is not read.
    """
    if operation == "stream":
        found = _streamed(call, input, query, language, limit)
        return Result(found, "\n".join(_written(one, pretty, sort_keys) for one in found))
    if operation == "stringify":
        text = _written(input, pretty, sort_keys)
        return Result(text, text)
    data = _read(input)
    if operation == "parse":
        return Result(data, _written(data, pretty, sort_keys))
    if operation == "query":
        found = ask(call, [data], query or ".", language)[0]
        return Result(found, _written(found, pretty, sort_keys))
    if operation == "validate":
        return validate(data, schema)
    if operation == "merge":
        merged = _merge(data, _read(other))
        return Result(merged, _written(merged, pretty, sort_keys))
    if not isinstance(data, dict):
        raise ToolError("keys needs an object")
    return Result(sorted(data), ", ".join(sorted(data)))


def _streamed(call: Call, input: Any, query: str | None, language: Language, limit: int | None) -> list[Any]:
    if limit is not None and limit < 0:
        raise ToolError("limit: it must be 0 or more", code="invalid_parameters")
    found: list[Any] = []
    for one in islice(input if isinstance(input, list) else values(input), limit):
        found.append(one)
        if len(found) % 1000 == 0:
            call.check()
    return ask(call, found, query, language) if query else found


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ToolError(
            f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}",
            details={"line": error.lineno, "column": error.colno},
        ) from error


def _written(value: Any, pretty: bool, sort_keys: bool) -> str:
    try:
        return json.dumps(
            value,
            ensure_ascii=False,
            indent=2 if pretty else None,
            sort_keys=sort_keys,
            allow_nan=False,
        )
    except ValueError as error:
        raise ToolError(f"can't be written as JSON: {error}") from error


def _merge(data: Any, other: Any) -> Any:
    if isinstance(data, dict) and isinstance(other, dict):
        merged = dict(data)
        for key, value in other.items():
            merged[key] = _merge(data[key], value) if key in data else value
        return merged
    return other
