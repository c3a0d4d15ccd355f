"""SQLite: files inside the allowed folders. The tool's thread."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any
from urllib.parse import quote

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.databases.addresses import MEMORY, Address
from llmspell_kernel.tools.databases.rows import MAX_BYTES, Ask, Found, collected, parameters
from llmspell_kernel.tools.sandbox.files import told
from llmspell_kernel.tools.sandbox.policy import require_regular

LOCKED = 5.0  # seconds to wait for another program's lock
STEPS = 20_000  # of SQLite's machine between two looks at the clock
# Pragmas that only tell. With a value: those that tell of the table that it names.
TELLING = {
    "application_id", "collation_list", "compile_options", "data_version", "database_list", "encoding",
    "foreign_key_check", "foreign_key_list", "freelist_count", "function_list", "index_info", "index_list",
    "index_xinfo", "integrity_check", "journal_mode", "page_count", "page_size", "quick_check", "schema_version",
    "table_info", "table_list", "table_xinfo", "user_version",
}  # fmt: skip
SETTING = {"application_id", "encoding", "journal_mode", "page_size", "schema_version", "user_version"}
# Other files are opened (ATTACH, also by VACUUM INTO), code is loaded.
REFUSED = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
FUNCTIONS = {"load_extension", "fts3_tokenizer"}


def query(call: Call, address: Address, ask: Ask) -> Found:
    """Raises ToolError."""
    with _opened(call, address, ask.reads) as connection, _explained(call):
        cursor = connection.execute(ask.sql, _bound(ask))
        columns = [column[0] for column in cursor.description or ()]
        found = collected(call, columns, cursor, ask.max_rows)
        if ask.reads:
            return found
        cursor.close()
        connection.commit()
        affected = max(cursor.rowcount, 0) if not columns else max(cursor.rowcount, len(found.rows))
        return found._replace(affected=affected, last_id=cursor.lastrowid or None)


def tables(call: Call, address: Address, table: str | None) -> list[dict[str, Any]]:
    """Raises ToolError."""
    with _opened(call, address, reads=True) as connection, _explained(call):
        named = connection.execute(
            "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' AND (?1 IS NULL OR name = ?1 COLLATE NOCASE) ORDER BY name",
            (table,),
        )
        return [{"name": name, "type": kind, "columns": _columns(connection, name)} for name, kind in named.fetchall()]


def _columns(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid',
        (table,),
    )
    return [
        {"name": name, "type": kind, "nullable": not needed, "default": default, "primary_key": bool(key)}
        for name, kind, needed, default, key in rows.fetchall()
    ]


@contextmanager
def _opened(call: Call, address: Address, reads: bool) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(
            _uri(call, address.path, reads), uri=True, timeout=call.seconds(LOCKED), check_same_thread=False
        )
    except sqlite3.Error as error:
        raise ToolError(f"can't open {address.path}: {error}") from error
    call.on_cancel(connection.interrupt)
    try:
        _restrict(call, connection, reads)
        yield connection
    finally:
        connection.close()


def _uri(call: Call, path: str, reads: bool) -> str:
    if path == MEMORY:
        return MEMORY
    real = call.policy.resolve(path)
    if reads and not os.path.exists(real):
        raise ToolError(f"there is no file {path}; a statement with query_type CREATE makes one")
    require_regular(real)
    if not reads:
        with told("can't open", path), call.policy.place(path) as place:
            place.folder.may_change(place.name)
    return f"file:{quote(real)}?mode={'ro' if reads else 'rwc'}"


def _restrict(call: Call, connection: sqlite3.Connection, reads: bool) -> None:
    end = monotonic() + call.seconds()
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    connection.set_progress_handler(lambda: call.cancelled or monotonic() > end, STEPS)
    connection.set_authorizer(_authorize)
    if hasattr(connection, "setlimit"):  # from Python 3.11 on
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10 * MAX_BYTES)
    if reads:
        connection.set_authorizer(None)
        connection.execute("PRAGMA query_only = ON")
        connection.set_authorizer(_authorize)


def _authorize(action: int, name: str | None, value: str | None, *_: Any) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        known = (name or "").lower()
        return sqlite3.SQLITE_OK if known in TELLING and not (value and known in SETTING) else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and value in FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_DENY if action in REFUSED else sqlite3.SQLITE_OK


@contextmanager
def _explained(call: Call) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        text = str(error)
        if "interrupted" in text:
            call.check()
            raise ToolError("the query took longer than the call may", code="timeout") from error
        if "not authorized" in text or "prohibited" in text:
            raise ToolError(
                f"SQLite: {text}: other files, extensions and pragmas that set something are refused",
                code="not_allowed",
            ) from error
        if "readonly" in text:
            raise ToolError(f"SQLite: {text}; say which with query_type", code="not_allowed") from error
        raise ToolError(f"SQLite: {text}") from error


def _bound(ask: Ask) -> Sequence[Any] | dict[str, Any]:
    given = parameters(ask.parameters)
    return given if isinstance(given, dict) else list(given or ())
