"""The commands. Each is imported when it is used: a command pays for nothing it does not need."""

from __future__ import annotations

import importlib
import os

import click

from llmspell_kernel import __version__
from llmspell_kernel.errors import UserError

COMMANDS = {  # name → one line of help
    "run": "Run a Lua script.",
    "exec": "Run Lua code.",
    "repl": "Type Lua and see what it does.",
    "debug": "Debug a Lua script in the terminal.",
    "tool": "List, describe and run tools.",
    "kernel": "Serve Lua to notebooks and other Jupyter clients.",
    "config": "Show, check and begin llmspell.toml.",
    "dap": "Serve the Debug Adapter Protocol to editors.",
    "lsp": "Serve the Language Server Protocol to editors.",
    "stubs": "Write annotations for other Lua language servers.",
}


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"llmspell_kernel.cli.{name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
            ctx.fail(f"no command named {name!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="llmspell")
def llmspell() -> None:
    """Run Lua scripts that call Python tools, and debug them."""


def main() -> int:
    if "_LLMSPELL_COMPLETE" in os.environ:
        from llmspell_kernel.cli import shells

        shells.known()
    try:
        code = llmspell(prog_name="llmspell", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except UserError as error:
        click.echo(f"llmspell: {error}", err=True)
        return 2
