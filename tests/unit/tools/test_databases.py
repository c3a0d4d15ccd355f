"""database-connector against SQLite files and real servers on loopback."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.databases import LOCAL, Database, Server, address

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep_for('5 minutes')",
    "mysql": "SELECT SLEEP(300) FROM information_schema.tables",
}


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """With a table of three people."""
    kind = request.param
    place = str(tmp_path / "people.db") if kind == "sqlite" else address(kind, request.getfixturevalue(kind))
    tools = Tools.standard(Policy((str(tmp_path),), allowed_hosts=LOCAL))
    made = Database(kind, place, tools)
    made.do("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50) NOT NULL, age INTEGER DEFAULT 7)")
    for values in ([1, "Ada", 36], [2, "Grüße", None], [3, "50%", 41]):
        made.do(made.mark("INSERT INTO people VALUES (?, ?, ?)"), parameters=values)
    yield made
    made.do("DROP TABLE people")


# All three --------------------------------------------------------------------------------------------


def test_rows_and_columns(database: Database) -> None:
    given = database.ask("SELECT id, name, age FROM people ORDER BY id")
    assert given["columns"] == ["id", "name", "age"]
    assert given["rows"][0] == {"id": 1, "name": "Ada", "age": 36}
    assert given["rows"][1] == {"id": 2, "name": "Grüße", "age": None}
    assert (given["row_count"], given["truncated"]) == (3, False)
    assert "affected_rows" not in given


def test_no_rows_have_columns_too(database: Database) -> None:
    given = database.ask("SELECT id, name FROM people WHERE id > 99")
    assert (given["columns"], given["rows"]) == (["id", "name"], [])


def test_two_columns_of_a_name(database: Database) -> None:
    assert database.ask("SELECT 1 AS n, 2 AS n")["rows"] == [{"n": 1, "n_2": 2}]


def test_parameters_are_values_and_never_sql(database: Database) -> None:
    attack = "x'; DROP TABLE people; --"
    assert database.ask(database.mark("SELECT * FROM people WHERE name = ?"), parameters=[attack])["rows"] == []
    named = {"sqlite": ":name"}.get(database.kind, "%(name)s")
    given = database.ask(f"SELECT id FROM people WHERE name = {named}", parameters={"name": "Grüße"})
    assert given["rows"] == [{"id": 2}]
    assert database.ask("SELECT name FROM people WHERE name LIKE '5%' ")["rows"] == [{"name": "50%"}]
    assert database.refused(database.mark("SELECT ?, ?"), parameters=[1]).code in ("failed", "invalid_parameters")


def test_what_is_changed_is_kept(database: Database) -> None:
    assert database.do("UPDATE people SET age = 1 WHERE id < 3")["affected_rows"] == 2
    assert database.do("DELETE FROM people WHERE id = 3")["affected_rows"] == 1
    assert database.ask("SELECT count(*) AS n FROM people")["rows"] == [{"n": 2}]


@pytest.mark.parametrize(
    "query", ["DELETE FROM people", "  /* SELECT */ drop table people", "-- SELECT\nUPDATE people SET age = 1", "INSERT INTO people VALUES (9, 'x', 1)"]
)  # fmt: skip
def test_nothing_changes_unless_it_is_said(database: Database, query: str) -> None:
    error = database.refused(query)
    assert (error.code, "query_type" in str(error)) == ("not_allowed", True)
    assert len(database.ask("SELECT * FROM people")["rows"]) == 3


@pytest.mark.parametrize("query", ["SELECT 1; DELETE FROM people", "SELECT 1; SELECT 2"])
def test_one_statement_at_a_time(database: Database, query: str) -> None:
    assert database.refused(query).code == "failed"
    assert database.refused("DELETE FROM people; DELETE FROM people", query_type="DELETE").code == "failed"
    assert len(database.ask("SELECT * FROM people;")["rows"]) == 3


def test_a_reading_word_hides_no_change(database: Database) -> None:
    hidden = {
        "sqlite": "WITH x AS (SELECT 1) DELETE FROM people",
        "postgresql": "WITH x AS (DELETE FROM people RETURNING id) SELECT * FROM x",
        "mysql": "EXPLAIN DELETE FROM people",  # MySQL has no change behind WITH … but ANALYZE runs it
    }[database.kind]
    if database.kind != "mysql":
        assert "query_type" in str(database.refused(hidden))
    assert database.refused("ANALYZE DELETE FROM people").code == "invalid_parameters"
    assert len(database.ask("SELECT * FROM people")["rows"]) == 3


def test_rows_have_a_limit(database: Database) -> None:
    given = database.ask("SELECT id FROM people ORDER BY id", max_rows=2)
    assert (given["rows"], given["truncated"]) == ([{"id": 1}, {"id": 2}], True)
    assert database.ask("SELECT id FROM people", max_rows=3)["truncated"] is False
    assert database.refused("SELECT 1", max_rows=0).code == "invalid_parameters"


def test_bytes_have_a_limit(database: Database) -> None:
    wide = {"sqlite": "hex(zeroblob(1500000))"}.get(database.kind, "repeat('x', 3000000)")
    given = database.ask(f"SELECT {wide} AS wide FROM people")
    assert (given["row_count"], given["truncated"]) == (3, False)
    given = database.ask(f"SELECT {wide} AS wide FROM people a CROSS JOIN people b")
    assert (given["row_count"], given["truncated"]) == (3, True)


def test_an_endless_query_ends_with_the_call(database: Database) -> None:
    """And the server works for nobody: nothing runs there any more."""
    with pytest.raises(ToolError) as raised:
        database.tools.call(
            "database-connector", {"database": database.address, "query": ENDLESS[database.kind]}, seconds=0.5
        )
    assert raised.value.code == "timeout"
    running = {
        "postgresql": "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep_for%' AND state = 'active' AND pid <> pg_backend_pid()",
        "mysql": "SELECT count(*) AS n FROM information_schema.processlist WHERE info LIKE '%SLEEP(300)%' AND id <> connection_id()",
    }.get(database.kind)
    while running and database.ask(running)["rows"] != [{"n": 0}]:
        pass


def test_a_call_that_is_given_up_is_given_up(database: Database) -> None:
    begun = threading.Timer(0.3, database.tools.interrupt, ("enough",))
    begun.start()
    error = database.refused(ENDLESS[database.kind])
    assert (error.code, "enough" in str(error)) == ("cancelled", True)
    assert database.ask("SELECT 1 AS one")["rows"] == [{"one": 1}]


def test_which_tables_there_are(database: Database) -> None:
    parameters = {"operation": "schema", "database": database.address, "table": "people"}
    answer = database.tools.call("database-connector", parameters)
    [table] = answer["result"]["tables"]
    assert (table["name"], table["type"]) == ("people", "table")
    columns = {one["name"]: one for one in table["columns"]}
    assert list(columns) == ["id", "name", "age"]
    assert [columns[name]["primary_key"] for name in columns] == [True, False, False]
    assert (columns["name"]["nullable"], columns["age"]["nullable"]) == (False, True)
    assert columns["age"]["default"] == "7"
    assert "ID INT" in answer["text"].upper()
    with pytest.raises(ToolError, match="no table nothing"):
        database.tools.call("database-connector", {**parameters, "table": "nothing"})


def test_an_error_of_sql_is_told(database: Database) -> None:
    assert "nothing" in str(database.refused("SELECT * FROM nothing"))
    assert database.refused("SELEC 1").code == "invalid_parameters"
    assert "no statement" in str(database.refused("-- nothing"))
    assert "query_type says DELETE" in str(database.refused("UPDATE people SET age = 1", query_type="DELETE"))
    assert "unique" in str(database.refused("INSERT INTO people VALUES (1, 'x', 1)", query_type="INSERT")).lower() or (
        database.kind == "mysql"
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40), st.lists(st.none() | st.booleans() | st.integers() | st.text() | st.floats(), max_size=3))
def test_whatever_is_asked_the_answer_is_a_result_or_a_tool_error(database: Database, tail: str, values: list) -> None:
    try:
        database.ask("SELECT " + tail, parameters=values or None)
    except ToolError as error:
        assert str(error)


# SQLite -----------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Database:
    database = Database("sqlite", str(tmp_path / "my.db"), Tools.standard(Policy((str(tmp_path),))))
    database.do("CREATE TABLE t (a, b)")
    return database


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH '{other}' AS o",
        "VACUUM INTO '{other}'",
        "SELECT load_extension('x')",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = 0",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA writable_schema = 1",
    ],
)
def test_sqlite_opens_no_other_file_and_sets_nothing(file: Database, tmp_path: Path, query: str) -> None:
    assert file.refused(query.format(other=tmp_path / "other.db")).code in ("not_allowed", "invalid_parameters")
    assert sorted(os.listdir(tmp_path)) == ["my.db"]


def test_a_change_of_sqlite_opens_no_other_file_either(file: Database, tmp_path: Path) -> None:
    tricks = ["CREATE TABLE x AS SELECT load_extension('x')", "CREATE VIRTUAL TABLE x USING nothing"]
    for trick in tricks:
        file.refused(trick, query_type="CREATE")
    assert sorted(os.listdir(tmp_path)) == ["my.db"]


def test_sqlite_searches_texts(file: Database) -> None:
    file.ask("CREATE VIRTUAL TABLE notes USING fts5(body)", query_type="CREATE")
    file.ask("INSERT INTO notes VALUES ('the quick fox'), ('a dog')", query_type="INSERT")
    assert file.ask("SELECT body FROM notes WHERE notes MATCH 'quick'")["rows"] == [{"body": "the quick fox"}]


def test_files_outside_the_folder(file: Database, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away") / "away.db"
    (tmp_path / "link.db").symlink_to(away)
    for path in (str(away), str(tmp_path / "link.db"), f"sqlite:///{away}", f"file:{away}"):
        error = Database("sqlite", path, file.tools).refused("CREATE TABLE t (a)", query_type="CREATE")
        assert error.code in ("not_allowed", "invalid_parameters")
    assert not away.exists()


def test_no_database_takes_the_place_of_settings(file: Database, tmp_path: Path) -> None:
    database = Database("sqlite", str(tmp_path / "llmspell.toml"), file.tools)
    assert database.refused("CREATE TABLE t (a)", query_type="CREATE").code == "not_allowed"
    assert os.listdir(tmp_path) == ["my.db"]


def test_a_file_that_is_not_there_is_not_made_by_reading(file: Database, tmp_path: Path) -> None:
    assert "no file" in str(Database("sqlite", str(tmp_path / "no.db"), file.tools).refused("SELECT 1"))
    (tmp_path / "text.db").write_text("not a database at all" * 100)
    assert "not a database" in str(Database("sqlite", str(tmp_path / "text.db"), file.tools).refused("SELECT * FROM t"))


def test_a_name_with_what_means_something_in_an_address(file: Database, tmp_path: Path) -> None:
    path = str(tmp_path / "a?mode=rwc#%20ü.db")
    Database("sqlite", path, file.tools).do("CREATE TABLE t (a)")
    assert os.path.exists(path)


def test_bytes_make_the_round_trip(file: Database) -> None:
    file.do("INSERT INTO t VALUES (?, ?)", parameters=["\udcff\udc80\x00", {"list": [1, "ü"]}])
    [row] = file.ask("SELECT a, typeof(a) AS kind, b FROM t")["rows"]
    assert row == {"a": "\udcff\udc80\x00", "kind": "blob", "b": '{"list": [1, "\\u00fc"]}'}


def test_what_is_returned_of_a_change(file: Database) -> None:
    given = file.do("INSERT INTO t VALUES (1, 2), (3, 4) RETURNING a")
    assert (given["rows"], given["affected_rows"]) == ([{"a": 1}, {"a": 3}], 2)
    assert file.ask("SELECT count(*) AS n FROM t")["rows"] == [{"n": 2}]


def test_a_locked_file_is_not_waited_for_for_ever(file: Database) -> None:
    holder = sqlite3.connect(file.address, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ToolError):
        file.tools.call("database-connector", {"database": file.address, "query": "SELECT * FROM t"}, seconds=0.3)
    holder.close()


def test_a_value_without_end_is_refused(file: Database) -> None:
    assert "too big" in str(file.refused("SELECT zeroblob(1000000000)"))


# PostgreSQL and MySQL ---------------------------------------------------------------------------------


def test_values_of_postgresql(postgresql: Server) -> None:
    database = Database("", address("postgresql", postgresql), Tools.standard(Policy(allowed_hosts=LOCAL)))
    [row] = database.ask(
        "SELECT 1.5::numeric AS num, 12345678901234567890.123::numeric AS exact, 'x'::bytea AS raw, ARRAY[1, 2] AS list, "
        """'{"a": [1]}'::jsonb AS json, DATE '2026-01-02' AS day, true AS yes, """
        "'00000000-0000-0000-0000-000000000001'::uuid AS id, interval '1 day' AS span, NULL AS nothing, 'NaN'::float8 AS nan"
    )["rows"]
    assert str(row.pop("nan")) == "nan"
    assert row == {
        "num": 1.5, "exact": "12345678901234567890.123", "raw": "x", "list": [1, 2], "json": {"a": [1]},
        "day": "2026-01-02", "yes": True, "id": "00000000-0000-0000-0000-000000000001", "span": "1 day, 0:00:00",
        "nothing": None,
    }  # fmt: skip
    given = database.ask("SELECT %s::jsonb->'a' AS a, %s::int[] AS list", parameters=[{"a": 1}, [3, 4]])
    assert given["rows"] == [{"a": 1, "list": [3, 4]}]
    assert database.ask("SHOW server_encoding")["rows"] == [{"server_encoding": "UTF8"}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT set_config('transaction_read_only', 'off', false)",
        "WITH x AS (SELECT set_config('default_transaction_read_only', 'off', false)) SELECT * FROM x",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "DO $$ BEGIN CREATE TABLE sneaked (a int); END $$",
        "SELECT 1; CREATE TABLE sneaked (a int)",
        "EXPLAIN ANALYZE CREATE TABLE sneaked AS SELECT 1",
        "SELECT 1 INTO sneaked",
    ],
)
def test_reading_postgresql_changes_nothing(postgresql: Server, query: str) -> None:
    database = Database("", address("postgresql", postgresql), Tools.standard(Policy(allowed_hosts=LOCAL)))
    try:
        database.ask(query)  # some only seem to: the transaction is given up, its connection closed
    except ToolError as error:
        assert str(error)
    assert database.ask("SELECT to_regclass('sneaked') IS NULL AS gone")["rows"] == [{"gone": True}]


def test_a_large_table_of_postgresql_is_not_read_to_its_end(postgresql: Server) -> None:
    database = Database("", address("postgresql", postgresql), Tools.standard(Policy(allowed_hosts=LOCAL)))
    given = database.ask("SELECT generate_series(1, 1000000000) AS n, repeat('x', 1000) AS x", max_rows=10)
    assert (given["row_count"], given["truncated"]) == (10, True)


def test_a_large_table_of_mysql_is_not_read_to_its_end(mysql: Server) -> None:
    database = Database("", address("mysql", mysql), Tools.standard(Policy(allowed_hosts=LOCAL)))
    given = database.ask("SELECT seq FROM seq_1_to_100000000000", max_rows=10)
    assert (given["row_count"], given["truncated"]) == (10, True)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 INTO OUTFILE '/tmp/llmspell-never'",
        "SELECT 1 /*!50000 INTO OUTFILE '/tmp/llmspell-never' */",
        "SELECT 1 /*M! INTO DUMPFILE '/tmp/llmspell-never' */",
        "SELECT 'a\\' INTO OUTFILE ', 1 INTO /* x */ outfile '/tmp/llmspell-never'",
        "SELECT 1.INTO OUTFILE '/tmp/llmspell-never'",
        "SELECT 1--1 INTO OUTFILE '/tmp/llmspell-never'",
        "SELECT 1 AS $$ INTO OUTFILE '/tmp/llmspell-never' -- $$",
        "SELECT '' INTO\n-- x\nOUTFILE '/tmp/llmspell-never'",
    ],
)
def test_reading_mysql_writes_no_file(mysql: Server, query: str) -> None:
    database = Database("", address("mysql", mysql), Tools.standard(Policy(allowed_hosts=LOCAL)))
    assert database.refused(query).code == "not_allowed"
    assert not os.path.exists("/tmp/llmspell-never")
    assert database.ask("SELECT 'INTO OUTFILE' AS a -- INTO OUTFILE")["rows"] == [{"a": "INTO OUTFILE"}]


def test_values_of_mysql(mysql: Server) -> None:
    database = Database("", address("mysql", mysql), Tools.standard(Policy(allowed_hosts=LOCAL)))
    [row] = database.ask(
        "SELECT 1.50 AS num, x'ff00' AS raw, DATE '2026-01-02' AS day, TIME '01:02:03' AS span, NULL AS no"
    )["rows"]
    assert row == {"num": 1.5, "raw": "\udcff\x00", "day": "2026-01-02", "span": "1:02:03", "no": None}
