"""api_tester: one request, where its time went, and whether the answer is as expected. Any thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.http_requester import Method, content_of, told
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import MAX_BYTES, Answer, fetch
from llmspell_kernel.tools.spec import Example, Result, tool

EXPECTED = ("status", "max_ms", "headers", "contains", "json")
Check = dict[str, Any]


@tool(
    category="web",
    level="restricted",
    aliases={"url": "input"},
    examples=[
        Example(
            "An answer as expected",
            {
                "input": "{http}/json",
                "expected": {
                    "status": 200,
                    "headers": {"content-type": "application/json"},
                    "json": {"tags[0]": "lua"},
                },
            },
            result={"status": 200, "passed": True},
        ),
        Example(
            "One that is not",
            {"input": "{http}/status/500", "expected": {"status": [200, 204], "contains": "hello"}},
            result={"status": 500, "passed": False},
        ),
    ],
)
def api_tester(
    call: Call,
    input: str,
    method: Method = "GET",
    headers: dict[str, str] | None = None,
    body: Any = None,
    expected: dict[str, Any] | None = None,
    timeout: float = 30,
    follow_redirects: bool = True,
    max_bytes: int = MAX_BYTES,
) -> Result:
    """Ask a service once, measure it, and compare the answer with what is expected.

    Args:
        input: The address, http:// or https://.
        method: What to do there.
        headers: Headers to send.
        body: What to send: a text, or data that is sent as JSON.
        expected: What the answer should be: status (one or a list), max_ms, headers (name and value), contains (a
            text of the body), json (JMESPath expressions and their values).
        timeout: Seconds that it may take.
        follow_redirects: Whether to go where the server points to.
        max_bytes: How long the answer may be, unpacked.
    """
    wanted = _wanted(expected or {})
    sent = dict(headers or {})
    content = content_of(sent, body)
    redirects = 10 if follow_redirects else 0
    answer = fetch(
        call, method, input, headers=sent, body=content, seconds=timeout, max_bytes=max_bytes, redirects=redirects
    )  # fmt: skip
    checks = list(_checks(wanted, answer))
    failed = [one for one in checks if not one["passed"]]
    value = {
        **told(answer), "timing_ms": {name: seconds * 1000 for name, seconds in answer.spent.items()},
        "checks": checks, "passed": not failed,
    }  # fmt: skip
    return Result(value, "\n".join([_summary(answer, checks, failed), *map(_shown, failed)]))


def _wanted(expected: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in expected:
        if name not in EXPECTED:
            raise ToolError(f"expected has {', '.join(EXPECTED)}, not {name}", code="invalid_parameters")
    for name in ("headers", "json"):
        if not isinstance(expected.get(name, {}), dict):
            raise ToolError(f"expected.{name} must be a table", code="invalid_parameters")
    limit = expected.get("max_ms", 0)
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise ToolError("expected.max_ms must be a number", code="invalid_parameters")
    return expected


def _checks(wanted: Mapping[str, Any], answer: Answer) -> Iterator[Check]:
    if "status" in wanted:
        statuses = wanted["status"] if isinstance(wanted["status"], list) else [wanted["status"]]
        yield _check("status", wanted["status"], answer.status, answer.status in statuses)
    if "max_ms" in wanted:
        spent = answer.spent["total"] * 1000
        yield _check("max_ms", wanted["max_ms"], spent, spent <= wanted["max_ms"])
    for name, value in wanted.get("headers", {}).items():
        actual = answer.headers.get(name.lower())
        yield _check(f"headers.{name}", value, actual, actual == value)
    if "contains" in wanted:
        text = str(wanted["contains"])
        yield _check("contains", text, answer.text()[:200], text in answer.text())
    yield from _in_json(wanted.get("json", {}), answer)


def _in_json(wanted: Mapping[str, Any], answer: Answer) -> Iterator[Check]:
    if not wanted:
        return
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        yield _check("json", "JSON", answer.text()[:200], False)
        return
    for query, value in wanted.items():
        try:
            actual = jmespath.search(query, data)
        except jmespath.exceptions.JMESPathError as error:
            raise ToolError(
                f"expected.json {query!r}: {str(error).splitlines()[0]}", code="invalid_parameters"
            ) from error
        yield _check(f"json.{query}", value, actual, actual == value)


def _check(name: str, expected: Any, actual: Any, passed: bool) -> Check:
    return {"check": name, "expected": expected, "actual": actual, "passed": bool(passed)}


def _summary(answer: Answer, checks: list[Check], failed: list[Check]) -> str:
    line = f"{answer.status} {answer.reason} in {answer.spent['total'] * 1000:.0f} ms"
    return f"{line}; {len(checks) - len(failed)} of {len(checks)} checks passed" if checks else line


def _shown(check: Check) -> str:
    return f"{check['check']}: expected {check['expected']!r}, got {check['actual']!r}"
