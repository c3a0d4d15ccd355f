"""A bare Lua state, and the one place that imports lupa: Lua 5.4, or LuaJIT where a program asks for it.

C modules (lpeg, socket) resolve ``lua_*`` from the symbols of this process and fail with "undefined symbol"
otherwise; so lupa's module becomes global when a program is to run in it. Only the first one does: a process
that runs both kinds must not give a C module the functions of the other. Where libraries have no such
namespaces (Windows) nothing is done.
"""

from __future__ import annotations

import ctypes
import os
import sys
from importlib import import_module
from typing import Any

from lupa import lua54

from llmspell_kernel.errors import UserError

RUNTIMES = {"lua54": "lupa.lua54", "luajit": "lupa.luajit21"}
_open_to_modules: list[str] = []  # the runtime whose symbols are global


def checked_runtime(name: str, where: str = "") -> str:
    """Raises UserError: there is no such runtime."""
    if name not in RUNTIMES:
        raise UserError(f"{where}unknown runtime {name!r}; there are {' and '.join(RUNTIMES)}")
    return name


def implementation(runtime: str = "lua54") -> Any:
    """lupa's module for a runtime. Raises UserError: this lupa was built without it."""
    if runtime == "lua54":
        return lua54
    found = sys.modules.get(RUNTIMES[checked_runtime(runtime)])
    return found if found is not None else _imported(runtime)


def _imported(runtime: str) -> Any:
    # Both modules define lua_*. That of 5.4 is bound when this module is imported, before any is global; another
    # one must find its own first.
    flags = sys.getdlopenflags() if hasattr(sys, "setdlopenflags") else 0
    if hasattr(os, "RTLD_DEEPBIND"):
        sys.setdlopenflags(os.RTLD_NOW | os.RTLD_DEEPBIND)
    try:
        return import_module(RUNTIMES[runtime])
    except ImportError as error:
        raise UserError(f"this machine's lupa was built without {runtime}; use the runtime lua54") from error
    finally:
        if hasattr(sys, "setdlopenflags"):
            sys.setdlopenflags(flags)


def open_to_modules(runtime: str) -> bool:
    """Let C modules find this runtime's functions. False: they would find those of the other one."""
    if not _open_to_modules:
        _open_to_modules.append(runtime)
        if hasattr(sys, "setdlopenflags"):
            ctypes.CDLL(implementation(runtime).__file__, mode=os.RTLD_NOW | os.RTLD_GLOBAL)
    return _open_to_modules[0] == runtime


def lua_type(value: Any) -> str | None:
    """Lua's type of a value of whatever runtime; None for what is none of Lua's."""
    for name in RUNTIMES.values():
        module = sys.modules.get(name)
        if module is not None and (kind := module.lua_type(value)) is not None:
            return str(kind)
    return None


def _no_attributes(thing: object, name: object, setting: bool) -> object:
    raise AttributeError("a Lua script can't look into Python objects")


def new_state(counts_memory: bool = False, runtime: str = "lua54") -> Any:
    """A lupa LuaRuntime whose strings are bytes and from which Python can't be reached.

    ``counts_memory``: a limit can be set later (`set_max_memory`); there is none yet.
    """
    lua = implementation(runtime).LuaRuntime(
        encoding=None,
        attribute_filter=_no_attributes,
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        max_memory=0 if counts_memory else None,
    )
    lua.execute(b"python = nil; package.loaded.python = nil")
    return lua
