"""The hook's filter in C is built where there is a compiler, and nobody notices where there is none."""

from __future__ import annotations

import os
import queue
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.debug.engine import Debugger
from llmspell_kernel.debug.model import Breakpoint, Ended, ProgramOptions, Source, Step, Stopped
from llmspell_kernel.lua.hook_filter import library

ROOT = Path(__file__).parents[2]
HAS_COMPILER = shutil.which("cc") is not None or "CI" in os.environ


@pytest.mark.skipif(not HAS_COMPILER, reason="there is no C compiler")
def test_the_filter_is_built_by_an_installation() -> None:
    assert library() is not None


def build(folder: Path, compiler: str) -> list[str]:
    pytest.importorskip("setuptools")
    command = [
        sys.executable,
        "setup.py",
        "-q",
        "build_ext",
        "--build-lib",
        str(folder / "lib"),
        "--build-temp",
        str(folder),
    ]
    environment = {**os.environ, "CC": compiler, "LDSHARED": f"{compiler} -shared"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    return [path.name for path in folder.glob("lib/**/_hook*")]


def test_without_a_compiler_an_installation_goes_on(tmp_path: Path) -> None:
    assert build(tmp_path, "there-is-no-such-compiler") == []


PROGRAM = """\
local log = {}
local function leaf(x) return x + 1 end
local function closer(name)
  return setmetatable({}, { __close = function()
    log[#log + 1] = name
    leaf(1)
  end })
end
local function fails(n)
  local c <close> = closer("c" .. n)
  if n == 0 then
    error("boom")
  end
  local r = fails(n - 1)
  return r
end
local function varied(...)
  local n = select("#", ...)
  if n == 0 then return leaf(n) end
  return varied(select(2, ...))
end
local function numbers(n)
  return coroutine.wrap(function()
    for i = 1, n do
      coroutine.yield(leaf(i))
    end
    leaf(2)
  end)
end
local sum = 0
for v in numbers(3) do
  sum = sum + v
end
local ok = pcall(fails, 3)
local co = coroutine.create(function(a)
  local b = coroutine.yield(leaf(a))
  pcall(fails, 1)
  fails(1)
end)
coroutine.resume(co, 1)
coroutine.resume(co, 2)
local t = { 3, 1, 2 }
table.sort(t, function(a, b)
  return leaf(a) < leaf(b)
end)
local s = ("abc"):gsub("%w", function(c)
  return c .. varied(1, 2, 3)
end)
local x = xpcall(fails, function(e)
  leaf(3)
  return e
end, 2)
local mt = setmetatable({}, { __index = function(_, k) return leaf(#k) end, __add = function() return varied(1) end })
local y = mt.abc + (mt + 1)
"""


def stops(path: Path, seed: int) -> list[Any]:
    """Where a walk at random comes to, over two breakpoints."""
    choice, lines = random.Random(seed), len(PROGRAM.splitlines())
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    debugger = Debugger(events.put)
    debugger.set_breakpoints(Source("program", str(path)), [Breakpoint(choice.randint(1, lines)) for _ in range(2)])
    loaded: queue.SimpleQueue[Any] = queue.SimpleQueue()
    debugger.launch(ProgramOptions(str(path), stop_on_entry=True), loaded.put)
    loaded.get(timeout=10)
    debugger.start()
    found: list[Any] = []
    while not isinstance(event := events.get(timeout=10), Ended):
        if isinstance(event, Stopped):
            place: queue.SimpleQueue[Any] = queue.SimpleQueue()
            debugger.ask(lambda pause, id=event.thread: pause.frames(id, 0, 1)[0][0].line, place.put)
            found.append((event.reason, event.thread, place.get(timeout=10).value))
            debugger.resume(Step(choice.choice(("over", "over", "into", "out"))))
    debugger.close()
    return [*found, event.exit_code]


@pytest.mark.skipif(library() is None, reason="the filter was not built")
@pytest.mark.parametrize("tier", ["probe", "hook"])
def test_the_filter_makes_no_difference_to_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tier: str) -> None:
    path = tmp_path / "program.lua"
    path.write_text(PROGRAM)
    monkeypatch.setenv("LLMSPELL_TIER", tier)
    for seed in range(12):
        found = []
        for hook in ("filtered", "pure"):
            monkeypatch.setenv("LLMSPELL_HOOK", hook)
            found.append(stops(path, seed))
        assert found[0] == found[1], f"seed {seed}"
