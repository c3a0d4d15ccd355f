"""What running kernels know, asked for the language server. A thread of its own, which may wait a second.

Nothing is executed: kernels are asked what any front end asks while a person types (complete_request,
inspect_request). One that computes is left alone, it could only answer later. zmq is imported when there is a kernel:
an editor must not wait for it at the start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.language.api import api
from llmspell_kernel.language.running import GLOBALS, Known
from llmspell_kernel.language.tools import Info
from llmspell_kernel.service import discovery
from llmspell_kernel.service.discovery import Kernel

PATIENCE = 1.0  # seconds for all that a kernel is asked at once
TABLES = 50  # globals that are opened
Json = dict[str, Any]


class RunningKernels:
    def look(self, folders: Sequence[str], before: Sequence[Known], tools: Callable[[], set[str]]) -> list[Known]:
        kernels = [one for one in discovery.every() if one.alive and _is_in(one, folders)]
        said = {one.kernel: one for one in before}
        idle = _idle(kernels) if kernels else set()
        found = [_known(one, tools()) if one.id in idle else None for one in kernels]
        known = (new or said.get(kernel.id) for kernel, new in zip(kernels, found, strict=True))
        return [one for one in known if one is not None]

    def about(self, kernel: str, path: str) -> str | None:
        found = [one for one in discovery.every() if one.alive and one.id == kernel]
        if not found or not _idle(found):
            return None
        (answer,) = _answers(found[0], [("inspect_request", {"code": path, "cursor_pos": len(path)})])
        text = (answer or {}).get("data", {}).get("text/plain")
        return text if isinstance(text, str) else None


def _is_in(kernel: Kernel, folders: Sequence[str]) -> bool:
    """Whether it was started in one of them: others have nothing to do with what is written here."""
    cwd = kernel.told.get("cwd")
    if not isinstance(cwd, str):
        return False
    here = os.path.join(os.path.realpath(cwd), "")
    return any(here.startswith(os.path.join(os.path.realpath(one), "")) for one in folders)


def _idle(kernels: Sequence[Kernel]) -> set[str]:
    from llmspell_kernel.service.asking import ask

    answers = ask([one.path for one in kernels], "status_request", PATIENCE)
    pairs = zip(kernels, answers, strict=True)
    return {kernel.id for kernel, answer in pairs if answer is not None and answer.get("state") == "idle"}


def _known(kernel: Kernel, tools: set[str]) -> Known | None:
    globals_, named = _answers(kernel, [_completion(""), _completion('Tool.get("')])
    if globals_ is None:
        return None
    names = _names(globals_)
    tables = [name for name, kind in names.items() if kind == "table" and name not in api().globals][:TABLES]
    new = [name for name in _names(named or {}) if name not in tools]
    asked = [*map(_completion, (f"{one}." for one in tables)), *map(_tool, new)]
    answers = _answers(kernel, asked) if asked else []
    fields = {name: _names(one or {}) for name, one in zip(tables, answers, strict=False)}
    return Known(kernel.id, {GLOBALS: names, **fields}, tuple(_infos(answers[len(tables) :])))


def _completion(code: str) -> tuple[str, Json]:
    return "complete_request", {"code": code, "cursor_pos": len(code)}


def _tool(name: str) -> tuple[str, Json]:
    return "tool_request", {"command": "info", "name": name}


def _names(answer: Json) -> dict[str, str]:
    listed = answer.get("metadata", {}).get("_jupyter_types_experimental", ())
    return {str(one["text"]): str(one["type"]) for one in listed if one["type"] != "keyword"}


def _infos(answers: Sequence[Json | None]) -> Iterator[Info]:
    for one in answers:
        if one is not None and one.get("status") == "ok":
            yield Info(one["name"], one["description"], one["category"], one["schema"], (), one.get("level", ""))


def _answers(kernel: Kernel, asked: Sequence[tuple[str, Json]]) -> list[Json | None]:
    """In the order of the questions; None where none came in time."""
    from llmspell_kernel.jupyter.connection import read_connection
    from llmspell_kernel.jupyter.zmq_client import Client

    answers: dict[str, Json] = {}
    try:
        client = Client(read_connection(kernel.path), "language server", topics=())
    except UserError:  # it has ended meanwhile
        return [None] * len(asked)
    try:
        ids = [client.send("shell", kind, content) for kind, content in asked]
        end = monotonic() + PATIENCE
        while len(answers) < len(ids):
            message = client.receive("shell", end - monotonic())
            answers[str(message.parent.get("msg_id"))] = message.content
    except UserError:  # it has ended, or is busy again
        pass
    finally:
        client.close()
    return [answers.get(id) for id in ids]
