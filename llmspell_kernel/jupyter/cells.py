"""The Lua state of a kernel: runs the cells, shows values, knows names. Lua thread, but `interrupt`.

A cell is a chunk of its own, as a line of the standalone Lua: globals stay, locals end with the cell. Its value is
that of the expression it consists of, or what it returns. Its chunk is named after its text, as JupyterLab names it
(`name_of`), so that breakpoints find it; people read ``In[3]`` instead.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.murmur import murmur2
from llmspell_kernel.lua.loader import Chunk, source_text
from llmspell_kernel.lua.runtime import AskError, LuaRuntime, Options, functions_of
from llmspell_kernel.lua.values import data, text

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

SEED = 0xC70F6907
SUFFIX = ".lua"
FOLDER = os.path.dirname(__file__)
LONG = 65_536  # bytes: hashing more of them takes a person's time, and is done where a debugger wants it
MAX_TEXTS, MAX_SIZE = 500, 1_000_000  # that are remembered
STATEMENT = re.compile(r"\s*(?:(?:return|local|for|if|while|repeat|do|goto|break)\b|::)")  # begins no expression
# A value to be closed makes the call behind it no tail call: the cell stays on the stack.
EXPRESSION = b"local __cell <close> = nil return "


class SyntaxProblem(UserError):
    """The cell is no Lua."""


class Host(NamedTuple):
    """What a program may ask of its kernel; each gives true and results, or false and a message."""

    write: Callable[[str, bytes], None]  # stream, data
    display: Callable[..., Any]  # bundle, id, whether it updates, metadata
    clear: Callable[[bool], None]
    read: Callable[[], Any]
    comm: Callable[..., Any]  # what, id, target, data, metadata


class Script(NamedTuple):
    """A file that a client runs here: its path, where it has it, and the arguments."""

    path: str
    args: tuple[str, ...] = ()


class Texts:
    """The texts of the last cells, by the path of their chunk; any thread may look."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._numbers: dict[str, int] = {}
        self._size = 0

    def add(self, path: str, code: str, number: int | None = None) -> None:
        if path not in self._texts:
            self._texts[path] = code
            self._size += len(code)
        self._texts.move_to_end(path)
        if number is not None:
            self._numbers[path] = number
        while len(self._texts) > MAX_TEXTS or (self._size > MAX_SIZE and len(self._texts) > 1):
            old, gone = self._texts.popitem(last=False)
            self._size -= len(gone)
            self._numbers.pop(old, None)

    def get(self, path: str) -> str | None:
        return self._texts.get(path)

    def number(self, path: str) -> int | None:
        """Of the execution that ran it last."""
        return self._numbers.get(path)

    def paths(self) -> list[str]:
        return list(self._texts)


class Cells:
    def __init__(self, tools: Callable[[], Tools], options: Options, host: Host) -> None:
        # Of names; there is no such folder. JupyterLab calls a cell by its number if its name has ipykernel_ in it.
        self.prefix = f"/tmp/ipykernel_llmspell_{os.getpid()}/"
        self.texts = Texts()
        self.hash_all = False  # also long texts: a debugger is there
        self.prepare: Callable[[Chunk, Any], Any] = lambda chunk, function: function  # the debugger's: with probes
        self.poke: Callable[[], None] = lambda: None  # the transport's: wake who waits in Python
        self._names: OrderedDict[str, str] = OrderedDict()
        write = host.write
        self.runtime = LuaRuntime(
            tools, options._replace(write=lambda stream, out, name, line: write(text(stream), out))
        )
        self.runtime.prepare(Chunk(os.path.join(os.getcwd(), "notebook"), b"@notebook", b""))
        shapes = self._compiled("shapes.lua")(self.runtime.prelude)
        cells = self._compiled("cells.lua")
        exports = cells(self.runtime.prelude, shapes, host.display, host.clear, host.read, host.comm)
        self._lua = functions_of(exports)
        self.given = frozenset(map(text, self._lua[b"given"].values()))  # globals that were there before any cell

    def _compiled(self, name: str) -> Any:
        with open(os.path.join(FOLDER, name), "rb") as file:
            return self.runtime.lua.eval(b"function(text) return load(text, '=[llmspell]', 't') end")(file.read())

    # Names of chunks ------------------------------------------------------------------------------

    def path_of(self, code: str) -> str:
        """The path under which a front end knows this text."""
        known = self._names.get(code)
        if known is not None:
            return known
        path = self._path_of(code)
        if len(code) < 1000:
            self._names[code] = path
            if len(self._names) > MAX_TEXTS:
                self._names.popitem(last=False)
        return path

    def _path_of(self, code: str) -> str:
        encoded = code.encode("utf-8", "surrogatepass")
        if len(encoded) <= LONG or self.hash_all:
            return f"{self.prefix}{murmur2(encoded, SEED)}{SUFFIX}"
        import zlib

        return f"{self.prefix}long{zlib.crc32(encoded)}{SUFFIX}"

    def load(self, code: str, path: str = "") -> tuple[Chunk, Any]:
        """The compiled cell, an expression if it is one. ``path``: that of this text, if it is known already.

        Raises SyntaxProblem.
        """
        path = path or self.path_of(code)
        chunk = Chunk(path, b"@" + path.encode(), data(code))
        if not STATEMENT.match(code):
            expression = chunk._replace(text=EXPRESSION + chunk.text)
            try:
                return expression, self.runtime.load(expression)
            except UserError:
                pass
        try:
            return chunk, self.runtime.load(chunk)
        except UserError as error:
            raise SyntaxProblem(str(error)) from None

    # Running --------------------------------------------------------------------------------------

    def run(self, code: str, number: int | None = None) -> list[Any]:
        """Raises SyntaxProblem, ProgramError, Interrupted or Exit."""
        path = self.path_of(code)
        self.texts.add(path, code, number)
        chunk, function = self.load(code, path)
        return self.runtime.run(self.prepare(chunk, function))

    def run_script(self, code: str, script: Script) -> list[Any]:
        """Run the text of a file: its chunk has the file's name, and finds its arguments and the modules beside it.

        Raises as `run` does.
        """
        try:
            chunk = Chunk(script.path, b"@" + os.fsencode(script.path), source_text(data(code), script.path))
        except UserError as error:
            raise SyntaxProblem(str(error)) from None
        with self._as_program(chunk, script.args):
            try:
                function = self.runtime.load(chunk)
            except UserError as error:
                raise SyntaxProblem(str(error)) from None
            return self.runtime.run(self.prepare(chunk, function), script.args)

    @contextmanager
    def _as_program(self, chunk: Chunk, arguments: Sequence[str]) -> Iterator[None]:
        """What a program finds defined for itself alone is as before when it has ended."""
        world = self.runtime.lua.globals()
        package = world[b"package"]
        before = [(table, name, table[name]) for table, name in (
            (world, b"arg"), (world, b"ARGS"), (package, b"path"), (package, b"cpath"),
        )]  # fmt: skip
        self.runtime.prepare(chunk, arguments)
        try:
            yield
        finally:
            for table, name, value in before:
                table[name] = value

    def call(self, function: Any) -> list[Any]:
        """Run a Lua function, as a cell is run."""
        return self.runtime.run(function)

    def bundle(self, values: list[Any]) -> Any:
        """How values look, a Lua table by MIME type. It may run the program's code; raises as `run` does."""
        return self.runtime.run(self._lua[b"renderer"](*values))[0]

    def interrupt(self, reason: str = "interrupted") -> None:
        """Any thread: end what runs, wherever it waits."""
        if self.runtime.running:
            self.runtime.interrupt(reason)
            self.runtime.end_processes()
        self.poke()  # also a tool that is called by message

    def forget_input(self) -> None:
        self._lua[b"forget_input"]()

    # Questions about names; no code of the program runs -----------------------------------------------

    def names(self, path: list[str]) -> list[tuple[str, str]]:
        """The fields of what a path means (the globals for an empty one), each with its type."""
        flat = [text(one) for one in self._lua[b"names"](_path(path)).values()]
        return list(zip(flat[::2], flat[1::2], strict=True))

    def describe(self, path: list[str]) -> tuple[Any, ...] | None:
        """Type, text; of a Lua function also its parameters, chunk name, first and last line."""
        found = self._lua[b"describe"](_path(path))
        return found if isinstance(found, tuple) else None

    def globals(self) -> list[tuple[str, str, str]]:
        """The program's own globals: name, type, text. Also in the middle of a program."""
        flat = [text(one) for one in self.runtime.ask(self._lua[b"globals"])]
        return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))

    @property
    def rich(self) -> Any:
        """The Lua function that makes a MIME bundle of a value, type and data in turn."""
        return self._lua[b"rich"]

    def rich_global(self, name: str) -> tuple[Any, ...]:
        """Raises UserError: there is none. Also in the middle of a program."""
        try:
            return self.runtime.ask(self._lua[b"rich_global"], data(name))
        except AskError as error:
            raise UserError(str(error)) from None

    def problems(self, code: str) -> list[str]:
        """What the parser says of it as an expression, and as statements; nothing if it is either."""
        whole = Chunk("cell", b"@cell", data(code))
        found = []
        for chunk in (whole._replace(text=EXPRESSION + whole.text), whole):
            try:
                self.runtime.load(chunk)
            except UserError as error:
                found.append(str(error))
            else:
                return []
        return found

    def comm_came(self, kind: str, id: str, target: str, content: Any) -> Any:
        """The Lua function that takes a message for a comm, or None if there is no such comm."""
        return self._lua[b"comm_came"](kind.encode(), data(id), data(target), content)

    def comms(self) -> dict[str, str]:
        return {text(id): text(target) for id, target in self._lua[b"comms"]().items()}


def _path(parts: list[str]) -> bytes:
    return b"\0".join(map(data, parts))
