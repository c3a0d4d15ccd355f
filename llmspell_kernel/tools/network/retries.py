"""Asking again: after an answer or an error that may be another the next time. The tool's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network
from llmspell_kernel.tools.network.http import Answer

PASSING = frozenset((429, 500, 502, 503, 504))
BROKEN = ("dns", "connection", "protocol")  # kinds of errors that may pass, unless they are lasting


class Retry(NamedTuple):
    """``times`` after the first; they are ``first`` seconds apart, then ``factor`` times that, at most ``most``."""

    times: int = 3
    first: float = 1
    most: float = 30
    factor: float = 2
    statuses: frozenset[int] = PASSING
    errors: bool = True


class Tried(NamedTuple):
    """``answer`` None: there was none, and ``error`` says why. ``attempts``: what each gave, as plain data."""

    answer: Answer | None
    error: ToolError | None
    attempts: list[dict[str, Any]]


def tried(call: Call, retry: Retry, ask: Callable[[], Answer]) -> Tried:
    """Ask until there is an answer to keep, or no time or try is left. What was refused is not asked again."""
    network, attempts = Network(call), list[dict[str, Any]]()
    while True:
        answer, error = _once(ask)
        told: dict[str, Any] = {"status": answer.status} if answer else {"error": str(error)}
        attempts.append(told)
        pause = _pause(retry, len(attempts), answer)
        if len(attempts) > retry.times or not _passing(retry, answer, error) or pause is None:
            break
        if pause >= call.seconds():
            told["gave_up"] = f"the next try would be in {pause:g} s, and the call ends before"
            break
        told["waited"] = pause
        network.wait(pause)
    return Tried(answer, error, attempts)


def _once(ask: Callable[[], Answer]) -> tuple[Answer | None, ToolError | None]:
    try:
        return ask(), None
    except ToolError as error:
        return None, error


def _passing(retry: Retry, answer: Answer | None, error: ToolError | None) -> bool:
    if answer is not None:
        return answer.status in retry.statuses
    details = (error and error.details) or {}
    return retry.errors and details.get("kind") in BROKEN and not details.get("lasting")


def _pause(retry: Retry, made: int, answer: Answer | None) -> float | None:
    """Seconds to wait after so many tries; None: the server says later than we wait."""
    usual = min(retry.first * retry.factor ** min(made - 1, 64), retry.most)
    asked = retry_after(answer.headers) if answer else None
    if asked is None:
        return usual
    return max(asked, 0) if asked <= retry.most else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from what may be seconds or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return (when - datetime.now(timezone.utc)).total_seconds()
