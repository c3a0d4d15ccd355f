"""The kernelspec: how Jupyter finds and starts this kernel. No thread.

Written by ourselves: a kernelspec is a folder with ``kernel.json`` and logos, and jupyter-client, which has a
command for it, is no part of what a kernel needs.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import zlib
from typing import Any

from llmspell_kernel.errors import UserError

NAME = "llmspell"
DISPLAY_NAME = "Lua (llmspell)"
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">
<circle cx="30" cy="34" r="26" fill="#00007d"/><circle cx="38" cy="26" r="8" fill="#fff"/>
<circle cx="56" cy="8" r="7" fill="#00007d"/></svg>
"""


def specification(python: str = sys.executable) -> dict[str, Any]:
    return {
        "argv": [python, "-m", "llmspell_kernel", "kernel", "start", "--connection-file", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "lua",
        "interrupt_mode": "message",
        "metadata": {"debugger": True},
    }


def user_folder() -> str:
    """Where Jupyter looks for a person's own kernels (jupyter_core.paths.jupyter_data_dir)."""
    if given := os.environ.get("JUPYTER_DATA_DIR"):
        return given
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Jupyter")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("APPDATA", home), "jupyter")
    return os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "jupyter")


def install(data_folder: str, name: str = NAME) -> str:
    """Write the kernelspec below a Jupyter data folder; gives its folder. Raises UserError."""
    if not name or not all(one.isascii() and (one.isalnum() or one in "-_.") for one in name):
        raise UserError(f"a kernel's name has letters, digits, -, _ and . only, not {name!r}")
    folder = os.path.join(data_folder, "kernels", name.lower())
    try:
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.makedirs(folder)
        _write(folder, "kernel.json", (json.dumps(specification(), indent=1) + "\n").encode())
        _write(folder, "logo-svg.svg", SVG.encode())
        for size in (32, 64):
            _write(folder, f"logo-{size}x{size}.png", _png(size))
    except OSError as error:
        raise UserError(f"cannot install the kernelspec in {folder}: {error.strerror or error}") from error
    return folder


def _write(folder: str, name: str, data: bytes) -> None:
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


CIRCLES = ((30, 34, 26, b"\x00\x00\x7d\xff"), (38, 26, 8, b"\xff\xff\xff\xff"), (56, 8, 7, b"\x00\x00\x7d\xff"))


def _png(size: int) -> bytes:
    """The logo drawn: the same circles as in the SVG."""
    rows = bytearray()
    for y in range(size):
        rows.append(0)  # this row has no filter
        for x in range(size):
            rows += _colour((x + 0.5) * 64 / size, (y + 0.5) * 64 / size)
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _colour(x: float, y: float) -> bytes:
    colour = bytes(4)
    for cx, cy, radius, fill in CIRCLES:
        if (x - cx) ** 2 + (y - cy) ** 2 <= radius**2:
            colour = fill
    return colour


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
