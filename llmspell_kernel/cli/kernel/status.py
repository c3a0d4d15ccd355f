"""``llmspell kernel status``."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import click

from llmspell_kernel.service.status import Gauge, look

Json = dict[str, Any]
COLUMNS = ("ID", "PID", "STATE", "UPTIME", "PORTS", "CPU", "MEMORY", "CLIENTS", "EXECUTIONS", "LAST USED")


@click.command("status")
@click.argument("kernel", required=False, metavar="[ID|FILE]")
@click.option("--watch", "-w", is_flag=True, help="Again and again, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(min=0.1), default=2.0, show_default=True, metavar="SECONDS",
              help="With --watch: the time between two looks.")  # fmt: skip
@click.option("-o", "--output", type=click.Choice(["text", "json", "pretty"]), default="text", show_default=True,
              help="How it is written: for people, as JSON in a line, as JSON in many.")  # fmt: skip
def command(kernel: str | None, watch: bool, interval: float, output: str) -> int:
    """Tell about the kernels that run; about one (its ID or connection file) in detail.

    What kernels have left behind that were killed is told once, and removed. The exit code is 1 where one that is named
    does not answer.
    """
    gauge = Gauge()
    while True:
        found = look(kernel, gauge)
        if watch and sys.stdout.isatty():
            click.clear()
        click.echo(_shown(found, kernel is not None, output))
        if not watch:
            return int(kernel is not None and (not found or found[0]["state"] in ("stale", "silent")))
        threading.Event().wait(interval)


def _shown(found: Sequence[Json], one: bool, output: str) -> str:
    if output != "text":
        told = found[0] if one and found else list(found)
        return json.dumps(told, indent=2 if output == "pretty" else None, ensure_ascii=False)
    if not found:
        return "no kernel is running"
    return _details(found[0]) if one else _table(found)


def _table(found: Sequence[Json]) -> str:
    rows = [COLUMNS, *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(one: Json) -> tuple[str, ...]:
    return (
        one["id"], _text(one.get("pid")), one["state"], _duration(one.get("uptime_seconds")), _ports(one),
        _percent(one.get("cpu_percent")), _size(one.get("rss_bytes")), _text(one.get("clients")),
        _text(one.get("executions")), _ago(one.get("last_activity")),
    )  # fmt: skip


STATES = {
    "stale": "stale: its process has ended without a goodbye; its connection file is removed",
    "silent": "silent: its process runs and does not answer",
}


def _details(one: Json) -> str:
    lines = {
        "Kernel": one["id"],
        "State": STATES.get(one["state"], one["state"]),
        "PID": _text(one.get("pid")),
        "Uptime": _duration(one.get("uptime_seconds")),
        "Ports": ", ".join(f"{name} {port}" for name, port in one.get("ports", {}).items()) or "-",
        "Address": _text(one.get("ip")),
        "Connection file": one["connection_file"],
        "Log file": _text(one.get("log_file")),
        "Working folder": _text(one.get("cwd")),
        "CPU": f"{_percent(one.get('cpu_percent'))} ({_text(one.get('cpu_seconds'))} s so far)",
        "Memory": _size(one.get("rss_bytes")),
        "Clients": _text(one.get("clients")) + (f" of {one['max_clients']}" if one.get("max_clients") else ""),
        "Executions": _text(one.get("executions")),
        "Last used": _ago(one.get("last_activity")),
    }
    for name, field in (("Metrics port", "metrics_port"), ("DAP port", "dap_port")):
        if one.get(field):
            lines[name] = str(one[field])
    return "\n".join(f"{name + ':':<17}{value}" for name, value in lines.items())


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _ports(one: Json) -> str:
    ports = list(one.get("ports", {}).values())
    if not ports:
        return "-"
    together = ports == list(range(ports[0], ports[0] + len(ports)))
    return f"{ports[0]}-{ports[-1]}" if together else ",".join(map(str, ports))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _size(value: int | None) -> str:
    return "-" if value is None else f"{value / 2**20:.1f} MB"


def _ago(moment: float | None) -> str:
    return "-" if moment is None else f"{_duration(max(0.0, time.time() - moment))} ago"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = [(days, "d"), (hour, "h"), (minute, "min"), (second, "s")]
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"
