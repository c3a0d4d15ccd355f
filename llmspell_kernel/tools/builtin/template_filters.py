"""Filters and tests of Tera that Jinja2 lacks, or calls its arguments otherwise. In the template's process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from dateutil.parser import isoparse
from jinja2 import Undefined, filters

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.text_forms import truncate as truncated
from llmspell_kernel.tools.builtin.text_manipulator import slug
from llmspell_kernel.tools.data.patterns import compiled, found


def date(value: Any, format: str = "%Y-%m-%d", **_: Any) -> str:
    """Of an ISO 8601 text or seconds since 1970 (UTC)."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, timezone.utc).strftime(format)
    return isoparse(str(value)).strftime(format)


def default(given: Any, value: Any = "", boolean: bool = False, **more: Any) -> Any:
    value = more.get("default_value", value)
    return value if isinstance(given, Undefined) or (boolean and not given) else given


def get(value: Mapping[str, Any], key: str, default: Any = None) -> Any:
    return value.get(key, default)


def group_by(values: list[Any], attribute: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for one in values:
        groups.setdefault(str(at(one, attribute)), []).append(one)
    return groups


def filtered(values: list[Any], attribute: str, value: Any = None) -> list[Any]:
    return [one for one in values if at(one, attribute) == value]


def at(value: Any, path: str) -> Any:
    """``a.b`` in tables of tables; nothing where there is none."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def join(values: Any, d: str = "", attribute: Any = None, sep: str | None = None) -> str:
    parts = [at(one, attribute) for one in values] if attribute else values
    return (d if sep is None else sep).join(str(one) for one in parts)


def replace(text: Any, old: str = "", new: str = "", count: int = -1, **tera: Any) -> str:
    return str(text).replace(str(tera.get("from", old)), str(tera.get("to", new)), count)


def truncate(text: Any, length: int = 255, end: str = "…", **_: Any) -> str:
    return truncated(str(text), length + len(end), end) if len(str(text)) > length else str(text)


def slice_of(values: Any, start: int = 0, end: int | None = None) -> Any:
    return values[start:end]


def concat(values: list[Any], **tera: Any) -> list[Any]:
    more = tera.get("with")
    return [*values, *(more if isinstance(more, list) else [more])]


def throw(message: str) -> None:
    raise ToolError(f"the template says: {message}")


def matching(text: Any, pattern: str) -> bool:
    return any(True for _ in found(compiled(pattern), str(text)))


FILTERS: dict[str, Callable[..., Any]] = {
    "date": date, "default": default, "d": default, "get": get, "group_by": group_by, "filter": filtered, "join": join,
    "replace": replace, "truncate": truncate, "slice": slice_of, "concat": concat, "slugify": slug,
    "json_encode": lambda value, pretty=False: json.dumps(value, ensure_ascii=False, indent=2 if pretty else None),
    "split": lambda text, pat=None: str(text).split(pat), "nth": lambda values, n: values[n] if n < len(values) else "",
    "as_str": str, "trim_start": lambda text: str(text).lstrip(), "trim_end": lambda text: str(text).rstrip(),
    "addslashes": lambda text: str(text).replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'"),
    "pluralize": lambda n, singular="", plural="s": singular if n == 1 else plural,
    "escape_xml": filters.do_forceescape, "len": len,
}  # fmt: skip
TESTS: dict[str, Callable[..., bool]] = {
    "starting_with": lambda text, start: str(text).startswith(start),
    "ending_with": lambda text, end: str(text).endswith(end),
    "containing": lambda values, one: one in values,
    "matching": matching,
    "object": lambda value: isinstance(value, Mapping),
}
