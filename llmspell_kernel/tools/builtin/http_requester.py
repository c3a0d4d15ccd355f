"""http_requester: one HTTP request, asked again when it is worth it. Any thread."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import MAX_BYTES, MAX_REDIRECTS, Answer, checked_url, fetch
from llmspell_kernel.tools.network.retries import PASSING, Retry, tried
from llmspell_kernel.tools.spec import Example, Result, tool

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
SAFE_TWICE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")  # asked twice is as asked once
RETRY = {"max_retries": "times", "initial_delay": "first", "max_delay": "most", "factor": "factor"}


@tool(
    category="api",
    aliases={"url": "input", "max_redirects": "redirects"},
    examples=[
        Example(
            "Get some JSON",
            {"input": "{http}/json"},
            result={"status": 200, "json": {"name": "llmspell", "tags": ["lua", "python"]}},
        ),
        Example(
            "Send some, with a token",
            {"url": "{http}/x", "method": "POST", "body": {"a": 1}, "auth": {"type": "bearer", "token": "t"}},
            result={"json": {"method": "POST", "body": '{"a": 1}', "headers": {"Authorization": "Bearer t"}}},
        ),
        Example("A status is not an error", {"input": "{http}/status/404"}, result={"status": 404, "ok": False}),
        Example("Only what is allowed", {"input": "http://169.254.169.254/latest/meta-data"}, error="not_allowed"),
    ],
)
def http_requester(
    call: Call,
    input: str,
    method: Method = "GET",
    headers: dict[str, str] | None = None,
    query: dict[str, Any] | None = None,
    body: Any = None,
    form: dict[str, Any] | None = None,
    auth: dict[str, str] | None = None,
    retry: int | bool | dict[str, Any] | None = None,
    timeout: float = 30,
    follow_redirects: bool = True,
    redirects: int = MAX_REDIRECTS,
    max_bytes: int = MAX_BYTES,
) -> Result:
    """Ask a web server for something, or send it something.

    Args:
        input: The address, http:// or https://.
        method: What to do there.
        headers: Headers to send.
        query: Parameters to add to the address.
        body: What to send: a text, or data that is sent as JSON.
        form: Fields to send as a form, instead of a body.
        auth: Who asks: {type = "basic", username, password}, {type = "bearer", token} or
            {type = "api_key", key, header}.
        retry: How often to ask again (3) after 429, 5xx or a broken connection; or a table with max_retries,
            initial_delay (1 s), max_delay (30 s), factor (2). POST and PATCH are asked again only if this is given,
            or after 429.
        timeout: Seconds that one try may take.
        follow_redirects: Whether to go where the server points to.
        redirects: How often at most.
        max_bytes: How long the answer may be, unpacked.
    """
    url = _with_query(input, query)
    sent = dict(headers or {})
    content = content_of(sent, body, form)
    _authenticate(sent, auth)
    steps = min(max(redirects, 0), 50) if follow_redirects else 0
    limit = _positive("timeout", timeout)

    def ask() -> Answer:
        return fetch(
            call, method, url, headers=sent, body=content, seconds=limit, max_bytes=max_bytes, redirects=steps
        )  # fmt: skip

    answer, error, attempts = tried(call, _retry(retry, method), ask)
    if answer is None:
        assert error is not None
        error.details = {**(error.details or {}), "attempts": attempts}
        raise error
    return Result({**told(answer), "attempts": len(attempts)}, answer.text())


def told(answer: Answer) -> dict[str, Any]:
    """An answer as plain data; ``json`` is there if it is JSON."""
    value: dict[str, Any] = {
        "status": answer.status, "reason": answer.reason, "ok": answer.status < 400, "headers": answer.headers,
        "body": answer.text(), "url": answer.url, "redirects": answer.redirects, "bytes": len(answer.body),
        "elapsed_ms": answer.spent["total"] * 1000,
    }  # fmt: skip
    if answer.is_json:
        try:
            value["json"] = json.loads(answer.body)
        except (ValueError, RecursionError):
            pass  # it says that it is JSON; the body shows what it is
    return value


def _with_query(url: str, query: Mapping[str, Any] | None) -> str:
    address = checked_url(url)
    if not query:
        return str(address)
    for name, value in query.items():
        if isinstance(value, dict):
            raise ToolError(f"query.{name} is a table; a text, a number or a list is meant", code="invalid_parameters")
    return str(address.copy_merge_params(httpx.QueryParams(query)))


def content_of(headers: dict[str, str], body: Any, form: Mapping[str, Any] | None = None) -> str | None:
    """What is sent; its type is added to the headers, if they don't say."""
    if form is not None:
        if body is not None:
            raise ToolError("give either body or form", code="invalid_parameters")
        _default(headers, "Content-Type", "application/x-www-form-urlencoded")
        return str(httpx.QueryParams(form))
    if body is None or isinstance(body, str):
        return body
    _default(headers, "Content-Type", "application/json")
    return as_json(body)


def as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise ToolError(f"can't be written as JSON: {error}", code="invalid_parameters") from error


def _default(headers: dict[str, str], name: str, value: str) -> None:
    if name.lower() not in map(str.lower, headers):
        headers[name] = value


def _authenticate(headers: dict[str, str], auth: Mapping[str, str] | None) -> None:
    if not auth:
        return
    guess = "bearer" if "token" in auth else "basic" if "username" in auth else "api_key"
    kind = auth.get("type", guess).lower().replace("-", "_")
    needed = {"none": (), "basic": ("username", "password"), "bearer": ("token",), "api_key": ("key",)}.get(kind)
    if needed is None:
        raise ToolError(f"auth.type is none, basic, bearer or api_key, not {kind!r}", code="invalid_parameters")
    missing = [name for name in needed if name not in auth]
    if missing:
        raise ToolError(f"auth of the type {kind} needs {' and '.join(missing)}", code="invalid_parameters")
    if kind == "basic":
        pair = f"{auth['username']}:{auth['password']}".encode("utf-8", "surrogateescape")
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    elif kind == "bearer":
        headers["Authorization"] = f"Bearer {auth['token']}"
    elif kind == "api_key":
        headers[auth.get("header", "X-API-Key")] = auth["key"]


def _retry(given: int | bool | dict[str, Any] | None, method: str) -> Retry:
    usual = Retry()
    if given is None:
        again = method in SAFE_TWICE
        return usual._replace(statuses=PASSING if again else frozenset({429}), errors=again)
    if given is True:
        return usual
    if not isinstance(given, dict):
        return usual._replace(times=min(max(int(given), 0), 20))
    unknown = [name for name in given if name not in RETRY]
    if unknown:
        raise ToolError(f"retry has {', '.join(RETRY)}, not {unknown[0]}", code="invalid_parameters")
    times, first, most, factor = (
        _positive(f"retry.{name}", given.get(name, getattr(usual, field))) for name, field in RETRY.items()
    )
    return usual._replace(times=min(int(times), 20), first=first, most=most, factor=factor)


def _positive(name: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return value
    raise ToolError(f"{name} must be a number that is not negative", code="invalid_parameters")
