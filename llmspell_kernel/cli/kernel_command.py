"""``llmspell kernel start|connect|install``."""

from __future__ import annotations

import os
import sys

import click


@click.group("kernel")
def command() -> None:
    """Serve Lua to notebooks and other Jupyter clients."""


@command.command("start")
@click.option("--connection-file", "-f", metavar="FILE", help="Follow this file; it is written if it is not there.")
@click.argument("files", nargs=-1, metavar="", type=click.UNPROCESSED)
def start(connection_file: str | None, files: tuple[str, ...]) -> int:
    """Start a kernel and serve it until it is told to end."""
    # ``jupyter run`` gives a kernel the names of the files too that it will send to it: they are not for us.
    from llmspell_kernel.cli.kernel_start import start as serve

    return serve(connection_file)


@command.command("connect")
@click.argument("kernel", metavar="ID|FILE|HOST:PORT")
@click.option("--key", metavar="KEY", help="Its key, where its connection file is not here.")
@click.option("--history", metavar="FILE", type=click.Path(dir_okay=False), help="Keep what is typed there.")
def connect(kernel: str, key: str | None, history: str | None) -> int:
    """Type Lua in a kernel that runs."""
    from llmspell_kernel.cli.connecting import remote
    from llmspell_kernel.cli.console.app import run

    return run(remote(kernel, key), history)


@command.command("install")
@click.option("--user", "where", flag_value="user", default=True, help="For you alone (the default).")
@click.option("--sys-prefix", "where", flag_value="sys-prefix", help="For this Python environment.")
@click.option("--prefix", metavar="DIR", help="Below DIR/share/jupyter.")
@click.option("--name", default="llmspell", show_default=True, help="What Jupyter calls it.")
def install(where: str, prefix: str | None, name: str) -> int:
    """Tell Jupyter about this kernel."""
    from llmspell_kernel.jupyter import kernelspec

    if prefix is None and where == "sys-prefix":
        prefix = sys.prefix
    folder = kernelspec.user_folder() if prefix is None else os.path.join(os.path.abspath(prefix), "share", "jupyter")
    click.echo(f"installed in {kernelspec.install(folder, name)}")
    return 0
