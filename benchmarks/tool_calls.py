"""Calls of a trivial tool from Lua."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.measure import Row
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime
from llmspell_kernel.tools.registry import Tools

CALLS = b"""
local n = 100000
local start = os.clock()
for i = 1, n do Tool.execute("add", { a = i, b = 2 }) end
return n / (os.clock() - start)
"""


def add(a: int, b: int) -> int:
    return a + b


def rows() -> Iterator[Row]:
    tools = Tools()
    tools.add(add, runs="here")
    runtime = LuaRuntime(lambda: tools)
    chunk = Chunk("calls", b"=calls", CALLS)
    rates = [runtime.run(runtime.load(chunk))[0] for _ in range(5)]
    yield Row("tool calls from Lua", statistics.median(rates), 50_000, "/s", at_least=True)
