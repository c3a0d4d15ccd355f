"""``llmspell`` and ``python -m llmspell_kernel``.

``llmspell run`` and ``tool invoke`` go a short way: importing click costs more than starting Lua does.
"""

from __future__ import annotations

import sys


def main() -> int:
    if sys.argv[1:2] in (["run"], ["exec"]):
        from llmspell_kernel.cli.run import main as run

        try:
            return run(sys.argv[2:], sys.argv[1])
        except KeyboardInterrupt:  # before the program runs, or after it
            return 130
    if sys.argv[1:2] == ["tool"] and sys.argv[2:3] in (["invoke"], ["run"]):
        from llmspell_kernel.cli.tool_invoke import main as invoke

        return invoke(sys.argv[3:])
    from llmspell_kernel.cli.main import main as commands

    return commands()


if __name__ == "__main__":
    sys.exit(main())
