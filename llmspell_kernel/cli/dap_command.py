"""``llmspell dap``."""

from __future__ import annotations

import click

from llmspell_dap.__main__ import main


@click.command("dap", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> int:
    """Serve the Debug Adapter Protocol to editors."""
    return main(list(words))
