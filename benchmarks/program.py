"""CPU seconds of one program: ``python -m benchmarks.program FILE [BREAKPOINTS]``.

With a JSON list of breakpoints (``[line, condition, log message]``, or a function's name) it is debugged with these;
an empty list is a debugger with nothing armed. ``LLMSPELL_TIER=hook`` leaves them all to the hook. The word ``hook``
instead of a list: no debugger, but an empty line hook of Lua's own, as other debuggers need it. ``RUNTIME=luajit``
in the environment: LuaJIT runs it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import Any

from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import Breakpoint, Ended, FunctionBreakpoint, Output, ProgramOptions, Source
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime, Options
from llmspell_kernel.tools.registry import Tools

RUNTIME = os.environ.get("RUNTIME", "lua54")
LINE_HOOK = b"debug.sethook(function() end, 'l') "


def plain(path: str, prefix: bytes = b"") -> float:
    with open(path, "rb") as file:
        chunk = Chunk(path, b"@" + path.encode(), prefix + file.read())
    seconds: list[float] = []

    def run() -> None:
        runtime = LuaRuntime(Tools.standard, Options(runtime=RUNTIME))
        function = runtime.load(chunk)
        start = time.process_time()
        runtime.run(function)
        seconds.append(time.process_time() - start)

    thread = threading.Thread(target=run)  # as `llmspell run`: malloc differs between threads
    thread.start()
    thread.join()
    return seconds[0]


def debugged(path: str, asked: list[Any]) -> float:
    events: queue.SimpleQueue[object] = queue.SimpleQueue()
    debugger = Debugger(events.put)
    debugger.set_function_breakpoints([FunctionBreakpoint(name) for name in asked if isinstance(name, str)])
    breakpoints = [one for one in asked if not isinstance(one, str)]
    wanted = [Breakpoint(line, condition, None, message) for line, condition, message in breakpoints]
    debugger.set_breakpoints(Source("x", path), wanted)
    loaded: queue.SimpleQueue[object] = queue.SimpleQueue()
    debugger.launch(ProgramOptions(path, runtime=RUNTIME), loaded.put)
    loaded.get()
    start = time.process_time()
    debugger.start()
    lines = 0
    while not isinstance(event := events.get(), Ended):
        if isinstance(event, Output) and event.category == "console":
            lines += event.text.count("\n")
    seconds = time.process_time() - start
    assert event.exit_code == 0, event
    logs = [message for _, _, message in breakpoints if message]
    assert not logs or lines == 1_000_000, f"{lines} lines were logged"
    debugger.close()
    return seconds


if __name__ == "__main__":
    path, *how = sys.argv[1:]
    if not how:
        print(plain(path))
    elif how[0] == "hook":
        print(plain(path, LINE_HOOK))
    else:
        print(debugged(path, json.loads(how[0])))
