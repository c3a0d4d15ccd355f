"""Metrics: what Prometheus reads of a kernel, and what Grafana draws of it."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llmspell_kernel.jupyter.zmq_client import Client
from tests.service.kernels import SECONDS, Kernels, Running

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"
OURS = re.compile(r"\b(llmspell_\w+|process_\w+)")


def get(kernel: Running, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{kernel.told['metrics_port']}{path}", timeout=SECONDS) as answer:
        return str(answer.read().decode())


def samples(kernel: Running) -> dict[tuple[str, ...], float]:
    """Value by name and labels."""
    return {
        (one.name, *(value for name, value in sorted(one.labels.items()) if name != "le")): one.value
        for family in text_string_to_metric_families(get(kernel, "/metrics"))
        for one in family.samples
        if "le" not in one.labels
    }


@pytest.fixture
def kernel(kernels: Kernels) -> Running:
    kernels.settings("[tools]\ncache_enabled = true\n")
    return kernels.daemon("one", "--metrics-port", "0")


def debug(client: Client, command: str, **arguments: object) -> Any:
    content = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
    return client.request("debug_request", content, "control")


def stopped(client: Client) -> str:
    while (message := client.receive("iopub", SECONDS)).content.get("event") != "stopped":
        pass
    return str(message.content["body"]["reason"])


def test_requests_are_counted_and_measured_by_type_and_result(kernel: Running) -> None:
    client = kernel.client()
    for code in ("return 1", "return 2", "error('x')"):
        client.execute(code)
    client.request("made_up_request", {}, "control")
    client.request("kernel_info_request", {}, "control")  # the one before has been counted when this is answered
    found = samples(kernel)
    name, took = "llmspell_kernel_requests_total", "llmspell_kernel_request_duration_seconds"
    assert (found[name, "ok", "execute_request"], found[name, "error", "execute_request"]) == (2, 1)
    assert found[name, "error", "other"] == 1 and not any("made_up_request" in key for key in found)
    assert found[f"{took}_count", "execute_request"] == 3 and 0 < found[f"{took}_sum", "execute_request"] < SECONDS
    assert found["llmspell_kernel_active_connections",] == 1
    assert found["process_resident_memory_bytes",] > 10_000_000


def test_tools_are_counted_with_their_errors_and_what_was_kept(kernel: Running) -> None:
    client = kernel.client()
    assert "llmspell_tool_invocations_total" not in {key[0] for key in samples(kernel)}
    for text in ("6 * 7", "6 * 7", "6 *"):
        client.execute(f"pcall(Tool.execute, 'calculator', {{input = '{text}'}})")
    found = samples(kernel)
    counts = [
        found[f"llmspell_tool_{what}_total", "calculator"]
        for what in ("invocations", "errors", "timeouts", "cache_hits", "cache_misses")
    ]
    assert counts == [3, 1, 0, 1, 2] and found["llmspell_tool_seconds_total", "calculator"] > 0


def test_stops_of_the_debugger_are_counted_and_steps_measured(kernel: Running) -> None:
    client = kernel.client()
    code = "local a = 1\nlocal b = 2\nreturn a + b"
    debug(client, "initialize")
    debug(client, "attach")
    path = debug(client, "dumpCell", code=code)["body"]["sourcePath"]
    debug(client, "setBreakpoints", source={"path": path}, breakpoints=[{"line": 1}])
    debug(client, "configurationDone")
    client.send("shell", "execute_request", {"code": code})
    assert stopped(client) == "breakpoint"
    assert samples(kernel)["llmspell_kernel_state", "paused"] == 1
    debug(client, "next", threadId=1)
    assert stopped(client) == "step"
    found = samples(kernel)
    assert (found["llmspell_dap_stops_total", "breakpoint"], found["llmspell_dap_stops_total", "step"]) == (1, 1)
    assert found["llmspell_dap_step_duration_seconds_count",] == 1
    assert 0 < found["llmspell_dap_step_duration_seconds_sum",] < SECONDS


def test_health_says_what_the_kernel_does(kernel: Running) -> None:
    told = json.loads(get(kernel, "/health"))
    assert (told["status"], told["state"], told["pid"]) == ("ok", "idle", kernel.pid)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(kernel, "/")


def test_who_connects_and_says_nothing_holds_nobody_up(kernel: Running) -> None:
    with socket.create_connection(("127.0.0.1", kernel.told["metrics_port"])):
        assert json.loads(get(kernel, "/health"))["status"] == "ok"


def test_a_port_in_use_is_told_and_the_kernel_does_not_start(kernels: Kernels, kernel: Running) -> None:
    done = kernels.command("start", "--daemon", "--metrics-port", str(kernel.told["metrics_port"]))
    assert done.returncode == 2 and "cannot serve metrics on 127.0.0.1" in done.stderr


def test_the_dashboard_draws_what_there_is_and_all_of_it(kernel: Running) -> None:
    client = kernel.client()
    client.execute("pcall(Tool.execute, 'calculator', {input = '1'})")
    there = {one.name for family in text_string_to_metric_families(get(kernel, "/metrics")) for one in family.samples}
    declared = set(re.findall(r"^# TYPE (\w+)", get(kernel, "/metrics"), re.M))
    board = json.loads(DASHBOARD.read_text())
    drawn = {name for panel in board["panels"] for target in panel["targets"] for name in OURS.findall(target["expr"])}
    assert {re.sub("_bucket$", "", name) for name in drawn} <= {
        re.sub("_bucket$", "", name) for name in there | declared
    }
    families = {
        re.sub("_created$", "", name)
        for name in declared
        if name.startswith("llmspell_") and not name.endswith("_created")
    }
    assert families <= {re.sub("_bucket$", "", name) for name in drawn}
    asked = re.findall(r"label_values\((\w+)", json.dumps(board["templating"]))
    assert asked and set(asked) <= there
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places) == len({panel["id"] for panel in board["panels"]})
