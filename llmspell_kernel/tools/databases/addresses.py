"""Where a database is: a name of llmspell.toml, an address, or the path of an SQLite file. Any thread.

    [tools.database-connector]
    sales = "postgresql://reader@db.example.org/sales?sslmode=require&password_env=SALES_PASSWORD"

A variable is read only for an address of llmspell.toml: who calls could send it anywhere.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.schema import near

KINDS = {
    "sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql",
}  # fmt: skip
PORTS = {"postgresql": 5432, "mysql": 3306}
SSL = ("disable", "prefer", "require", "verify-full")
MEMORY = ":memory:"
SECTION = "[tools.database-connector] in llmspell.toml"


class Address(NamedTuple):
    """``path``: of SQLite's file, all else of a server. ``sslmode``: one of `SSL`."""

    kind: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    database: str = ""
    sslmode: str = "prefer"


def found(given: str | None, names: Mapping[str, str]) -> Address:
    """Raises ToolError."""
    if given is None:
        given = _only(names)
    if given in names:
        return _read(names[given], trusted=True)
    if "://" not in given and not given.startswith("sqlite:"):
        looks_like_a_name = names and not os.path.exists(given) and "." not in given and os.sep not in given
        if looks_like_a_name and given != MEMORY:
            raise _invalid(f"no database named {given!r}" + near(given, names, f"; there are {', '.join(names)}"))
        return Address("sqlite", given)
    return _read(given, trusted=False)


def _only(names: Mapping[str, str]) -> str:
    if len(names) == 1 or "default" in names:
        return "default" if "default" in names else next(iter(names))
    there = f" ({', '.join(names)})" if names else ""
    raise _invalid(
        f"which database? Give `database`: a name of {SECTION}{there}, the path of an SQLite file, "
        "or postgresql://user@host/name, mysql://user@host/name"
    )


def _read(text: str, trusted: bool) -> Address:
    scheme, _, rest = text.partition(":")
    kind = KINDS.get(scheme.lower())
    if kind is None:
        if trusted and "://" not in text:
            return Address("sqlite", text)
        raise _invalid(f"{scheme}: is no kind of database; there are sqlite:, postgresql: and mysql:")
    if kind == "sqlite":
        path = rest.removeprefix("//")
        return Address(kind, unquote(path[1:] if path.startswith("/") and rest.startswith("//") else path) or MEMORY)
    return _server(kind, text, trusted)


def _server(kind: str, text: str, trusted: bool) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or PORTS[kind]
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        raise _invalid(f"not the address of a database ({error}); write {kind}://user@host:port/name") from error
    if not host:
        raise _invalid(f"the address names no host; write {kind}://user@host:port/name")
    sslmode = options.pop("sslmode", "prefer")
    if sslmode not in SSL:
        raise _invalid(f"sslmode is {', '.join(SSL)}, not {sslmode!r}")
    password = unquote(parts.password or "")
    if "password_env" in options:
        password = _password(options.pop("password_env"), trusted)
    if options:
        raise _invalid(f"unknown in the address: {', '.join(options)}; it takes sslmode and password_env")
    user = unquote(parts.username or "") or getpass.getuser()
    name = unquote(parts.path.removeprefix("/"))
    try:
        (user + password + name).encode()
    except UnicodeEncodeError as error:
        raise _invalid("the address is not Unicode text") from error
    if "\0" in user + password + name:
        raise _invalid("the address holds a zero byte")
    return Address(kind, "", host, port, user, password, name, sslmode)


def _password(variable: str, trusted: bool) -> str:
    if not trusted:
        raise ToolError(
            f"password_env is only for addresses of {SECTION}: who calls can't have variables sent away",
            code="not_allowed", details={"rule": "tools.database-connector"},
        )  # fmt: skip
    value = os.environ.get(variable)
    if value is None:
        raise ToolError(f"the environment has no {variable}, which {SECTION} names as the password", code="failed")
    return value


def _invalid(text: str) -> ToolError:
    return ToolError(text, code="invalid_parameters")
