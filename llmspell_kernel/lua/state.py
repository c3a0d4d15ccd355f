"""A bare Lua 5.4 state, and the one place that imports lupa.

lupa is imported with its symbols global: C modules built for Lua 5.4 (lpeg, socket) resolve
``lua_*`` from it and fail with "undefined symbol" otherwise. Where that is not possible
(Windows) the import is an ordinary one.
"""

from __future__ import annotations

import os
import sys
from typing import Any

if hasattr(sys, "setdlopenflags"):
    _flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
    import lupa.lua54 as lupa

    sys.setdlopenflags(_flags)
else:  # pragma: no cover
    import lupa.lua54 as lupa

LIBRARY: str = lupa.__file__
LuaError = lupa.LuaError
LuaMemoryError = lupa.LuaMemoryError
lua_type = lupa.lua_type


def _no_attributes(thing: object, name: object, setting: bool) -> object:
    raise AttributeError("a Lua script can't look into Python objects")


def new_state(counts_memory: bool = False) -> Any:
    """A lupa LuaRuntime whose strings are bytes and from which Python can't be reached.

    ``counts_memory``: a limit can be set later (`set_max_memory`); there is none yet.
    """
    lua = lupa.LuaRuntime(
        encoding=None,
        attribute_filter=_no_attributes,
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        max_memory=0 if counts_memory else None,
    )
    lua.execute(b"python = nil; package.loaded.python = nil")
    return lua
