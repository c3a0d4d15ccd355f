"""DAP on stdin and stdout: what editors start. Nothing but DAP is ever written to stdout."""

from __future__ import annotations

import os
from typing import NoReturn

from llmspell_dap.transports.attached import Connect
from llmspell_dap.transports.native import take_over
from llmspell_dap.transports.streams import serve


def run(connect: Connect | None = None) -> NoReturn:
    """Serve one client; the process ends when it is gone and the program has ended."""
    source, target = os.dup(0), os.dup(1)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]

    serve(lambda: os.read(source, 65536), write, lambda: os._exit(1), take_over, connect)
    os._exit(0)  # a program that is stuck in C would keep the process alive
