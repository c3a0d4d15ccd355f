"""What kind of statement an SQL text is. Pure; any thread.

This is for clear errors: what holds is the read-only transaction of the server, and SQLite's read-only file. Only
that a server's SELECT writes no file of the server (INTO OUTFILE) is seen here alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, get_args

from llmspell_kernel.errors import ToolError

QueryType = Literal[
    "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CREATE", "ALTER", "DROP", "TRUNCATE",
]  # fmt: skip
READING = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "PRAGMA")
CHANGING_ROWS = ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE")
MAX_SQL = 1_000_000


def check(sql: str, query_type: QueryType, kind: str) -> None:
    """Raises ToolError: there is no statement, or it is of another kind than is said."""
    if len(sql) > MAX_SQL or "\0" in sql:
        raise _invalid(f"a query is at most {MAX_SQL} characters long, without zero bytes")
    if not is_text(sql):
        raise _invalid("a query is Unicode text; bytes are given as `parameters`")
    found = words(sql, kind == "mysql")
    if not found:
        raise _invalid("there is no statement in `query`")
    if query_type == "SELECT":
        _check_reading(sql, found[0], kind)
    elif found[0] != query_type and not (found[0] == "WITH" and query_type in CHANGING_ROWS):
        raise _invalid(f"the query is a {found[0]}, but query_type says {query_type}")


def is_text(text: str) -> bool:
    """Whether it can be UTF-8."""
    try:
        text.encode()
        return True
    except UnicodeEncodeError:
        return False


def _check_reading(sql: str, first: str, kind: str) -> None:
    if first not in READING:
        if first in get_args(QueryType):
            raise ToolError(
                f"the query is {_a(first)}, and only what reads is run unless query_type says {first}",
                code="not_allowed", details={"rule": "query_type", "query_type": first},
            )  # fmt: skip
        raise _invalid(f"{first} is no statement that is run; those that read are {', '.join(READING[:-1])}")
    # Whether a backslash hides a quote is a setting of the server: both are looked at.
    for escapes in (True, False) if kind == "mysql" else ():
        if re.search(r"\bINTO (OUTFILE|DUMPFILE)\b", " ".join(words(sql, True, escapes))):
            raise ToolError("a query that reads writes no file (INTO OUTFILE)", code="not_allowed")


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "AEIOU" else f"a {word}"


def words(sql: str, mysql: bool, escapes: bool = True) -> list[str]:
    """The words outside of texts, quoted names and comments, in capitals. Comments that MySQL runs count."""
    return [match["word"].upper() for match in _pattern(mysql, escapes).finditer(sql) if match["word"]]


@lru_cache(4)
def _pattern(mysql: bool, escapes: bool) -> re.Pattern[str]:
    # Each part goes on to the end if it is not closed: nothing is tried twice, however long the text.
    inside = r"(?:[^Q\\]|\\(?:.|\Z)|QQ)*" if mysql and escapes else r"(?:[^Q]|QQ)*"
    parts = [
        r"(?P<word>[^\W\d]\w*)", r"\d[\d.]*",
        *(rf"{quote}{inside.replace('Q', quote)}(?:{quote}|\Z)" for quote in "'\""),
        r"`[^`]*(?:`|\Z)",
        r"/\*(?!M?!).*?(?:\*/|\Z)",
        *([r"--(?=\s|\Z)[^\n]*", r"#[^\n]*"] if mysql else [r"--[^\n]*", r"(?P<tag>\$\w*\$).*?(?:(?P=tag)|\Z)"]),
    ]  # fmt: skip
    return re.compile("|".join(parts), re.DOTALL)


def _invalid(text: str) -> ToolError:
    return ToolError(text, code="invalid_parameters")
