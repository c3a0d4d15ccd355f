"""``llmspell kernel install-service``."""

from __future__ import annotations

import os
import shlex
import sys

import click

from llmspell_kernel.errors import UserError
from llmspell_kernel.service import discovery, units
from llmspell_kernel.service.units import Plan

KINDS = ("auto", "systemd", "launchd")


@click.command("install-service")
@click.option(
    "--type", "kind", type=click.Choice(KINDS), default="auto", help="Which service manager; auto: this system's."
)
@click.option("--system", is_flag=True, help="For the whole machine, not for you alone.")
@click.option("--run-as", "user", metavar="USER", default="", help="With --system: whose rights the kernel has.")
@click.option("--name", default="llmspell-kernel", show_default=True, help="What the service is called.")
@click.option("--id", metavar="ID", help="What the kernel is called; as the service, unless given.")
@click.option("--folder", metavar="DIR", default=".", help="Where it runs and finds llmspell.toml; here, unless given.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="As of kernel start.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), metavar="N", help="As of kernel start.")
@click.option("--dap-port", type=click.IntRange(0, 65535), metavar="N", help="As of kernel start.")
@click.option(
    "--idle-timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="As of kernel start."
)
@click.option("--max-clients", type=click.IntRange(min=1), metavar="N", help="As of kernel start.")
@click.option("--log-file", metavar="FILE", help="As of kernel start; unless given, below ~/.local/state/llmspell.")
@click.option("--print", "only_print", is_flag=True, help="Write the file to stdout, and nowhere else.")
@click.option("--force", is_flag=True, help="Replace a service of that name.")
def command(
    kind: str, system: bool, user: str, name: str, folder: str, only_print: bool, force: bool, **options: object
) -> int:
    """Have the system start a kernel, and start it again when it fails.

    Writes a systemd unit or a launchd property list, and says how to start it.
    """
    kind = ("launchd" if sys.platform == "darwin" else "systemd") if kind == "auto" else kind
    if system != bool(user):
        raise click.UsageError("--system and --run-as USER go together: a kernel runs whatever its clients send")
    plan = _plan(discovery.checked_id(name), folder, user, options)
    text = units.systemd(plan).encode() if kind == "systemd" else units.launchd(plan)
    if only_print:
        sys.stdout.buffer.write(text)
        return 0
    path = _place(kind, plan)
    _write(path, text, force)
    click.echo(f"wrote {path}\n\nNow:\n" + "\n".join(f"  {line}" for line in _next(kind, plan, path)))
    return 0


def _plan(name: str, folder: str, user: str, options: dict[str, object]) -> Plan:
    folder = os.path.abspath(folder)
    if not os.path.isdir(folder):
        raise UserError(f"{folder} is no folder; --folder says where the kernel runs")
    id = discovery.checked_id(str(options.pop("id") or name))
    log_file = os.path.abspath(str(options.pop("log_file") or discovery.log_file_of(id)))
    words = [*_llmspell(), "kernel", "start", "--id", id, "--log-file", log_file]
    for option, value in options.items():
        if value is not None:
            words += [f"--{option.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    kept = ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    environment = () if user else tuple((one, os.environ[one]) for one in kept if os.environ.get(one))
    return Plan(name, words, folder, log_file, user, environment)


def _llmspell() -> list[str]:
    """The command itself if it is there: ``python -m`` would take modules from the folder where the kernel runs."""
    script = os.path.join(os.path.dirname(sys.executable), "llmspell")
    return [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "llmspell_kernel"]


def _place(kind: str, plan: Plan) -> str:
    if kind == "launchd":
        folder = "/Library/LaunchDaemons" if plan.user else os.path.expanduser("~/Library/LaunchAgents")
        return os.path.join(folder, units.label(plan) + ".plist")
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    folder = "/etc/systemd/system" if plan.user else os.path.join(config, "systemd", "user")
    return os.path.join(folder, plan.name + ".service")


def _write(path: str, text: bytes, force: bool) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if force else "xb") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{path} is there already; --force replaces it") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _next(kind: str, plan: Plan, path: str) -> list[str]:
    if kind == "launchd":
        domain = "system" if plan.user else "gui/$(id -u)"
        return [f"launchctl bootstrap {domain} {shlex.quote(path)}", f"launchctl bootout {domain}/{units.label(plan)}"]
    systemctl = "systemctl" if plan.user else "systemctl --user"
    return [
        f"{systemctl} daemon-reload",
        f"{systemctl} enable --now {plan.name}",
        f"{systemctl} status {plan.name}",
        "llmspell kernel status",
    ]
