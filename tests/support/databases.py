"""Real database servers on loopback, each in a folder of its own, gone when the block ends.

They don't run as root: then `postgres` or `nobody` runs them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import trustme

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from tests.support.web import unused_port

LOCAL = ("127.0.0.1",)
PASSWORD = "se:same/ö"
SYSTEM_TABLES = "system_tables", "performance_tables", "system_tables_data"  # of mysql_ or mariadb_
PLACES = [*sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True), "/usr/sbin", "/usr/local/sbin"]


class Server(NamedTuple):
    """``folder``: where its certificate authority is, ca.pem."""

    port: int
    folder: str


class Database(NamedTuple):
    kind: str
    address: str
    tools: Tools

    def ask(self, query: str, **more: Any) -> Any:
        return self.tools.call("database-connector", {"database": self.address, "query": query, **more})["result"]

    def do(self, query: str, **more: Any) -> Any:
        return self.ask(query, query_type=query.split()[0], **more)

    def refused(self, query: str, **more: Any) -> ToolError:
        with pytest.raises(ToolError) as raised:
            self.ask(query, **more)
        return raised.value

    def mark(self, query: str) -> str:
        """Placeholders as this database has them."""
        return query if self.kind == "sqlite" else query.replace("?", "%s")


def address(kind: str, server: Server, password: str = PASSWORD, more: str = "", host: str = "127.0.0.1") -> str:
    name = {"postgresql": "postgres", "mysql": "test"}[kind]
    return f"{kind}://reader:{quote(password, safe='')}@{host}:{server.port}/{name}{more}"


def program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))


@contextmanager
def postgresql() -> Iterator[Server]:
    """With TLS, and a user ``reader``."""
    with _folder("postgres") as (folder, run):
        data, secret = f"{folder}/data", Path(folder, "password")
        secret.write_text(PASSWORD)
        run([program("initdb"), "-D", data, "-U", "reader", "--auth=scram-sha-256", f"--pwfile={secret}",
             "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])  # fmt: skip
        port = unused_port()
        options = {
            "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
            "ssl": "on", "ssl_cert_file": f"{folder}/cert.pem", "ssl_key_file": f"{folder}/key.pem",
        }  # fmt: skip
        command = [program("postgres"), "-D", data, *(f"--{name}={value}" for name, value in options.items())]
        with _running(command, run.user, b"database system is ready to accept connections", signal.SIGINT):
            yield Server(port, folder)


@contextmanager
def mariadb() -> Iterator[Server]:
    """With a user ``reader`` and a database ``test``."""
    with _folder("nobody") as (folder, run):
        data = f"{folder}/data"
        server = [
            program("mariadbd"),
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",
            "--lc-messages-dir=/usr/share/mysql",
        ]
        run(["mkdir", data])
        tables = "".join(Path(glob(f"/usr/share/mysql/m*_{name}.sql")[0]).read_text() for name in SYSTEM_TABLES)
        run([*server, "--bootstrap", "--skip-innodb-doublewrite"], "CREATE DATABASE mysql;\nUSE mysql;\n" + tables)
        start = Path(folder, "start.sql")
        start.write_text(
            f"SET NAMES utf8mb4;\nCREATE DATABASE test;\nCREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO reader@'127.0.0.1';\n"
        )
        port = unused_port()
        command = [
            *server, f"--port={port}", "--bind-address=127.0.0.1",
            f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--init-file={start}", "--character-set-server=utf8mb4",
            "--skip-name-resolve", f"--ssl-cert={folder}/cert.pem", f"--ssl-key={folder}/key.pem",
        ]  # fmt: skip
        with _running(command, run.user, b"ready for connections", signal.SIGTERM):
            yield Server(port, folder)


class _Run(NamedTuple):
    user: dict[str, Any]

    def __call__(self, command: list[Any], given: str = "") -> None:
        done = subprocess.run(command, input=given, capture_output=True, text=True, cwd="/", **self.user)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _folder(user: str) -> Iterator[tuple[str, _Run]]:
    """A folder of the user who will run the server, with a certificate in it."""
    folder = tempfile.mkdtemp(prefix="llmspell-database-")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(f"{folder}/key.pem")
    certificate.cert_chain_pems[0].write_to_path(f"{folder}/cert.pem")
    authority.cert_pem.write_to_path(f"{folder}/ca.pem")
    os.chmod(f"{folder}/key.pem", 0o600)
    run = _Run({"user": user, "extra_groups": []} if os.geteuid() == 0 else {})
    if os.geteuid() == 0:
        for path in (folder, *glob(f"{folder}/*")):
            shutil.chown(path, user)
    try:
        yield folder, run
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(command: list[Any], user: dict[str, Any], ready: bytes, end: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", **user)
    assert process.stderr is not None
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if ready in line:
                break
        else:
            raise AssertionError(b"".join(said).decode())
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield
    finally:
        process.send_signal(end)
        process.wait()
        process.stderr.close()
    drain.wait()
