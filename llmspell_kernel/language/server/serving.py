"""The server on stdin and stdout, or on TCP: a `Server` per connection, on one asyncio loop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

from llmspell_kernel.language.running import Kernels
from llmspell_kernel.language.server import documents, looking, moving, writing
from llmspell_kernel.language.server.app import Server
from llmspell_kernel.language.server.protocol import is_a_bug

SETTLED = 5  # seconds after the start
FAMILIES = (documents, looking, moving, writing)  # imported: what answers is registered


def serve_stdio(kernels: Kernels | None = None) -> int:
    """Until the editor says `exit` or closes our stdin. Gives the exit code of the specification. ``kernels``: what
    asks those that run, if they are a source of names."""
    _begin()
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # whatever prints must not write between our messages
    try:
        return asyncio.run(_stdio(open(requests, "rb"), open(answers, "wb"), kernels))
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(130)  # a thread reads stdin, and Python would wait for it


async def _stdio(stdin: BinaryIO, stdout: BinaryIO, kernels: Kernels | None) -> int:
    server = Server(kernels)
    asyncio.get_running_loop().call_later(SETTLED, _settle)
    server.protocol.set_writer(StdoutWriter(stdout))
    await _serve(server, StdinAsyncReader(stdin, ThreadPoolExecutor(1)))
    return server.exit_code


async def _serve(server: Server, reader: Any) -> None:
    try:
        await run_async(server.ended, reader, server.protocol, error_handler=server.report_server_error)  # type: ignore[arg-type]
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the editor is gone, in the middle of a message


def serve_tcp(listener: socket.socket, kernels: Kernels | None = None) -> int:
    """Any number of editors, until the process is told to end."""
    _begin()
    try:
        asyncio.run(_tcp(listener, kernels))
    except KeyboardInterrupt:
        pass
    return 0


async def _tcp(listener: socket.socket, kernels: Kernels | None) -> None:
    asyncio.get_running_loop().call_later(SETTLED, _settle)
    listening = await asyncio.start_server(partial(_connected, kernels), sock=listener)
    host, port = listener.getsockname()[:2]
    print(f"listening on {host}:{port}", flush=True)
    async with listening:
        await listening.serve_forever()


async def _connected(
    kernels: Kernels | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:  # fmt: skip
    server = Server(kernels)
    server.protocol.set_writer(writer)
    try:
        await _serve(server, reader)
    finally:
        writer.close()


def _begin() -> None:
    """What is imported by now stays: the collector would walk through it, tens of milliseconds in a keystroke."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    _log_to_stderr()


def _settle() -> None:
    """What was left over at the start is let go once: 9 MB, for which nobody who opens an editor should wait."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="llmspell lsp: %(message)s")
    logging.getLogger("pygls.protocol.json_rpc").addFilter(is_a_bug)
