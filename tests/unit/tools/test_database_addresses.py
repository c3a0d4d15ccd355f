"""Where a database is, whether it may be reached, and what kind a statement is."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.database_connector import database_connector
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.databases.statements import check, words
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.databases import LOCAL, PASSWORD, Database, Server, address
from tests.support.web import unused_port

# Addresses --------------------------------------------------------------------------------------------


def named(names: dict[str, str], policy: Policy) -> Tools:
    return Tools.standard(policy, Config({"tools.database-connector": names}))


def test_a_database_of_llmspell_toml_with_its_password_in_the_environment(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"postgresql://reader@127.0.0.1:{postgresql.port}/postgres?password_env=SALES_PASSWORD"
    tools = named({"sales": place, "other": "sqlite::memory:"}, Policy(allowed_hosts=LOCAL))
    asked = {"database": "sales", "query": "SELECT current_user AS me"}
    with pytest.raises(ToolError, match="no SALES_PASSWORD"):
        tools.call("database-connector", asked)
    monkeypatch.setenv("SALES_PASSWORD", PASSWORD)
    assert tools.call("database-connector", asked)["result"]["rows"] == [{"me": "reader"}]
    with pytest.raises(ToolError) as raised:
        tools.call("database-connector", {**asked, "database": place})
    assert raised.value.code == "not_allowed"
    with pytest.raises(ToolError, match="did you mean 'sales'"):
        tools.call("database-connector", {**asked, "database": "slaes"})
    with pytest.raises(ToolError, match=r"which database.*sales, other"):
        tools.call("database-connector", {"query": "SELECT 1"})


def test_the_only_database_needs_no_name() -> None:
    tools = named({"memory": "sqlite::memory:"}, Policy())
    assert tools.call("database-connector", {"query": "SELECT 1 AS one"})["result"]["rows"] == [{"one": 1}]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_no_saved_password_goes_to_a_server_of_the_callers_choice(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue(kind)
    passwords = tmp_path / "passwords"
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    database = Database(kind, address(kind, server, password=""), Tools.standard(Policy(allowed_hosts=LOCAL)))
    assert "password" in str(database.refused("SELECT 1")).lower()


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_wrong_password_is_told_and_not_shown(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    database = Database(kind, address(kind, server, "hunter2"), Tools.standard(Policy(allowed_hosts=LOCAL)))
    text = str(database.refused("SELECT 1"))
    assert "reader" in text and "hunter2" not in text


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_tls(kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    server = request.getfixturevalue(kind)
    tools = Tools.standard(Policy(allowed_hosts=LOCAL))
    secure = {
        "postgresql": "SELECT ssl::text AS it FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        "mysql": "SHOW STATUS LIKE 'Ssl_cipher'",
    }[kind]

    def asked(mode: str) -> Any:
        [row] = Database(kind, address(kind, server, more=f"?sslmode={mode}"), tools).ask(secure)["rows"]
        return list(row.values())[-1]

    assert asked("disable") in ("false", "")
    assert asked("require") not in ("false", "")
    with pytest.raises(ToolError, match=r"(?i)certificate"):
        asked("verify-full")
    monkeypatch.setenv("SSL_CERT_FILE", f"{server.folder}/ca.pem")
    assert asked("verify-full") not in ("false", "")


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_host_that_is_not_allowed_is_not_connected_to(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        place = address(kind, Server(listener.getsockname()[1], ""))
        error = Database(kind, place, Tools.standard(Policy())).refused("SELECT 1")
        assert (error.code, "allowed_hosts" in str(error)) == ("not_allowed", True)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_says_nothing(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tools = Tools.standard(Policy(allowed_hosts=LOCAL))
        place = address(kind, Server(listener.getsockname()[1], ""))
        with pytest.raises(ToolError) as raised:
            tools.call("database-connector", {"database": place, "query": "SELECT 1"}, seconds=0.3)
        assert raised.value.code == "timeout"


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_nobody_listens(kind: str) -> None:
    place = address(kind, Server(unused_port(), ""))
    error = Database(kind, place, Tools.standard(Policy(allowed_hosts=LOCAL))).refused("SELECT 1")
    assert "refused" in str(error)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("oracle://host/x", "no kind of database"),
        ("postgresql:///x", "no host"),
        ("postgresql://h/x?sslrootcert=/etc/passwd", "unknown in the address: sslrootcert"),
        ("mysql://h/x?host=/tmp/socket", "unknown in the address: host"),
        ("mysql://h:99999/x", "not the address"),
        ("postgresql://h/x?sslmode=no", "sslmode is disable"),
    ],
)
def test_addresses_that_are_none(place: str, words: str) -> None:
    error = Database("", place, Tools.standard(Policy())).refused("SELECT 1")
    assert (error.code, words in str(error)) == ("invalid_parameters", True)


# Statements -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "mysql", "expected"),
    [
        ("select 'from' -- where\n from t", False, ["SELECT", "FROM", "T"]),
        ("(SELECT \"a b\" /* x */ FROM `c d`)", True, ["SELECT", "FROM"]),
        ("SELECT $x$ drop $x$ x", False, ["SELECT", "X"]),
        ("SELECT 'it''s' x", False, ["SELECT", "X"]),
        ("# DROP\nSELECT", True, ["SELECT"]),
        ("SELECT 'open", False, ["SELECT"]),
    ],
)  # fmt: skip
def test_words(sql: str, mysql: bool, expected: list[str]) -> None:
    assert words(sql, mysql) == expected


def test_a_query_of_a_megabyte_is_read_in_no_time() -> None:
    for piece in ("'", '"', "/*", "$$", "`", "'\\", "x "):
        try:
            check("SELECT " + piece * 400_000, "SELECT", "mysql")
        except ToolError as error:
            assert "1000000" in str(error)


def test_a_driver_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "llmspell_kernel.tools.databases.postgresql", raising=False)
    with pytest.raises(ToolError, match=r"pip install 'llmspell\[db\]'") as raised:
        database_connector(Call(Policy()), database="postgresql://h/x", query="SELECT 1")
    assert raised.value.code == "missing_extra"
    assert database_connector(Call(Policy()), database=":memory:", query="SELECT 1").value["row_count"] == 1
