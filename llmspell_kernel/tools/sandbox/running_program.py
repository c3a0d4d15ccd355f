"""One program, from its start to its end and the end of all that it has started. Any thread.

A thread of ours keeps it: whoever waits for it may be given up at any moment, and the program must end all the same.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from llmspell_kernel.errors import ToolError

BLOCK = 65536
MARK = "LLMSPELL_PROGRAM"  # by it we find those that have left the process group
GROUPS = hasattr(os, "killpg")
_kept: set[Program] = set()


class Ended(NamedTuple):
    """``exit_code``: negative when a signal ended it. ``too_long``, ``too_much``: why we ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    too_long: bool
    too_much: bool


class Program:
    def __init__(
        self, path: str, words: Sequence[str], folder: str, environment: Mapping[str, str], text: bytes, most: int
    ) -> None:
        """``most``: bytes of stdout and of stderr that are kept; a program that writes more is ended."""
        self._start = (path, words, folder, environment)
        self._text, self._most = text, most
        self._mark = os.urandom(16).hex()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._unwanted = self._too_much = self._too_long = False
        self._error: BaseException | None = None
        self._ended = Ended(0, b"", b"", False, False)

    def run(self, seconds: float) -> Ended:
        """Raises OSError: it can't be started."""
        threading.Thread(target=self._keep, name="llmspell-program", daemon=True).start()
        if not self._over.wait(seconds):
            self._too_long = True
            self.kill()
            self._over.wait()
        if self._error is not None:
            raise self._error
        return self._ended

    def kill(self) -> None:
        """Any thread, also before it was started."""
        with self._lock:
            self._unwanted = True
            if self._process is not None and self._process.returncode is None:
                self._kill_all(self._process)

    def _kill_all(self, process: subprocess.Popen[bytes]) -> None:
        """The program, its process group, and whoever has left that and still has our mark."""
        try:
            if GROUPS:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except (ProcessLookupError, PermissionError):  # all have ended
            pass
        for other in _marked(self._mark):
            try:
                os.kill(other, signal.SIGKILL)
            except OSError:  # it has ended
                pass

    def _keep(self) -> None:
        try:
            with self._lock:
                if self._unwanted:
                    raise ToolError("the call was cancelled", code="cancelled")
                self._process = self._started()
            _kept.add(self)
            self._ended = self._followed(self._process)
        except BaseException as error:
            self._error = error
        finally:
            _kept.discard(self)
            self._over.set()

    def _started(self) -> subprocess.Popen[bytes]:
        path, words, folder, environment = self._start
        return subprocess.Popen(
            [path, *words], executable=path, cwd=folder, env={**environment, MARK: self._mark}, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _followed(self, process: subprocess.Popen[bytes]) -> Ended:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        kept: list[bytearray] = [bytearray(), bytearray()]
        readers = [
            threading.Thread(target=self._read, args=(stream, into), daemon=True)
            for stream, into in zip((process.stdout, process.stderr), kept, strict=True)
        ]
        writer = threading.Thread(target=self._write, args=(process.stdin,), daemon=True)
        for thread in (*readers, writer):
            thread.start()
        self._wait(process)
        for thread in (*readers, writer):
            thread.join()
        return Ended(process.returncode, bytes(kept[0]), bytes(kept[1]), self._too_long, self._too_much)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until it has ended; what it has left running is ended too, while its number still means it."""
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        with self._lock:
            self._kill_all(process)
            process.wait()

    def _read(self, stream: IO[bytes], into: bytearray) -> None:
        with stream:
            while block := os.read(stream.fileno(), BLOCK):
                room = self._most - len(into)
                into += block[:room]
                if len(block) > room:
                    self._too_much = True
                    self.kill()

    def _write(self, stream: IO[bytes]) -> None:
        try:
            with stream:
                stream.write(self._text)
        except OSError:  # it does not read
            pass


def _marked(mark: str) -> Iterator[int]:
    """Processes with that mark in their environment; only where there is /proc."""
    wanted = f"{MARK}={mark}".encode()
    for name in os.listdir("/proc") if os.path.exists("/proc/self/environ") else ():
        try:
            with open(f"/proc/{int(name)}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    yield int(name)
        except (OSError, ValueError):  # another user's, ended meanwhile, no process
            continue


@atexit.register
def _kill_kept() -> None:
    for program in list(_kept):
        program.kill()
