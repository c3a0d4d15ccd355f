"""What is told of tools without importing them: catalog.json. ``python -m llmspell_kernel.tools.catalog`` writes it.

It is made from the functions themselves, and so is docs/builtin-tools.md; a test holds both to them. Any thread.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from llmspell_kernel.config import Config
from llmspell_kernel.tools.names import ALIASES

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tool

DOCUMENT = os.path.join("docs", "builtin-tools.md")
FILE = os.path.join(os.path.dirname(__file__), "catalog.json")
Entry = dict[str, Any]


def entry(tool: Tool) -> Entry:
    """A tool as people and programs are told of it: plain data."""
    said = tool.about
    return {
        "name": tool.name,
        "aliases": sorted(alias for alias, name in ALIASES.items() if name == tool.name),
        "description": tool.description,
        "category": said.category,
        "level": said.level,
        "pure": said.pure,
        "runs": said.runs,
        "extra": said.extra,
        "needs": list(said.needs),
        "version": said.version,
        "parameter_aliases": dict(said.aliases),
        "schema": tool.schema(),
        "examples": [_example(one._asdict()) for one in said.examples],
    }


def _example(fields: Entry) -> Entry:
    return {name: value for name, value in fields.items() if value is not None}


@cache
def catalog() -> dict[str, Entry]:
    """The built-in tools by name."""
    with open(FILE, encoding="utf-8") as file:
        entries: list[Entry] = json.load(file)
    return {one["name"]: one for one in entries}


def missing(told: Entry) -> list[str]:
    """The modules that a tool needs and that are not installed."""
    return [name for name in told["needs"] if PathFinder.find_spec(name.partition(".")[0]) is None]


def install_line(told: Entry) -> str:
    """What installs them."""
    return f"pip install 'llmspell[{told['extra']}]'" if told["extra"] else f"pip install {' '.join(told['needs'])}"


def made() -> list[Entry]:
    from llmspell_kernel.tools.names import MODULES  # what follows imports every tool
    from llmspell_kernel.tools.registry import Tools

    tools = Tools.standard(settings=Config({}))
    return [entry(tools.get(name)) for name in sorted(MODULES)]


def written(entries: list[Entry]) -> str:
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def document(entries: list[Entry]) -> str:
    """docs/builtin-tools.md."""
    lines = [
        "# The built-in tools", "",
        f"{len(entries)} tools, by category. `llmspell tool info NAME --schema --examples` has the rest;",
        "`llmspell tool test NAME` runs the examples.",
        "Written by `python -m llmspell_kernel.tools.catalog`.",
    ]  # fmt: skip
    for category in sorted({one["category"] for one in entries}):
        lines += ["", f"## {category}", "", "| tool | level | what it does | needs |", "|---|---|---|---|"]
        for one in entries:
            if one["category"] == category:
                needs = f"`llmspell[{one['extra']}]`" if one["extra"] else ""
                lines.append(f"| `{one['name']}` | {one['level']} | {one['description']} | {needs} |")
    lines += [
        "", "## Other names", "",
        "`_` may stand for `-` in every name. Names of tools and parameters as other programs have them:", "",
        "| other name | here |", "|---|---|",
    ]  # fmt: skip
    lines += [f"| `{alias}` | `{one['name']}` |" for one in entries for alias in one["aliases"]]
    for one in entries:
        for alias, name in one["parameter_aliases"].items():
            lines.append(f"| `{alias}` of `{one['name']}` | `{name}` |")
    return "\n".join(lines) + "\n"


def main() -> None:
    entries = made()
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for path, text in ((FILE, written(entries)), (os.path.join(folder, DOCUMENT), document(entries))):
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)


if __name__ == "__main__":
    main()
