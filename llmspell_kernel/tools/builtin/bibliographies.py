"""Bibliographies as CSL items, read from BibTeX, CSL-JSON, CSL-YAML or Hayagriva's YAML. Any thread.

An item is a table in the words of CSL-JSON: ``{id, type, title, author: [{family, given}], issued: {date-parts}, …}``.
What can't be read is told beside what can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.bibtex import items_of_bibtex
from llmspell_kernel.tools.builtin.hayagriva import is_hayagriva, items_of_hayagriva

MAX_CHARACTERS, MAX_ITEMS = 5_000_000, 5_000
STARTS_AS_BIBTEX = re.compile(r"^\s*@\s*\w+\s*[{(]", re.MULTILINE)
# What citation styles can do nothing with is not passed on; texts may be numbers in YAML.
NAMES = ("author", "editor", "translator", "container-author", "collection-editor", "director", "composer")
DATES = ("issued", "accessed", "event-date", "original-date", "submitted")

Item = dict[str, Any]


class Read(NamedTuple):
    format: str
    items: list[Item]
    problems: list[dict[str, Any]]  # {key?, line?, message}


def read(text: str, format: str | None = None) -> Read:
    """Raises ToolError when nothing of it can be read."""
    if len(text) > MAX_CHARACTERS:
        raise ToolError(f"a bibliography may have at most {MAX_CHARACTERS} characters")
    chosen = format or detected(text)
    found = Read(chosen, *items_of_bibtex(text)) if chosen == "bibtex" else _of_data(chosen, _loaded(chosen, text))
    if len(found.items) > MAX_ITEMS:
        raise ToolError(f"a bibliography may have at most {MAX_ITEMS} entries")
    return found


def detected(text: str) -> str:
    if STARTS_AS_BIBTEX.search(text):
        return "bibtex"
    return "csl-json" if text.lstrip()[:1] in ("[", "{") else "yaml"


def _loaded(format: str, text: str) -> Any:
    try:
        return json.loads(text) if format == "csl-json" else yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ToolError(f"not YAML: {error.problem}{place}") from error
    except yaml.YAMLError as error:
        raise ToolError(f"not YAML: {str(error).splitlines()[0]}") from error
    except json.JSONDecodeError as error:
        raise ToolError(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except ValueError as error:  # a date that is none
        raise ToolError(f"not a bibliography: {error}") from error


def _of_data(format: str, data: Any) -> Read:
    if isinstance(data, dict) and is_hayagriva(data):
        return Read("yaml", *items_of_hayagriva(data))
    if isinstance(data, dict):
        data = data.get("references", data.get("items", [data] if "id" in data or "title" in data else None))
    if not isinstance(data, list):
        raise ToolError("not a bibliography: expected entries by their keys, or a list of CSL items with an `id`")
    items: list[Item] = []
    problems: list[dict[str, Any]] = []
    for n, one in enumerate(data, 1):
        if isinstance(one, dict) and "id" in one:
            items.append(_item(one))
        else:
            problems.append({"message": f"entry {n} is not a table with an `id`"})
    return Read(format, items, problems)


def _item(given: dict[Any, Any]) -> Item:
    item: Item = {}
    for name, value in given.items():
        if name in NAMES:
            item[name] = list(_names(value))
        elif name in DATES:
            item[name] = _date(value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            item[str(name)] = str(value)
    item["id"] = str(given["id"])
    item.setdefault("type", "article")
    return item


def _names(value: Any) -> Iterator[dict[str, str]]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield {str(part): str(text) for part, text in one.items() if isinstance(text, str | int)}
        elif isinstance(one, str):
            yield {"literal": one}


def _date(value: Any) -> dict[str, Any]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]  # CSL-YAML of pandoc: a list of {year, month, day}
    if isinstance(value, dict) and "year" in value:
        value = "-".join(f"{value[part]}" for part in ("year", "month", "day") if part in value)
    if isinstance(value, dict) and "date-parts" in value:
        return {"date-parts": [_whole(part) for part in value["date-parts"] if isinstance(part, list)]}
    if isinstance(value, dict):
        value = value.get("raw", value.get("literal", ""))
    return date_of(str(value))


def _whole(parts: list[Any]) -> list[int]:
    return [int(one) for one in parts if isinstance(one, int) or (isinstance(one, str) and one.isdecimal())][:3]


def date_of(text: str) -> dict[str, Any]:
    """``2024``, ``2024-05``, ``2024-05-06``; what is no date is kept as it is written."""
    match = re.fullmatch(r"\s*(-?\d{1,4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?\s*", text)
    if match is None:
        return {"literal": text}
    return {"date-parts": [[int(part) for part in match.groups() if part is not None]]}
