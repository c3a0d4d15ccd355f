"""CPU seconds of one program: ``python -m benchmarks.program FILE [LINE]``.

With a line it is debugged, with a breakpoint there; line 0 is a debugger with nothing armed.
"""

from __future__ import annotations

import queue
import sys
import threading
import time

from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import Breakpoint, Ended, ProgramOptions, Source
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime, Options
from llmspell_kernel.tools.registry import Tools


def plain(path: str) -> float:
    with open(path, "rb") as file:
        chunk = Chunk(path, b"@" + path.encode(), file.read())
    seconds: list[float] = []

    def run() -> None:
        runtime = LuaRuntime(Tools.standard, Options())
        function = runtime.load(chunk)
        start = time.process_time()
        runtime.run(function)
        seconds.append(time.process_time() - start)

    thread = threading.Thread(target=run)  # as `llmspell run`: malloc differs between threads
    thread.start()
    thread.join()
    return seconds[0]


def debugged(path: str, lines: list[int]) -> float:
    events: queue.SimpleQueue[object] = queue.SimpleQueue()
    debugger = Debugger(events.put)
    debugger.set_breakpoints(Source("x", path), [Breakpoint(line) for line in lines])
    loaded: queue.SimpleQueue[object] = queue.SimpleQueue()
    debugger.launch(ProgramOptions(path), loaded.put)
    loaded.get()
    start = time.process_time()
    debugger.start()
    while not isinstance(event := events.get(), Ended):
        pass
    seconds = time.process_time() - start
    assert event.exit_code == 0, event
    debugger.close()
    return seconds


if __name__ == "__main__":
    path, *lines = sys.argv[1:]
    print(debugged(path, [int(line) for line in lines if line != "0"]) if lines else plain(path))
