"""``llmspell debug``: the terminal debugger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click

from llmspell_kernel.cli.options import OPTIONS, Option, UsageError
from llmspell_kernel.cli.terminal import commands
from llmspell_kernel.cli.terminal.app import Debugger, NotLoaded, Quit
from llmspell_kernel.cli.terminal.breakpoints import parse
from llmspell_kernel.cli.terminal.completion import complete
from llmspell_kernel.cli.terminal.prompt import is_interactive, read_commands
from llmspell_kernel.cli.terminal.view import View
from llmspell_kernel.errors import UserError


class ScriptAmongOptions(click.Command):
    """Our options may stand on both sides of the script. `--`, or a word that is none of ours, begins its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found, _, _ = self.make_parser(ctx).parse_args(list(args))
        if not isinstance(found.get("script"), str):
            return super().parse_args(ctx, args)
        after = found["arguments"] if isinstance(found["arguments"], tuple | list) else ()  # or click's "unset"
        at = len(args) - len(after) - 1
        before, script, after = args[:at], args[at], args[at + 1 :]
        ours, theirs = ([], after) if before[-1:] == ["--"] else self._divide(ctx, after)
        if theirs[:1] == ["--"]:
            theirs = theirs[1:]
        return super().parse_args(ctx, [*ours, *before, script, *theirs])

    def _divide(self, ctx: click.Context, words: list[str]) -> tuple[list[str], list[str]]:
        options = {name: p for p in self.get_params(ctx) if isinstance(p, click.Option) for name in p.opts}
        at = 0
        while at < len(words):
            word = words[at]
            name = word.partition("=")[0] if word.startswith("--") else word[:2]
            if name not in options:
                break
            at += 1 if options[name].is_flag or name != word else 2
        return words[:at], words[at:]


def _options_of_run(function: Callable[..., int]) -> Callable[..., int]:
    for one in reversed(OPTIONS):
        function = click.option(
            f"--{one.name}",
            metavar=one.value or None,
            is_flag=None if one.value else True,
            multiple=one.many,
            help=one.help,
            callback=partial(_read, one),
        )(function)
    return function


def _read(option: Option, ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    try:
        return option.read(value) if isinstance(value, str) else value
    except UsageError as error:
        raise click.BadParameter(str(error)) from error


@click.command("debug", cls=ScriptAmongOptions, context_settings={"allow_interspersed_args": False})
@click.option(
    "-b",
    "--break",
    "points",
    multiple=True,
    metavar="[FILE:]LINE|FUNCTION[ if COND]",
    help="Set a breakpoint; may be repeated.",
)
@click.option(
    "-c",
    "--catch",
    "filters",
    multiple=True,
    type=click.Choice(commands.FILTERS),
    help="Stop at errors (uncaught ones unless given).",
)
@click.option("--all-code", is_flag=True, help="Step into installed libraries, too.")
@_options_of_run
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    points: tuple[str, ...],
    filters: tuple[str, ...],
    all_code: bool,
    lua_path: tuple[str, ...],
    safe: bool,
    memory: float | None,
    timeout: float | None,
    runtime: str | None,
    script: str,
    arguments: tuple[str, ...],
) -> int:
    """Debug a Lua script in the terminal.

    Stops at the first line unless there are breakpoints. Commands can be piped in:
    printf 'b 12\\nc\\nlocals\\nq\\n' | llmspell debug x.lua

    Options may also follow the script; what stands after -- is the script's.
    """
    if not os.path.isfile(script):
        reason = "it is a directory" if os.path.isdir(script) else "no such file"
        raise UserError(f"cannot open {script}: {reason}")
    launch = {
        "program": os.path.abspath(os.path.join(os.getcwd(), script)),  # it needs a folder, wherever the script is
        "args": list(arguments),
        "luaPath": list(lua_path),
        "safe": safe,
        "stopOnEntry": not points,
        "justMyCode": not all_code,
        **({"memory": memory} if memory else {}),
        **({"timeout": timeout} if timeout else {}),
        **({"runtime": runtime} if runtime else {}),
    }
    debugger = Debugger(launch, View())
    for point in points:
        debugger.points.add(*parse(point, debugger.script))
    lines = read_commands(partial(complete, debugger))
    try:
        with debugger.client.attending():
            debugger.start(list(filters) or ["uncaught"])
            _say_unverified(debugger)
        _converse(debugger, lines)
    except NotLoaded:
        return 1  # why has been output
    except Quit:
        pass
    finally:
        debugger.close()
    return 0


def _say_unverified(debugger: Debugger) -> None:
    for point in debugger.points.all():
        if not point.verified:
            debugger.view.say(f"Breakpoint {point}")


def _converse(debugger: Debugger, lines: Iterator[str]) -> None:
    again = ""
    for line in lines:
        line = line.strip() or (again if is_interactive() else "")
        if not line or line.startswith("#"):
            continue
        again = ""
        try:
            with debugger.client.attending():
                entry = commands.perform(debugger, line)
            again = {"": "", "line": line, "name": entry.name}[entry.repeats]
        except UserError as error:
            debugger.view.complain(str(error))
        except KeyboardInterrupt:
            if not is_interactive():
                raise
            debugger.view.interrupted()
