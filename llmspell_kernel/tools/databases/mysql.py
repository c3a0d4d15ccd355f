"""MySQL and MariaDB, over a connection that the policy allows. The tool's thread."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import pymysql
from pymysql.constants import ER
from pymysql.cursors import SSCursor

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.databases.addresses import Address
from llmspell_kernel.tools.databases.rows import Ask, Found, collected, parameters
from llmspell_kernel.tools.network.connections import Network, tls_context

Connection: TypeAlias = "pymysql.connections.Connection[Any]"
READ_ONLY = 1792  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
TOO_LONG = {1969, 3024}  # MariaDB's max_statement_time, MySQL's max_execution_time
TABLES = """
SELECT t.table_schema, t.table_name, t.table_type LIKE '%%VIEW', c.column_name, c.column_type, c.is_nullable = 'YES',
       c.column_default, c.column_key = 'PRI'
FROM information_schema.tables t
JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = DATABASE() AND (%(table)s IS NULL OR t.table_name = %(table)s)
ORDER BY t.table_name, c.ordinal_position
"""


def query(call: Call, address: Address, ask: Ask) -> Found:
    """Raises ToolError."""
    with _connected(call, address, ask.reads) as connection, _explained(call):
        cursor = connection.cursor()
        cursor.execute(ask.sql, parameters(ask.parameters) or None)
        columns = [column[0] for column in cursor.description or ()]
        found = collected(call, columns, iter(cursor.fetchone, None) if columns else (), ask.max_rows)
        if ask.reads:
            return found
        if found.truncated:  # the rest has to come before anything else can
            cursor.close()
        affected = len(found.rows) if columns else cursor.rowcount
        connection.commit()
        return found._replace(affected=affected, last_id=cursor.lastrowid or None)


def tables(call: Call, address: Address, table: str | None) -> list[dict[str, Any]]:
    """Raises ToolError."""
    found: dict[str, dict[str, Any]] = {}
    with _connected(call, address, reads=True) as connection, _explained(call):
        cursor = connection.cursor()
        cursor.execute(TABLES, {"table": table})
        for schema, name, view, column, kind, nullable, default, key in iter(cursor.fetchone, None):
            new = {"name": name, "schema": schema, "type": "view" if view else "table", "columns": []}
            found.setdefault(name, new)["columns"].append(
                {
                    "name": column, "type": kind, "nullable": bool(nullable), "default": default,
                    "primary_key": bool(key),
                }
            )  # fmt: skip
    return list(found.values())


@contextmanager
def _connected(call: Call, address: Address, reads: bool) -> Iterator[Connection]:
    with Network(call) as network:
        sock = network.connect(address.host, address.port)
        connection = _unconnected(address, network.left())
        call.on_cancel(lambda: _give_up(connection))
        try:
            with _explained(call, address):
                connection.connect(sock)
                _bound_in_time(connection, network.left())
                connection.query("START TRANSACTION READ ONLY" if reads else "START TRANSACTION")
            yield connection
        finally:
            _drop(connection)


def _unconnected(address: Address, seconds: float) -> Connection:
    secure: dict[str, Any] = {}
    if address.sslmode == "disable":
        secure["ssl_disabled"] = True
    elif address.sslmode != "prefer":
        secure["ssl"] = tls_context() if address.sslmode == "verify-full" else _unverified()
    return pymysql.connections.Connection(
        host=address.host, port=address.port, user=address.user, password=address.password.encode(),
        database=address.database or None, charset="utf8mb4", cursorclass=SSCursor, local_infile=False,
        read_timeout=seconds, write_timeout=seconds, defer_connect=True, program_name="llmspell", **secure,
    )  # fmt: skip


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _bound_in_time(connection: Connection, seconds: float) -> None:
    """The server stops a query by itself; an old one can't, and stops when the connection is gone."""
    if "MariaDB" in str(connection.server_version):  # type: ignore[attr-defined]
        sql = f"SET SESSION max_statement_time = {seconds:.3f}"
    else:
        sql = f"SET SESSION max_execution_time = {max(int(seconds * 1000), 1)}"
    try:
        connection.query(sql)
    except pymysql.err.OperationalError as error:
        if error.args[0] != ER.UNKNOWN_SYSTEM_VARIABLE:
            raise


def _give_up(connection: Connection) -> None:
    """Any thread: who waits for the server is woken."""
    sock = connection._sock  # type: ignore[attr-defined]
    if sock is not None:
        with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)


def _drop(connection: Connection) -> None:
    """Without reading the rest of the rows, as closing or forgetting the cursor would."""
    result = connection._result  # type: ignore[attr-defined]
    if result is not None:
        result.unbuffered_active = False
        connection._result = None  # type: ignore[attr-defined]
    connection._force_close()  # type: ignore[attr-defined]


@contextmanager
def _explained(call: Call, address: Address | None = None) -> Iterator[None]:
    try:
        yield
    except (pymysql.err.Error, TypeError, KeyError) as error:
        call.check()
        number, *texts = [*error.args, ""]
        if number in TOO_LONG:
            raise ToolError("the query took longer than the call may", code="timeout") from error
        if isinstance(error, TypeError | KeyError):
            raise ToolError(f"the parameters don't fit the query: {error}", code="invalid_parameters") from error
        text = str(texts[0] if isinstance(number, int) else number).strip() or type(error).__name__
        if number == READ_ONLY:
            raise ToolError(f"MySQL: {text}; say which with query_type", code="not_allowed") from error
        place = f" {address.user}@{address.host}:{address.port}" if address else ""
        raise ToolError(f"MySQL{place}: {text}", details={"number": number}) from error
