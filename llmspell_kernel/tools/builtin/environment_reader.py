"""environment_reader: variables of this process, those that may be told (environment.py). Any thread."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.sandbox import environment
from llmspell_kernel.tools.spec import Example, Result, tool


@tool(
    category="system",
    level="restricted",
    runs="here",
    aliases={"name": "variable_name"},
    examples=[
        Example("A variable that is not set", {"operation": "get", "variable_name": "LC_NO"}, result={"set": False}),
        Example("Those of a kind", {"operation": "pattern", "pattern": "LC_NOTHING*"}, result={"count": 0}),
        Example("No secrets", {"operation": "get", "variable_name": "MY_API_KEY"}, error="not_allowed"),
        Example(
            "Setting must be allowed",
            {"operation": "set", "variable_name": "COLOUR", "value": "red"},
            error="not_allowed",
        ),
    ],
)  # fmt: skip
def environment_reader(
    call: Call,
    operation: Literal["get", "list", "pattern", "set"],
    variable_name: str | None = None,
    value: str | None = None,
    pattern: str | None = None,
) -> Result:
    """Read environment variables, those that are no secrets.

    Args:
        operation: get one; list all that may be read; those whose names fit a pattern; set one, if that is allowed.
        variable_name: Which variable (get, set).
        value: What it is set to (set).
        pattern: Which names, as LC_* (pattern).
    """
    if operation == "list":
        return _readable(call, "*")
    if operation == "pattern":
        return _readable(call, _needed(operation, "pattern", pattern))
    name = _needed(operation, "variable_name", variable_name)
    if operation == "get":
        return _get(call, name)
    text = _needed(operation, "value", value)
    environment.require_settable(call.policy, name, text)
    os.environ[name] = text
    return Result({"name": name, "value": text, "set": True}, f"{name}={text}")


def _needed(operation: str, name: str, value: str | None) -> str:
    if value is None:
        raise ToolError(f"{operation} needs `{name}`", code="invalid_parameters")
    return value


def _get(call: Call, name: str) -> Result:
    try:
        value = os.environ.get(name)
    except (UnicodeEncodeError, ValueError) as error:
        raise ToolError(f"{name!r} can't be the name of a variable", code="invalid_parameters") from error
    environment.require_readable(call.policy, name, value or "")
    return Result({"name": name, "value": value, "set": value is not None}, value or "")


def _readable(call: Call, pattern: str) -> Result:
    every = dict(os.environ)
    fitting = {name: value for name, value in sorted(every.items()) if fnmatchcase(name.upper(), pattern.upper())}
    found = {name: value for name, value in fitting.items() if environment.may_read(call.policy, name, value)}
    text = "\n".join(f"{name}={value}" for name, value in found.items())
    # how many are kept back, not which: names of secrets are nobody's business
    told = {"variables": found, "count": len(found), "hidden": len(fitting) - len(found)}
    return Result(told, text)
