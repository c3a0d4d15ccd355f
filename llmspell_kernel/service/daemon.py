"""A process that goes on when whoever has started it is gone, and that says first whether it could start."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.logs import Log

Json = dict[str, Any]
Ready = Callable[[Json], None]
LOG = Log("llmspell_kernel.service")


def detach(run: Callable[[Ready], int], log_file: str) -> Json:
    """Run it in a daemon; gives what it tells when it is ready. Raises UserError: what it raised, or that it died.

    It keeps the working folder, so that relative paths mean what they mean here; its stdio is /dev/null.
    """
    if not hasattr(os, "fork"):
        raise UserError("--daemon needs a system with fork; here a service of the system does the same")
    ours, theirs = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        os.close(theirs)
        os.waitpid(child, 0)
        return _heard(ours, log_file)
    os.setsid()  # no terminal
    if os.fork():
        os._exit(0)  # nor could we have one ever again: we lead no session
    os.close(ours)
    _let_go(theirs)
    raise SystemExit(_run(run, theirs))


def _heard(end: int, log_file: str) -> Json:
    with open(end, "rb") as pipe:
        text = pipe.read()
    told: Json = json.loads(text) if text else {"error": f"the kernel has ended before it was ready; see {log_file}"}
    if "error" in told:
        raise UserError(told["error"])
    return told


def _let_go(end: int) -> None:
    """Of all that we have from our parent: whoever waits for the end of a pipe of it must not wait for ours."""
    empty = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(empty, standard)
    os.closerange(3, end)
    os.closerange(end + 1, 65536)
    sys.stdin, sys.stdout, sys.stderr = (open(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: SIM115


def _run(run: Callable[[Ready], int], end: int) -> int:
    is_told = False

    def tell(what: Json) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            try:
                os.write(end, json.dumps(what).encode())
            except OSError:  # nobody waits any more
                pass
            os.close(end)

    try:
        return run(tell)
    except UserError as error:
        LOG.error(str(error))
        tell({"error": str(error)})
        return 2
    except Exception as error:
        LOG.error(traceback.format_exc())
        tell({"error": f"internal error: {error!r}"})
        return 1
