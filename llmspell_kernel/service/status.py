"""What is known of kernels: from their files, from themselves, and from the system."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import psutil

from llmspell_kernel.service import discovery
from llmspell_kernel.service.asking import ask
from llmspell_kernel.service.discovery import Kernel

Json = dict[str, Any]
INTERNAL = ("status", "kernel_id", "born", "host")  # words of the files
SAMPLE = 0.1  # seconds over which a processor's use is measured, at least


class Gauge:
    """How much processor and memory processes use. The former is a difference: a first look at one takes `SAMPLE`."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}

    def look(self, pids: Sequence[int | None]) -> list[Json]:
        """{} for None, and for a process that has ended or is somebody else's."""
        new = [pid for pid in pids if pid is not None and pid not in self._processes]
        for pid in new:
            self._look(pid)
        if new:
            threading.Event().wait(SAMPLE)
        return [{} if pid is None else self._look(pid) for pid in pids]

    def _look(self, pid: int) -> Json:
        try:
            process = self._processes.get(pid) or psutil.Process(pid)
            self._processes[pid] = process
            with process.oneshot():
                times = process.cpu_times()
                return {
                    "cpu_percent": round(process.cpu_percent(), 1),
                    "cpu_seconds": round(times.user + times.system, 2),
                    "rss_bytes": process.memory_info().rss,
                    "threads": process.num_threads(),
                }
        except psutil.Error:
            self._processes.pop(pid, None)
            return {}


def statuses(kernels: Sequence[Kernel], gauge: Gauge) -> list[Json]:
    """In the same order; those that Jupyter has left are not among them, since nobody knows whether they were."""
    living = [kernel.path for kernel in kernels if not kernel.is_stale]
    answers = dict(zip(living, ask(living, "status_request"), strict=True))
    found = []
    for kernel in kernels:
        answer = answers.get(kernel.path)
        if kernel.alive is None and (answer is None or answer.get("status") != "ok"):
            continue
        found.append(_status(kernel, answer))
    return [{**one, **use} for one, use in zip(found, gauge.look([_living(one) for one in found]), strict=True)]


def _living(status: Json) -> int | None:
    return None if status["state"] == "stale" else status["pid"]


def _status(kernel: Kernel, answer: Json | None) -> Json:
    told = {name: kernel.told.get(name) for name in ("pid", "cwd", "log_file", "metrics_port", "dap_port")}
    common = {"id": kernel.id, "connection_file": kernel.path, **told}
    if kernel.is_stale:
        return {**common, "state": "stale"}
    if answer is None or answer.get("status") != "ok":
        return {**common, "state": "silent"}
    return {**common, **{name: value for name, value in answer.items() if name not in INTERNAL}}


def look(name: str | None, gauge: Gauge) -> list[Json]:
    """The status of one kernel or of all; what stale ones have left is removed. Raises UserError: no such one."""
    kernels = discovery.every() if name is None else [discovery.find(name)]
    found = statuses(kernels, gauge)
    for kernel in kernels:
        if kernel.is_stale:
            discovery.clean(kernel)
    return found
