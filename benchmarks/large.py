"""Pages of large things: 20 of 100,000 frames, 100 of 1,000,000 entries."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks.client import Client
from benchmarks.measure import Row, milliseconds, written

BIG = """\
local array, hash = {}, {}
for i = 1, 1000000 do array[i] = i; hash["k" .. i] = i end
local function deep(n)
  if n == 0 then
    return array, hash
  end
  local a, b = deep(n - 1)
  return a, b
end
deep(100000)
"""
LIMIT = 20  # milliseconds


def rows() -> Iterator[Row]:
    client = Client(["-m", "llmspell_dap"])
    client.launch(written("big.lua", BIG), [5])

    def timed(what: str, command: str, arguments: dict[str, Any]) -> Row:
        """The first time counts for a person; nine times are what can be quoted."""
        times = [milliseconds(lambda: client.request(command, arguments)) for _ in range(9)]
        return Row(what, statistics.median(times), LIMIT, "ms", note=f"the first time {times[0]:.1f} ms")

    page = {"threadId": 1, "startFrame": 0, "levels": 20}
    frame = client.request("stackTrace", page)["stackFrames"][0]["id"]
    yield timed("stackTrace, 20 of 100,000 frames", "stackTrace", page)
    yield timed("stackTrace, the last 20 of 100,000 frames", "stackTrace", {**page, "startFrame": 99_990})
    for name in ("array", "hash"):
        found = client.request("evaluate", {"expression": name, "frameId": frame})
        arguments = {"variablesReference": found["variablesReference"], "start": 0, "count": 100}
        yield timed(f"variables, 100 of 1,000,000 ({name})", "variables", arguments)
    client.close()
