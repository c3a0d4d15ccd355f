"""What is written behind ``llmspell tool invoke``: the tool, its parameters, and how the result is shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError

HELP = """Usage: llmspell tool invoke NAME [PARAMETER=VALUE …] [OPTIONS]

  Call a tool. A value is read as JSON where the parameter takes what it says
  (numbers, true, lists), else it is a text; a.b=1 is a field of a table,
  name:=JSON is JSON whatever the parameter takes. --PARAMETER VALUE does too.

Options:
  --params JSON|@FILE|-   All parameters as one JSON object: here, in a file, on stdin.
  -o, --output text|json|pretty
                          The text of the result (the default), or all of it.
  --time-limit SECONDS    The longest that the call may take.
  --connect ID|FILE|HOST:PORT
                          In a kernel that runs already.
  --key KEY               Its key, where its connection file is not here.
  -h, --help              Show this.

  Exit codes: 0, 1 (the tool failed), 2 (no such tool, wrong parameters).
"""
OUTPUTS = ("text", "json", "pretty")
OPTIONS = {
    "--params": "params",
    "-o": "output",
    "--output": "output",
    "--time-limit": "seconds",
    "--connect": "connect",
    "--key": "key",
}


class UsageError(UserError):
    """Wrong words: exit code 2."""


class Invocation(NamedTuple):
    """``pairs``: name, text, whether it is JSON whatever the parameter takes."""

    name: str
    pairs: tuple[tuple[str, str, bool], ...] = ()
    params: str | None = None
    output: str = "text"
    seconds: float | None = None
    connect: str | None = None
    key: str | None = None


def parsed(words: list[str]) -> Invocation | None:
    """None: help is wanted. Raises UsageError."""
    name = ""
    pairs: list[tuple[str, str, bool]] = []
    options: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            return None
        head, equals, value = word.partition("=")
        if head in OPTIONS:
            options[OPTIONS[head]] = value if equals else _next(rest, head)
        elif word.startswith("--"):
            pairs.append((head[2:].replace("-", "_"), value if equals else _next(rest, word), False))
        elif not name:
            name = word
        elif word.lstrip().startswith("{") and "params" not in options:
            options["params"] = word
        elif equals and head.rstrip(":"):
            pairs.append((head.rstrip(":"), value, head.endswith(":")))
        else:
            raise UsageError(f"expected PARAMETER=VALUE, not {word!r}")
    if not name:
        raise UsageError("which tool? llmspell tool invoke NAME PARAMETER=VALUE …; llmspell tool list names them")
    return _checked(Invocation(name, tuple(pairs), **options))


def _next(rest: list[str], option: str) -> str:
    if not rest:
        raise UsageError(f"{option} needs a value")
    return rest.pop(0)


def _checked(asked: Invocation) -> Invocation:
    if asked.output not in OUTPUTS:
        raise UsageError(f"--output is one of {', '.join(OUTPUTS)}, not {asked.output!r}")
    if asked.seconds is None:
        return asked
    try:
        seconds = float(asked.seconds)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"--time-limit is a number of seconds above 0, not {asked.seconds!r}")
    return asked._replace(seconds=seconds)


def parameters(asked: Invocation, schema: Mapping[str, Any]) -> dict[str, Any]:
    """All that is given, as the tool's schema wants it. Raises UsageError."""
    found = {} if asked.params is None else _object(asked.params)
    for path, text, is_json in asked.pairs:
        name, *fields = path.split(".")
        value = _json(text, path) if is_json else _plain(text, {} if fields else schema["properties"].get(name, {}))
        _put(found, [name, *fields], value)
    return found


def _put(found: dict[str, Any], path: list[str], value: Any) -> None:
    *folders, last = path
    for folder in folders:
        found = found.setdefault(folder, {})
        if not isinstance(found, dict):
            raise UsageError(f"{'.'.join(path)}: {folder} is not a table")
    found[last] = value


def _object(text: str) -> dict[str, Any]:
    where = "--params"
    if text == "-":
        text, where = sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "stdin"
    elif text.startswith("@"):
        where = text[1:]
        try:
            with open(where, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError as error:
            raise UsageError(f"cannot read {where}: {(error.strerror or str(error)).lower()}") from error
    data = _json(text, where)
    if not isinstance(data, dict):
        raise UsageError(f'{where}: parameters are a JSON object, as {{"input": "2+2"}}')
    return data


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{where}: not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise UsageError(f"{where}: nested too deeply") from error


def _plain(text: str, schema: Mapping[str, Any]) -> Any:
    """A number is a text where a text is taken and no number."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    kinds = [one.get("type") for one in schema.get("anyOf", [schema])]
    takes_text = "string" in kinds or "enum" in schema
    return text if takes_text and _kind_of(value) not in kinds else value


def _kind_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", list: "array", dict: "object", str: "string"}
    return kinds.get(type(value), "null")
