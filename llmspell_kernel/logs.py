"""What is logged: ``LLMSPELL_LOG=warn,llmspell_kernel.transport=off``, ``LOG_FORMAT=json``. Any thread.

A component writes to its `Log`. What is off costs a comparison: the standard logging, to which all goes, is imported
with the first line that is written (log_writing.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_kernel.config import Config

LEVELS = {"off": 100, "error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5}
FORMATS = ("compact", "text", "json", "pretty")
ROOTS = ("llmspell_kernel", "llmspell_dap")
MEGABYTE = 1024 * 1024


class Rules(NamedTuple):
    """Levels, as the standard logging counts them. ``components``: the longer names first."""

    usual: int
    components: tuple[tuple[str, int], ...] = ()
    roots: tuple[str, ...] = ROOTS

    def level(self, component: str) -> int:
        for name, level in self.components:
            if component == name or component.startswith(name + "."):
                return level
        return self.usual


class Target(NamedTuple):
    """Where lines go and how they look; no file: to stderr."""

    format: str = "compact"
    file: str | None = None
    size: int = 10 * MEGABYTE
    kept: int = 5


def read_rules(text: str, usual: str = "warn", where: str = "LLMSPELL_LOG") -> Rules:
    """``level,component=level,…``. Raises UserError."""
    level = LEVELS[usual]
    components = []
    for part in text.split(","):
        name, equals, word = (one.strip() for one in part.rpartition("="))
        if not name and not equals and not word:
            continue
        if word.lower() not in LEVELS or (equals and not name):
            raise UserError(
                f"{where}: {part.strip()!r} is neither a level nor component=level; levels are {', '.join(LEVELS)}"
            )
        if name and not any(name == root or name.startswith(root + ".") for root in ROOTS):
            raise UserError(f"{where}: components are {', '.join(ROOTS)} and what is below them, not {name!r}")
        if name:
            components.append((name, LEVELS[word.lower()]))
        else:
            level = LEVELS[word.lower()]
    return Rules(level, tuple(sorted(components, key=lambda one: -len(one[0]))))


class _Held:
    """What holds in this process; until it is set up, what the environment says, to stderr."""

    rules: Rules | None = None
    target = Target()
    generation = 0  # of what is set up: writers of an older one are replaced


def _rules() -> Rules:
    if _Held.rules is None:
        look = os.environ.get("LOG_FORMAT", "")
        _Held.target = Target(look if look in FORMATS else "compact")
        try:
            _Held.rules = read_rules(os.environ.get("LLMSPELL_LOG", ""))
        except UserError:  # whoever reads settings says so
            _Held.rules = Rules(LEVELS["warn"])
    return _Held.rules


def asked_for() -> bool:
    """Whether somebody has said what is logged, how it looks, or where it goes."""
    return _Held.generation > 0 or bool(os.environ.get("LLMSPELL_LOG") or os.environ.get("LOG_FORMAT"))


def set_up(rules: Rules, target: Target) -> None:
    """From here on. Nothing is opened before something is written, but a file that is: raises UserError if it can't."""
    if target.file is not None:
        _check(target.file)
    _Held.rules, _Held.target = rules, target
    _Held.generation += 1


def _check(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        raise UserError(f"cannot write the log file {path}: {error.strerror or error}") from error


def by_settings(settings: Config, file: str | None = None) -> tuple[Rules, Target]:
    """As the environment says, else llmspell.toml. Raises UserError."""
    file = file or settings["logging.file"]
    file = file and os.path.abspath(file)
    usual = "warn" if file is None else "info"
    given = os.environ.get("LLMSPELL_LOG")
    text, where = (given, "LLMSPELL_LOG") if given else (settings["logging.level"] or "", "logging.level")
    look = os.environ.get("LOG_FORMAT") or settings["logging.format"] or ("compact" if file is None else "text")
    if look not in FORMATS:
        raise UserError(f"LOG_FORMAT must be {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, not {look!r}")
    size = max(1, int(min(settings["logging.rotate_size_mb"] * MEGABYTE, 2**62)))
    return read_rules(text, usual, where), Target(look, file, size, settings["logging.rotate_count"])


class Log:
    def __init__(self, component: str) -> None:
        self.component = component
        self._generation = -1
        self._level = 0

    def wants(self, level: str) -> bool:
        if self._generation != _Held.generation:
            self._level, self._generation = _rules().level(self.component), _Held.generation
        return LEVELS[level] >= self._level

    def error(self, text: str, **fields: Any) -> None:
        self._write("error", text, fields)

    def warn(self, text: str, **fields: Any) -> None:
        self._write("warn", text, fields)

    def info(self, text: str, **fields: Any) -> None:
        self._write("info", text, fields)

    def debug(self, text: str, **fields: Any) -> None:
        self._write("debug", text, fields)

    def trace(self, text: str, **fields: Any) -> None:
        self._write("trace", text, fields)

    def _write(self, level: str, text: str, fields: dict[str, Any]) -> None:
        if self.wants(level):
            from llmspell_kernel import log_writing  # the standard logging costs 10 ms

            log_writing.be_set_up(_rules(), _Held.target, _Held.generation)
            log_writing.write(self.component, LEVELS[level], level, text, fields)
