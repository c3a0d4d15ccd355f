"""Which programs tools may start, and with which words. Any thread.

A program is on a list by its name, which is looked for in folders of the system that no tool can write to, or by its
absolute path. No shell reads anything. The usual programs read what their words name, so these words are held to the
allowed folders, and options that start programs or go where links lead are refused. What a program of the settings'
own list does with its words is its own affair: whoever lists it trusts it. A program opens its files itself, after the
check: a link that another process swaps in just then is followed. No tool makes links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from llmspell_kernel import config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox.files import toml_text
from llmspell_kernel.tools.sandbox.policy import Policy

USUAL = (
    "cat", "date", "echo", "find", "grep", "head", "ls", "pwd", "sort", "tail", "test", "uname", "uniq", "wc", "which",
    "whoami",
)  # fmt: skip
FREE_WORDS = ("echo", "pwd", "uname", "which", "whoami")  # they open none of the files that they are told
WRITING = ("sort", "uniq")  # they write to files that they are told
# Options that start programs, name files in files, or follow links out.
REFUSED: dict[str, tuple[str, ...]] = {
    "find": (
        "-exec", "-execdir", "-ok", "-okdir", "-delete", "-fls", "-fprint", "-fprint0", "-fprintf", "-follow", "-L",
        "-files0-from",
    ),
    "grep": ("-R", "-S", "--dereference-recursive"),  # -S: that of the BSDs
    "ls": ("-L", "--dereference"),
    "sort": ("--compress-program", "--files0-from", "-T", "--temporary-directory"),
    "wc": ("--files0-from",),
    "date": ("-s", "--set"),
}  # fmt: skip
LONGEST_OPTION = 256
SYSTEM_PATH = os.defpath if os.name == "nt" else "/usr/local/bin:/usr/bin:/bin"


def allowed(policy: Policy) -> tuple[str, ...]:
    return USUAL if policy.allowed_programs is None else policy.allowed_programs


def found(policy: Policy, program: str) -> str:
    """The absolute path of a program that may be started. Raises ToolError."""
    if not program or "\0" in program:
        raise ToolError("a program must not be empty or hold a zero byte", code="invalid_parameters")
    listed = allowed(policy)
    if program in listed and os.path.isabs(program):
        return _startable(program)
    name = os.path.basename(program)
    if name not in listed or (name != program and not os.path.isabs(program)):
        raise _refused(policy, program)
    path = _searched(policy, name)
    if name != program and os.path.realpath(program) != os.path.realpath(path):
        raise _refused(policy, program)
    return path


def _startable(path: str) -> str:
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise ToolError(f"{path} is no program that can be started", code="not_found")
    return path


def _searched(policy: Policy, name: str) -> str:
    """In PATH, but not where a file tool could have put a program of that name."""
    folders = os.environ.get("PATH", SYSTEM_PATH).split(os.pathsep)
    suffixes = ("", ".exe") if os.name == "nt" else ("",)
    system = SYSTEM_PATH.split(os.pathsep)
    for folder in [*folders, *system]:
        if not os.path.isabs(folder) or (folder not in system and _writable(policy, folder)):
            continue  # whoever allows all of the system's folders has none to look in otherwise
        for path in (os.path.join(folder, name + suffix) for suffix in suffixes):
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
    raise ToolError(
        f"there is no program {name} in the folders of PATH (those that file tools may write to don't count); "
        "llmspell.toml may name it by its absolute path: [tools] allowed_programs",
        code="not_found",
    )


def _writable(policy: Policy, path: str) -> bool:
    try:
        policy.resolve(path)
    except ToolError:
        return False
    return True


def _refused(policy: Policy, program: str) -> ToolError:
    listed = allowed(policy)
    line = ", ".join(toml_text(one) for one in (*listed, program))
    return ToolError(
        f"{program} is not one of the programs that may be started ({', '.join(listed) or 'none'}); "
        f"llmspell.toml allows it with [tools] allowed_programs = [{line}]",
        code="not_allowed",
        details={"rule": "tools.allowed_programs", "program": program, "allowed": list(listed)},
    )


# Words --------------------------------------------------------------------------------------------


def require_words(policy: Policy, path: str, words: Sequence[str], folder: str) -> None:
    """Raises ToolError for words that lead one of the usual programs out of the allowed folders."""
    if any("\0" in word for word in words):
        raise ToolError("an argument must not hold a zero byte", code="invalid_parameters")
    name = os.path.basename(path).removesuffix(".exe")
    if policy.allowed_programs is not None or name in FREE_WORDS:
        return
    for before, word in zip(("", *words), words, strict=False):
        _require_option(name, word)
        _require_no_clock(name, before, word)
        for part in _file_names(word):
            _require_no_settings(name, part, folder)
            _require_inside(policy, name, part, folder)


def _require_no_clock(program: str, before: str, word: str) -> None:
    """``date 010203042026`` sets the clock of the machine, if we may; ``date -d 20260102`` reads it."""
    after_option = _means("date", before, "-d") or _means("date", before, "--date")
    if program == "date" and not word.startswith(("-", "+")) and not after_option and word.strip("0123456789.") == "":
        raise ToolError(
            f"date {word} sets the clock of this machine", code="not_allowed",
            details={"rule": "options", "program": program, "option": word},
        )  # fmt: skip


def _require_no_settings(program: str, part: str, folder: str) -> None:
    if program not in WRITING or not part:
        return
    path = os.path.realpath(os.path.join(folder, part))
    if os.path.basename(path).lower() == config.NAME or path == os.path.realpath(config.user_file()):
        raise ToolError(
            f"{program} could change {part}, which says what tools may do", code="not_allowed",
            details={"rule": "settings", "program": program},
        )  # fmt: skip


def _require_option(program: str, word: str) -> None:
    for option in REFUSED.get(program, ()):
        if _means(program, word, option):
            raise ToolError(
                f"{program} {word}: {option} starts programs, changes things, or leads out of the allowed folders",
                code="not_allowed",
                details={"rule": "options", "program": program, "option": option},
            )


def _means(program: str, word: str, option: str) -> bool:
    """GNU programs take beginnings of long options, and several short ones in one word."""
    if option.startswith("--"):
        return len(word) > 2 and word.startswith("--") and option.startswith(word.partition("=")[0])
    if program == "find":
        return word == option
    return word.startswith("-") and not word.startswith("--") and option[1] in word[1:]


def _file_names(word: str) -> Iterator[str]:
    """All that a program might take for the name of a file in a word: -fNAME, --file=NAME, NAME."""
    if not word.startswith("-"):
        yield word
    elif word.startswith("--"):
        yield word.partition("=")[2]
    elif len(word) > LONGEST_OPTION:
        raise ToolError(f"an option of more than {LONGEST_OPTION} characters is not read", code="not_allowed")
    else:
        yield from (word[n:] for n in range(2, len(word)))


def _require_inside(policy: Policy, program: str, name: str, folder: str) -> None:
    if not name:
        return
    try:  # also what is not there: a program may make it, behind a link
        policy.resolve(os.path.join(folder, name))
    except ToolError as error:
        raise ToolError(f"{program}: {error}", code=error.code, details=error.details) from error
