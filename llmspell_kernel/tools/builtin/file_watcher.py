"""file_watcher: what happens to files while one waits (watchfiles). Any thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from fnmatch import fnmatch
from time import monotonic
from typing import Any, Literal

from watchfiles import Change, watch

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.call import Call
from llmspell_kernel.tools.spec import Example, Result, tool

NAMES = {Change.added: "created", Change.modified: "modified", Change.deleted: "deleted"}
TURN = 50  # milliseconds after which we look whether anybody still waits
MARGIN = 0.25  # seconds before the call's own limit: what was seen is better than an error
MOST_PATHS = 100


@tool(
    category="filesystem",
    level="restricted",
    extra="watch",
    needs=["watchfiles"],
    aliases={"paths": "input"},
    examples=[
        Example(
            "Nothing happens",
            {"operation": "watch", "input": ["{folder}"], "timeout_ms": 100},
            result={"events": [], "count": 0, "ended_by": "timeout"},
        ),
        Example(
            "How it would watch",
            {"operation": "config", "input": ["{folder}"], "pattern": "*.txt", "timeout_seconds": 5},
            result={"paths": ["{folder}"], "pattern": "*.txt", "recursive": True, "debounce_ms": 100},
        ),
        Example("Nothing there", {"operation": "watch", "input": ["{folder}/missing"]}, error="not_found"),
    ],
)
def file_watcher(
    call: Call,
    operation: Literal["watch", "config"],
    input: list[str],
    recursive: bool = True,
    pattern: str | None = None,
    debounce_ms: int = 100,
    timeout_seconds: float | None = None,
    timeout_ms: float | None = None,
    max_events: int = 1000,
) -> Result:
    """Wait until something happens to files, and tell what.

    Args:
        operation: watch; config only tells how it would be watched.
        input: The files and folders.
        recursive: Whether folders in the folders are watched too.
        pattern: Which names are told, as *.txt.
        debounce_ms: Over how long changes are gathered: a file that is written twice is told once.
        timeout_seconds: How long it waits at most (300 by default); the call's own limit ends it too.
        timeout_ms: The same in milliseconds.
        max_events: After how many events it ends.
    """
    seconds = _seconds(timeout_seconds, timeout_ms)
    if not 1 <= debounce_ms <= 60_000:
        raise ToolError("`debounce_ms` must be from 1 to 60000", code="invalid_parameters")
    if not 1 <= max_events <= 100_000:
        raise ToolError("`max_events` must be from 1 to 100000", code="invalid_parameters")
    paths = _paths(call, input)
    until = min(seconds, max(call.seconds() - MARGIN, 0.01))
    config = {
        "paths": paths, "recursive": recursive, "pattern": pattern, "debounce_ms": debounce_ms,
        "timeout_seconds": round(until, 3), "max_events": max_events,
    }  # fmt: skip
    if operation == "config":
        return Result(config, "\n".join(f"{name}: {value}" for name, value in config.items()))
    events, ended_by = _watched(call, paths, recursive, pattern, debounce_ms, until, max_events)
    text = "\n".join(f"{one['type']} {one['path']}" for one in events) or "nothing happened"
    return Result({"events": events, "count": len(events), "ended_by": ended_by}, text)


def _seconds(seconds: float | None, milliseconds: float | None) -> float:
    if seconds is not None and milliseconds is not None:
        raise ToolError("give `timeout_seconds` or `timeout_ms`, not both", code="invalid_parameters")
    found = milliseconds / 1000 if milliseconds is not None else 300 if seconds is None else seconds
    if not 0 < found <= 86400:
        raise ToolError("the time to wait must be above 0 and at most a day", code="invalid_parameters")
    return found


def _paths(call: Call, given: list[str]) -> list[str]:
    if not 1 <= len(given) <= MOST_PATHS:
        raise ToolError(f"`input` must name from 1 to {MOST_PATHS} files and folders", code="invalid_parameters")
    paths = [call.policy.resolve(one) for one in given]
    for path in paths:
        if not os.path.exists(path):
            raise ToolError(f"{path} can't be watched: there is no such file or folder", code="not_found")
    return paths


def _watched(
    call: Call, paths: list[str], recursive: bool, pattern: str | None, debounce: int, seconds: float, most: int
) -> tuple[list[dict[str, Any]], str]:
    stop = threading.Event()
    call.on_cancel(stop.set)
    end = monotonic() + seconds
    events: list[dict[str, Any]] = []
    turns = watch(
        *paths, watch_filter=None, debounce=debounce, step=min(TURN, debounce), stop_event=stop, rust_timeout=TURN,
        yield_on_timeout=True, recursive=recursive, raise_interrupt=False,
    )  # fmt: skip
    for changes in turns:
        call.progress(0, "watching")
        events += _told(call, changes, pattern)
        if len(events) >= most:
            return events[:most], "max_events"
        if monotonic() >= end:
            return events, "timeout"
    call.check()
    return events, "cancelled"


def _told(call: Call, changes: Iterable[tuple[Change, str]], pattern: str | None) -> list[dict[str, Any]]:
    """Those of the allowed folders: the watcher may have followed a link out of them."""
    found = []
    for change, path in sorted(changes, key=lambda one: one[1]):
        if pattern is not None and not fnmatch(os.path.basename(path), pattern):
            continue
        try:
            call.policy.resolve(os.path.dirname(path))
        except ToolError:
            continue
        found.append({"type": NAMES[change], "path": path})
    return found
