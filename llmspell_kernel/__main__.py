"""``llmspell`` and ``python -m llmspell_kernel``.

``llmspell run``, ``exec`` and ``tool invoke`` go a short way: importing click costs more than starting Lua does. And
so does ``llmspell kernel start --connection-file FILE``, which is how Jupyter starts a kernel, with a person waiting.
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
        from llmspell_kernel.cli.tool.invoke import main as invoke

        return invoke(sys.argv[3:])
    if sys.argv[1:4] in [["kernel", "start", word] for word in ("--connection-file", "-f")] and len(sys.argv) == 5:
        from llmspell_kernel.cli.kernel.start import main as start

        return start(sys.argv[4])
    from llmspell_kernel.cli.main import main as commands

    return commands()


if __name__ == "__main__":
    import os  # which Python has imported already

    # ``python -m`` looks for modules in the working folder first: a project's json.py is not ours to run.
    if not getattr(sys.flags, "safe_path", False) and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):
        del sys.path[0]
    sys.exit(main())
