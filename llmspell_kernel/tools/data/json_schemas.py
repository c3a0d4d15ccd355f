"""Data held to a JSON Schema, which reads no files or addresses, and whose patterns end. Any thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data.patterns import compiled, found
from llmspell_kernel.tools.spec import Result


def validate(data: Any, schema: dict[str, Any] | None) -> Result:
    if schema is None:
        raise ToolError("validate needs `schema`, a JSON Schema", code="invalid_parameters")
    try:
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ToolError(f"the schema is not a JSON Schema: {error.message}") from error
    errors = [{"path": error.json_path, "message": error.message} for error in problems_of(kind, schema, data)]
    text = "valid" if not errors else "\n".join(f"{e['path']}: {e['message']}" for e in errors)
    return Result({"valid": not errors, "errors": errors}, text)


Problems = Iterator[jsonschema.ValidationError]


def problems_of(kind: Any, schema: dict[str, Any], data: Any) -> list[jsonschema.ValidationError]:
    """``kind``: jsonschema's class for the schema, which is one. Raises ToolError: it can't be checked."""
    # An empty registry: a $ref must not read files or the network. Patterns must end.
    validator = jsonschema.validators.extend(kind, _keywords(kind, schema))(schema, registry=Registry())
    try:
        return list(validator.iter_errors(data))
    except Unresolvable as error:
        raise ToolError(f"the schema points to {error.ref!r}, which is not in it; nothing else is read") from error
    except RecursionError as error:
        raise ToolError("the data is nested too deeply for the schema, or the schema leads back to itself") from error


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
