"""json_processor: read, write, query and compare JSON. Any thread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import jmespath
import jsonschema
from referencing import Registry

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.patterns import compiled, found
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
        Example("A mistake is located", {"input": "{1}"}, error="failed"),
    ],
)
def json_processor(
    input: Any,
    operation: Literal["parse", "stringify", "query", "validate", "merge", "keys"] = "parse",
    query: str | None = None,
    schema: dict[str, Any] | None = None,
    other: Any = None,
    pretty: bool = False,
    sort_keys: bool = False,
) -> Result:
    """Work on JSON: a text, or data.

    Args:
        input: JSON text; stringify takes data as it is.
        operation: What to do.
        query: A JMESPath expression (query).
        schema: A JSON Schema (validate).
        other: Data or JSON text to merge into the input.
        pretty: Indent what is written.
        sort_keys: Order the keys of what is written.
    """
    if operation == "stringify":
        text = _written(input, pretty, sort_keys)
        return Result(text, text)
    data = _read(input)
    if operation == "parse":
        return Result(data, _written(data, pretty, sort_keys))
    if operation == "query":
        found = _query(data, query)
        return Result(found, _written(found, pretty, sort_keys))
    if operation == "validate":
        return _validate(data, schema)
    if operation == "merge":
        merged = _merge(data, _read(other))
        return Result(merged, _written(merged, pretty, sort_keys))
    if not isinstance(data, dict):
        raise ToolError("keys needs an object")
    return Result(sorted(data), ", ".join(sorted(data)))


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


def _query(data: Any, query: str | None) -> Any:
    if not query:
        raise ToolError("query needs `query`, a JMESPath expression", code="invalid_parameters")
    try:
        return jmespath.search(query, data)
    except jmespath.exceptions.JMESPathError as error:
        raise ToolError(f"query {query!r}: {str(error).splitlines()[0]}") from error


def _validate(data: Any, schema: dict[str, Any] | None) -> Result:
    if schema is None:
        raise ToolError("validate needs `schema`, a JSON Schema", code="invalid_parameters")
    try:
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ToolError(f"the schema is not a JSON Schema: {error.message}") from error
    # An empty registry: a $ref must not read files or the network. Patterns must end.
    validator = jsonschema.validators.extend(kind, _keywords(kind, schema))(schema, registry=Registry())
    problems = validator.iter_errors(data)
    errors = [{"path": error.json_path, "message": error.message} for error in problems]
    text = "valid" if not errors else "\n".join(f"{e['path']}: {e['message']}" for e in errors)
    return Result({"valid": not errors, "errors": errors}, text)


Problems = Iterator[jsonschema.ValidationError]


def _keywords(kind: Any, whole: dict[str, Any]) -> dict[str, Any]:
    """The keywords that try patterns, with patterns that end."""
    standard_additional = kind.VALIDATORS.get("additionalProperties")
    standard_unevaluated = kind.VALIDATORS.get("unevaluatedProperties")

    def additional(validator: Any, wanted: Any, value: Any, schema: Any) -> Problems:
        if isinstance(value, dict):
            patterns = schema.get("patternProperties", {})
            value = {key: item for key, item in value.items() if not any(_matches(one, key) for one in patterns)}
            schema = {name: part for name, part in schema.items() if name != "patternProperties"}
        yield from standard_additional(validator, wanted, value, schema)

    def unevaluated(validator: Any, wanted: Any, value: Any, schema: Any) -> Problems:
        if _mentions(whole, "patternProperties"):  # the library would try the patterns without a limit
            raise ToolError("unevaluatedProperties can't be checked in a schema that has patternProperties")
        yield from standard_unevaluated(validator, wanted, value, schema)

    return {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        **({"additionalProperties": additional} if standard_additional else {}),
        **({"unevaluatedProperties": unevaluated} if standard_unevaluated else {}),
    }


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Problems:
    if isinstance(value, str) and not _matches(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], value: Any, _: Any) -> Problems:
    for pattern, schema in patterns.items() if isinstance(value, dict) else ():
        for key, item in value.items():
            if _matches(pattern, key):
                yield from validator.descend(item, schema, path=key, schema_path=pattern)


def _matches(pattern: str, text: str) -> bool:
    return any(True for _ in found(compiled(pattern), text))


def _mentions(schema: Any, keyword: str) -> bool:
    if isinstance(schema, dict):
        return keyword in schema or any(_mentions(part, keyword) for part in schema.values())
    return isinstance(schema, list) and any(_mentions(part, keyword) for part in schema)


def _merge(data: Any, other: Any) -> Any:
    if isinstance(data, dict) and isinstance(other, dict):
        merged = dict(data)
        for key, value in other.items():
            merged[key] = _merge(data[key], value) if key in data else value
        return merged
    return other
