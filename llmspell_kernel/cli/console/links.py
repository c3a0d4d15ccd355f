"""The kernel of a console: in this process, or a running one over ZeroMQ. Main thread.

Both speak the same messages; what differs is who owns Lua, and how Ctrl-C gets there.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.in_process import InProcess
from llmspell_kernel.jupyter.interruptible import POKE, InterruptibleTools, poke
from llmspell_kernel.jupyter.messages import Json, Message
from llmspell_kernel.jupyter.waking import Presses
from llmspell_kernel.lua.runtime import Options

if TYPE_CHECKING:
    from llmspell_kernel.jupyter.connection import Connection
    from llmspell_kernel.tools.registry import Tools

Heard = Callable[[Message], None]
ReadLine = Callable[[str], str | None]  # a prompt → what is typed, None at the end; KeyboardInterrupt ends the cell
Variable = tuple[str, str, str]  # name, type, text
SECONDS = 1.0  # for what is asked while a person types; a kernel that runs somebody's cell answers later

INTERRUPTED: Json = {
    "status": "error", "ename": "Interrupted", "evalue": "the cell was interrupted",
    "traceback": ["Interrupted: the cell was interrupted"],
}  # fmt: skip


class Link(Protocol):
    where: str
    is_ours: bool  # os.exit ends us too

    def execute(self, code: str, heard: Heard, read: ReadLine, **more: object) -> Json:
        """Run a cell to its end; Ctrl-C interrupts it. Gives the reply. Raises UserError: the kernel has ended."""

    def interrupt(self) -> None:
        """End the cell that runs."""

    def ask(self, kind: str, content: Json) -> Json:
        """The reply to a question that runs nothing; {} where the kernel has no time for it."""

    def variables(self) -> list[Variable]:
        """The program's own globals."""

    def reset(self) -> None:
        """A new Lua state. Raises UserError: others use it too."""

    def close(self) -> None: ...


class Embedded:
    """A kernel of our own: the main thread owns Lua, so that a tool that waits can be interrupted too."""

    where, is_ours = "in this process", True

    def __init__(self, tools: Callable[[], Tools], options: Options) -> None:
        self._tools, self._options = tools, options
        self._heard: Heard = lambda message: None
        self._read: ReadLine = lambda prompt: None
        self._interruptible: InterruptibleTools | None = None
        self._presses = 0
        self._reads = False
        if POKE is not None:
            signal.signal(POKE, self._break_off)
        self._begin()

    def _begin(self) -> None:
        self._kernel = InProcess(self._made, self._options, self._read_line, lambda message: self._heard(message))
        self._kernel.kernel.streams.gather = 0  # in order with what commands write to the terminal themselves
        self._kernel.kernel.cells.poke = poke

    def _made(self) -> Any:
        self._interruptible = InterruptibleTools(self._tools(), lambda: self._kernel.kernel.cells.runtime.interrupted)
        return self._interruptible

    def _break_off(self, *_: object) -> None:
        """Main thread, after an interrupt was asked for: what waits outside of Lua waits no longer."""
        if self._interruptible is not None:
            self._interruptible.break_off()
        if self._reads:
            raise KeyboardInterrupt

    def _read_line(self, prompt: str) -> Json | None:
        try:
            self._reads = True  # before the question: what comes after it is felt by who reads
            if self._kernel.kernel.cells.runtime.interrupted:
                return None
            line = self._read(prompt)
        except KeyboardInterrupt:
            self._reads = False  # an interrupt pokes us
            self.interrupt()
            return None
        finally:
            self._reads = False
        return {"value": line or "", "eof": line is None, "ends": True}

    def execute(self, code: str, heard: Heard, read: ReadLine, **more: object) -> Json:
        self._heard, self._read, self._presses = heard, read, 0
        with Presses() as presses, presses.told(self._pressed):
            reply = self._kernel.execute(code, allow_stdin=True, **more).content
        if self._presses and reply.get("status") == "ok":
            # A terminal's Ctrl-C ends a command too, and then the cell may have ended before it was interrupted.
            reply = {**reply, **INTERRUPTED}
            self._kernel.kernel.publish("error", INTERRUPTED, {})
        return reply

    def _pressed(self) -> None:
        """Ctrl-C, while a cell runs. Not on the main thread."""
        self._presses += 1
        if self._presses == 1:
            self._kernel.kernel.interrupt()
        elif self._presses == 2:
            sys.stderr.write("llmspell: the cell waits outside of Lua; Ctrl-C once more leaves llmspell\n")
            sys.stderr.flush()
        else:
            self._kernel.kernel.cells.runtime.end_processes(kill=True)
            os._exit(130)

    def interrupt(self) -> None:
        self._kernel.kernel.interrupt()

    def ask(self, kind: str, content: Json) -> Json:
        self._heard = lambda message: None
        return self._kernel.request(kind, content).content

    def variables(self) -> list[Variable]:
        kernel = self._kernel.kernel
        return [(name, kind, kernel.renamed(text)) for name, kind, text in kernel.cells.globals()]

    def reset(self) -> None:
        self.close()
        self._begin()

    def close(self) -> None:
        self._kernel.close()


class Remote:
    """Somebody's kernel. Raises UserError: there is none, or it does not know our key."""

    is_ours = False

    def __init__(self, connection: Connection) -> None:
        from llmspell_kernel.jupyter.zmq_client import Client

        self._client = Client(connection, "console")
        self.where = f"the kernel at {connection.ip}:{connection.ports[0]}"
        try:
            self.info = self._client.greet()
            self._client.wait_until_heard()
        except BaseException:
            self._client.close()
            raise

    def execute(self, code: str, heard: Heard, read: ReadLine, **more: object) -> Json:
        with self.attending():
            return self._client.converse(
                "execute_request", {"code": code, "allow_stdin": True, **more}, heard, read, None
            )

    def converse(self, kind: str, content: Json, heard: Heard) -> Json:
        """Another request that takes its time."""
        return self._client.converse(kind, content, heard, None, None)

    @contextmanager
    def attending(self) -> Iterator[Presses]:
        """Ctrl-C interrupts the kernel."""
        if self._client.presses is not None:  # as it does already
            yield self._client.presses
            return
        with Presses() as presses:
            self._client.presses = presses
            try:
                yield presses
            finally:
                self._client.presses = None

    def interrupt(self) -> None:
        self._client.send("control", "interrupt_request", {})

    def ask(self, kind: str, content: Json) -> Json:
        from llmspell_kernel.jupyter.zmq_client import KernelGone, NoAnswer

        try:
            return self._client.request(kind, content, "shell", SECONDS)
        except (NoAnswer, KernelGone):  # that is told when the cell is to be run, not in the middle of a line
            return {}

    def variables(self) -> list[Variable]:
        asked = {"type": "request", "seq": 1, "command": "inspectVariables", "arguments": {}}
        answer = self._client.request("debug_request", asked, "control")
        if not answer.get("success"):
            raise UserError(str(answer.get("message") or "the kernel tells no variables"))
        found = answer["body"]["variables"]
        return [(one["name"], str(one.get("type", "")), str(one["value"])) for one in found]

    def reset(self) -> None:
        raise UserError("this kernel is shared: others have their variables in it; end it with llmspell kernel stop")

    def close(self) -> None:
        self._client.close()
