"""``python -m llmspell_dap``: the debug adapter on stdio, or on TCP with ``--listen``."""

from __future__ import annotations

import sys
from typing import Any

USAGE = """\
usage: llmspell dap [--listen [HOST:]PORT [--allow-remote]]

A Debug Adapter Protocol server for Lua. Without options it speaks on stdin and stdout, as editors
start it. With --listen it takes any number of clients; port 0 chooses one and prints it. A client
launches a program, or attaches to a kernel (llmspell kernel).

  --listen [HOST:]PORT   listen on TCP (HOST is 127.0.0.1 unless given)
  --allow-remote         let HOST be an address that other machines can reach
  --help                 show this
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 2 for wrong usage (with one line that says what is wrong)."""
    from llmspell_kernel.errors import UserError

    words = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(words)
    except UserError as error:
        print(f"llmspell dap: {error}", file=sys.stderr)
        return 2


def _run(words: list[str]) -> int:
    from llmspell_kernel.errors import UserError

    if words[:1] == ["--terminal"] and len(words) == 2:
        from llmspell_dap.terminal import lend

        return lend(words[1])
    address: str | None = None
    allow_remote = False
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("--help", "-h"):
            print(USAGE, end="")
            return 0
        if word == "--allow-remote":
            allow_remote = True
        elif word == "--listen" and rest:
            address = rest.pop(0)
        elif word.startswith("--listen="):
            address = word.partition("=")[2]
        else:
            raise UserError(f"unknown or incomplete option {word!r}; see llmspell dap --help")
    if address is None:
        from llmspell_dap.transports import stdio

        return stdio.run(_connect)
    from llmspell_dap.transports import tcp

    listener = tcp.listen(*tcp.parse_address(address), allow_remote)
    return tcp.run(listener, lambda line: print(line, flush=True), _connect)


def _connect(arguments: dict[str, Any], heard: Any) -> Any:
    """The way to a kernel, which is imported when a client attaches to one."""
    from llmspell_kernel.cli.attaching import connect

    return connect(arguments, heard)


if __name__ == "__main__":
    import os  # which Python has imported already

    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not __package__:  # run by its path (terminal.py)
        sys.path[0] = ours
    elif not getattr(sys.flags, "safe_path", False) and sys.path[0] != ours:
        del sys.path[0]  # the working folder, where a project may have a json.py of its own
    from llmspell_kernel import standard_streams

    standard_streams.prepare()
    sys.exit(main())
