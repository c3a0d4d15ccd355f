"""Hayagriva's YAML as CSL items: entries by their keys, with what they are part of as their ``parent``. Any thread."""

from __future__ import annotations

import re
from typing import Any

TYPES = {
    "article": "article-journal", "chapter": "chapter", "entry": "entry", "anthos": "chapter", "report": "report",
    "thesis": "thesis", "web": "webpage", "scene": "motion_picture", "artwork": "graphic", "patent": "patent",
    "case": "legal_case", "newspaper": "article-newspaper", "legislation": "legislation", "manuscript": "manuscript",
    "original": "document", "post": "post", "misc": "document", "performance": "performance", "periodical":
    "periodical", "proceedings": "book", "book": "book", "blog": "webpage", "reference": "book", "conference":
    "event", "anthology": "book", "repository": "software", "thread": "post", "video": "motion_picture", "audio":
    "song", "exhibition": "event",
}  # fmt: skip
OF_PARENTS = {  # what an entry is, by what it is part of
    "proceedings": "paper-conference", "conference": "paper-conference", "newspaper": "article-newspaper",
    "blog": "post-weblog", "book": "chapter", "anthology": "chapter", "reference": "entry-encyclopedia",
    "thread": "post", "web": "webpage", "periodical": "article-journal",
}  # fmt: skip
FIELDS = {
    "edition": "edition", "issue": "issue", "volume": "volume", "page-range": "page", "note": "note", "language":
    "language", "genre": "genre", "abstract": "abstract", "archive": "archive", "chapter": "chapter-number",
    "volume-total": "number-of-volumes", "page-total": "number-of-pages",
}  # fmt: skip
SERIAL = {"doi": "DOI", "isbn": "ISBN", "issn": "ISSN", "pmid": "PMID", "pmcid": "PMCID"}
Table = dict[str, Any]


def is_hayagriva(data: Table) -> bool:
    """Its entries are tables of their own, and it has no list of references."""
    return (
        bool(data) and not {"references", "items", "id"} & set(data) and any(isinstance(v, dict) for v in data.values())
    )


def items_of_hayagriva(data: Table) -> tuple[list[Table], list[Table]]:
    items, problems = [], []
    for key, entry in data.items():
        if isinstance(entry, dict):
            items.append(_item(str(key), {str(name): value for name, value in entry.items()}))
        else:
            problems.append({"key": str(key), "message": "is not an entry: a table with a `type`"})
    return items, problems


def _item(key: str, entry: Table) -> Table:
    parent = entry.get("parent")
    parent = next((one for one in parent if isinstance(one, dict)), {}) if isinstance(parent, list) else parent
    parent = parent if isinstance(parent, dict) else {}
    item: Table = {"id": key, "type": _type(entry, parent)}
    for source in (entry, parent):  # what the entry does not say is its parent's
        for name, value in _fields(source).items():
            item.setdefault(name, value)
    if parent:
        item.setdefault("container-title", _text(parent.get("title")))
    for name in ("author", "editor", "translator"):
        people = entry.get(name) or (parent.get(name) if name == "editor" else None)
        if people:
            item[name] = [_name(one) for one in (people if isinstance(people, list) else [people])]
    return {name: value for name, value in item.items() if value not in ("", None)}


def _type(entry: Table, parent: Table) -> str:
    kind, of = (str(one.get("type", "")).lower() for one in (entry, parent))
    if kind in ("article", "entry", "chapter", "anthos", "web", "post", "") and of in OF_PARENTS:
        return OF_PARENTS[of]
    return TYPES.get(kind, "document")


def _fields(entry: Table) -> Table:
    item: Table = {FIELDS[name]: _text(value) for name, value in entry.items() if name in FIELDS}
    publisher = entry.get("publisher") or entry.get("organization")
    place = entry.get("location") or (publisher.get("location") if isinstance(publisher, dict) else None)
    item.update({"publisher": _text(publisher), "publisher-place": _text(place), **_address(entry.get("url"))})
    item["title"] = _text(entry.get("title"))
    if "date" in entry:
        item["issued"] = _date(entry["date"])
    serial = entry.get("serial-number")
    if isinstance(serial, dict):
        item.update({SERIAL[name]: _text(value) for name, value in serial.items() if name in SERIAL})
    item.update({SERIAL[name]: _text(entry[name]) for name in SERIAL if name in entry})
    return {name: value for name, value in item.items() if value}


def _address(url: Any) -> Table:
    if isinstance(url, dict):
        return {"URL": _text(url.get("value")), **({"accessed": _date(url["date"])} if "date" in url else {})}
    return {"URL": _text(url)}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("value", value.get("name", ""))
    return "" if value is None or isinstance(value, list | dict) else str(value)


def _date(value: Any) -> Table:
    parts = [int(one) for one in re.findall(r"\d+", str(value))][:3]
    return {"date-parts": [parts]} if parts else {"literal": str(value)}


def _name(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        parts = {
            "family": value.get("name"), "given": value.get("given-name"), "suffix": value.get("suffix"),
            "non-dropping-particle": value.get("prefix"),
        }  # fmt: skip
        return {name: str(text) for name, text in parts.items() if text}
    family, comma, given = str(value).partition(",")
    given, _, suffix = given.partition(",")
    if not comma:
        return {"literal": family.strip()}
    parts = {"family": family.strip(), "given": given.strip(), "suffix": suffix.strip()}
    return {name: text for name, text in parts.items() if text}
