"""Tools that are described by a JSON Schema instead of a Python function: Lua functions, those of other servers.

Any thread. jsonschema checks what is given to them; whoever wrote the schema, it reads nothing else, and ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import jsonschema

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data.json_schemas import problems_of
from llmspell_kernel.tools.registry import Tool
from llmspell_kernel.tools.schema import Problems, shown, unknown
from llmspell_kernel.tools.spec import LEVELS, About, Level, Runs

KINDS = ("string", "number", "integer", "boolean", "array", "object")


class ForeignSchema:
    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises ToolError for what is no JSON Schema of an object."""
        self._schema = {"type": "object", "properties": {}, **schema}
        kind = jsonschema.validators.validator_for(self._schema, jsonschema.Draft202012Validator)
        try:
            kind.check_schema(self._schema)
        except jsonschema.SchemaError as error:
            raise ToolError(f"not a JSON Schema: {error.message}", code="invalid_parameters") from error
        self._kind = kind

    def schema(self) -> dict[str, Any]:
        return self._schema

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        properties = self._schema["properties"]
        defaults = {name: one["default"] for name, one in properties.items() if "default" in one}
        arguments = {**defaults, **{name: _listed(properties.get(name, {}), value) for name, value in given.items()}}
        wrong = problems_of(self._kind, self._schema, arguments)
        problems = [_said(error, list(properties)) for error in wrong]
        if problems:
            raise Problems(sorted(problems))
        return arguments


def _listed(schema: Any, value: Any) -> Any:
    """Lua's empty table is a list as well."""
    return [] if value == {} and isinstance(schema, dict) and schema.get("type") == "array" else value


def _said(error: jsonschema.ValidationError, known: list[str]) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{place + '.' if place else ''}{missing}: missing"
    if error.validator == "additionalProperties" and not place:
        strange = next(name for name in error.instance if name not in known)
        return f"{strange}: {unknown(str(strange), known)}"
    if error.validator == "type":
        return f"{place}: expected {error.validator_value}, not {shown(error.instance)}"
    return f"{place}: {error.message}" if place else error.message


def foreign(name: str, told: Mapping[str, Any], call: Callable[..., Any] | None = None, runs: Runs = "thread") -> Tool:
    """A tool that ``told`` describes: description, parameters (a JSON Schema, or name → type), category, level.

    ``call`` None: whoever made it runs it (a Lua function). Raises ToolError.
    """
    level = told.get("level", "safe")
    if level not in LEVELS:
        raise ToolError(f"{name}: level is one of {', '.join(LEVELS)}", code="invalid_parameters")
    said = About(category=str(told.get("category", "user")), level=cast(Level, level), runs=runs, name=name)
    takes = ForeignSchema(schema_of(told.get("parameters") or told.get("schema") or {}))
    return Tool(call or _of_lua, said=said, takes=takes, description=str(told.get("description", "")))


def _of_lua(**_: Any) -> Any:
    raise ToolError("this tool is a function of a Lua program and is called there, with Tool.execute")


def schema_of(parameters: Any) -> dict[str, Any]:
    """A JSON Schema as it is; ``{name = "string", n = {type = "integer", default = 1}}`` as one."""
    if not isinstance(parameters, dict):
        if parameters == []:
            return {}
        raise ToolError("parameters must be a JSON Schema, or names with types", code="invalid_parameters")
    if parameters.get("type") == "object" or isinstance(parameters.get("properties"), dict):
        return parameters
    properties = {}
    for name, one in parameters.items():
        described = {"type": one} if isinstance(one, str) else dict(one) if isinstance(one, dict) else {}
        if described.get("type", "string") not in KINDS:
            raise ToolError(f"{name}: a type is one of {', '.join(KINDS)}", code="invalid_parameters")
        properties[str(name)] = described
    required = [name for name, one in properties.items() if "default" not in one and not one.pop("optional", False)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
