"""The comment above a declaration, read as LuaCATS: what `---@param` and its kin say. Pure; any thread.

Plain comments count as a description too, so a program needs no annotations to be shown well.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.trees import node_text

TAG = re.compile(r"@(\w+)\s*(.*)", re.S)
NAMED = re.compile(r"(\.\.\.|\[[^\]]+\]|[\w.]+)(\??)\s*(.*)", re.S)
CHOICE = re.compile(r'"([^"]*)"')


class Named(NamedTuple):
    """A parameter or a field."""

    name: str
    type: str = "any"
    optional: bool = False
    doc: str = ""

    def __str__(self) -> str:
        return f"{self.name}{'?' if self.optional else ''}: {plain(self.type)}"


class Doc(NamedTuple):
    text: str = ""
    parameters: tuple[Named, ...] = ()
    returns: tuple[str, ...] = ()
    fields: tuple[Named, ...] = ()
    name: str = ""  # of the class
    type: str = ""
    aliases: tuple[tuple[str, str], ...] = ()
    deprecated: bool = False

    def parameter(self, name: str) -> Named | None:
        return next((one for one in self.parameters if one.name == name), None)


NONE = Doc()


def plain(kind: str) -> str:
    """A type as people read it."""
    return kind.replace("llmspell.ToolName", "tool").replace("llmspell.", "")


def doc_above(node: Node) -> Doc:
    """What the comments say that stand right above a statement."""
    above = node.prev_sibling
    if above is None or above.type != "comment" or above.end_point.row < node.start_point.row - 1:
        return NONE
    return doc_ending(above)


def doc_ending(comment: Node | None) -> Doc:
    """What a comment says with those right above it."""
    lines: list[str] = []
    row = comment.start_point.row if comment is not None else 0
    while comment is not None and comment.type == "comment" and comment.end_point.row >= row - 1:
        before = comment.prev_sibling
        if before is not None and before.type != "comment" and before.end_point.row == comment.start_point.row:
            break  # it belongs to what stands before it on its line
        lines[:0] = _lines(comment)
        row, comment = comment.start_point.row, before
    return read(lines) if lines else NONE


def _lines(comment: Node) -> list[str]:
    text = node_text(comment)
    if text.startswith("--["):
        inner = re.sub(r"^--\[=*\[|\]=*\]$", "", text)
        return [line.strip() for line in inner.strip().splitlines()]
    return [text[3:] if text.startswith("---") else text[2:].removeprefix(" ")]


def read(lines: list[str]) -> Doc:
    text: list[str] = []
    found: dict[str, list[Named]] = {"param": [], "field": []}
    returns: list[str] = []
    aliases: list[tuple[str, str]] = []
    words = {"class": "", "type": ""}
    deprecated = False
    for line in lines:
        match = TAG.match(line.strip())
        if match is None:
            if line.strip("-=* ") or text:
                text.append(line.rstrip())
            continue
        tag, rest = match.groups()
        if tag in found:
            found[tag] += _named(rest)
        elif tag == "return":
            returns.append(_type(rest)[0])
        elif tag in words:
            words[tag] = _type(rest.removeprefix("(exact)").strip())[0].rstrip(":")
        elif tag == "alias":
            name, _, kind = rest.partition(" ")
            aliases.append((name, kind))
        elif tag == "deprecated":
            deprecated = True
    return Doc("\n".join(text).strip(), tuple(found["param"]), tuple(returns), tuple(found["field"]),
               words["class"], words["type"], tuple(aliases), deprecated)  # fmt: skip


def _named(text: str) -> list[Named]:
    match = NAMED.match(text.removeprefix("public ").removeprefix("private ").strip())
    if match is None:
        return []
    kind, doc = _type(match[3])
    return [Named(match[1], kind or "any", match[2] == "?", doc.lstrip("#@ "))]


def _type(text: str) -> tuple[str, str]:
    """A type and what follows it: the first blank that is in no bracket and not beside a ``|`` or ``:`` ends it."""
    depth = 0
    for index, letter in enumerate(text):
        if letter in "(<[{":
            depth += 1
        elif letter in ")>]}":
            depth -= 1
        elif letter.isspace() and depth == 0:
            before, after = text[:index].rstrip(), text[index:].lstrip()
            if not before.endswith((":", "|", ",")) and not after.startswith(("|", ":")):
                return text[:index], after.rstrip()
    return text, ""


def choices(kind: str) -> list[str]:
    """The texts that a type like ``"a"|"b"`` allows."""
    return CHOICE.findall(kind)
