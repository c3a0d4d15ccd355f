"""LuaJIT in the place of Lua 5.4: what our Lua files need there, and how its compiled code is stopped.

LuaJIT's hook is seen by interpreted code only. Compiled code looks for one other thing, where it is asked to
when it is compiled: whether its profiler wants a sample, at each line. So the profiler is started with a clock
that never ticks, and a stop asks for a sample (its signal handler is called as a function): that leads back to
the interpreter, where the hook waits. What it costs: a test and a branch not taken for each line.

One state of a process can have the profiler. Another one, where a program is to be stopped, does not compile.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from llmspell_kernel.lua.native import HOOK, MASK_COUNT, MASK_EVENTS, Memory

FOLDER = os.path.dirname(__file__)
ADOPT = b"llmspell.adopt_jit"
REGISTRY_INDEX = -10_000
OFFSET_GLOBAL = 16  # lua_State.glref
SEARCHED = 1024  # bytes of global_State in which the mask of the hook is looked for
PROFILE = b"li2000000000"  # look at each line; milliseconds of CPU time
TICK = ctypes.CFUNCTYPE(None, ctypes.c_int)


class JitState:
    """The C side of one LuaJIT state. Lua thread, but for `stop`."""

    def __init__(self, lua: Any, library: str) -> None:
        self._lua = ctypes.PyDLL(library)
        self._declare()
        # A C function that pushes the thread which calls it is one that gives that thread.
        self.main_thread = lua.eval(b"package.loadlib")(os.fsencode(library), b"lua_pushthread")()
        self._main = int(lua.eval(b"function(thread) return string.format('%p', thread) end")(self.main_thread), 16)
        self._hook = HOOK(self._adopt)
        self.keeps_hooks = False  # see native.py
        self._closed = False
        self._tick: Callable[[int], None] | None = None
        self._lock = threading.Lock()  # a tick after the profiler has ended would be the end of the process
        self.mask_address = self._find_mask()

    def _declare(self) -> None:
        lua, pointer, integer = self._lua, ctypes.c_void_p, ctypes.c_int
        lua.lua_sethook.argtypes = [pointer, pointer, integer, integer]
        lua.lua_gethook.argtypes = lua.lua_gethookmask.argtypes = [pointer]
        lua.lua_gethook.restype = pointer
        lua.lua_getfield.argtypes = [pointer, integer, ctypes.c_char_p]
        lua.lua_pcall.argtypes = [pointer, integer, integer, integer]
        lua.luaJIT_profile_start.argtypes = [pointer, ctypes.c_char_p, pointer, pointer]
        lua.luaJIT_profile_stop.argtypes = [pointer]
        for name in ("lua_sethook", "lua_getfield", "luaJIT_profile_start", "luaJIT_profile_stop"):
            getattr(lua, name).restype = None

    def _find_mask(self) -> int:
        """The byte of the state that follows the mask of the hook; 0 if it can't be told."""
        memory = Memory()
        try:
            base = memory.word(self._main + OFFSET_GLOBAL)
            found = set(range(SEARCHED))
            for mask in (0, 1, 2, 8, 4, 0):
                self._lua.lua_sethook(self._main, self._hook if mask else None, mask, 1_000_000)
                data = memory.read(base, SEARCHED)
                found = {at for at in found if data[at] == mask}
        except OSError:
            return 0
        return base + found.pop() if len(found) == 1 else 0

    def watch_compiled(self) -> bool:
        """From now on compiled code can be stopped. False: it can't here."""
        if not hasattr(signal, "SIGPROF"):
            return False
        before = now = _handler()
        ignored = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)  # what takes the samples: does nothing
        self._lua.luaJIT_profile_start(self._main, PROFILE, ignored, None)
        try:
            signal.setitimer(signal.ITIMER_PROF, 0)
            now = _handler()
        finally:
            _set_handler(before)
        if _address(now) == _address(before):  # another state of this process has it
            return False
        self._tick = TICK(_address(now))
        return True

    def stop(self, root: int = 0) -> None:
        """Any thread: the Lua function `ADOPT`, or the debugger's hook, runs at the program's next instruction."""
        with self._lock:
            if self._closed:
                return
            hook, mask = self._lua.lua_gethook(self._main), self._lua.lua_gethookmask(self._main)
            if not (self.keeps_hooks and hook and mask & MASK_EVENTS):
                hook, mask = self._hook, 0
            self._lua.lua_sethook(self._main, hook, mask | MASK_COUNT, 1)
            if self._tick is not None:
                self._tick(signal.SIGPROF)

    def _adopt(self, state: int, activation: int) -> None:
        lua = self._lua
        lua.lua_sethook(state, None, 0, 0)
        lua.lua_getfield(state, REGISTRY_INDEX, ADOPT)
        lua.lua_pcall(state, 0, 0, 0)

    def close(self) -> None:
        """Before the state may be freed: no `stop` comes any more, and another state can have the profiler."""
        with self._lock:
            self._closed = True
            if self._tick is not None:
                self._tick = None
                self._lua.luaJIT_profile_stop(self._main)


# What the process does at SIGPROF is not ours to change: only the address of LuaJIT's handler is wanted.


def _handler() -> bytes:
    action = ctypes.create_string_buffer(256)
    ctypes.CDLL(None).sigaction(signal.SIGPROF, None, action)
    return action.raw


def _set_handler(action: bytes) -> None:
    ctypes.CDLL(None).sigaction(signal.SIGPROF, ctypes.create_string_buffer(action, 256), None)


def _address(action: bytes) -> int:
    return int.from_bytes(action[:8], "little")
