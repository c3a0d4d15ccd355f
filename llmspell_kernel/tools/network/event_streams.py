"""Events that a server sends (text/event-stream), as they come. The tool's thread."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import MAX_BYTES, checked_url, client, encoded, explained


class Event(NamedTuple):
    kind: str
    data: str
    id: str


def events(
    call: Call,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    seconds: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Iterator[Event]:
    """Raises ToolError: no events there, time or size is over. To be closed when no more are wanted."""
    address = checked_url(url)
    with (
        client(call, seconds=seconds, max_bytes=max_bytes) as web,
        explained(address.host),
        web.stream(method, address, headers=encoded(headers), content=body) as answer,
    ):
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status_code != 200 or kind != "text/event-stream":
            start = answer.read()[:200].decode("utf-8", "replace")
            raise ToolError(
                f"{url} answers {answer.status_code} with {kind or 'nothing'}, not with events: {start!r}",
                details={"status": answer.status_code, "body": start},
            )
        yield from parsed(lines(answer.iter_bytes()))


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines, which end in CR LF, LF or CR."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    rest, after_cr = "", False
    for piece in pieces:
        text = decode(piece)
        if not text:
            continue
        ends_in_cr = text.endswith("\r")
        text = text.removeprefix("\n") if after_cr else text
        after_cr = ends_in_cr
        *whole, last = (rest + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        rest = last
        yield from whole


def parsed(source: Iterable[str]) -> Iterator[Event]:
    """As the HTML standard reads them: an empty line ends an event; one without data is none."""
    kind, number, data = "", "", list[str]()
    for line in source:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data), number)
            elif kind:
                yield Event(kind, "", number)  # GraphQL over SSE: "complete" needs no data
            kind, data = "", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            number = value
