"""``llmspell`` and ``python -m llmspell_kernel``.

``llmspell run``, ``exec`` and ``tool invoke`` go a short way: importing click costs more than starting Lua does. And
so does ``llmspell kernel start --connection-file FILE``, which is how Jupyter starts a kernel, with a person waiting.
"""

from __future__ import annotations

import os
import sys

from llmspell_kernel import standard_streams

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def main() -> int:
    try:
        standard_streams.prepare()
        code = _command()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:  # before a command listens for it, or when it has ended
        return INTERRUPTED
    except OSError as error:
        if standard_streams.unwritten(error):
            return FAILED
        if _has_folder():
            raise
        sys.stderr.write("llmspell: the working folder is there no more; change to another one\n")
        return USAGE


def _die_of_interrupts() -> None:
    """Until a program's own bell hears them: an exception can be lost in the midst of an import."""
    import signal  # a program's bell needs it too

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _has_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _command() -> int:
    if sys.argv[1:2] in (["run"], ["exec"]):
        _die_of_interrupts()
        from llmspell_kernel.cli.run import main as run

        return run(sys.argv[2:], sys.argv[1])
    if sys.argv[1:2] == ["tool"] and sys.argv[2:3] in (["invoke"], ["run"]):
        from llmspell_kernel.cli.tool.invoke import main as invoke

        return invoke(sys.argv[3:])
    if sys.argv[1:4] in [["kernel", "start", word] for word in ("--connection-file", "-f")] and len(sys.argv) == 5:
        from llmspell_kernel.cli.kernel.start import main as start

        return start(sys.argv[4])
    from llmspell_kernel.cli.main import main as commands

    return commands()


if __name__ == "__main__":
    # ``python -m`` looks for modules in the working folder first: a project's json.py is not ours to run.
    if not getattr(sys.flags, "safe_path", False) and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):
        del sys.path[0]
    sys.exit(main())
