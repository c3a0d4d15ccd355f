"""``exec`` as click shows it; the work is in run.py, which is reached without click."""

from __future__ import annotations

import click

from llmspell_kernel.cli.run import main


@click.command(
    "exec",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> int:
    """Run Lua code."""
    return main(list(words), "exec")
