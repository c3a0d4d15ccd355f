"""What Tab offers: commands, then what a command takes: files, names of the program, breakpoints."""

from __future__ import annotations

import os
from typing import Any

from llmspell_kernel.cli.terminal.app import Debugger
from llmspell_kernel.cli.terminal.commands import ENTRIES, FILTERS, find
from llmspell_kernel.errors import UserError

Words = list[tuple[str, int]]  # words and where they begin


def complete(debugger: Debugger, text: str, at: int) -> Words:
    typed = text[:at]
    word, space, rest = typed.partition(" ")
    if not space:
        return _beginning_with(word, [entry.name + (" " if entry.arguments else "") for entry in ENTRIES], 0)
    try:
        command = find(word).name
    except UserError:
        return []
    last = typed.rpartition(" ")[2]
    start = at - len(last)
    if command in ("break", "tbreak"):
        place, condition, expression = rest.partition(" if ")
        if condition:
            return _names(debugger, expression, at)
        return _files(place, at - len(place), debugger.current_path(), ".lua")
    if command in ("print", "set", "watch"):
        return _names(debugger, rest, at)
    if command == "source":
        return _files(rest, at - len(rest), None, "")
    if command == "help":
        return _beginning_with(last, [entry.name for entry in ENTRIES], start)
    if command == "catch":
        return _beginning_with(last, [*FILTERS, "none"], start)
    if command == "delete":
        return _beginning_with(last, [str(point.number) for point in debugger.points.all()], start)
    if command == "unwatch":
        return _beginning_with(rest, debugger.watches, at - len(rest))
    return []


def _beginning_with(typed: str, words: list[str], start: int) -> Words:
    return [(word, start) for word in words if word.startswith(typed)]


def _names(debugger: Debugger, expression: str, at: int) -> Words:
    """What the adapter knows of the frame."""
    if not debugger.alive or not debugger.frames:
        return []
    arguments: dict[str, Any] = {
        "text": expression,
        "column": len(expression) + 1,
        "frameId": debugger.frame["id"],
    }
    targets = debugger.client.request("completions", **arguments)["targets"]
    return [(target["label"], at - len(expression) + target["start"] - 1) for target in targets]


def _files(typed: str, start: int, current: str | None, ending: str) -> Words:
    """Files and folders, seen from the working folder and, as breakpoints are, from the current file's."""
    folder, slash, name = typed.rpartition("/")
    bases = [os.getcwd(), *([os.path.dirname(current)] if current else [])]
    found = set()
    for base in bases:
        try:
            entries = list(os.scandir(os.path.join(base, folder + slash)))
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
                if entry.is_dir():
                    found.add(entry.name + "/")
                elif entry.name.endswith(ending):
                    found.add(entry.name + (":" if ending else ""))
    return [(word, start + len(folder + slash)) for word in sorted(found)]
