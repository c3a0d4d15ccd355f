"""DAP's base protocol: a header with Content-Length, an empty line, a JSON object. No I/O, no threads.

`Reader` is fed bytes as they come and gives messages, or a `BadMessage` that says what is wrong. A body
that is not JSON is skipped and the session goes on; a header that can't be read ends it (``fatal``),
because nobody knows where the next message begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Union

MAX_HEADER = 4096
MAX_BODY = 64 * 1024 * 1024
USUAL_HEADER = re.compile(rb"Content-Length: (\d{1,9})\r\n\r\n")  # what all clients send, most of the time
to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

Message = dict[str, Any]


class BadMessage(NamedTuple):
    """What came is no message. After a ``fatal`` one the reader takes no more."""

    reason: str
    fatal: bool


Item = Union[Message, BadMessage]  # noqa: UP007


class Reader:
    def __init__(self) -> None:
        self._data = bytearray()
        self._length: int | None = None  # of the body that is awaited
        self._dead = False

    def feed(self, data: bytes) -> Iterator[Item]:
        """The messages that are complete now."""
        if not self._dead:
            self._data += data
        while not self._dead:
            item = self._header() if self._length is None else self._body()
            if item is None:
                return
            if isinstance(item, BadMessage) and item.fatal:
                self._dead = True
                self._data.clear()
            if item is not _MORE:
                yield item

    @property
    def inside(self) -> bool:
        """Whether the input stops in the middle of a message."""
        return bool(self._data) or self._length is not None

    def _header(self) -> Any:
        usual = USUAL_HEADER.match(self._data)
        if usual is not None and int(usual[1]) <= MAX_BODY:
            self._length = int(usual[1])
            del self._data[: usual.end()]
            return _MORE
        end = self._data.find(b"\r\n\r\n")
        if 0 <= self._data.find(b"\n\n") < (len(self._data) if end < 0 else end):
            return BadMessage("the lines of a header must end in \\r\\n", True)
        if end < 0:
            if len(self._data) > MAX_HEADER:
                return BadMessage(f"no end of the header in {MAX_HEADER} bytes", True)
            return None
        header = bytes(self._data[:end])
        del self._data[: end + 4]
        length = content_length(header)
        if isinstance(length, BadMessage):
            return length
        self._length = length
        return _MORE

    def _body(self) -> Any:
        length = self._length
        assert length is not None
        if len(self._data) < length:
            return None
        body = bytes(self._data[:length])
        del self._data[:length]
        self._length = None
        return decode(body)


_MORE = object()


def content_length(header: bytes) -> int | BadMessage:
    """The length a header announces. Names of fields are read in any case; others are ignored."""
    found: int | None = None
    for line in header.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            return BadMessage(f"not a header line: {line[:60]!r}", True)
        if name.strip().lower() == b"content-length":
            digits = value.strip()
            if not digits.isdigit() or len(digits) > 12:
                return BadMessage(f"Content-Length is not a number: {digits[:40]!r}", True)
            if found not in (None, int(digits)):
                return BadMessage(f"two different lengths: {found} and {int(digits)}", True)
            found = int(digits)
    if found is None:
        return BadMessage("a header without Content-Length", True)
    if found > MAX_BODY:
        return BadMessage(f"a message of {found} bytes; at most {MAX_BODY} are taken", True)
    return found


def decode(body: bytes) -> Item:
    try:
        message = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        return BadMessage(f"the message is not UTF-8: {error}", False)
    except RecursionError:
        return BadMessage("the message is nested too deeply", False)
    except ValueError as error:
        return BadMessage(f"the message is not JSON: {error}", False)
    if not isinstance(message, dict):
        return BadMessage("the message is not a JSON object", False)
    return message


def encode(message: Message) -> bytes:
    """Header and body in one piece. Bytes of the program that are not UTF-8 appear as ``\\xNN``."""
    try:
        body = to_json(message).encode()
    except UnicodeEncodeError:
        body = to_json(presentable(message)).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def presentable(value: Any) -> Any:
    """Data whose strings can be written as UTF-8."""
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogateescape" if _only_bytes(value) else "replace")
        return raw.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {presentable(key): presentable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [presentable(item) for item in value]
    return value


def _only_bytes(text: str) -> bool:
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in text)
