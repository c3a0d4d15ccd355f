"""stdin, stdout and stderr as whoever starts us has left them: closed, on a full disk, in an encoding that lacks what
we write. Looked at once, before anything else happens; imports nothing that Python has not imported itself."""

from __future__ import annotations

import errno
import io
import os
import sys

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))  # by their numbers
UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare() -> None:
    """What is closed is empty, or takes everything: else the next file or pipe that is opened would have its number,
    and a program's output would go there. What an encoding lacks is an escape; bytes that are no text stay so."""
    for number, (name, mode) in enumerate(STREAMS):
        stream = getattr(sys, name)
        if stream is None:
            _open(number, name, mode)
        elif isinstance(stream, io.TextIOWrapper):
            escapes = mode == "w" and stream.encoding.lower() != "utf-8"
            stream.reconfigure(errors="backslashreplace" if escapes else "surrogateescape")


def _open(number: int, name: str, mode: str) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, number)  # to itself, mostly: but what is started is to inherit it
    if null != number:
        os.close(null)
    os.set_inheritable(number, True)
    stream = open(number, mode, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115 - stays
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def unwritten(error: OSError) -> bool:
    """Whether it came of output that could not be written: then why is told. A reader that has gone (``| head -1``)
    needs no words."""
    if error.errno not in UNWRITABLE or error.filename is not None:
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python writes what waits there at its end
    if error.errno != errno.EPIPE:
        sys.stderr.write(f"llmspell: cannot write the output: {os.strerror(error.errno).lower()}\n")
    return True
