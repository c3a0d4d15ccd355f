"""Frames ↔ messages: signed, checked, refused when they come twice. No sockets; one `Wire` per thread that reads.

The frames of a message: routing identities, ``<IDS|MSG>``, signature, header, parent header, metadata, content,
buffers (jupyter-client's documentation, "The Wire Protocol").
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.messages import Json, Message, presentable

DELIMITER = b"<IDS|MSG>"
REMEMBERED = 32_768  # signatures; those of twice as many messages at most
PARTS = ("header", "parent header", "metadata", "content")
NEEDED = ("msg_id", "msg_type")
EMPTY = b"{}"  # most metadata, and the parent of each request
LARGE = 65_536  # characters of one text
STALE = timedelta(hours=24 + 14)  # a day at least, in whatever time zone a client writes its dates
DAY = re.compile(r"\d{4}-\d\d-\d\d")


class WireError(UserError):
    """These frames are no message that this kernel takes; the text says why."""


class Wire:
    """``write`` may be called on any thread; `read` on one at a time."""

    def __init__(self, key: bytes, scheme: str = "hmac-sha256", since: datetime | None = None) -> None:
        """An empty key: nothing is signed or checked, as the protocol has it. Signed messages that are dated days
        before ``since`` are stale. Raises UserError.
        """
        kind, _, algorithm = scheme.partition("-")
        if kind != "hmac" or algorithm not in hashlib.algorithms_available:
            raise UserError(
                f"the signature scheme {scheme!r} is unknown; it is hmac-sha256, or another hash than sha256"
            )
        self._fresh = hmac.new(key, digestmod=algorithm) if key else None
        self._last_parent: tuple[Json, bytes] = {}, EMPTY
        self._oldest = "" if since is None else str((since.astimezone(timezone.utc) - STALE).date())
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()

    def write(self, message: Message) -> list[bytes]:
        header, metadata, content = encode(message.header), encode(message.metadata), encode(message.content)
        parts = [header, self._encoded_parent(message.parent), metadata, content]
        return [*message.identities, DELIMITER, self._signature(parts), *parts, *message.buffers]

    def _encoded_parent(self, parent: Json) -> bytes:
        """All that a request causes has the same parent."""
        known, encoded = self._last_parent
        if known is not parent:
            encoded = encode(parent)
            self._last_parent = parent, encoded
        return encoded

    def read(self, frames: Sequence[bytes]) -> Message:
        """Raises WireError: too few frames, a wrong signature, one that has come before or of days ago,
        no JSON objects."""
        try:
            at = frames.index(DELIMITER)
        except ValueError:
            raise WireError(f"no {DELIMITER.decode()} among {len(frames)} frames") from None
        if len(frames) < at + 6:
            raise WireError(f"{len(frames) - at - 1} frames after the delimiter; a message has at least 5")
        self._check(frames[at + 1], frames[at + 2 : at + 6])
        header, parent, metadata, content = (
            _object(data, name) for data, name in zip(frames[at + 2 : at + 6], PARTS, strict=True)
        )
        for name in NEEDED:
            if not isinstance(header.get(name), str):
                raise WireError(f"the header has no {name}")
        if self._is_stale(header.get("date")):
            raise WireError(f"the message is of {header['date'][:10]}, before this kernel's time (a replay)")
        return Message(tuple(frames[:at]), header, parent, metadata, content, tuple(frames[at + 6 :]))

    def _is_stale(self, date: Any) -> bool:
        """Recorded when another kernel had the key. Clocks may be wrong, but not by days."""
        is_dated = self._fresh is not None and isinstance(date, str) and DAY.match(date)
        return bool(is_dated) and date[:10] < self._oldest

    def _signature(self, parts: Sequence[bytes]) -> bytes:
        if self._fresh is None:
            return b""
        signer = self._fresh.copy()
        for part in parts:
            signer.update(part)
        return signer.hexdigest().encode()

    def _check(self, signature: bytes, parts: Sequence[bytes]) -> None:
        if self._fresh is None:
            return
        if not signature:
            raise WireError("the message is not signed")
        if not hmac.compare_digest(signature, self._signature(parts)):
            raise WireError("the signature is wrong: the client has another key")
        short = int(signature[:15], 16)  # 60 bits of it tell 65,536 messages apart, and are the smallest object
        if short in self._seen or short in self._seen_before:
            raise WireError("the message has come before (a replay)")
        self._seen.add(short)
        if len(self._seen) >= REMEMBERED:
            self._seen_before, self._seen = self._seen, set()


def _object(data: bytes, name: str) -> Json:
    if data == EMPTY:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the {name} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise WireError(f"the {name} is no JSON object")
    return value


def encode(part: Json) -> bytes:
    """As JSON that every reader takes: no NaN, no infinity, no half characters."""
    if not part:
        return EMPTY
    try:
        return _dumps_large(part) if _is_large(part) else _dumps(part)
    except ValueError:  # UnicodeEncodeError is one
        return _dumps(_clean(part))


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _dumps(part: Any) -> bytes:
    return _to_json(part).encode()


def _is_large(part: Json) -> bool:
    for one in part.values():
        kind = type(one)
        if (kind is str and len(one) > LARGE) or (kind is dict and _is_large(one)):
            return True
    return False


def _dumps_large(part: Json) -> bytes:
    """A megabyte of a cell or its output is quoted in a fifth of the time. What the library does not take (whole
    numbers of more than 64 bits, half characters) goes the usual way."""
    import orjson  # its import costs more than all small messages of a cell

    try:
        return orjson.dumps(part)
    except TypeError:
        return _dumps(part)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return presentable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {presentable(str(key)): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value
