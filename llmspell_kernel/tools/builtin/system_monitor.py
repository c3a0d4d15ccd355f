"""system_monitor: how busy this machine is (psutil). Any thread."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from time import time
from typing import Any, Literal

import psutil

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.spec import Example, Result, tool

Operation = Literal["all", "stats", "cpu", "memory", "disk", "network", "process"]


@tool(
    category="system",
    examples=[
        Example("The disk of a folder", {"operation": "disk", "path": "{folder}"}, result={"path": "{folder}"}),
        Example("A disk that tools may not see", {"operation": "disk", "path": "{folder}/../.."}, error="not_allowed"),
        Example("Too long a look", {"operation": "cpu", "sample_ms": 100000}, error="invalid_parameters"),
    ],
)
def system_monitor(
    call: Call, operation: Operation = "all", path: str | None = None, sample_ms: int = 100
) -> Result:  # fmt: skip
    """Tell how much of this machine's processor, memory and disks is used.

    Args:
        operation: all; stats (system, load, uptime, processes); cpu; memory; disk; network; process (this one).
        path: The folder whose disk is told (disk); the first allowed folder if none is given.
        sample_ms: Over how many milliseconds the processor is watched.
    """
    if not 1 <= sample_ms <= 10_000:
        raise ToolError("`sample_ms` must be from 1 to 10000", code="invalid_parameters")
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "stats": _stats, "cpu": lambda: _cpu(sample_ms / 1000), "memory": _memory, "disk": lambda: _disk(call, path),
        "network": _network, "process": _process,
    }  # fmt: skip
    if operation != "all":
        fields = parts[operation]()
        return Result(fields, _told(fields))
    every = {name: part() for name, part in parts.items()}
    return Result(every, "\n".join(f"{name}:\n{_told(fields, '  ')}" for name, fields in every.items()))


def _told(fields: dict[str, Any], start: str = "") -> str:
    lines = []
    for name, value in fields.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {one}" for key, one in value.items())
        lines.append(f"{start}{name}: {value}")
    return "\n".join(lines)


def _stats() -> dict[str, Any]:
    return {
        "system": platform.system(), "release": platform.release(), "machine": platform.machine(),
        "python": platform.python_version(), "uptime_seconds": round(time() - psutil.boot_time(), 1),
        "load_average": [round(one, 2) for one in psutil.getloadavg()], "processes": len(psutil.pids()),
    }  # fmt: skip


def _cpu(seconds: float) -> dict[str, Any]:
    each = psutil.cpu_percent(interval=seconds, percpu=True)
    return {
        "percent": round(sum(each) / len(each), 1) if each else 0.0, "per_cpu": each,
        "logical": psutil.cpu_count(), "physical": psutil.cpu_count(logical=False),
        "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count(),
    }  # fmt: skip


def _memory() -> dict[str, Any]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "total": memory.total, "available": memory.available, "used": memory.used, "free": memory.free,
        "percent": memory.percent, "swap_total": swap.total, "swap_used": swap.used, "swap_percent": swap.percent,
    }  # fmt: skip


def _disk(call: Call, path: str | None) -> dict[str, Any]:
    """Only of what tools may see anyway."""
    real = call.policy.resolve(path) if path is not None else call.policy.roots()[0]
    try:
        usage = psutil.disk_usage(real)
    except OSError as error:
        raise ToolError(f"disk {real}: {(error.strerror or str(error)).lower()}") from error
    return {
        "path": real, "total": usage.total, "used": usage.used, "free": usage.free, "percent": usage.percent,
    }  # fmt: skip


def _network() -> dict[str, Any]:
    counters = psutil.net_io_counters()
    if counters is None:
        return {}
    return {
        "bytes_sent": counters.bytes_sent, "bytes_received": counters.bytes_recv,
        "packets_sent": counters.packets_sent, "packets_received": counters.packets_recv,
    }  # fmt: skip


def _process() -> dict[str, Any]:
    process = psutil.Process()
    with process.oneshot():
        times = process.cpu_times()
        return {
            "pid": process.pid, "memory": process.memory_info().rss, "threads": process.num_threads(),
            "cpu_seconds": round(times.user + times.system, 3),
        }  # fmt: skip
