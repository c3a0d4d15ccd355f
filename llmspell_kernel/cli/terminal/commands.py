"""The commands of the terminal debugger: one function each, found by name, short name or prefix."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Literal, NamedTuple

from llmspell_kernel.cli.terminal.app import FRAMES, Command, Debugger, Quit
from llmspell_kernel.cli.terminal.breakpoints import parse
from llmspell_kernel.cli.terminal.view import BOLD
from llmspell_kernel.errors import UserError

FILTERS = ("raised", "uncaught", "tool")
NAME = re.compile(r"[A-Za-z]+|[?<>=]")
ASSIGNMENT = re.compile(  # the first = that is neither in a string nor half of an operator
    r"""((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[=~<>]=|[^='"])+)=(?!=)(.+)"""
)
Repeats = Literal["", "line", "name"]  # what an empty line does again: nothing, all of it, without its arguments


class Entry(NamedTuple):
    name: str
    short: tuple[str, ...]
    arguments: str
    help: str
    run: Command
    repeats: Repeats


ENTRIES: list[Entry] = []


def command(name: str, *short: str, arguments: str = "", repeats: Repeats = "") -> Callable[[Command], Command]:
    """Register a command; its docstring is its help."""

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


@command("step", "s", arguments="[N]", repeats="line")
def step(debugger: Debugger, text: str) -> None:
    """Go to the next line, into calls."""
    _times(debugger, text, "stepIn")


@command("next", "n", arguments="[N]", repeats="line")
def next_(debugger: Debugger, text: str) -> None:
    """Go to the next line of this function."""
    _times(debugger, text, "next")


def _times(debugger: Debugger, text: str, request: str) -> None:
    for _ in range(_number(text, 1)):
        debugger.resume(request)
        if not debugger.alive or debugger.stop_reason != "step":
            break


@command("finish", "f", repeats="line")
def finish(debugger: Debugger, text: str) -> None:
    """Run until this function returns."""
    debugger.resume("stepOut")


@command("continue", "c", repeats="line")
def continue_(debugger: Debugger, text: str) -> None:
    """Run until a breakpoint, an error or the end."""
    debugger.resume("continue")


@command("until", "u", arguments="[LINE]", repeats="line")
def until(debugger: Debugger, text: str) -> None:
    """Run to LINE; without it to a line below this one, past the end of a loop."""
    debugger.needs_program()
    path = debugger.current_path()
    if text and path:
        _run_to(debugger, path, _number(text, 1))
        return
    line, depth = debugger.frame["line"], debugger.full_depth()
    while True:
        debugger.resume("next")
        if not debugger.alive or debugger.stop_reason != "step":
            return
        if debugger.frame["line"] > line or debugger.full_depth() != depth:
            return


def _run_to(debugger: Debugger, path: str, line: int) -> None:
    point = debugger.points.add_passing(path, line)
    try:
        debugger.send_points(path)
        if not point.verified:
            raise UserError(point.message)
        debugger.resume("continue")
    finally:
        if point in debugger.points.all():
            debugger.points.remove(point)
            debugger.send_points(path)


@command("run", "r")
def run(debugger: Debugger, text: str) -> None:
    """Start the program again; breakpoints stay."""
    debugger.restart()


# Breakpoints ---------------------------------------------------------------------------------------


@command("break", "b", arguments="[[FILE:]LINE|FUNCTION [if CONDITION]]")
def break_(debugger: Debugger, text: str) -> None:
    """Set a breakpoint on a line or where a function begins (add, M.add, account:deposit), or list them all."""
    if text:
        _add(debugger, text, temporary=False)
        return
    for point in debugger.points.all():
        debugger.view.say(str(point))
    if not debugger.points.all():
        debugger.view.say("No breakpoints.")


@command("tbreak", "tb", "o", arguments="[FILE:]LINE|FUNCTION [if CONDITION]")
def tbreak(debugger: Debugger, text: str) -> None:
    """Set a breakpoint that stops once."""
    _add(debugger, text, temporary=True)


def _add(debugger: Debugger, text: str, temporary: bool) -> None:
    point = debugger.points.add(*parse(text, debugger.current_path()), temporary)
    debugger.send_points(point.path)
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


@command("list", "l", arguments="[LINE]", repeats="name")
def list_(debugger: Debugger, text: str) -> None:
    """Show the source around the current line, then what follows; or around LINE."""
    debugger.list_source(_number(text, 0) or None)


@command("source", "x", arguments="[FILE]")
def source(debugger: Debugger, text: str) -> None:
    """Show the whole text of this source; with FILE, do the commands in it until one fails."""
    if not text:
        debugger.show_source(around=10**9)
        return
    path = os.path.realpath(text)
    if path in debugger.reading:
        raise UserError(f"{text} is being done already")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise UserError(f"cannot read {text}: {error.strerror}") from error
    debugger.reading.append(path)
    try:
        _perform_all(debugger, text, lines)
    finally:
        debugger.reading.pop()


def _perform_all(debugger: Debugger, name: str, lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                perform(debugger, line)
            except UserError as error:
                raise UserError(f"{name}:{number}: {error}") from error


@command("locals", "v")
def locals_(debugger: Debugger, text: str) -> None:
    """Show the variables of this frame."""
    scopes = [scope for scope in debugger.scopes() if scope["name"] != "Globals"]
    for scope in scopes:
        title = "" if scope["name"] == "Locals" else scope["name"]
        debugger.show_children(title, scope["variablesReference"])
    if not scopes:
        debugger.view.say("No locals.")


@command("print", "p", arguments="EXPRESSION")
def print_(debugger: Debugger, text: str) -> None:
    """Evaluate an expression (or run statements) in this frame; a table is shown with its fields."""
    if not text:
        raise UserError("print what? Give an expression")
    result = debugger.evaluate(text)
    if result["result"]:  # statements have none
        debugger.view.say(result["result"])
    if result["variablesReference"] and result.get("type") == "table":
        debugger.show_children("", result["variablesReference"])


@command("set", "=", arguments="TARGET = EXPRESSION")
def set_(debugger: Debugger, text: str) -> None:
    """Assign to a variable or a field."""
    parts = ASSIGNMENT.fullmatch(text)
    target, value = (part.strip() for part in parts.groups()) if parts else ("", "")
    if not target or not value:
        raise UserError("write: set TARGET = EXPRESSION")
    body = debugger.client.request("setExpression", expression=target, value=value, frameId=debugger.frame["id"])
    debugger.view.say(f"{target} = {body['value']}")


@command("watch", "w", arguments="[EXPRESSION]")
def watch(debugger: Debugger, text: str) -> None:
    """Show an expression at every stop; without one, show all watches now."""
    if text:
        debugger.watches.append(text)
    if not debugger.watches:
        debugger.view.say("No watches.")
    if debugger.alive:
        debugger.show_watches()


@command("unwatch", arguments="[EXPRESSION]")
def unwatch(debugger: Debugger, text: str) -> None:
    """Stop showing an expression, or all of them."""
    if text and text not in debugger.watches:
        raise UserError(f"{text!r} is not watched")
    debugger.watches = [one for one in debugger.watches if text and one != text]


@command("backtrace", "bt", "k", "where", arguments="[N]")
def backtrace(debugger: Debugger, text: str) -> None:
    """Show the stack, through all coroutines that wait for this one; of a deep one the innermost 100, or N."""
    debugger.needs_program()
    _show_frames(debugger, _number(text, FRAMES))


def _show_frames(debugger: Debugger, count: int) -> None:
    debugger.need_frames(count)
    debugger.view.frames(debugger.frames[:count], debugger.selected)
    if debugger.depth > count:
        debugger.view.say(f"  … {debugger.full_depth() - count} more")


@command("up", "<", arguments="[N]")
def up(debugger: Debugger, text: str) -> None:
    """Look at the caller."""
    _move(debugger, _number(text, 1))


@command("down", ">", arguments="[N]")
def down(debugger: Debugger, text: str) -> None:
    """Look at what this frame has called."""
    _move(debugger, -_number(text, 1))


def _move(debugger: Debugger, by: int) -> None:
    debugger.needs_program()
    target = debugger.selected + by
    step = 1 if by > 0 else -1
    debugger.need_frames(target + FRAMES)
    while 0 <= target < len(debugger.frames) and "source" not in debugger.frames[target]:
        target += step
    if not 0 <= target < len(debugger.frames):
        raise UserError(f"there is no frame further {'up' if by > 0 else 'down'}")
    debugger.select(target)
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
        _show_frames(debugger, FRAMES)
        return
    for thread in found:
        mark = "*" if thread["id"] == debugger.thread else " "
        debugger.view.say(f"{mark} {thread['id']}: {thread['name']}")


@command("help", "h", "?", arguments="[COMMAND]")
def help_(debugger: Debugger, text: str) -> None:
    """List the commands, or explain one."""
    view = debugger.view
    for entry in ENTRIES if not text else ():
        names = ", ".join((entry.name, *entry.short))
        view.say(f"{view.paint(BOLD, f'{names:<20}')} {entry.help.partition(';')[0].rstrip('.')}")
    if text:
        entry = find(text)
        names = ", ".join((entry.name, *entry.short))
        view.say(view.paint(BOLD, f"{names} {entry.arguments}".rstrip()))
        view.say(f"  {entry.help}")


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
    line = line.strip()
    name = NAME.match(line)
    word = name.group() if name else line
    entry = find(word)
    entry.run(debugger, line[len(word) :].strip())
    return entry
