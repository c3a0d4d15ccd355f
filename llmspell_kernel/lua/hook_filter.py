"""The filter in C of the debugger's hook, where the machine that installed us had a compiler (docs/decisions/0003).

``_hook`` is no Python module but a library that knows neither Python nor Lua: what it needs of Lua's API is found
here, in the library that lupa has loaded. Without it all is done in Lua (debug/quiet.lua), the same and slower.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

from llmspell_kernel.lua.native import Native
from llmspell_kernel.lua.runtime import LuaRuntime
from llmspell_kernel.lua.state import implementation

HERE = os.path.dirname(__file__)
# The fields of Api in _hook.c.
FUNCTIONS = (
    "version", "sethook", "gethook", "gethookmask", "gethookcount", "getstack", "getinfo", "rawgetp", "rawsetp",
    "rawget", "toboolean", "tointegerx", "pushvalue", "pushcclosure", "pushboolean", "setfield", "settop",
    "rawgeti", "rawequal",
)  # fmt: skip


@cache
def library() -> Any:
    """The function that installs the filter, or None: it was not built."""
    for suffix in EXTENSION_SUFFIXES:
        try:
            return ctypes.PyDLL(os.path.join(HERE, f"_hook{suffix}")).llmspell_hook_install
        except (OSError, AttributeError):
            continue
    return None


@cache
def _functions() -> Any:
    lua = ctypes.PyDLL(implementation().__file__)
    addresses = [ctypes.cast(getattr(lua, f"lua_{name}"), ctypes.c_void_p) for name in FUNCTIONS]
    return (ctypes.c_void_p * len(addresses))(*addresses)


def has_filter(runtime: LuaRuntime) -> bool:
    """Lua thread: whether ``llmspell.hook`` of the registry of this state (Lua 5.4) prepares a filter.

    Not where instructions are counted: their events are to be seen.
    """
    native = runtime.native
    if not isinstance(native, Native) or os.environ.get("LLMSPELL_HOOK") == "pure" or library() is None:
        return False
    functions = _functions()
    return bool(library()(ctypes.c_void_p(native.main), functions, len(functions)))
