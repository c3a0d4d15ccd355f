"""jq, in a worker process: its loops may be endless, and no thread would be heard meanwhile.

A filter sees its input and nothing else: no modules (they are files), no environment, no clock (results may be kept).
"""

from __future__ import annotations

import re
from typing import Any

try:
    import jq
except ModuleNotFoundError:  # it has no wheels for Windows
    jq = None

from llmspell_kernel.errors import ToolError

MAX_RESULTS = 1_000_000
EXACT = 2**53  # jq's numbers are doubles: whole numbers beyond this lose their last digits in it
# Before the filter. After a definition no `import` or `include` may follow, by jq's own grammar.
ALONE = (
    'def env: {}; def modulemeta: error("modules are not available"); def input_filename: null; '
    'def now: error("now is not available: ask datetime-handler"); def debug: .; def debug(f): .; def stderr: .; '
    'def input: error("there is one input only: ."); def inputs: empty; {} as $ENV |\n'
)


def jq_results(query: str, items: list[Any]) -> list[list[Any]]:
    """All results for each item. Raises ToolError; ``details.jq`` when the filter itself is wrong."""
    if jq is None:
        raise ToolError(
            "jq filters need the Python module jq; install it with: pip install jq; JMESPath needs nothing",
            code="missing_extra",
        )
    try:
        program = jq.compile(ALONE + query)
    except ValueError as error:
        raise ToolError(f"not a jq filter: {_told(error)}", details={"jq": _told(error)}) from error
    left = MAX_RESULTS
    results = []
    for item in items:
        large = _large_numbers(item)
        found = _results(program, query, item, left)
        results.append([_restored(one, large) for one in found] if large else found)
        left -= len(results[-1])
    return results


def _results(program: Any, query: str, item: Any, left: int) -> list[Any]:
    found: list[Any] = []
    try:
        for one in program.input_value(item):
            found.append(one)
            if len(found) > left:
                raise ToolError(f"query {query!r} gives more than {MAX_RESULTS} results")
    except ValueError as error:
        raise ToolError(f"query {query!r}: {_told(error)}") from error
    return found


def _large_numbers(item: Any) -> dict[float, set[int]]:
    """Whole numbers beyond `EXACT`, by what jq makes of them."""
    found: dict[float, set[int]] = {}
    left = [item]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one
        elif type(one) is int and abs(one) > EXACT and abs(one) < 10**300:
            found.setdefault(float(one), set()).add(one)
    return found


def _restored(value: Any, large: dict[float, set[int]]) -> Any:
    """With the numbers as the input has them. Raises ToolError where it has several that jq can't tell apart."""
    if isinstance(value, dict):
        return {key: _restored(one, large) for key, one in value.items()}
    if isinstance(value, list):
        return [_restored(one, large) for one in value]
    if type(value) is not int or abs(value) <= EXACT or abs(value) >= 10**300:
        return value
    meant = large.get(float(value), {value})
    if len(meant) > 1:
        names = " and ".join(map(str, sorted(meant)[:2]))
        raise ToolError(f"jq can't tell {names} apart: it computes with doubles; ask in JMESPath, which can")
    return next(iter(meant))


def _told(error: ValueError) -> str:
    """The first line, with the line as the filter's writer counts."""
    text = (str(error).splitlines() or ["it fails"])[0].removeprefix("jq: error: ").rstrip(":")
    text = text.replace(" at <top-level>", "")
    return re.sub(r"\bline (\d+)\b", lambda match: f"line {max(int(match.group(1)) - 1, 1)}", text)
