"""``llmspell kernel``: kernels, started, looked at and ended."""

from __future__ import annotations

import importlib
import os
import sys

import click

COMMANDS = {  # name → module, one line of help
    "start": ("", "Start a kernel and serve it until it is told to end."),
    "status": ("kernel.status", "Tell about the kernels that run."),
    "stop": ("kernel.stop", "End kernels."),
    "connect": ("", "Type Lua in a kernel that runs."),
    "logs": ("kernel.logs", "Show a kernel's log."),
    "install": ("", "Tell Jupyter about this kernel."),
    "install-service": ("kernel.service", "Have the system start a kernel (systemd, launchd)."),
}


class Kernels(click.Group):
    """Its commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        module = COMMANDS.get(name, ("", ""))[0]
        if not module:
            return super().get_command(ctx, name)
        found: click.Command = importlib.import_module(f"llmspell_kernel.cli.{module}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


@click.group("kernel", cls=Kernels)
def command() -> None:
    """Serve Lua to notebooks and other Jupyter clients."""


SECONDS = click.FloatRange(min=0, min_open=True)


@command.command("start")
@click.option("--connection-file", "-f", metavar="FILE", help="Follow this file; it is written if it is not there.")
@click.option("--id", "-i", metavar="ID", help="What the kernel is called; made up unless given.")
@click.option("--daemon", is_flag=True, help="In the background; returns when the kernel serves, or could not.")
@click.option("--port", "-p", type=click.IntRange(0, 65535), help="The first of five ports; 0: any (the default).")
@click.option(
    "--host", metavar="ADDRESS", help="Where to listen; 127.0.0.1, which no other machine reaches, unless given."
)
@click.option("--log-file", metavar="FILE", help="Where to log; a daemon does so below ~/.local/state/llmspell.")
@click.option("--pid-file", metavar="FILE", help="Write the process's number there.")
@click.option("--idle-timeout", type=SECONDS, metavar="SECONDS", help="End when nobody has used it for so long.")
@click.option("--max-clients", type=click.IntRange(min=1), metavar="N", help="How many clients it serves at a time.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), metavar="N", help="Serve /metrics and /health there.")
@click.option("--dap-port", type=click.IntRange(0, 65535), metavar="N", help="Let editors attach there, by DAP.")
@click.argument("files", nargs=-1, metavar="", type=click.UNPROCESSED)
def start(files: tuple[str, ...], **options: object) -> int:
    """Start a kernel and serve it until it is told to end."""
    # ``jupyter run`` gives a kernel the names of the files too that it will send to it: they are not for us.
    from llmspell_kernel.cli.kernel.start import start as serve
    from llmspell_kernel.cli.kernel.start import start_daemon
    from llmspell_kernel.service.options import Start

    wanted = Start(**options)  # type: ignore[arg-type]
    return start_daemon(wanted) if wanted.daemon else serve(wanted)


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
