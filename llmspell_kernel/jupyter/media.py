"""What people see: MIME bundles as JSON carries them, errors with Lua's traceback in colour. No thread."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.cells import SUFFIX, SyntaxProblem, Texts
from llmspell_kernel.jupyter.messages import Json, presentable
from llmspell_kernel.lua.runtime import Exit, Interrupted, ProgramError
from llmspell_kernel.lua.values import data

RED, GREEN, CYAN, BOLD, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[1m", "\x1b[0m"
BASE64 = re.compile(rb"[A-Za-z0-9+/\s]*={0,2}\s*")
BINARY = re.compile(r"(?:image|audio|video)/(?!svg)|application/(?:pdf|octet-stream)")
POSITION = re.compile(r"^(In\[\d+\]):(\d+): ")
CONTEXT = 2  # lines around the one that failed


def bundle_out(bundle: Any) -> Json:
    """A program's MIME bundle: bytes of images as base64, JSON as JSON, text as Unicode. Raises UserError."""
    if not isinstance(bundle, dict) or not all(isinstance(mime, str) for mime in bundle):
        raise UserError('what is displayed is a table of MIME types, such as { ["text/html"] = "<b>…</b>" }')
    return {mime: _data_out(mime, value) for mime, value in bundle.items()}


def _data_out(mime: str, value: Any) -> Any:
    if "json" in mime:
        return _parsed(value) if isinstance(value, str) else value
    if not isinstance(value, str):
        raise UserError(f"the data of {mime} must be a string")
    if not BINARY.match(mime):
        return presentable(value)
    raw = data(value)
    return value if BASE64.fullmatch(raw) and raw else b64encode(raw).decode()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class Failure(Exception):
    """An error as messages tell it."""

    def __init__(self, name: str, message: str, traceback: list[str]) -> None:
        super().__init__(message)
        self.content: Json = {"ename": name, "evalue": presentable(message), "traceback": traceback}


def failure(error: BaseException, renamed: Callable[[str], str], code: str = "") -> Failure:
    """``renamed``: puts In[3] where the chunk's name stands; ``code``: the cell that failed."""
    name, message = _named(error, renamed)
    lines = renamed(error.traceback).split("\n") if isinstance(error, ProgramError) else []
    shown = [f"{RED}{BOLD}{name}{PLAIN}: {message}", *_context(message, code), *_coloured(lines)]
    failed = Failure(name, message, shown)
    if isinstance(error, Exit):
        failed.content["exit_code"] = error.code
    return failed


def _named(error: BaseException, renamed: Callable[[str], str]) -> tuple[str, str]:
    message = presentable(renamed(str(error)))
    if isinstance(error, SyntaxProblem):
        return "SyntaxError", message
    if isinstance(error, Interrupted):
        return "Interrupted", "the cell was interrupted" if str(error) == "interrupted" else str(error)
    if isinstance(error, Exit):
        return "Exit", f"os.exit({error.code}) ended the cell; the kernel goes on"
    if isinstance(error, ProgramError):
        return ("MemoryError" if message.startswith("not enough memory") else "LuaError"), message
    return type(error).__name__, message


def _context(message: str, code: str) -> list[str]:
    """The lines of the cell around the one that an error names."""
    position = POSITION.match(message)
    lines = code.split("\n")
    if position is None or not code or int(position[2]) > len(lines):
        return []
    failed = int(position[2])
    found = []
    for number in range(max(failed - CONTEXT, 1), min(failed + CONTEXT, len(lines)) + 1):
        text = presentable(lines[number - 1])[:500]
        found.append(f"{GREEN}---> {number:>3}{PLAIN} {text}" if number == failed else f"     {number:>3} {text}")
    return found


def _coloured(lines: list[str]) -> list[str]:
    """Lua's traceback: the places stand out. Its first lines are the message, which is told already."""
    start = next((n for n, line in enumerate(lines) if line == "stack traceback:"), len(lines))
    return [re.sub(r"^\t(.*?:\d+): ", rf"\t{CYAN}\1{PLAIN}: ", presentable(line)) for line in lines[start:]]


def renaming(prefix: str, texts: Texts) -> Callable[[str], str]:
    """Texts that name chunks of cells, as people know the cells."""
    names = re.compile(f"({re.escape(prefix)})?" + r"\b\w+" + re.escape(SUFFIX))

    def known(found: re.Match[str]) -> str:
        number = texts.number(found[0] if found[1] else prefix + found[0])
        if number is None:
            return "cell" if found[1] else found[0]  # a file may be called like that
        return f"In[{number}]"

    return lambda text: names.sub(known, text) if SUFFIX in text else text
