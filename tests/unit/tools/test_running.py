"""Around a call: limits of time, processes, the cache, calls side by side, and what bad tools do."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config import Config
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support import tools_at_work as at_work
from tests.support.tool_errors import error_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tools() -> Iterator[Tools]:
    made = Tools(Policy(("/nowhere",)), Config({"tools.max_memory_mb": 400}))
    for function in vars(at_work).values():
        if getattr(function, "__module__", "") == at_work.__name__ and callable(function):
            made.add(function)
    yield made
    made.close()


# Limits of time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spins", "waits_in_c", "spins_apart"])
def test_what_takes_too_long_ends_with_an_error_and_the_next_call_is_well(tools: Tools, name: str) -> None:
    error = error_of(lambda: tools.call(name, {}, seconds=0.2))
    assert (error.code, error.tool, error.details) == ("timeout", name.replace("_", "-"), {"seconds": 0.2})
    assert tools.call("multiplies", {"n": 3})["result"]["square"] == 9
    assert tools.info(name)["metrics"]["timeouts"] == 1


def test_a_function_that_computes_is_ended_in_its_thread(tools: Tools) -> None:
    ended = threading.Event()

    def computes() -> None:
        try:
            at_work.spins()
        finally:
            ended.set()

    tools.add(computes)
    assert error_of(lambda: tools.call("computes", {}, seconds=0.1)).code == "timeout"
    assert ended.wait(20)


def test_the_settings_say_how_long_each_tool_may_take() -> None:
    settings = Config({"tools.timeout_seconds": 20, "tools.timeouts": {"waits_in_c": 0.1}})
    tools = Tools(settings=settings)
    tools.add(at_work.waits_in_c)
    error = error_of(lambda: tools.call("waits_in_c", {}))
    assert "limit of 0.1 s" in str(error)
    assert "tools.timeouts in llmspell.toml" in str(error)


def test_one_interrupt_ends_all_the_calls_of_a_map_also_those_that_have_not_begun(tools: Tools) -> None:
    begun = threading.Semaphore(0)

    def waits_long() -> None:
        begun.release()
        threading.Event().wait(30)

    def interrupts() -> None:
        begun.acquire()
        begun.acquire()
        tools.interrupt("stop")

    tools.add(waits_long)
    threading.Thread(target=interrupts).start()
    answers = tools.map("waits_long", [{}] * 20, 2)
    assert {answer["error"]["code"] for answer in answers} == {"cancelled"}
    assert not begun.acquire(blocking=False)
    assert tools.call("multiplies", {"n": 3})["result"]["square"] == 9


def test_each_call_of_a_map_may_take_so_long(tools: Tools) -> None:
    slow, _ = tools.all([("waits_in_c", {}), ("multiplies", {"n": 3})], seconds=0.1)
    assert (slow["error"]["code"], slow["error"]["details"]) == ("timeout", {"seconds": 0.1})


def test_whoever_waits_can_be_interrupted(tools: Tools) -> None:
    for name in ("waits_in_c", "spins_apart"):
        timer = threading.Timer(0.2, tools.interrupt, ("stop",))
        timer.start()
        error = error_of(lambda name=name: tools.call(name, {}))  # type: ignore[misc]
        assert error.code == "cancelled"
        assert "stop" in str(error)


# Processes --------------------------------------------------------------------------------------------


def test_a_tool_that_computes_has_a_process_of_its_own_that_is_kept(tools: Tools) -> None:
    first, second = (tools.call("multiplies", {"n": n})["result"]["pid"] for n in (1, 2))
    assert first == second != os.getpid()


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("dies", {}, "exit code 3"),
        ("fails_apart", {}, "lost"),
        pytest.param(
            "eats",
            {"megabytes": 4000},
            "max_memory_mb",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="rlimit"),
        ),
    ],
)
def test_what_goes_wrong_there_is_an_error_here(tools: Tools, name: str, parameters: dict, words: str) -> None:
    error = error_of(lambda: tools.call(name, parameters))
    assert words in str(error)
    assert tools.call("multiplies", {"n": 4})["success"]


def test_what_it_prints_is_no_answer(tools: Tools, capfd: pytest.CaptureFixture[str]) -> None:
    assert tools.call("prints", {"text": "hello"})["text"] == "hello"
    out, err = capfd.readouterr()
    assert (out, err) == ("", "hello\n")


def test_it_knows_the_policy(tools: Tools) -> None:
    assert tools.call("looks_at", {})["result"] == {"paths": ["/nowhere"]}


def test_a_function_that_a_process_can_not_find_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of a module's"):
        Tools().add(lambda: 1, name="here", runs="process")


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="there is no other way to wait for a process of nobody's")
def test_its_process_ends_with_ours() -> None:
    code = (
        "import os\n"
        "from llmspell_kernel.tools.registry import Tools\n"
        "from tests.support import tools_at_work\n"
        "tools = Tools(); tools.add(tools_at_work.multiplies)\n"
        "print(tools.call('multiplies', {'n': 1})['result']['pid'], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stdout, done.stderr
    pid = int(done.stdout)
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([ended], [], [], 30)[0], "it still runs"
    os.close(ended)


# The cache -----------------------------------------------------------------------------------------------


def cached(**settings: Any) -> Tools:
    return Tools(settings=Config({"tools.cache_enabled": True, **{f"tools.{k}": v for k, v in settings.items()}}))


def test_a_pure_tool_is_asked_once() -> None:
    calls: list[int] = []

    def double(n: int) -> dict[str, int]:
        calls.append(n)
        return {"n": n * 2}

    tools = cached()
    tools.add(double, pure=True)
    results = [tools.call("double", {"n": n}) for n in (1, 1, 2, 1)]
    assert [one["result"]["n"] for one in results] == [2, 2, 4, 2]
    assert calls == [1, 2]
    assert [one["metadata"].get("cached", False) for one in results] == [False, True, False, True]
    metrics = tools.info("double")["metrics"]
    assert (metrics["cache_hits"], metrics["cache_misses"]) == (2, 2)


def test_nobody_changes_what_is_kept() -> None:
    tools = cached()
    tools.add(lambda: {"a": [1]}, name="gives", pure=True)
    tools.call("gives", {})["result"]["a"].append(2)
    assert tools.call("gives", {})["result"] == {"a": [1]}


def test_what_touches_the_world_and_what_fails_is_never_kept() -> None:
    calls: list[int] = []

    def counts() -> int:
        calls.append(1)
        if len(calls) % 2:
            raise ValueError("odd")
        return len(calls)

    for pure in (False, True):
        tools = cached()
        tools.add(counts, pure=pure)
        before = len(calls)
        for _ in range(2):
            tools.answer("counts", {})
        assert len(calls) == before + 2


def test_the_cache_is_bounded_in_bytes() -> None:
    tools = cached(cache_size_mb=1)
    tools.add(lambda n: "x" * 300_000, name="big", pure=True)
    for n in range(10):
        tools.call("big", {"n": n})
    cache = tools.running._cache
    assert cache is not None
    assert 300_000 < cache.size() <= 1024 * 1024
    assert tools.call("big", {"n": 9})["metadata"]["cached"]
    assert "cached" not in tools.call("big", {"n": 0})["metadata"]


# Calls side by side -----------------------------------------------------------------------------------------


def test_answers_come_in_the_order_of_the_calls_and_a_failure_is_one_of_them(tools: Tools) -> None:
    answers = tools.map("multiplies", [{"n": 1}, {"m": 2}, {"n": 3}], concurrency=2)
    assert [one["success"] for one in answers] == [True, False, True]
    assert answers[1]["error"]["code"] == "invalid_parameters"
    assert answers[2]["result"]["square"] == 9


def test_tools_that_wait_wait_at_the_same_time(tools: Tools) -> None:
    meeting = threading.Barrier(4, timeout=20)
    tools.add(lambda n: meeting.wait() * 0 + n, name="meets")
    answers = tools.all([("meets", {"n": n}) for n in range(4)], concurrency=4)
    assert [one["result"] for one in answers] == [0, 1, 2, 3]


def test_tools_that_compute_do_so_in_several_processes(tools: Tools) -> None:
    answers = tools.map("multiplies", [{"n": n, "times": 300_000} for n in range(4)], concurrency=2)
    assert len({one["result"]["pid"] for one in answers}) == 2


def test_a_wrong_concurrency(tools: Tools) -> None:
    assert "at least 1" in str(error_of(lambda: tools.map("multiplies", [{"n": 1}, {"n": 2}], concurrency=0)))


# Bad tools ----------------------------------------------------------------------------------------------------


def test_whatever_a_tool_does_the_caller_gets_one_error() -> None:
    def exits() -> None:
        sys.exit("done")

    def recurses() -> None:
        recurses()

    def takes_all() -> bytes:
        return bytearray(10**15)  # type: ignore[return-value]

    tools = Tools()
    wrong = {
        "exits": (exits, "sys.exit('done')"), "recurses": (recurses, "calls itself"),
        "takes_all": (takes_all, "not enough memory"), "gives_code": (lambda: (x for x in ()), "returned a generator"),
        "gives_itself": (_itself, "contains itself"), "interrupts": (_interrupts, "KeyboardInterrupt"),
    }  # fmt: skip
    for name, (function, words) in wrong.items():
        tools.add(function, name=name)
        assert words in str(error_of(lambda name=name: tools.call(name, {})))  # type: ignore[misc]


def _itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def _interrupts() -> None:
    raise KeyboardInterrupt


def test_levels_are_enforced_before_anything_else() -> None:
    for level, allowed in (("safe", 1), ("restricted", 2), ("privileged", 3)):
        tools = Tools(Policy(level=level))  # type: ignore[arg-type]
        for one in ("safe", "restricted", "privileged"):
            tools.add(lambda: 1, name=one, level=one)
        answers = [tools.answer(one, {}) for one in ("safe", "restricted", "privileged")]
        assert [one["success"] for one in answers] == [n < allowed for n in range(3)]
        refused = answers[-1]
        if not refused["success"]:
            assert refused["error"]["code"] == "not_allowed"
            assert '[tools] level = "privileged"' in refused["error"]["message"]
            assert refused["error"]["details"]["rule"] == "tools.level"


def test_a_disabled_tool() -> None:
    tools = Tools.standard(settings=Config({"tools.disabled": ("calculator",)}))
    assert "disabled" in str(error_of(lambda: tools.call("calculator", {"input": "1"})))
