"""Results of pure tools, kept for a time. Any thread.

A key is the tool, its version and the canonical form of its parameters. What is kept is kept as bytes: their size is
known, and nobody can change them.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from threading import Lock
from typing import Any

import cachetools

MEGABYTE = 1024 * 1024


class Cache:
    def __init__(self, megabytes: float, seconds: float) -> None:
        self._kept: cachetools.TTLCache[str, bytes] = cachetools.TTLCache(
            megabytes * MEGABYTE, seconds, getsizeof=len
        )  # fmt: skip
        self._lock = Lock()

    def get(self, key: str) -> Any:
        """None when there is none."""
        with self._lock:
            kept = self._kept.get(key)
        return None if kept is None else pickle.loads(kept)

    def put(self, key: str, value: Any) -> None:
        kept = pickle.dumps(value)
        with self._lock:
            try:
                self._kept[key] = kept
            except ValueError:  # larger than all the room there is
                pass

    def size(self) -> int:
        """Bytes."""
        with self._lock:
            return int(self._kept.currsize)


def key_of(tool: str, version: str, arguments: Mapping[str, Any]) -> str | None:
    """None: the parameters have no canonical form."""
    try:
        return f"{tool}@{version}:{json.dumps(arguments, sort_keys=True)}"
    except (TypeError, ValueError, RecursionError):
        return None
