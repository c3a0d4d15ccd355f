"""What is counted of a kernel, for Prometheus. Any thread. Tools are counted where they are called (tools/running.py).

docs/grafana-dashboard.json draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from llmspell_kernel.jupyter.kernel import Kernel
from llmspell_kernel.jupyter.messages import Message
from llmspell_kernel.jupyter.zmq_server import Server
from llmspell_kernel.service.report import STATES, state_of
from llmspell_kernel.service.requests import OTHER, Ended, Requests
from llmspell_kernel.tools.calls.running import Counts

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
STEPS = ("next", "stepIn", "stepOut", "stepBack")
REASONS = ("breakpoint", "function breakpoint", "step", "pause", "exception", "entry", "goto")


class Metrics:
    def __init__(self, kernel: Kernel, server: Server) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "llmspell_kernel_requests_total", "Requests that were handled.", ["type", "status"], registry=registry
        )
        self._durations = Histogram(
            "llmspell_kernel_request_duration_seconds", "How long they took.", ["type"], buckets=BUCKETS,
            registry=registry,
        )  # fmt: skip
        self._stops = Counter("llmspell_dap_stops_total", "Stops of the debugger.", ["reason"], registry=registry)
        self._steps = Histogram(
            "llmspell_dap_step_duration_seconds", "From the request for a step to its stop.", buckets=BUCKETS,
            registry=registry,
        )  # fmt: skip
        self._gauges(kernel, server)
        registry.register(_Tools(lambda: {} if kernel.made_tools is None else kernel.made_tools.used()))
        ProcessCollector(registry=registry)
        self._step_began: float | None = None
        self._watch = Requests(kernel.handlers, self._ended)
        kernel.watch(self._sent)

    def _gauges(self, kernel: Kernel, server: Server) -> None:
        connections = Gauge(
            "llmspell_kernel_active_connections", "Clients that have sent requests.", registry=self.registry
        )
        connections.set_function(server.clients.count)
        states = Gauge("llmspell_kernel_state", "1 for the state it is in.", ["state"], registry=self.registry)
        for state in STATES:
            states.labels(state).set_function(lambda state=state: float(state_of(kernel) == state))  # type: ignore[misc]

    def _sent(self, channel: str, message: Message) -> None:
        self._watch.sent(channel, message)
        if channel == "iopub" and message.type == "debug_event" and message.content.get("event") == "stopped":
            self._stopped(str(message.content["body"].get("reason")))

    def _stopped(self, reason: str) -> None:
        self._stops.labels(reason if reason in REASONS else OTHER).inc()
        began, self._step_began = self._step_began, None
        if reason == "step" and began is not None:
            self._steps.observe(perf_counter() - began)

    def _ended(self, request: Ended) -> None:
        self._requests.labels(request.kind, request.status).inc()
        self._durations.labels(request.kind).observe(request.seconds)
        if request.command in STEPS and request.status == "ok":
            self._step_began = request.began
        elif request.command == "continue":
            self._step_began = None


class _Tools(Collector):
    """Numbers that the tools have anyway: counting costs nothing before somebody looks."""

    def __init__(self, used: Callable[[], dict[str, Counts]]) -> None:
        self._used = used

    def collect(self) -> Iterator[Metric]:
        families = {
            "calls": CounterMetricFamily("llmspell_tool_invocations", "Calls of tools.", labels=["tool"]),
            "errors": CounterMetricFamily("llmspell_tool_errors", "Calls that failed.", labels=["tool"]),
            "timeouts": CounterMetricFamily("llmspell_tool_timeouts", "Calls that took too long.", labels=["tool"]),
            "seconds": CounterMetricFamily("llmspell_tool_seconds", "Time that calls took.", labels=["tool"]),
            "cache_hits": CounterMetricFamily(
                "llmspell_tool_cache_hits", "Results that were kept and used again.", labels=["tool"]
            ),
            "cache_misses": CounterMetricFamily(
                "llmspell_tool_cache_misses", "Results that were not there.", labels=["tool"]
            ),
        }
        for name, counts in self._used().items():
            for field, family in families.items():
                family.add_metric([name], getattr(counts, field))
        yield from families.values()
