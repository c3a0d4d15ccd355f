"""PostgreSQL, over a connection to an address that the policy allows. The tool's thread.

libpq reads a good deal from the environment and the home folder: what could send a saved password to a server that the
caller chose is given here, empty.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import certifi
import psycopg
from psycopg.types.json import Jsonb

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.databases.addresses import Address
from llmspell_kernel.tools.databases.rows import Ask, Found, collected, parameters
from llmspell_kernel.tools.databases.statements import words
from llmspell_kernel.tools.network.connections import Network

Connection = psycopg.Connection[tuple[Any, ...]]
ROWS = ("SELECT", "WITH", "VALUES", "TABLE")  # what a cursor can be declared for
NAME = "llmspell"
AT_ONCE = 100  # rows of one answer of the server
# Tables and views that are seen, with their columns in order.
TABLES = """
SELECT n.nspname, c.relname, c.relkind IN ('v', 'm'), a.attname, format_type(a.atttypid, a.atttypmod),
       NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%%' AND (%(table)s::text IS NULL OR c.relname = %(table)s)
ORDER BY n.nspname, c.relname, a.attnum
"""


def query(call: Call, address: Address, ask: Ask) -> Found:
    """Raises ToolError."""
    with _connected(call, address, ask.reads) as connection, _explained(call):
        return _read(call, connection, ask) if ask.reads else _change(call, connection, ask)


def _read(call: Call, connection: Connection, ask: Ask) -> Found:
    """Through a cursor of the server, where that can be: a large table is not in memory."""
    cursor: psycopg.Cursor[tuple[Any, ...]] | psycopg.ServerCursor[tuple[Any, ...]]
    if words(ask.sql, mysql=False)[0] in ROWS:
        cursor = connection.cursor(NAME)
        cursor.itersize = AT_ONCE
    else:
        cursor = connection.cursor()
    with cursor:
        if isinstance(cursor, psycopg.ServerCursor):
            cursor.execute(ask.sql, _bound(ask))
        else:
            cursor.execute(ask.sql, _bound(ask), prepare=True)  # what is prepared is one statement
        columns = [column.name for column in cursor.description or ()]
        return collected(call, columns, cursor if columns else (), ask.max_rows)


def _change(call: Call, connection: Connection, ask: Ask) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(ask.sql, _bound(ask), prepare=True)
        found = Found([], [])
        if cursor.description:
            found = collected(call, [column.name for column in cursor.description], cursor, ask.max_rows)
        connection.commit()
        return found._replace(affected=max(cursor.rowcount, 0))


def _bound(ask: Ask) -> Any:
    return parameters(ask.parameters, lambda value: Jsonb(value) if isinstance(value, dict) else value)


def tables(call: Call, address: Address, table: str | None) -> list[dict[str, Any]]:
    """Raises ToolError."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    with _connected(call, address, reads=True) as connection, _explained(call):
        for schema, name, view, column, kind, nullable, default, key in connection.execute(TABLES, {"table": table}):
            new = {"name": name, "schema": schema, "type": "view" if view else "table", "columns": []}
            columns = found.setdefault((schema, name), new)["columns"]
            if column is not None:
                columns.append(
                    {"name": column, "type": kind, "nullable": nullable, "default": default, "primary_key": key}
                )
    return list(found.values())


@contextmanager
def _connected(call: Call, address: Address, reads: bool) -> Iterator[Connection]:
    with Network(call) as network:
        hosts = network.addresses(address.host, address.port)
        with _explained(call, address):
            connection = psycopg.connect(**_conninfo(address, hosts, network.left()))
    call.on_cancel(lambda: Thread(target=_give_up, args=(connection,), daemon=True).start())
    try:
        with _explained(call):
            connection.read_only = reads
            milliseconds = str(max(int(call.seconds() * 1000), 1))
            connection.execute("SELECT set_config('statement_timeout', %s, false)", (milliseconds,))
        yield connection
    finally:
        connection.close()


def _conninfo(address: Address, hosts: list[str], seconds: float) -> dict[str, Any]:
    """A connection to one of the addresses that were checked; the host's name is for its certificate."""
    verified = address.sslmode == "verify-full"
    return {
        "host": ",".join([address.host] * len(hosts)),
        "hostaddr": ",".join(hosts),
        "port": str(address.port),
        "user": address.user,
        "password": address.password,
        "passfile": os.devnull,
        "dbname": address.database or address.user,
        "connect_timeout": max(int(seconds), 2),  # it knows none that is shorter
        "sslmode": address.sslmode,
        "sslrootcert": os.environ.get("SSL_CERT_FILE") or certifi.where() if verified else None,
        "gssencmode": "disable",
        "client_encoding": "UTF8",
        "application_name": "llmspell",
    }


def _give_up(connection: Connection) -> None:
    """The server is told to stop, and whoever waits for it is woken."""
    try:
        connection.cancel_safe(timeout=2)
    except psycopg.Error:  # it does not answer, or is gone
        pass
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as sock:
            sock.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        pass


@contextmanager
def _explained(call: Call, address: Address | None = None) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        call.check()
        raise ToolError("the query took longer than the call may", code="timeout") from error
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.FeatureNotSupported) as error:
        if "data-modifying" not in str(error) and not isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            raise ToolError(f"PostgreSQL: {error}", details={"sqlstate": error.sqlstate}) from error
        raise ToolError(f"PostgreSQL: {error}; say which with query_type", code="not_allowed") from error
    except (psycopg.Error, ValueError, TypeError) as error:
        call.check()
        place = f" {address.user}@{address.host}:{address.port}" if address else ""
        state = {"sqlstate": code} if (code := getattr(error, "sqlstate", None)) else {}
        raise ToolError(f"PostgreSQL{place}: {str(error).strip()}", details=state) from error
