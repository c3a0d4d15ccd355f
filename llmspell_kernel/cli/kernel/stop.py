"""``llmspell kernel stop``."""

from __future__ import annotations

import click

from llmspell_kernel.service import discovery
from llmspell_kernel.service.stopping import End, stop

SAID = {
    "ended": "has ended",
    "killed": "did not end in time and was killed",
    "gone": "had ended before",
    "unknown": "does not answer: it is gone, or none of llmspell's",
    "running": "did not end in time; --force kills it",
}


@click.command("stop")
@click.argument("kernels", nargs=-1, metavar="[ID|FILE]...")
@click.option("--all", "every", is_flag=True, help="All kernels of yours that have a file where Jupyter looks.")
@click.option("--force", is_flag=True, help="Kill those that have not ended in time.")
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS",
              help="How long to wait for their end.")  # fmt: skip
def command(kernels: tuple[str, ...], every: bool, force: bool, timeout: float) -> int:
    """End kernels: a cell that runs has the kernel's grace time to end (kernel.grace_seconds), then it is interrupted.

    The exit code is 1 where one runs on, or one that is named does not answer.
    """
    if bool(kernels) == every:
        raise click.UsageError("name kernels (ID or connection file), or say --all")
    wanted = discovery.every() if every else [discovery.find(name) for name in kernels]
    ends = [end for end in stop(wanted, timeout, force) if not (every and end.how == "unknown")]
    for end in ends:
        click.echo(f"kernel {end.kernel.id} {SAID[end.how]}")
    if not ends:
        click.echo("no kernel is running")
    return int(any(map(_runs, ends)))


def _runs(end: End) -> bool:
    return end.how in ("running", "unknown")
