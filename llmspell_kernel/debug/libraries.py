"""Which files are a library's, and not the program's own. Any thread.

A library is what was installed: below ``share/lua/5.4`` of any prefix (the system's, ``~/.luarocks``, a project's
``lua_modules``), LuaJIT's own folder, and a Python package's. A program that lies in such a folder itself is the
user's own, with all that lies in there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

INSTALLED = re.compile(r"/(?:(?:share|lib)/(?:lua/\d\.\d|luajit-[\w.-]+)|site-packages|dist-packages)/")


def is_library(path: str, home: str) -> bool:
    """``home``: the folder of the program; both absolute."""
    here = os.path.join(_slashes(home), "")
    return any(not here.startswith(folder) for folder in _folders(_slashes(path)))


def _folders(path: str) -> Iterator[str]:
    return (path[: match.end()] for match in INSTALLED.finditer(path))


def _slashes(path: str) -> str:
    return path.replace(os.sep, "/")
