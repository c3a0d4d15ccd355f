"""Every chunk a person names comes through here: file → text, name. Any thread.

A chunk of a file is named ``@/absolute/path.lua``. A first line that begins with ``#`` (a shebang)
and a byte order mark are blanked, never cut: line numbers do not shift.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from llmspell_kernel.errors import UserError

VERSIONS = {"lua54": "5.4", "luajit": "5.1"}  # whose modules a runtime loads


def debian_path(version: str) -> str:
    return (
        f"/usr/local/share/lua/{version}/?.lua;/usr/local/share/lua/{version}/?/init.lua;"
        f"/usr/local/lib/lua/{version}/?.lua;/usr/local/lib/lua/{version}/?/init.lua;"
        f"/usr/share/lua/{version}/?.lua;/usr/share/lua/{version}/?/init.lua;./?.lua;./?/init.lua"
    )


def debian_cpath(version: str) -> str:
    return (
        f"/usr/local/lib/lua/{version}/?.so;/usr/lib/x86_64-linux-gnu/lua/{version}/?.so;"
        f"/usr/lib/aarch64-linux-gnu/lua/{version}/?.so;/usr/lib/lua/{version}/?.so;"
        f"/usr/local/lib/lua/{version}/loadall.so;./?.so"
    )


class Chunk(NamedTuple):
    """``name`` is Lua's chunk name; ``text`` the bytes that are compiled."""

    path: str
    name: bytes
    text: bytes


def read_chunk(path: str) -> Chunk:
    """The file as a chunk. Raises UserError: missing, a directory, unreadable, not Lua source."""
    full = os.path.abspath(path)
    try:
        with open(full, "rb") as file:
            text = file.read()
    except OSError as error:
        raise UserError(f"cannot open {path}: {_reason(error)}") from error
    return Chunk(full, b"@" + os.fsencode(full), source_text(text, path))


def source_text(text: bytes, path: str) -> bytes:
    """What a file holds, without a byte order mark and a first line that begins with #. Raises UserError: not Lua."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    if text.startswith(b"#"):
        end = text.find(b"\n")
        text = b"" if end < 0 else text[end:]
    return checked_text(text, path)


def checked_text(text: bytes, path: str) -> bytes:
    if text.startswith(b"\x1bLua"):
        raise UserError(f"{path} is a precompiled chunk; give its source")
    if b"\0" in text[:4096]:
        raise UserError(f"{path} is not Lua source: it holds binary data")
    return text


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a directory"
    return (error.strerror or str(error)).lower()


def search_path(directory: str, extra: tuple[str, ...], standard: str) -> str:
    """``package.path``: beside the script, then ``extra`` (folders or templates), then standard."""
    templates = [f"{directory}/?.lua;{directory}/?/init.lua"]
    for entry in extra:
        full = ";".join(_template(part) for part in entry.split(";") if part)
        templates.append(full)
    return ";".join([*templates, standard])


def _template(entry: str) -> str:
    full = os.path.abspath(entry)
    return full if "?" in entry else f"{full}/?.lua;{full}/?/init.lua"
