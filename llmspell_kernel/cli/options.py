"""The options of a program's run: one table, read by ``llmspell run`` itself and by click for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.lua.loader import VERSIONS

GIVEN = {"run": "a script", "exec": "some code"}
HELP = {
    "run": ["Run a Lua script. - reads it from stdin."],
    "exec": ["Run Lua code; an expression's values are printed. - reads it from stdin."],
}


class UsageError(UserError):
    """Wrong options: exit code 2."""


class Option(NamedTuple):
    """``value`` is what it takes in help texts; "" makes it a flag."""

    name: str
    value: str
    help: str
    read: Callable[[str], Any] = str
    many: bool = False


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise UsageError(f"expected a number above 0, not {text!r}")
    return number


def runtime(text: str) -> str:
    if text not in VERSIONS:
        raise UsageError(f"expected {' or '.join(VERSIONS)}, not {text!r}")
    return text


OPTIONS = (
    Option(
        "lua-path",
        "DIR",
        "Find modules there too (a folder, or templates like a/?.lua); may be repeated.",
        str,
        True,
    ),
    Option("safe", "", "No files, no programs, no debug library, no C modules."),
    Option("memory", "MB", "The most memory the program may use.", positive),
    Option("runtime", "NAME", "What runs it: lua54 (the default) or luajit.", runtime),
    Option("timeout", "SECONDS", "The longest the program may run.", positive),
)
HERE_OR_THERE = (  # options of `run` and `exec` alone
    *OPTIONS,
    Option("connect", "KERNEL", "Run it in a kernel: its id, connection file, or HOST:PORT."),
    Option("key", "KEY", "The key of that kernel, where its connection file is not here."),
)


class RunOptions(NamedTuple):
    """``script``: a path, ``-`` for stdin, or for ``exec`` the code itself."""

    script: str
    args: tuple[str, ...] = ()
    lua_path: tuple[str, ...] = ()
    safe: bool = False
    memory: float | None = None
    timeout: float | None = None
    runtime: str | None = None
    connect: str | None = None
    key: str | None = None


def parse(words: list[str], command: str = "run") -> RunOptions | None:
    """The words after ``run``. None: help is wanted. Raises UsageError.

    Options stand before the script; what follows it is the program's (a first ``--`` is dropped).
    """
    values: dict[str, Any] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word in ("--help", "-h"):
            return None
        if word == "--":
            break
        _take(word, rest, values)
    if not rest:
        raise UsageError(
            f"give {GIVEN[command]}: llmspell {command} {GIVEN[command].split()[-1].upper()} [-- ARGUMENTS]"
        )
    script, *args = rest
    if not script and command == "run":
        raise UsageError("the script's name is empty")
    if "key" in values and "connect" not in values:
        raise UsageError("--key is the key of the kernel that --connect names")
    if args[:1] == ["--"]:
        args = args[1:]
    paths = tuple(values.pop("lua_path", ()))
    return RunOptions(script, tuple(args), paths, **values)


def _take(word: str, rest: list[str], values: dict[str, Any]) -> None:
    name, equals, given = word.partition("=")
    option = next((o for o in HERE_OR_THERE if name == "--" + o.name), None)
    if option is None:
        known = ", ".join("--" + o.name for o in HERE_OR_THERE)
        raise UsageError(f"unknown option {name}; there are {known}")
    key = option.name.replace("-", "_")
    if not option.value:
        if equals:
            raise UsageError(f"{name} takes no value")
        values[key] = True
        return
    if not equals:
        if not rest:
            raise UsageError(f"{name} needs a value ({option.value})")
        given = rest.pop(0)
    try:
        value = option.read(given)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    values[key] = [*values.get(key, []), value] if option.many else value


def help_text(command: str = "run") -> str:
    lines = [
        f"usage: llmspell {command} [OPTIONS] {GIVEN[command].split()[-1].upper()} [-- ARGUMENTS]",
        "",
        *HELP[command],
        "The exit code is 0, 1 after a Lua error, 2 for wrong usage, 130 after Ctrl-C, 143 after SIGTERM,",
        "or what os.exit is given.",
        "",
    ]
    for option in HERE_OR_THERE:
        left = f"--{option.name} {option.value}".strip()
        lines.append(f"  {left:<20} {option.help}")
    lines.append(f"  {'--help':<20} Show this.")
    return "\n".join(lines) + "\n"


def connect_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--connect`` and ``--key`` for click."""
    import click

    key = click.option("--key", metavar="KEY", help="The kernel's key, where its connection file is not here.")
    connect = click.option("--connect", metavar="ID|FILE|HOST:PORT", help="In a kernel that runs already.")
    return connect(key(function))
