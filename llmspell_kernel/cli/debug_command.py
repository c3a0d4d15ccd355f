"""``llmspell debug``: the terminal debugger."""

from __future__ import annotations

import os
from typing import Any

import click

from llmspell_kernel.cli.terminal import commands
from llmspell_kernel.cli.terminal.app import Debugger, Quit
from llmspell_kernel.cli.terminal.breakpoints import parse
from llmspell_kernel.cli.terminal.client import Refused
from llmspell_kernel.cli.terminal.prompt import is_interactive, read_commands
from llmspell_kernel.cli.terminal.view import View
from llmspell_kernel.errors import UserError


@click.command("debug", context_settings={"allow_interspersed_args": False})
@click.option(
    "-b",
    "--break",
    "points",
    multiple=True,
    metavar="[FILE:]LINE[ if COND]",
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
@click.option("--lua-path", multiple=True, metavar="DIR", help="Find modules there too.")
@click.option("--safe", is_flag=True, help="No files, no programs, no debug library, no C modules.")
@click.option("--memory", metavar="MB", type=float, help="The most memory the program may use.")
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    points: tuple[str, ...],
    filters: tuple[str, ...],
    lua_path: tuple[str, ...],
    safe: bool,
    memory: float | None,
    script: str,
    arguments: tuple[str, ...],
) -> int:
    """Debug a Lua script in the terminal.

    Stops at the first line unless there are breakpoints. Commands can be piped in:
    printf 'b 12\\nc\\nlocals\\nq\\n' | llmspell debug x.lua
    """
    if not os.path.isfile(script):
        reason = "it is a directory" if os.path.isdir(script) else "no such file"
        raise UserError(f"cannot open {script}: {reason}")
    launch = {
        "program": os.path.abspath(script),
        "args": list(arguments),
        "luaPath": list(lua_path),
        "safe": safe,
        "stopOnEntry": not points,
        **({"memory": memory} if memory else {}),
    }
    debugger = Debugger(launch, View())
    for point in points:
        debugger.points.add(*parse(point, debugger.script))
    try:
        debugger.start(list(filters) or ["uncaught"])
        _say_unverified(debugger)
        _converse(debugger)
    except Refused:
        return 1  # why it can't be launched has been output
    except Quit:
        pass
    finally:
        debugger.close()
    return 0


def _say_unverified(debugger: Debugger) -> None:
    for point in debugger.points.all():
        if not point.verified:
            debugger.view.say(f"Breakpoint {point}")


def _converse(debugger: Debugger) -> None:
    again = ""
    for line in read_commands(lambda text, at: _complete(debugger, text, at)):
        line = line.strip() or (again if is_interactive() else "")
        if not line or line.startswith("#"):
            continue
        again = ""
        try:
            entry = commands.perform(debugger, line)
            again = line if entry.repeats else ""
        except UserError as error:
            debugger.view.complain(str(error))


def _complete(debugger: Debugger, text: str, at: int) -> list[tuple[str, int]]:
    """Names of commands first, then what the adapter knows of the frame."""
    word, space, rest = text[:at].partition(" ")
    if not space:
        return [(entry.name, 0) for entry in commands.ENTRIES if entry.name.startswith(word)]
    if not debugger.alive or not debugger.frames:
        return []
    arguments: dict[str, Any] = {
        "text": rest,
        "column": len(rest) + 1,
        "frameId": debugger.frame["id"],
    }
    targets = debugger.client.request("completions", **arguments)["targets"]
    return [(t["label"], len(word) + len(space) + t["start"] - 1) for t in targets]
