"""file_watcher: what happens to files while one waits (watchfiles). Any thread."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Generator, Iterable, Iterator
from fnmatch import fnmatch
from time import monotonic
from typing import Any, Literal

from watchfiles import Change, watch

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.spec import Example, Result, tool

NAMES = {Change.added: "created", Change.modified: "modified", Change.deleted: "deleted"}
TURN = 50  # milliseconds after which we look whether anybody still waits
MARGIN = 0.25  # seconds before the call's own limit: what was seen is better than an error
MOST_PATHS = 100
MOST_FOLDERS = 8_000  # Linux has that many watches for each user by default


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
    input: list[str] | None = None,
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
        input: The files and folders; config may do without.
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
    paths = [] if operation == "config" and input is None else _paths(call, input or [])
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
    for changes in _turns(call, paths, recursive, debounce, stop):
        call.progress(0, "watching")
        events += _told(call, changes, pattern)
        if len(events) >= most:
            return events[:most], "max_events"
        if monotonic() >= end:
            return events, "timeout"
    call.check()
    return events, "cancelled"


def _turns(
    call: Call, paths: list[str], recursive: bool, debounce: int, stop: threading.Event
) -> Iterator[set[tuple[Change, str]]]:
    """What has happened, again and again, until `stop` is set.

    The library would follow links, out of the allowed folders and through whole disks; so it is given each folder by
    itself, and again when there are new ones: the next watch begins before the last ends.
    """
    watched = _folders(call, paths) if recursive else paths
    turns = _watch(watched, debounce, stop)
    for changes in turns:
        yield changes
        if not recursive or not any(change == Change.added and _is_folder(path) for change, path in changes):
            continue
        following = _watch(grown := _folders(call, paths), debounce, stop)
        changes = next(following, set()) | next(turns, set())
        turns.close()
        for folder in set(grown) - set(watched):
            changes |= {(Change.added, path) for path in _inside(call, folder)}
        yield changes
        turns, watched = following, grown


def _watch(paths: list[str], debounce: int, stop: threading.Event) -> Generator[set[tuple[Change, str]], None, None]:
    return watch(
        *paths, watch_filter=None, debounce=debounce, step=min(TURN, debounce), stop_event=stop, rust_timeout=TURN,
        yield_on_timeout=True, recursive=False, raise_interrupt=False,
    )  # fmt: skip


def _inside(call: Call, path: str) -> list[str]:
    try:
        with call.policy.place(path) as place, place.folder.inner(place.name) as folder:
            return [folder.path_of(name) for name in folder.names()]
    except (OSError, ToolError):  # it is gone again
        return []


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:  # it is gone again
        return False


def _folders(call: Call, paths: list[str]) -> list[str]:
    """Those, and all the folders in them."""
    found = []
    for path in paths:
        found.append(path)
        with files.told("watch", path), call.policy.place(path) as place:
            if place.is_folder():
                with place.folder.inner(place.name) as folder:
                    found += [folder.path_of(one.path) for one in files.walk(folder) if one.is_folder]
        call.check()
        if len(found) > MOST_FOLDERS:
            raise ToolError(f"more than {MOST_FOLDERS} folders can't be watched; say recursive = false, or watch some")
    return found


def _told(call: Call, changes: Iterable[tuple[Change, str]], pattern: str | None) -> list[dict[str, Any]]:
    found = []
    for change, path in sorted(changes, key=lambda one: one[1]):
        if pattern is None or fnmatch(os.path.basename(path), pattern):
            found.append({"type": NAMES[change], "path": path})
    return found
