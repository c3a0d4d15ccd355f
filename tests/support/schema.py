"""The official DAP schema as a judge of every message a test sees."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

NEWER = Path(__file__).parents[3] / "shared" / "reference" / "debugAdapterProtocol.json"


@cache
def _schemas() -> list[dict[str, Any]]:
    """The one in the debugpy wheel, and the newer one where it is present."""
    import debugpy

    folder = Path(debugpy.__file__).parent
    wheel = folder / "_vendored/pydevd/_pydevd_bundle/_debug_adapter/debugProtocol.json"
    return [json.loads(path.read_text()) for path in (wheel, NEWER) if path.exists()]


@cache
def _validators(name: str) -> list[jsonschema.Draft4Validator]:
    return [
        jsonschema.Draft4Validator({"$ref": f"#/definitions/{name}", "definitions": schema["definitions"]})
        for schema in _schemas()
    ]


def validate(message: dict[str, Any]) -> None:
    """Raises AssertionError that names the message and what is wrong with it."""
    validators = _validators(_definition(message))
    problems = [f"{e.json_path}: {e.message}" for v in validators for e in v.iter_errors(message)]
    problems += [f"{path} is null" for path in _nulls(message, "$")]
    assert not problems, f"{problems} in {json.dumps(message)[:2000]}"


def _definition(message: dict[str, Any]) -> str:
    kind = message["type"]
    if kind == "event":
        return _capital(message["event"]) + "Event"
    command = _capital(message["command"])
    if kind == "request":
        return command + "Request"
    if message["success"]:
        known = command + "Response" in _schemas()[0]["definitions"]
        return command + "Response" if known else "Response"
    return "ErrorResponse"


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _nulls(value: Any, path: str) -> list[str]:
    if value is None:
        return [path]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _nulls(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for n, item in enumerate(value) for found in _nulls(item, f"{path}[{n}]")]
    return []
