"""Whether a text is Lua, in Lua's own words. Nothing is run; any thread, one at a time."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any, NamedTuple

from llmspell_kernel.lua.state import new_state

CHECK = b"""
local load = load
return function(text)
    local chunk, message = load(text, "=?", "t")
    if chunk then return nil end
    return message
end
"""
MESSAGE = re.compile(r"\?:(\d+): (.*)", re.S)
NEAR = re.compile(r" near (?:'?<eof>'?|'(.*)')$", re.S)
NESTED = re.compile(r"C stack overflow|chunk has too many syntax levels|memory")


LATER = re.compile(r"cannot use '\.\.\.'|too many |function or expression |control structure ")


class Problem(NamedTuple):
    """``line`` counts from 1, 0 where Lua names none; ``near`` is the token it stumbled over, None at the end."""

    line: int
    message: str
    near: str | None

    @property
    def is_grammar(self) -> bool:
        """Whether the text is no Lua at all; else its grammar is right so far, and what it says is not."""
        return " near " in self.message and LATER.match(self.message) is None


_lock = threading.Lock()
_checks: dict[str, Any] = {}  # by the runtime


@lru_cache(maxsize=4)  # several ask about the same text
def syntax_problem(text: bytes, runtime: str = "lua54") -> Problem | None:
    """The first thing Lua does not like. A first line with ``#`` and a byte order mark are no problem."""
    with _lock:
        if runtime not in _checks:
            _checks[runtime] = new_state(runtime=runtime).execute(CHECK)
        message = _checks[runtime](_plain(text))
    return None if message is None else _read(message.decode("utf-8", "replace"))


def _plain(text: bytes) -> bytes:
    """As the loader has it: blanked, so that lines and columns stay."""
    if text.startswith(b"\xef\xbb\xbf"):
        text = b"   " + text[3:]
    if text.lstrip(b" ").startswith(b"#"):
        end = text.find(b"\n")
        text = b"" if end < 0 else text[end:]
    return text


def _read(message: str) -> Problem:
    found = MESSAGE.match(message)
    if found is None:
        return Problem(0, "the program is nested too deeply" if NESTED.search(message) else message, None)
    near = NEAR.search(found[2])
    return Problem(int(found[1]), found[2], near[1] if near else None)
