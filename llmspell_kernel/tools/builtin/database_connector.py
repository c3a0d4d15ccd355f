"""database-connector: SQLite, PostgreSQL and MySQL. A worker thread: it waits, and is cancelled at the server.

The drivers are imported for the database that is asked: SQLite needs none.
"""

from __future__ import annotations

import importlib
import sqlite3
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.databases.addresses import Address, found
from llmspell_kernel.tools.databases.rows import MAX_ROWS, Ask, Found, as_text
from llmspell_kernel.tools.databases.statements import QueryType, check
from llmspell_kernel.tools.spec import Example, Result, tool
from llmspell_kernel.tools.stage import Stage


def _sample(stage: Stage) -> None:
    connection = sqlite3.connect(f"{stage.folder}/people.db")
    connection.executescript(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER);"
        "INSERT INTO people (name, age) VALUES ('Ada', 36), ('Grace', 85), ('Alan', NULL);"
    )
    connection.close()


@tool(
    category="data",
    level="restricted",
    extra="db",
    needs=("psycopg", "pymysql"),
    aliases={"params": "parameters", "limit": "max_rows", "connection": "database"},
    prepare=_sample,
    examples=[
        Example(
            "Ask an SQLite file",
            {
                "database": "{folder}/people.db",
                "query": "SELECT name, age FROM people WHERE age > ? ORDER BY age",
                "parameters": [30],
            },
            text="name   age\n-----  ---\nAda    36\nGrace  85\n2 rows",
        ),
        Example(
            "What changes something says so",
            {
                "database": "{folder}/people.db",
                "query": "INSERT INTO people (name) VALUES (:name)",
                "parameters": {"name": "Barbara"},
                "query_type": "INSERT",
            },
            result={"affected_rows": 1, "last_insert_id": 4},
        ),
        Example(
            "Nothing is deleted by accident",
            {"database": "{folder}/people.db", "query": "DELETE FROM people"},
            error="not_allowed",
        ),
        Example(
            "Which tables there are",
            {"operation": "schema", "database": "{folder}/people.db"},
            text="people: id INTEGER primary key, name TEXT not null, age INTEGER",
        ),
    ],
)
def database_connector(
    call: Call,
    operation: Literal["query", "schema"] = "query",
    database: str | None = None,
    query: str | None = None,
    query_type: QueryType = "SELECT",
    parameters: list[Any] | dict[str, Any] | None = None,
    max_rows: int = 1000,
    table: str | None = None,
) -> Result:
    """Query a database: SQLite, PostgreSQL or MySQL; or list its tables and columns.

    Args:
        operation: query: run a statement; schema: tables with their columns.
        database: A name of [tools.database-connector] in llmspell.toml, the path of an SQLite file, or an address like
            postgresql://user@host/name or mysql://user@host/name; not needed if llmspell.toml names one only.
        query: The SQL statement; one.
        query_type: What it is. Only what reads is run unless this says otherwise.
        parameters: Values for its placeholders: ? or :name (SQLite), %s or %(name)s (PostgreSQL, MySQL).
        max_rows: How many rows are given back; `truncated` says whether there are more.
        table: Only this table (schema).
    """
    address = found(database, call.settings)
    driver = _driver(address)
    if operation == "schema":
        return _schema(address, driver.tables(call, address, table), table)
    if query is None:
        raise ToolError("query needs `query`, an SQL statement", code="invalid_parameters")
    if not 1 <= max_rows <= MAX_ROWS:
        raise ToolError(f"max_rows is from 1 to {MAX_ROWS}, not {max_rows}", code="invalid_parameters")
    check(query, query_type, address.kind)
    return _answer(driver.query(call, address, Ask(query, parameters, query_type == "SELECT", max_rows)))


def _driver(address: Address) -> Any:
    try:
        return importlib.import_module(f"llmspell_kernel.tools.databases.{address.kind}")
    except ImportError as error:
        module = getattr(error, "name", None) or "a module"
        raise ToolError(
            f"database-connector needs the Python module {module} for {address.kind}; "
            "install it with: pip install 'llmspell[db]'",
            code="missing_extra", details={"extra": "db", "module": module},
        ) from error  # fmt: skip


def _answer(given: Found) -> Result:
    value: dict[str, Any] = {
        "columns": given.columns, "rows": given.rows, "row_count": len(given.rows), "truncated": given.truncated,
    }  # fmt: skip
    if given.affected is not None:
        value["affected_rows"] = given.affected
    if given.last_id is not None:
        value["last_insert_id"] = given.last_id
    return Result(value, as_text(given))


def _schema(address: Address, tables: list[dict[str, Any]], table: str | None) -> Result:
    if table is not None and not tables:
        raise ToolError(f"there is no table {table}", details={"table": table})
    text = "\n".join(f"{_full_name(one)}: {', '.join(map(_column, one['columns']))}" for one in tables)
    return Result({"database": address.kind, "tables": tables}, text or "no tables")


def _full_name(table: dict[str, Any]) -> str:
    schema = table.get("schema")
    return f"{schema}.{table['name']}" if schema else str(table["name"])


def _column(column: dict[str, Any]) -> str:
    told = [column["name"], column["type"]]
    if column["primary_key"]:
        told.append("primary key")
    elif not column["nullable"]:
        told.append("not null")
    return " ".join(filter(None, told))
