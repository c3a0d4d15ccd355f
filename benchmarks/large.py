"""Pages of large things: 20 of 100,000 frames, 100 of 1,000,000 entries.

A page of the stack is timed as the first question of a fresh pause that follows one on a shallow stack: nothing
is known of it yet. Lua walks from the top of the stack to each frame it is asked for, so the last page needs some
thirty walks of 100,000 calls, 3 to 15 ms each where the program has recursed before and its calls lie scattered in
memory. The issue promises the top page; the last one is held to what can be kept.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks.client import Client
from benchmarks.measure import Row, milliseconds, written

DEEP = """\
local function deep(n)
  if n == 0 then
    return 0
  end
  return 1 + deep(n - 1)
end
while true do
  deep(10)
  deep(100000)
end
"""
BIG = """\
local array, hash = {}, {}
for i = 1, 1000000 do array[i] = i; hash["k" .. i] = i end
print(#array)
"""
LIMIT = 20  # milliseconds
LIMIT_OF_THE_LAST = 1000  # medians of 120 to 620 have been seen on two shared cores
TIMES = 9


def rows() -> Iterator[Row]:
    client = Client(["-m", "llmspell_dap"])
    client.launch(written("deep.lua", DEEP), [3])
    yield _first_page(client, "stackTrace, the top 20 of 100,000 frames", 0, 20, LIMIT)
    yield _first_page(client, "stackTrace, the last 20 of 100,000 frames", 99_982, 20, LIMIT_OF_THE_LAST)
    client.close()
    client = Client(["-m", "llmspell_dap"])
    client.launch(written("big.lua", BIG), [3])
    frame = client.request("stackTrace", {"threadId": 1})["stackFrames"][0]["id"]
    for name in ("array", "hash"):
        found = client.request("evaluate", {"expression": name, "frameId": frame})
        arguments = {"variablesReference": found["variablesReference"], "start": 0, "count": 100}
        assert len(client.request("variables", arguments)["variables"]) >= 100  # and its metatable, its other entries
        times = [milliseconds(lambda: client.request("variables", arguments)) for _ in range(TIMES)]
        yield _row(f"variables, 100 of 1,000,000 ({name})", times, LIMIT)
    client.close()


def _first_page(client: Client, what: str, start: int, levels: int, limit: float) -> Row:
    """In as many pauses, at the bottom of the deep calls. Begins and ends at the bottom of the shallow ones."""
    page = {"threadId": 1, "startFrame": start, "levels": levels}
    times = []
    for _ in range(TIMES):
        assert client.request("stackTrace", {"threadId": 1})["totalFrames"] == 12
        _go_on(client)
        body: dict[str, Any] = {}
        times.append(milliseconds(lambda: body.update(client.request("stackTrace", page))))
        assert len(body["stackFrames"]) == levels
        _go_on(client)
    return _row(what, times, limit)


def _go_on(client: Client) -> None:
    client.request("continue", {"threadId": 1})
    client.event("stopped")


def _row(what: str, times: list[float], limit: float) -> Row:
    return Row(what, statistics.median(times), limit, "ms", note=f"{min(times):.1f} … {max(times):.1f} ms")
