"""webhook_caller: tell somebody that something happened, until they have heard. Any thread."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.http_requester import content_of, told
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import Answer, fetch
from llmspell_kernel.tools.network.retries import Retry, tried
from llmspell_kernel.tools.spec import Example, Result, tool


@tool(
    category="web",
    level="restricted",
    aliases={"url": "input", "body": "payload"},
    examples=[
        Example(
            "Tell of an event",
            {"input": "{http}/hook", "payload": {"event": "done"}},
            result={"status": 200, "delivered": True, "json": {"method": "POST", "body": '{"event": "done"}'}},
        ),
        Example("Nobody who wants to hear", {"input": "{http}/status/410", "payload": {}}, error="failed"),
    ],
)
def webhook_caller(
    call: Call,
    input: str,
    payload: Any = None,
    headers: dict[str, str] | None = None,
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST",
    max_retries: int = 3,
    initial_delay: float = 1,
    timeout: float = 30,
    secret: str | None = None,
    signature_header: str = "X-Signature-256",
) -> Result:
    """Call a webhook; again after 429, 5xx or a broken connection, when the server says so.

    Each try carries the same Idempotency-Key, so that a receiver can tell a second try from a second event.

    Args:
        input: The address, http:// or https://.
        payload: What to tell: data that is sent as JSON, or a text.
        headers: Headers to send.
        method: How to send it.
        max_retries: How often to try again.
        initial_delay: Seconds before the second try; twice that before each further one, at most 30.
        timeout: Seconds that one try may take.
        secret: Sign the body with it: HMAC-SHA256.
        signature_header: The header of the signature, sha256=HEX.
    """
    if not 0 <= max_retries <= 20 or not 0 <= initial_delay <= 3600:
        raise ToolError("max_retries is from 0 to 20, initial_delay not negative", code="invalid_parameters")
    sent = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
    body = content_of(sent, payload)
    if secret is not None:
        sent[signature_header] = signature(body or "", secret)

    def ask() -> Answer:
        return fetch(call, method, input, headers=sent, body=body, seconds=timeout)

    answer, error, attempts = tried(call, Retry(max_retries, initial_delay), ask)
    if answer is None:
        assert error is not None
        raise ToolError(str(error), code=error.code, details={**(error.details or {}), "attempts": attempts})
    if answer.status >= 400:
        details = {"status": answer.status, "body": answer.text()[:1000], "attempts": attempts}
        tries = f"{len(attempts)} {'try' if len(attempts) == 1 else 'tries'}"
        raise ToolError(f"not delivered: {answer.status} {answer.reason} after {tries}", details=details)
    return Result(
        {**told(answer), "delivered": True, "attempts": attempts}, f"delivered: {answer.status} {answer.reason}"
    )


def signature(body: bytes | str, secret: str) -> str:
    data = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return "sha256=" + hmac.new(secret.encode("utf-8", "surrogateescape"), data, hashlib.sha256).hexdigest()
