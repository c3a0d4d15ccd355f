"""``llmspell`` and ``python -m llmspell_kernel``.

``llmspell run`` goes a short way: importing click costs more than starting Lua does.
"""

from __future__ import annotations

import sys


def main() -> int:
    if sys.argv[1:2] == ["run"]:
        from llmspell_kernel.cli.run import main as run

        try:
            return run(sys.argv[2:])
        except KeyboardInterrupt:  # before the program runs, or after it
            return 130
    from llmspell_kernel.cli.main import main as commands

    return commands()


if __name__ == "__main__":
    sys.exit(main())
