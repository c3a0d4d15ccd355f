"""The console's own commands: a point and a name. Files and folders are those of the console's process."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from llmspell_kernel import __version__
from llmspell_kernel.cli.console.person import Words
from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_kernel.cli.console.app import Console

Do = Callable[["Console", list[str]], None]


class Entry(NamedTuple):
    name: str
    also: tuple[str, ...]
    takes: str
    help: str
    do: Do


ENTRIES: list[Entry] = []
FILES = (".save", ".load", ".run", ".cd", ".ls")


def command(name: str, *also: str, takes: str = "", help: str) -> Callable[[Do], Do]:
    def register(function: Do) -> Do:
        ENTRIES.append(Entry(name, also, takes, help, function))
        return function

    return register


def do(console: Console, line: str) -> None:
    """Raises UserError: no such command, or it could not be done."""
    try:
        name, *words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"{line.split()[0]}: {error}".lower()) from None
    entry = next((one for one in ENTRIES if name in (one.name, *one.also)), None)
    if entry is None:
        near = get_close_matches(name, [one.name for one in ENTRIES], 1)
        raise UserError(f"no command {name}; " + (f"did you mean {near[0]}?" if near else ".help names all"))
    least, most = entry.takes.count(" F") + entry.takes.startswith("F"), 0 if not entry.takes else 1
    if len(words) < least or (len(words) > most and "…" not in entry.takes):
        raise UserError(f"write {entry.name} {entry.takes}".rstrip())
    try:
        entry.do(console, words)
    except OSError as error:
        raise UserError(f"{entry.name}: {error.filename or ''}: {(error.strerror or str(error)).lower()}") from None


def complete(text: str, at: int) -> Words:
    name, space, typed = text[:at].partition(" ")
    if not space:
        return Words([one.name for one in ENTRIES if one.name.startswith(name)], 0)
    if name not in FILES:
        return Words([], at)
    folder, slash, start = typed.rpartition("/")
    try:
        found = sorted(os.scandir(os.path.expanduser(folder) + slash or "."), key=lambda one: one.name)
    except OSError:
        return Words([], at)
    fitting = [one for one in found if one.name.startswith(start) and (start or not one.name.startswith("."))]
    words = [one.name + ("/" if one.is_dir() else "") for one in fitting if name != ".cd" or one.is_dir()]
    return Words(words, at - len(start))


@command(".help", ".h", ".?", help="Show this.")
def show_help(console: Console, words: list[str]) -> None:
    for one in ENTRIES:
        console.view.say(f"{f'{one.name} {one.takes}'.rstrip():<20} {one.help}")
    console.view.say(f"{'name?':<20} What a name means: a function, a tool.")


@command(".exit", ".quit", ".q", help="End, as Ctrl-D does.")
def leave(console: Console, words: list[str]) -> None:
    console.code = 0


@command(".clear", ".cls", help="Clear the screen.")
def clear(console: Console, words: list[str]) -> None:
    if console.interactive:
        console.view.say("\x1b[H\x1b[2J\x1b[3J")


@command(".reset", help="Begin anew, with a fresh Lua state.")
def reset(console: Console, words: list[str]) -> None:
    console.link.reset()
    console.number, console.entered = 0, []


@command(".save", takes="F", help="Write the cells that did not fail to a file.")
def save(console: Console, words: list[str]) -> None:
    with open(os.path.expanduser(words[0]), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(cell + "\n" for cell in console.entered)
    console.view.say(f"{len(console.entered)} cells are in {words[0]}")


@command(".load", takes="F", help="Run the cells in a file, up to the first that fails.")
def load(console: Console, words: list[str]) -> None:
    console.replay(_text(words[0]))


@command(".run", takes="F [ARGUMENTS …]", help="Run a script.")
def run(console: Console, words: list[str]) -> None:
    path, *arguments = words
    text = _text(path)
    script = {"path": os.path.abspath(os.path.expanduser(path)), "args": arguments}
    console.execute(text, script=script, store_history=False)


def _text(path: str) -> str:
    with open(os.path.expanduser(path), encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


@command(".history", ".hist", takes="[N]", help="The last cells that were run (20).")
def history(console: Console, words: list[str]) -> None:
    if words and not words[0].isdigit():
        raise UserError(f".history takes a number, not {words[0]!r}")
    asked = {"hist_access_type": "tail", "n": int(words[0]) if words else 20}
    for _, number, code in console.link.ask("history_request", asked).get("history", ()):
        console.view.say(f"[{number}] " + code.replace("\n", "\n" + " " * (len(str(number)) + 3)))


@command(".variables", ".vars", help="The globals that were set.")
def variables(console: Console, words: list[str]) -> None:
    for name, kind, text in console.link.variables():
        console.view.say(f"{name} = {text}" if kind != "function" else f"{name}: {text}")


@command(".tools", takes="[WORDS …]", help="The tools there are, or those that words describe.")
def tools(console: Console, words: list[str]) -> None:
    asked = {"command": "search", "query": words} if words else {"command": "list"}
    answer = console.link.ask("tool_request", asked)
    for one in answer.get("details", ()):
        console.view.say(f"{one['name']:<20} {one['description']}")
    if not answer.get("details"):
        console.view.say("none")


@command(".cd", takes="[FOLDER]", help="Change the folder; alone, to your home.")
def change_folder(console: Console, words: list[str]) -> None:
    os.chdir(os.path.expanduser(words[0] if words else "~"))
    console.view.say(os.getcwd())


@command(".pwd", help="Name the folder.")
def folder(console: Console, words: list[str]) -> None:
    console.view.say(os.getcwd())


@command(".ls", takes="[FOLDER]", help="What is in the folder.")
def list_folder(console: Console, words: list[str]) -> None:
    for one in sorted(os.scandir(os.path.expanduser(words[0]) if words else "."), key=lambda one: one.name):
        console.view.say(one.name + ("/" if one.is_dir() else ""))


@command(".info", help="What this is.")
def info(console: Console, words: list[str]) -> None:
    console.view.say(f"llmspell {__version__}, Lua 5.4, {console.link.where}")
    console.view.say(f"{console.number} cells, {len(console.link.variables())} globals, in {os.getcwd()}")


@command(".perf", takes="[on|off]", help="Say how long each cell took.")
def perf(console: Console, words: list[str]) -> None:
    if words and words[0] not in ("on", "off"):
        raise UserError(f".perf takes on or off, not {words[0]!r}")
    console.timing = words[0] == "on" if words else not console.timing
    console.view.say(f"timing is {'on' if console.timing else 'off'}")
