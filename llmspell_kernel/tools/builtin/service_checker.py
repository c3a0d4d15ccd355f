"""service_checker: whether something answers. Any thread."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network
from llmspell_kernel.tools.network.http import fetch
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_SECONDS = 30
FOUND_OUT = ("dns", "connection", "protocol", "tls", "redirects", "size")  # kinds of errors that are an answer


@tool(
    category="system",
    level="restricted",
    aliases={"input": "target", "timeout": "timeout_seconds"},
    examples=[
        Example("A web server", {"target": "{http}/", "check_type": "http"}, result={"available": True, "status": 200}),
        Example("One that is ill", {"target": "{http}/status/503", "check_type": "http"}, result={"available": False}),
        Example("Not everybody is asked", {"target": "10.0.0.1:22", "check_type": "tcp"}, error="not_allowed"),
    ],
)
def service_checker(
    call: Call,
    target: str,
    check_type: Literal["tcp", "http", "https", "dns"] = "tcp",
    port: int | None = None,
    timeout_seconds: float = 5,
) -> Result:
    """Find out whether a service answers, and how soon.

    Args:
        target: A host, HOST:PORT, or an address (http, https).
        check_type: What to try: a TCP connection, a request (an answer below 500 counts), or looking up the name.
        port: The port (tcp), unless the target has it.
        timeout_seconds: Seconds to wait, at most 30.
    """
    if not 0 < timeout_seconds <= MAX_SECONDS:
        raise ToolError(f"timeout_seconds is a number above 0, at most {MAX_SECONDS}", code="invalid_parameters")
    checks: dict[str, Callable[[], dict[str, Any]]] = {
        "tcp": lambda: _tcp(call, target, port, timeout_seconds),
        "dns": lambda: _dns(call, target, timeout_seconds),
    }
    start = perf_counter()
    try:
        found = checks.get(check_type, lambda: _http(call, check_type, target, port, timeout_seconds))()
    except ToolError as error:
        if not _is_finding(error):
            raise
        found = {"available": False, "error": str(error), "reason": (error.details or {}).get("kind", error.code)}
    value = {"target": target, "check_type": check_type, **found, "latency_ms": (perf_counter() - start) * 1000}
    state = "available" if found["available"] else f"not available: {found.get('error') or found.get('status')}"
    return Result(value, f"{target} is {state}")


def _is_finding(error: ToolError) -> bool:
    """Whether it tells of the service; else of the call."""
    details = error.details or {}
    return (details.get("kind") in FOUND_OUT and error.code == "failed") or (
        error.code == "timeout" and "seconds" in details
    )


def _tcp(call: Call, target: str, port: int | None, seconds: float) -> dict[str, Any]:
    host, found = host_and_port(target)
    with Network(call, seconds) as network:
        sock = network.connect(host, found or port or _no_port(target))
        address = sock.getpeername()[0]
    return {"available": True, "address": address}


def _no_port(target: str) -> int:
    raise ToolError(f"which port? Write {target}:PORT, or give port", code="invalid_parameters")


def host_and_port(text: str) -> tuple[str, int | None]:
    """``example.org:80``, ``[::1]:80``, ``::1``. Raises ToolError."""
    text = text.strip().removeprefix("tcp://").rstrip("/")
    if text.count(":") > 1 and not text.startswith("["):
        return text, None
    host, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "")
    if port and not (port.isascii() and port.isdigit() and len(port) < 6):
        raise ToolError(f"{port!r} is not a port", code="invalid_parameters")
    return host, int(port) if port else None


def _dns(call: Call, target: str, seconds: float) -> dict[str, Any]:
    host, _ = host_and_port(target)
    with Network(call, seconds) as network:
        return {"available": True, "addresses": network.look_up(host)}


def _http(call: Call, scheme: str, target: str, port: int | None, seconds: float) -> dict[str, Any]:
    url = target if "://" in target else f"{scheme}://{target}{f':{port}' if port else ''}"
    if not url.startswith(f"{scheme}://"):
        raise ToolError(f"{target} is not an address that begins with {scheme}://", code="invalid_parameters")
    answer = fetch(call, "GET", url, seconds=seconds)
    return {"available": answer.status < 500, "status": answer.status, "reason": answer.reason, "url": answer.url}
