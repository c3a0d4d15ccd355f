"""``llmspell repl``."""

from __future__ import annotations

import click

from llmspell_kernel import config
from llmspell_kernel.cli.options import connect_options


@click.command("repl")
@connect_options
@click.option("--history", metavar="FILE", type=click.Path(dir_okay=False), help="Keep what is typed there.")
@click.option("--lua-path", "lua_path", multiple=True, metavar="DIR", help="Find modules there too; may be repeated.")
@click.option("--safe", is_flag=True, help="No files, no programs, no debug library, no C modules.")
@click.option("--memory", type=click.FloatRange(0, min_open=True), metavar="MB", help="The most memory for Lua.")
def command(
    connect: str | None, key: str | None, history: str | None, lua_path: tuple[str, ...], safe: bool,
    memory: float | None,
) -> int:  # fmt: skip
    """Type Lua and see what it does. From a pipe, cells are read line by line."""
    from llmspell_kernel.cli.console.app import run
    from llmspell_kernel.cli.console.links import Embedded
    from llmspell_kernel.cli.run import standard_tools
    from llmspell_kernel.lua.runtime import Options

    if connect is None:
        settings = config.read()
        options = Options((*lua_path, *settings.lua_path), safe or settings.safe, memory or settings.memory_mb)
        return run(Embedded(standard_tools, options), history)
    if lua_path or safe or memory:
        raise click.UsageError("--lua-path, --safe and --memory are settled where the kernel is started")
    from llmspell_kernel.cli.connecting import remote

    return run(remote(connect, key), history)
