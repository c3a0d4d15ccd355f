"""Stop a running Lua program from another thread, at no cost before (design.md §5, tier 3).

``lua_sethook`` is what the standalone interpreter calls from its signal handler, so it may be
called while Lua runs. Two things are missing for us and are added here:

* *which* coroutine runs: read from Lua's memory, main thread first. A thread that has resumed
  another one has ``coroutine.resume`` (or ``close``, or a ``wrap`` closure) on top of its call
  list, and that holds the resumed thread. The offsets are those of Lua 5.4 and are proved by `calibrate` on
  the state at hand; where the proof fails there is no native stop.
* a hook function for a coroutine that has never seen us: a one-shot ctypes hook calls the Lua
  function ``llmspell.adopt`` of the registry under protection and leaves. It never raises and
  never calls lupa, so no ``longjmp`` crosses Python's frames.

Lua runs on meanwhile, and might free a coroutine that has just been seen running. So while one is looked for the
state has an allocator that waits for us (`_held`): nothing is freed, and what Lua wants to allocate comes a moment
later.

A hook function that is there already is asked itself (`keeps_hooks`): to replace it would take events from it, the
return of a call that waits, or a line of one instruction.

Any thread may call `stop`; everything else happens on the Lua thread.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MASK_LINE, MASK_COUNT = 4, 8
MASK_EVENTS = 7  # calls, returns, lines
REGISTRY_INDEX = -1_001_000
TAG_THREAD = 8 | 64
TAG_LUA_CLOSURE = 6 | 64
TAG_LIGHT_C = 6 | (1 << 4)
TAG_C_CLOSURE = 6 | (2 << 4) | 64
OFFSET_CI = 32  # lua_State.ci
OFFSET_CLOSURE_UPVALUE = 32  # CClosure.upvalue[0]
VALUE_SIZE = 16
ADOPT = b"llmspell.adopt"

HOOK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
ALLOCATOR = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)


class Memory:
    """Reads this process's memory; a bad address is an OSError, not a crash (Linux)."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/mem", os.O_RDONLY) if sys.platform == "linux" else -1

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def read(self, address: int, size: int) -> bytes:
        if self._file < 0:
            return ctypes.string_at(address, size)
        return os.pread(self._file, size, address)

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)


class Native:
    """The native stop of one Lua state. Raises OSError where this platform has none."""

    def __init__(self, library: str, main: int, resumers: frozenset[int]) -> None:
        """``resumers``: the addresses of the C functions that run the coroutine they are given."""
        self._lua = ctypes.PyDLL(library)
        try:
            self._declare()
        except AttributeError as error:
            raise OSError("the Lua library exports no Lua API") from error
        self.main = main  # the address of its state
        self._resumers = resumers
        self._memory = Memory()
        self._hook = HOOK(self._adopt)
        self._lock = threading.RLock()
        self._waiting = ALLOCATOR(self._allocate)
        self._allocator: Any = None  # the state's own
        self._closed = False
        self.keeps_hooks = False  # whether all hook functions that stand are the debugger's

    def _declare(self) -> None:
        lua = self._lua
        pointer, integer = ctypes.c_void_p, ctypes.c_int
        lua.lua_sethook.argtypes = [pointer, pointer, integer, integer]
        lua.lua_sethook.restype = None
        lua.lua_gethook.argtypes = lua.lua_gethookmask.argtypes = [pointer]
        lua.lua_gethook.restype = pointer
        lua.lua_getallocf.argtypes = [pointer, ctypes.POINTER(pointer)]
        lua.lua_getallocf.restype = pointer
        lua.lua_setallocf.argtypes = [pointer, pointer, pointer]
        lua.lua_setallocf.restype = None
        lua.lua_getfield.argtypes = [pointer, integer, ctypes.c_char_p]
        lua.lua_pcallk.argtypes = [pointer, integer, integer, integer, ctypes.c_ssize_t, pointer]

    def _adopt(self, state: int, activation: int) -> None:
        lua = self._lua
        lua.lua_sethook(state, None, 0, 0)
        lua.lua_getfield(state, REGISTRY_INDEX, ADOPT)
        lua.lua_pcallk(state, 0, 0, 0, 0, None)

    def stop(self, root: int = 0) -> None:
        """Any thread: ``llmspell.adopt``, or the debugger's hook, runs at the program's next instruction.

        Every coroutine of the chain is stopped, the main one too: the innermost may end right now.
        Only what two readings agree on is touched, so that no address is stale; it stays one until we are
        done. ``root``: the address of the thread to begin with instead of the main one.
        """
        with self._lock:
            if not self._closed:
                self._stop(root)

    def close(self) -> None:
        """Before the state may be freed: no `stop` is under way when this returns, and none comes any more. One that
        the end of the process leaves where it is would have the state wait for it for ever."""
        with self._lock:
            self._closed = True

    def _stop(self, root: int) -> None:
        with self._held():
            first, second = self.chain(root), self.chain(root)
            for one, other in zip(first, second):  # noqa: B905
                if one != other:
                    return
                self._stop_one(one)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Nothing of the state is freed in here. Where memory is read by system calls, none of these readings comes
        before the allocator is seen by the other thread."""
        lua, data = self._lua, ctypes.c_void_p()
        with self._lock:
            own = lua.lua_getallocf(self.main, ctypes.byref(data))
            if own == ctypes.cast(self._waiting, ctypes.c_void_p).value:  # a signal's handler, in the middle of this
                yield
                return
            self._allocator = ALLOCATOR(own)
            lua.lua_setallocf(self.main, self._waiting, data)
            try:
                yield
            finally:
                lua.lua_setallocf(self.main, own, data)

    def _allocate(self, data: int | None, block: int | None, old: int, new: int) -> int | None:
        """The Lua thread: what its allocator is asked while `_held` lasts."""
        with self._lock:
            pass
        address: int | None = self._allocator(data, block, old, new)
        return address

    def _stop_one(self, thread: int) -> None:
        lua = self._lua
        hook, mask = lua.lua_gethook(thread), lua.lua_gethookmask(thread)
        if self.keeps_hooks and hook and mask & MASK_EVENTS and not (mask & MASK_COUNT and self._runs_lua(thread)):
            lua.lua_sethook(thread, hook, mask | MASK_COUNT, 1)
        else:  # or it was asked and does not hear: a thread that has only inherited the hook
            lua.lua_sethook(thread, self._hook, mask & MASK_LINE | MASK_COUNT, 1)

    def _runs_lua(self, thread: int) -> bool:
        """Whether a function in Lua is on top, as far as memory tells; one in C may wait."""
        try:
            function = self._memory.word(self._memory.word(thread + OFFSET_CI))
            return self._value(function)[1] == TAG_LUA_CLOSURE
        except OSError:  # it moved while we looked
            return False

    def running(self) -> int:
        """The address of the running coroutine's state."""
        return self.chain()[-1]

    def chain(self, root: int = 0) -> list[int]:
        """The main thread, the coroutine it has resumed, and so on, as far as memory tells."""
        chain = [root or self.main]
        for _ in range(200):  # Lua allows about 200 nested resumes
            try:
                inner = self._resumed_by(chain[-1])
            except OSError:  # it moved while we looked
                break
            if inner == 0:
                break
            chain.append(inner)
        return chain

    def _resumed_by(self, thread: int) -> int:
        """The coroutine that ``thread`` has resumed and waits for, or 0."""
        function = self._memory.word(self._memory.word(thread + OFFSET_CI))
        value, tag = self._value(function)
        if tag == TAG_LIGHT_C and value in self._resumers:
            return self._thread_at(function + VALUE_SIZE)
        if tag == TAG_C_CLOSURE and self._memory.read(value + 10, 1) == b"\x01":
            return self._thread_at(value + OFFSET_CLOSURE_UPVALUE)
        return 0

    def _thread_at(self, address: int) -> int:
        value, tag = self._value(address)
        return value if tag == TAG_THREAD else 0

    def _value(self, address: int) -> tuple[int, int]:
        data = self._memory.read(address, 9)
        return int.from_bytes(data[:8], "little"), data[8]


CALIBRATE = b"""
local running = ...
local function probe(level)
    local function address() return (string.format("%p", (coroutine.running()))) end
    if running() ~= tonumber(address()) then return false end
    if level == 0 then return true end
    local resumed, found = coroutine.resume(coroutine.create(probe), level - 1)
    return resumed and found and coroutine.wrap(probe)(level - 1)
end
return probe(2)
"""


def native_stop(lua: Any, library: str) -> Native | None:
    """Lua thread: the native stop of a fresh lupa state, or None where it can't be had."""
    if os.environ.get("LLMSPELL_NATIVE") == "0":
        return None
    try:
        main = lua.eval(b'string.format("%p", (coroutine.running()))')
        resume = lua.eval(b'string.format("%p", coroutine.resume)')
        close = lua.eval(b'string.format("%p", coroutine.close)')  # it runs what is to be closed
        native = Native(library, int(main, 16), frozenset((int(resume, 16), int(close, 16))))
    except (OSError, ValueError):
        return None
    return native if _proved(lua, native.running) else None


def _proved(lua: Any, running: Callable[[], int]) -> bool:
    return bool(lua.execute(CALIBRATE, running))
