"""Tools: a whole command, many calls, the registry, large parameters, and memory. Notes: the guide's figures."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator

from benchmarks.measure import Row, in_turn, milliseconds, python
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime
from llmspell_kernel.tools.registry import Tools

BATCH = b"""
local calculator = Tool.get("calculator")
local start = os.clock()
for i = 1, 10000 do
    local result = calculator:execute { input = i .. " * 2" }
    if not result.success or result.result ~= i * 2 then error("wrong: " .. result.text) end
end
"""
MIXED = b"""
for i = 1, tonumber((...)) do
    Tool.execute("calculator", { input = "1 + " .. i })
    Tool.execute("json_processor", { operation = "query", input = '{"a": [1, 2, 3]}', query = "a[1]" })
    Tool.execute("text_manipulator", { operation = "uppercase", input = "hello" })
    Tool.execute("hash_calculator", { input = tostring(i) })
    pcall(Tool.execute, "calculator", { input = "1 / 0" })
end
"""


def median_ms(work: Callable[[], object], times: int) -> float:
    return statistics.median(milliseconds(work) for _ in range(times))


def rows() -> Iterator[Row]:
    yield whole_command()
    yield batch()
    yield from registry()
    yield large_parameter()
    yield memory()


def whole_command() -> Row:
    pairs = in_turn(
        lambda: milliseconds(lambda: python("-c", "pass")),
        lambda: milliseconds(lambda: python("-m", "llmspell_kernel", "tool", "invoke", "calculator", "input=2+2")),
        21,
    )
    note = f"{pairs.ours:.0f} ms, python {pairs.floor:.0f} ms; the guide: 5 to 15 ms native, target 100 ms"
    return Row("tool invoke calculator against python -c pass", pairs.ratio, 4, note=note)


def batch() -> Row:
    runtime = LuaRuntime(Tools.standard)
    chunk = Chunk("batch", b"=batch", BATCH)
    seconds = median_ms(lambda: runtime.run(runtime.load(chunk)), 5) / 1000
    return Row("10,000 calculator calls from Lua", seconds, 0.5, "s", note="the guide: 20 s, in future 5 s")


def registry() -> Iterator[Row]:
    tools = Tools.standard()
    tools.names()
    note = "the guide: 12 ms, its target 1 ms"
    yield Row("the registry's list, direct", median_ms(tools.names, 101), 1, "ms", note=note)
    yield Row("the registry's info, direct", median_ms(lambda: tools.info("calculator"), 101), 1, "ms", note=note)
    yield Row("the registry's search, direct", median_ms(lambda: tools.search("hash file"), 101), 1, "ms", note=note)


def large_parameter() -> Row:
    tools = Tools.standard()
    data = json.dumps([{"id": n, "name": f"name {n}", "value": n / 3} for n in range(20_000)])
    assert len(data) >= 1_000_000

    def call() -> None:
        assert tools.call("hash-calculator", {"input": data})["success"]

    call()
    note = f"{len(data):,} bytes; the guide: 12 ms"
    return Row("a JSON text of 1 MB as a parameter", median_ms(call, 21), 12, "ms", note=note)


def memory() -> Row:
    """10,000 calls of five kinds, one in five an error: how much larger the process is than after 2,500."""
    runtime = LuaRuntime(Tools.standard)
    chunk = Chunk("mixed", b"=mixed", MIXED)
    runtime.run(runtime.load(chunk), ["500"])
    before = resident()
    runtime.run(runtime.load(chunk), ["2000"])
    grown = (resident() - before) / 1024
    return Row("growth of memory by 10,000 mixed calls", max(grown, 0), 5, "MB", note="the guide never measured it")


def resident() -> int:
    """KB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
