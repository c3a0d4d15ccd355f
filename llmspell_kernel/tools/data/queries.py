"""Questions about data: JMESPath here, jq in a process that can be killed. Any thread.

``auto`` takes a query as JMESPath when it is that, as jq otherwise. Some words are both: ``keys | length`` asks
JMESPath for a field named keys. Where the data has no such field, jq is meant.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import jmespath
from jmespath import exceptions

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.calls.processes import Died
from llmspell_kernel.tools.data.jq_queries import jq_results

Language = Literal["auto", "jmespath", "jq"]
FILTERS_OF_JQ = {
    "keys", "length", "add", "type", "sort", "unique", "reverse", "min", "max", "to_entries", "from_entries",
    "flatten", "values", "not", "any", "all", "first", "last", "tostring", "tonumber", "tojson", "fromjson",
    "ascii_downcase", "ascii_upcase", "transpose", "paths", "leaf_paths", "numbers", "strings", "objects", "arrays",
    "booleans", "nulls", "scalars", "iterables", "floor", "ceil", "round", "abs", "trim", "utf8bytelength",
    "keys_unsorted", "recurse", "empty",
}  # fmt: skip
BARE_WORDS = re.compile(r"\s*(\w+)(\[\])?(\s*\|\s*\w+(\[\])?)*\s*")
# JMESPath reads has("a") and join(","), and knows then that it has no such function
NOT_MEANT = (
    exceptions.ParseError, exceptions.LexerError, exceptions.UnknownFunctionError, exceptions.ArityError,
)  # fmt: skip


def ask(call: Call, items: list[Any], query: str, language: Language) -> list[Any]:
    """The answer for each. Raises ToolError that says what is wrong with the query."""
    if language == "jq":
        return _jq(call, items, query)
    try:
        expression = jmespath.compile(query)
        if language == "auto" and items and _means_jq(query, items[0]):
            return _jq(call, items, query)
        return [expression.search(item) for item in items]
    except exceptions.JMESPathError as error:
        if language == "jmespath" or not isinstance(error, NOT_MEANT):
            raise _wrong(query, error) from error
        return _jq_instead(call, items, query, error)


def _wrong(query: str, error: Exception) -> ToolError:
    return ToolError(f"query {query!r}: {(str(error).splitlines() or [''])[0]}")


def _means_jq(query: str, data: Any) -> bool:
    match = BARE_WORDS.fullmatch(query)
    if match is None or not all(word in FILTERS_OF_JQ for word in re.findall(r"\w+", query)):
        return False
    return not (isinstance(data, dict) and match.group(1) in data)


def _jq_instead(call: Call, items: list[Any], query: str, error: exceptions.JMESPathError) -> list[Any]:
    """Who wrote neither is told what is wrong in both."""
    try:
        return _jq(call, items, query)
    except ToolError as problem:
        if not problem.details or "jq" not in problem.details:
            raise
        raise ToolError(
            f"query {query!r} is neither JMESPath ({_told(error)}) nor jq ({problem.details['jq']})"
        ) from error


def _told(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(":")


def _jq(call: Call, items: list[Any], query: str) -> list[Any]:
    try:
        results: list[list[Any]] = call.compute(jq_results, {"query": query, "items": items})
    except Died as died:
        raise ToolError(f"query {query!r}: {died}; it needs too much memory, or nests too deeply") from died
    return [one[0] if len(one) == 1 else one or None for one in results]
