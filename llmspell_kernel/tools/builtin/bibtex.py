"""BibTeX and BibLaTeX entries as CSL items. Any thread."""

from __future__ import annotations

import logging
import re
from typing import Any

from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import NameParts, SeparateCoAuthors, SplitNameParts
from bibtexparser.model import DuplicateBlockKeyBlock, Entry, ParsingFailedBlock
from pylatexenc.latex2text import LatexNodes2Text

TYPES = {
    "article": "article-journal", "book": "book", "booklet": "pamphlet", "collection": "book", "conference":
    "paper-conference", "dataset": "dataset", "electronic": "webpage", "inbook": "chapter", "incollection": "chapter",
    "inproceedings": "paper-conference", "manual": "book", "mastersthesis": "thesis", "mvbook": "book", "online":
    "webpage", "patent": "patent", "phdthesis": "thesis", "proceedings": "book", "report": "report", "software":
    "software", "techreport": "report", "thesis": "thesis", "unpublished": "manuscript", "www": "webpage",
}  # fmt: skip
FIELDS = {
    "title": "title", "volume": "volume", "issue": "issue", "edition": "edition", "doi": "DOI", "url": "URL",
    "isbn": "ISBN", "issn": "ISSN", "note": "note", "abstract": "abstract", "publisher": "publisher", "school":
    "publisher", "institution": "publisher", "organization": "publisher", "address": "publisher-place", "location":
    "publisher-place", "series": "collection-title", "journal": "container-title", "journaltitle": "container-title",
    "booktitle": "container-title", "chapter": "chapter-number", "keywords": "keyword", "language": "language",
    "shorttitle": "title-short", "version": "version", "type": "genre", "howpublished": "medium", "annote": "annote",
}  # fmt: skip
AS_WRITTEN = ("doi", "url", "isbn", "issn")
GENRES = {"phdthesis": "PhD thesis", "mastersthesis": "Master's thesis", "techreport": "Technical report"}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
Problem = dict[str, Any]
logging.getLogger("bibtexparser").addHandler(logging.NullHandler())  # what it logs we tell: not on stderr as well
logging.getLogger("pylatexenc").addHandler(logging.NullHandler())


def items_of_bibtex(text: str) -> tuple[list[dict[str, Any]], list[Problem]]:
    library = parse_string(text, append_middleware=[SeparateCoAuthors(), SplitNameParts()])
    return [_item(entry) for entry in library.entries], [_problem(block) for block in library.failed_blocks]


def _problem(block: ParsingFailedBlock) -> Problem:
    line = (block.start_line or 0) + 1
    if isinstance(block, DuplicateBlockKeyBlock):
        return {"key": block.key, "line": line, "message": "this key is there twice; the first entry counts"}
    return {"line": line, "message": (str(block.error).splitlines() or [""])[-1].strip() or "can't be read as BibTeX"}


def _item(entry: Entry) -> dict[str, Any]:
    kind = entry.entry_type.lower()
    fields = {field.key.lower(): field.value for field in entry.fields}
    item: dict[str, Any] = {"id": entry.key, "type": TYPES.get(kind, "document")}
    if kind in GENRES:
        item["genre"] = GENRES[kind]
    for name, value in fields.items():
        if name in FIELDS and isinstance(value, str):
            text = _as_written(value) if name in AS_WRITTEN else decoded(value)
            item.setdefault(FIELDS[name], text)
    for name in ("author", "editor", "translator"):
        people = fields.get(name)
        if isinstance(people, list):
            item[name] = [_name(one) for one in people if isinstance(one, NameParts) and one.last != ["others"]]
    _add_numbers(item, fields)
    _add_dates(item, fields)
    return item


def _add_numbers(item: dict[str, Any], fields: dict[str, Any]) -> None:
    number = fields.get("number")
    if isinstance(number, str):
        item["issue" if item["type"] == "article-journal" else "number"] = decoded(number)
    pages = fields.get("pages")
    if isinstance(pages, str):
        item["page"] = re.sub(r"\s*(-{1,3}|–)\s*", "-", decoded(pages.replace("--", "-")))


def _add_dates(item: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, source in (("issued", fields.get("date") or fields.get("year")), ("accessed", fields.get("urldate"))):
        parts = [int(one) for one in re.findall(r"\d+", str(source or "").partition("/")[0])][:3]
        if not parts:
            continue
        month = str(fields.get("month", ""))[:3].lower()
        if name == "issued" and len(parts) == 1 and (month in MONTHS or month.isdecimal()):
            parts.append(MONTHS.index(month) + 1 if month in MONTHS else int(month))
        item[name] = {"date-parts": [parts]}


def _name(name: NameParts) -> dict[str, str]:
    first, von, last, jr = (" ".join(part) for part in (name.first, name.von, name.last, name.jr))
    if last.startswith("{") and last.endswith("}") and not first:
        return {"literal": decoded(last)}  # {ACME Inc.} is not a person
    parts = {"family": last, "given": first, "non-dropping-particle": von, "suffix": jr}
    return {part: decoded(text) for part, text in parts.items() if text}


def _as_written(text: str) -> str:
    return re.sub(r"\\([_%#&{}$~])", r"\1", text).strip("{} ")


def decoded(text: str) -> str:
    """What LaTeX would print. A bare % begins no comment here."""
    plain = re.sub(r"(?<!\\)%", r"\\%", text)
    return " ".join(LatexNodes2Text(math_mode="text").latex_to_text(plain).split())
