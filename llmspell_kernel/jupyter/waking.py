"""What wakes threads that wait: jobs for the one that owns Lua, signals, the end of our parent. No ZeroMQ here."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llmspell_kernel.lua.mailbox import Job, Mailbox, Then, ignore


class Wake:
    """Wakes a thread that waits in a poller. `ring` on any thread."""

    def __init__(self) -> None:
        self._end, self._far = socket.socketpair()
        self._end.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        return self._end.fileno()

    def ring(self) -> None:
        try:
            self._far.send(b"\0")
        except OSError:  # full: it will wake; or closed: nobody sleeps there
            return

    def heard(self) -> bytes:
        try:
            return self._end.recv(4096)
        except OSError:
            return b""

    def close(self) -> None:
        self._end.close()
        self._far.close()


class Presses:
    """Ctrl-C as something to wait for. Main thread: it is nothing else inside of ``with Presses() as presses``."""

    def __init__(self) -> None:
        self._wake = Wake()
        self._pressed = 0

    def __enter__(self) -> Presses:
        self._wakeup_before = signal.set_wakeup_fd(self._wake._far.fileno(), warn_on_full_buffer=False)
        self._before = signal.signal(signal.SIGINT, lambda number, frame: None)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        signal.set_wakeup_fd(self._wakeup_before)
        self._wake.close()

    def fileno(self) -> int:
        """Readable when it was pressed."""
        return self._wake.fileno()

    def press(self) -> None:
        """Any thread: as if it had been pressed."""
        try:
            self._wake._far.send(bytes([signal.SIGINT]))
        except OSError:  # it is over
            return

    def taken(self) -> int:
        """How often it was pressed since it was asked last."""
        return self._wake.heard().count(signal.SIGINT)

    @contextmanager
    def told(self, pressed: Callable[[], None]) -> Iterator[None]:
        """Have ``pressed`` called on a thread of its own, whatever the main one does."""
        over = threading.Event()

        def listen() -> None:
            while True:
                select.select([self._wake], [], [])
                for _ in range(self.taken()):
                    pressed()
                if over.is_set():
                    return

        listener = threading.Thread(target=listen, name="presses", daemon=True)
        listener.start()
        try:
            yield
        finally:
            over.set()
            self._wake.ring()
            listener.join()


class MainThread:
    """The main thread as the owner of Lua: has jobs done between cells, or while one is paused (see LuaThread)."""

    def __init__(self) -> None:
        self.mailbox = Ringing()

    def post(self, job: Job, then: Then = ignore) -> None:
        self.mailbox.post(job, then)

    def end(self) -> None:
        """It ends with the server."""


class Ringing(Mailbox):
    def __init__(self) -> None:
        super().__init__()
        self.wake = Wake()

    def post(self, job: Job, then: Then = ignore) -> None:
        super().post(job, then)
        self.wake.ring()


def parent_end() -> int | None:
    """What becomes readable when the process ends that has told us to end with it (jupyter-client, in the
    environment). Raises ProcessLookupError: it has ended already."""
    told = os.environ.get("JPY_PARENT_PID", "")
    if not told.isdigit() or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(int(told))
    except ProcessLookupError:
        raise
    except OSError:  # not here
        return None


ALWAYS = (signal.SIGINT, signal.SIGTERM)


def watch_signals(more: Sequence[int] = ()) -> Wake:
    """Main thread: from here on these signals are bytes of this, whatever Lua does, and nothing else."""
    wake = Wake()
    signal.set_wakeup_fd(wake._far.fileno(), warn_on_full_buffer=False)
    for number in (*ALWAYS, *more):
        signal.signal(number, lambda number, frame: None)
        if hasattr(signal, "siginterrupt"):
            signal.siginterrupt(number, False)  # a read of the program's goes on until we say what the signal means
    return wake
