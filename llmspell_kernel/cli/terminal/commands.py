"""The commands of the terminal debugger: one function each, found by name, short name or prefix."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

from llmspell_kernel.cli.terminal.app import Command, Debugger, Quit
from llmspell_kernel.cli.terminal.breakpoints import parse
from llmspell_kernel.cli.terminal.view import BOLD
from llmspell_kernel.errors import UserError

FILTERS = ("raised", "uncaught", "tool")


class Entry(NamedTuple):
    name: str
    short: tuple[str, ...]
    arguments: str
    help: str
    run: Command
    repeats: bool


ENTRIES: list[Entry] = []


def command(name: str, *short: str, arguments: str = "", repeats: bool = False) -> Callable[[Command], Command]:
    """Register a command; its docstring is its help. ``repeats``: an empty line does it again."""

    def register(function: Command) -> Command:
        text = " ".join((function.__doc__ or "").split())
        ENTRIES.append(Entry(name, short, arguments, text, function, repeats))
        return function

    return register


def find(word: str) -> Entry:
    """By name, short name, or an unmistakable beginning. Raises UserError."""
    for entry in ENTRIES:
        if word == entry.name or word in entry.short:
            return entry
    begun = [entry for entry in ENTRIES if entry.name.startswith(word)]
    if len(begun) == 1:
        return begun[0]
    names = [entry.name for entry in begun or ENTRIES]
    near = get_close_matches(word, names, 1)
    if begun:
        raise UserError(f"{word!r} may be {', '.join(names)}")
    hint = f"did you mean {near[0]!r}?" if near else "`help` lists them"
    raise UserError(f"no command named {word!r}; {hint}")


# Stepping ------------------------------------------------------------------------------------------


@command("step", "s", arguments="[N]", repeats=True)
def step(debugger: Debugger, text: str) -> None:
    """Go to the next line, into calls."""
    _times(debugger, text, "stepIn")


@command("next", "n", arguments="[N]", repeats=True)
def next_(debugger: Debugger, text: str) -> None:
    """Go to the next line of this function."""
    _times(debugger, text, "next")


def _times(debugger: Debugger, text: str, request: str) -> None:
    for _ in range(_number(text, 1)):
        debugger.resume(request)
        if not debugger.alive or debugger.stop_reason != "step":
            break


@command("finish", "f", repeats=True)
def finish(debugger: Debugger, text: str) -> None:
    """Run until this function returns."""
    debugger.resume("stepOut")


@command("continue", "c", repeats=True)
def continue_(debugger: Debugger, text: str) -> None:
    """Run until a breakpoint, an error or the end."""
    debugger.resume("continue")


@command("until", "u", arguments="[LINE]", repeats=True)
def until(debugger: Debugger, text: str) -> None:
    """Run to LINE, or past the end of a loop: to a line below this one."""
    path = debugger.current_path()
    if text and path:
        point = debugger.points.add(path, _number(text, 1), None, temporary=True)
        debugger.send_points(path)
        debugger.resume("continue")
        if point in debugger.points.all():
            debugger.points.remove(point)
            debugger.send_points(path)
        return
    line, depth = debugger.frame["line"], len(debugger.frames)
    while True:
        debugger.resume("next")
        if not debugger.alive or debugger.stop_reason != "step":
            return
        if debugger.frame["line"] > line or len(debugger.frames) != depth:
            return


@command("run", "r")
def run(debugger: Debugger, text: str) -> None:
    """Start the program again; breakpoints stay."""
    debugger.restart()


# Breakpoints ---------------------------------------------------------------------------------------


@command("break", "b", arguments="[[FILE:]LINE [if CONDITION]]")
def break_(debugger: Debugger, text: str) -> None:
    """Set a breakpoint, or list them all."""
    if text:
        _add(debugger, text, temporary=False)
        return
    for point in debugger.points.all():
        debugger.view.say(str(point))
    if not debugger.points.all():
        debugger.view.say("No breakpoints.")


@command("tbreak", "tb", arguments="[FILE:]LINE [if CONDITION]")
def tbreak(debugger: Debugger, text: str) -> None:
    """Set a breakpoint that stops once."""
    _add(debugger, text, temporary=True)


def _add(debugger: Debugger, text: str, temporary: bool) -> None:
    path, line, condition = parse(text, debugger.current_path())
    point = debugger.points.add(path, line, condition, temporary)
    debugger.send_points(path)
    debugger.view.say(f"Breakpoint {point}")


@command("delete", "d", arguments="[NUMBER …]")
def delete(debugger: Debugger, text: str) -> None:
    """Delete breakpoints by number, or all."""
    points = [debugger.points.numbered(_number(word, 0)) for word in text.split()] or debugger.points.all()
    for point in points:
        debugger.points.remove(point)
    for path in {point.path for point in points}:
        debugger.send_points(path)


@command("catch", arguments="raised|uncaught|tool|none …")
def catch(debugger: Debugger, text: str) -> None:
    """Stop at errors: each that is raised, those nothing catches, those of tools."""
    names = text.split()
    filters = [name for name in names if name != "none"]
    for name in filters:
        if name not in FILTERS:
            raise UserError(f"catch takes {', '.join(FILTERS)} or none, not {name!r}")
    if not names:
        raise UserError(f"catch takes {', '.join(FILTERS)} or none")
    debugger.client.request("setExceptionBreakpoints", filters=filters)


# Looking -------------------------------------------------------------------------------------------


@command("list", "l", arguments="[LINE]")
def list_(debugger: Debugger, text: str) -> None:
    """Show the source around the current line, or around LINE."""
    debugger.show_source(center=_number(text, 0) or None)


@command("source", arguments="[FILE]")
def source(debugger: Debugger, text: str) -> None:
    """Show the whole text of this source; with FILE, do the commands in it."""
    if not text:
        debugger.show_source(around=10**9)
        return
    try:
        with open(text, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise UserError(f"cannot read {text}: {error.strerror}") from error
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            perform(debugger, line)


@command("locals")
def locals_(debugger: Debugger, text: str) -> None:
    """Show the variables of this frame."""
    for scope in debugger.scopes():
        if scope["name"] != "Globals":
            found = debugger.children(scope["variablesReference"])
            title = "" if scope["name"] == "Locals" else scope["name"]
            debugger.view.variables(title, found)


@command("print", "p", arguments="EXPRESSION")
def print_(debugger: Debugger, text: str) -> None:
    """Evaluate an expression (or run statements) in this frame; a table is shown with its fields."""
    if not text:
        raise UserError("print what? Give an expression")
    result = debugger.evaluate(text)
    debugger.view.say(result["result"])
    if result["variablesReference"] and result.get("type") == "table":
        debugger.view.variables("", debugger.children(result["variablesReference"]))


@command("set", arguments="TARGET = EXPRESSION")
def set_(debugger: Debugger, text: str) -> None:
    """Assign to a variable or a field."""
    target, equals, value = text.partition("=")
    if not equals or not target.strip() or not value.strip():
        raise UserError("write: set TARGET = EXPRESSION")
    frame = debugger.frame["id"]
    body = debugger.client.request("setExpression", expression=target.strip(), value=value.strip(), frameId=frame)
    debugger.view.say(f"{target.strip()} = {body['value']}")


@command("watch", "w", arguments="[EXPRESSION]")
def watch(debugger: Debugger, text: str) -> None:
    """Show an expression at every stop; without one, show all watches now."""
    if text:
        debugger.watches.append(text)
    if debugger.alive:
        debugger.show_watches()


@command("unwatch", arguments="[EXPRESSION]")
def unwatch(debugger: Debugger, text: str) -> None:
    """Stop showing an expression, or all of them."""
    if text and text not in debugger.watches:
        raise UserError(f"{text!r} is not watched")
    debugger.watches = [one for one in debugger.watches if text and one != text]


@command("backtrace", "bt", "where")
def backtrace(debugger: Debugger, text: str) -> None:
    """Show the stack, through all coroutines that wait for this one."""
    debugger.needs_program()
    debugger.view.frames(debugger.frames, debugger.selected)


@command("up", arguments="[N]")
def up(debugger: Debugger, text: str) -> None:
    """Look at the caller."""
    _move(debugger, _number(text, 1))


@command("down", arguments="[N]")
def down(debugger: Debugger, text: str) -> None:
    """Look at what this frame has called."""
    _move(debugger, -_number(text, 1))


def _move(debugger: Debugger, by: int) -> None:
    debugger.needs_program()
    target = debugger.selected + by
    step = 1 if by > 0 else -1
    while 0 <= target < len(debugger.frames) and "source" not in debugger.frames[target]:
        target += step
    if not 0 <= target < len(debugger.frames):
        raise UserError(f"there is no frame further {'up' if by > 0 else 'down'}")
    debugger.selected = target
    debugger.view.frames([debugger.frames[target]], target, target)
    debugger.show_source(2)


@command("threads", "t", arguments="[NUMBER]")
def threads(debugger: Debugger, text: str) -> None:
    """List the main program and its coroutines, or look at one."""
    debugger.needs_program()
    found = debugger.client.request("threads")["threads"]
    if text:
        wanted = _number(text, 0)
        if wanted not in [thread["id"] for thread in found]:
            raise UserError(f"there is no thread {wanted}")
        debugger.thread = wanted
        debugger.load_frames()
        debugger.view.frames(debugger.frames, debugger.selected)
        return
    for thread in found:
        mark = "*" if thread["id"] == debugger.thread else " "
        debugger.view.say(f"{mark} {thread['id']}: {thread['name']}")


@command("help", "h", "?", arguments="[COMMAND]")
def help_(debugger: Debugger, text: str) -> None:
    """List the commands, or explain one."""
    entries = [find(text)] if text else ENTRIES
    for entry in entries:
        names = ", ".join((entry.name, *entry.short))
        debugger.view.say(f"{debugger.view.paint(BOLD, f'{names} {entry.arguments}'.strip()):<34} {entry.help}")


@command("quit", "q", "exit")
def quit_(debugger: Debugger, text: str) -> None:
    """End the program and leave."""
    raise Quit


def _number(text: str, default: int) -> int:
    text = text.strip()
    if not text:
        return default
    if not text.isdigit():
        raise UserError(f"expected a number, not {text!r}")
    return int(text)


def perform(debugger: Debugger, line: str) -> Entry:
    """Do one line. Raises UserError, Quit."""
    word, _, rest = line.strip().partition(" ")
    entry = find(word)
    entry.run(debugger, rest.strip())
    return entry
