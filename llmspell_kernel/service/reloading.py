"""Which settings a kernel takes on when llmspell.toml is read again, and which wait for its next start. Any thread.

What waits is fixed when a Lua state is made, a port bound (libzmq keeps a listener's options), a file opened, or
belongs to another command.
"""

from __future__ import annotations

from llmspell_kernel.config import SETTINGS, Config
from llmspell_kernel.service.options import memory_of

WAIT = (
    "lua.stdlib", "lua.path", "kernel.port", "kernel.metrics_port", "kernel.max_message_size_mb",
    "kernel.timeout_seconds", "transport.zeromq.sndbuf", "transport.zeromq.rcvbuf", "logging.file", "dap.port",
    "tools.paths", "tools.mcp",
)  # fmt: skip
ELSEWHERE = ("lua.runtime", "lua.timeout")  # of programs that are run, which a kernel's cells are not
MEMORY = ("lua.memory", "kernel.max_memory_mb")  # a state made without a limit counts nothing


def waiting(start: Config, now: Config) -> list[str]:
    """Settings that have been changed since the kernel was started, and that it can't take on."""
    wait = WAIT if memory_of(start) is not None else (*WAIT, *MEMORY)
    return [key for key in SETTINGS if key in wait and start[key] != now[key]]
