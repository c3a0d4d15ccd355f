"""Running kernels as a source of names: asked in the background when somebody opens a document, has a name completed or
explained, and at most every `FRESH` seconds. What they have said before is what an answer is made of: nobody waits."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from llmspell_kernel.language.running import Known
from llmspell_kernel.language.server.app import Server
from llmspell_kernel.language.server.checking import check_all

FRESH = 2.0
SHORT = 0.3  # seconds that a person may wait for what a kernel says of a name
T = TypeVar("T")


def look(ls: Server) -> None:
    kernels, world = ls.kernels, ls.world
    if kernels is None or not ls.settings.kernels or ls.is_looking or monotonic() < ls.looked_at + FRESH:
        return
    ls.is_looking = True
    folders, before = tuple(world.folders), world.running.known
    _in_background(lambda: kernels.look(folders, before, ls.tools.own_names), lambda found: _seen(ls, found))


def _seen(ls: Server, found: list[Known] | None) -> None:
    ls.is_looking, ls.looked_at = False, monotonic()
    if found is not None and ls.settings.kernels:
        show(ls, tuple(found))


def show(ls: Server, known: tuple[Known, ...]) -> None:
    if known != ls.world.running.known:
        ls.world.running.known = known
        ls.tools.use_running([tool for one in known for tool in one.tools])
        check_all(ls)


async def about(ls: Server, kernel: str, path: str) -> str | None:
    """What a kernel says of a name, if it does so at once."""
    kernels, answer = ls.kernels, asyncio.get_running_loop().create_future()
    if kernels is None:
        return None

    def said_so(found: str | None) -> None:
        if not answer.done():
            answer.set_result(found)

    _in_background(lambda: kernels.about(kernel, path), said_so)
    try:
        said: str | None = await asyncio.wait_for(answer, SHORT)
    except asyncio.TimeoutError:
        return None
    return said


def _in_background(work: Callable[[], T], then: Callable[[T | None], object]) -> None:
    loop = asyncio.get_running_loop()

    def run() -> None:
        try:
            found = work()
        except Exception:  # a bug, which must not end the typing
            logging.exception("kernels could not be asked")
            found = None
        try:
            loop.call_soon_threadsafe(then, found)
        except RuntimeError:  # the server has ended meanwhile
            pass

    threading.Thread(target=run, name="kernels", daemon=True).start()
