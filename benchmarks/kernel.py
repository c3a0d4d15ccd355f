"""Our kernel against a minimal signed echo in plain pyzmq, ipykernel and ilua, by one client, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain

from benchmarks.kernels import ECHO, OTHERS, OURS, Process, installed
from benchmarks.measure import Measure, Row, milliseconds, percentile, python
from llmspell_kernel.jupyter.zmq_client import NoAnswer

BLOCKS, COUNT, WARM_UP = 12, 60, 10
SAMPLES = BLOCKS // 4  # blocks that are one sample of the slowest in a hundred
FULL = 3000  # cells after which all that is bounded is full
ROUNDS, CELLS, BESIDE = 100, 100, 30  # of ours and of the echo: 10,000 cells
SIZE = 1_000_000
LARGE_CELL, LARGE_OUTPUT = f"return #'{'x' * SIZE}'", f"io.write(('y'):rep({SIZE}))"
STARTS = 5
PROGRAM = "local a, b, c = 1, 2, 3\nfor i = 1, 1000000 do\n  a = a + i\n  b = a % 7\n  c = b + 1\nend"
NEEDED = {
    "ipykernel": "pip install 'llmspell[bench]'",
    "ilua": "pip install 'llmspell[bench]', and a `lua` on the PATH",
}
NEXT = [1, 1, 3, 2]  # requests that a front end has on their way at once, from a step to what it shows


def in_blocks(*work: Callable[[], None]) -> list[list[list[float]]]:
    """Times, in blocks: in turn, so that noise meets all, and each one warm."""
    times: list[list[list[float]]] = [[] for _ in work]
    for _ in range(BLOCKS):
        for one, taken in zip(work, times, strict=True):
            taken.append([milliseconds(one) for _ in range(COUNT + WARM_UP)][WARM_UP:])
    return times


def ratio(ours: list[list[float]], floor: list[list[float]], quantile: float = 0.5) -> float:
    """The median of the ratios of blocks that were measured together."""
    pairs = zip(ours, floor, strict=True)
    return statistics.median(percentile(a, quantile) / percentile(b, quantile) for a, b in pairs)


def typical(blocks: list[list[float]]) -> float:
    return statistics.median(chain(*blocks))


def slowest(blocks: list[list[float]]) -> float:
    """The 99th percentile in the calmest sample: noise only ever adds, and is most of it elsewhere."""
    samples = [list(chain(*blocks[at : at + SAMPLES])) for at in range(0, BLOCKS, SAMPLES)]
    return min(percentile(sample, 0.99) for sample in samples)


def execution(echo: Process, kernel: Process, others: dict[str, Process]) -> Iterator[Row]:
    floor, ours, *rest = in_blocks(echo.execute, kernel.execute, *(one.execute for one in others.values()))
    known = dict(zip(others, rest, strict=True))
    note = f"{typical(ours):.2f} ms, echo {typical(floor):.2f} ms"
    yield Row("execute, p50 against a signed echo", ratio(ours, floor), 1.5, note=note)
    for name, limit in (("ipykernel", 0.25), ("ilua", 1)):
        what = f"execute, p50 against {name}"
        if name in known:
            yield Row(what, ratio(ours, known[name]), limit, note=f"{name} {typical(known[name]):.2f} ms")
        else:
            yield Row(what, None, limit, note=f"{name} is missing: {NEEDED[name]}")
    note = f"{slowest(ours):.2f} ms, echo {slowest(floor):.2f} ms"
    yield Row("execute, p99 against its p50", slowest(ours) / typical(ours), 5, note=note)


def large(echo: Process, kernel: Process, others: dict[str, Process]) -> Iterator[Row]:
    """Of the echo a cell that is as long; and one that asks for as much (a number)."""
    lua = {name: one for name, one in others.items() if name == "ilua"}
    for what, code, echoed in (("cell", LARGE_CELL, LARGE_CELL), ("output", LARGE_OUTPUT, str(SIZE))):
        pairs = [
            (milliseconds(lambda: echo.execute(echoed)), milliseconds(lambda: kernel.execute(code)))
            for _ in range(WARM_UP + 20)
        ][WARM_UP:]
        floor, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
        beside = [f"{name} {statistics.median(milliseconds(lambda: one.execute(code)) for _ in range(3)):.0f} ms"
                  for name, one in lua.items()]  # fmt: skip
        yield Row(f"a 1 MB {what}", ours, 15, "ms", note=", ".join([f"echo {floor:.1f} ms", *beside]))


def sustained(echo: Process, kernel: Process) -> Iterator[Row]:
    """10,000 cells in a row, and 10,000 calls of tools by message."""
    add = {"command": "invoke", "name": "calculator", "params": {"input": "2+2"}}

    def call() -> None:
        assert kernel.client.request("tool_request", add)["status"] == "ok"

    for n in range(FULL):
        kernel.execute(f"x = {n}")
        if n % 10 == 0:
            call()
    before = kernel.memory()
    ours, floor = [], []
    for n in range(ROUNDS):
        ours.append([milliseconds(lambda: kernel.execute(f"x = (x or 0) + {n}")) for _ in range(CELLS)])
        floor.append([milliseconds(echo.execute) for _ in range(BESIDE)])
    # All cells of a slower kernel are slower: the quick ones show it too, and are less troubled by others.
    first, last = (ratio(ours[part], floor[part], 0.2) for part in (slice(0, 10), slice(-10, None)))
    note = f"{last:.2f} × the echo after {first:.2f} ×"
    yield Row("10,000 cells: the last thousand against the first", last / first, 1.1, note=note)
    for _ in range(ROUNDS * CELLS):
        call()
    yield Row("growth by 10,000 cells and 10,000 tool calls", max(kernel.memory() - before, 0), 5, "MB")


def busy(kernel: Process) -> Row:
    kernel.client.send("shell", "execute_request", {"code": "while true do end"})
    times = [milliseconds(kernel.info) for _ in range(200)]
    with suppress(NoAnswer):
        raise SystemExit(f"the cell does not spin: {kernel.client.receive('shell', 0.1).content}")
    note = f"p99 {percentile(times, 0.99):.2f} ms"
    return Row("kernel_info while a cell spins, p50", percentile(times, 0.5), 5, "ms", note=note)


def stepping() -> tuple[Process, str]:
    """A kernel that is stopped in a cell, and the cell's path."""
    kernel = Process(*OURS, topics=(b"debug_event",))  # a Python client that reads all would be the half of it
    kernel.client.wait_until_heard()
    kernel.debug("initialize", clientID="bench")
    kernel.debug("attach")
    path = kernel.debug("dumpCell", code=PROGRAM)["sourcePath"]
    kernel.debug("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}])
    kernel.client.send("shell", "execute_request", {"code": PROGRAM})
    wait_for_stop(kernel)
    kernel.debug("setBreakpoints", source={"path": path}, breakpoints=[])
    return kernel, path


def wait_for_stop(kernel: Process) -> None:
    while kernel.client.receive("iopub").content.get("event") != "stopped":
        pass


def step_once(kernel: Process, path: str) -> None:
    """What JupyterLab asks at a step: the stack; then the source (twice) and the scopes; then all their variables."""
    kernel.debug("next", threadId=1)
    wait_for_stop(kernel)
    frame = kernel.debug("stackTrace", threadId=1)["stackFrames"][0]["id"]
    source = ("source", {"source": {"path": path}, "sourceReference": 0})
    scopes = kernel.ask(source, source, ("scopes", {"frameId": frame}))[-1]["scopes"]
    assert len(scopes) == NEXT[-1], scopes
    shown = kernel.ask(*(("variables", {"variablesReference": one["variablesReference"]}) for one in scopes))
    assert {"a", "b", "c"} <= {one["name"] for one in shown[0]["variables"]}, shown[0]


def steps(echo: Process) -> Row:
    kernel, path = stepping()

    def floor() -> None:
        for together in NEXT:
            echo.ask(*[("next", {})] * together)

    pairs = [(milliseconds(floor), milliseconds(lambda: step_once(kernel, path))) for _ in range(300)][20:]
    a, b = (statistics.median(times) for times in zip(*pairs, strict=True))
    kernel.close()
    return Row("a step with all that JupyterLab asks, p50", b, 4, "ms", note=f"as many replies of the echo {a:.2f} ms")


def start(*command: str) -> float:
    """Spawn to the first reply."""
    begun = time.perf_counter()
    kernel = Process(*command)
    kernel.info("shell")
    taken = (time.perf_counter() - begun) * 1000
    kernel.close()
    return taken


def starts() -> Row:
    works: dict[str, Measure] = {
        "ours": lambda: start(*OURS),
        "python -c pass": lambda: milliseconds(lambda: python("-c", "pass")),
        "echo": lambda: start(*ECHO),
    }
    for name in filter(installed, OTHERS):
        works[name] = partial(start, *OTHERS[name])
    for work in works.values():  # from disk once
        work()
    rounds = [{name: work() for name, work in works.items()} for _ in range(STARTS)]
    times = {name: statistics.median(one[name] for one in rounds) for name in works}
    ours = times.pop("ours")
    note = ", ".join(f"{name} {taken:.0f} ms" for name, taken in times.items())
    return Row("spawn to first reply", ours, 200, "ms", note=note)


def rows() -> Iterator[Row]:
    echo, kernel = Process(*ECHO).heard(), Process(*OURS).heard()
    idle = kernel.memory()
    others = {name: Process(*command).heard() for name, command in OTHERS.items() if installed(name)}
    beside = ", ".join(f"{name} {one.memory():.1f} MB" for name, one in (("echo", echo), *others.items()))
    yield Row("memory of an idle kernel", idle, 35, "MB", note=beside)
    yield from execution(echo, kernel, others)
    yield from large(echo, kernel, others)
    for one in others.values():
        one.close()
    yield from sustained(echo, kernel)
    yield busy(kernel)
    kernel.close()
    yield steps(echo)
    echo.close()
    yield starts()
