"""Log lines: how they look, and where they go, by the standard logging. Any thread.

A log that can't be written (a full disk) loses lines and nothing else.
"""

from __future__ import annotations

import gzip
import json
import logging
import logging.handlers
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell_kernel.logs import Rules, Target

logging.raiseExceptions = False  # about lines that can't be written: nobody could be told
MOST = 65_536  # characters of a message
_lock = threading.Lock()
_generation = -1
_named: tuple[str, ...] = ()  # components with levels of their own


def write(component: str, number: int, level: str, text: str, fields: dict[str, Any]) -> None:
    logging.getLogger(component).log(number, text, extra={"fields": fields, "word": level})


def be_set_up(rules: Rules, target: Target, generation: int) -> None:
    """``generation``: whether that has been done already."""
    global _generation, _named
    with _lock:
        if generation == _generation:
            return
        handler = _handler(target)
        handler.setFormatter(Lines(target.format))
        for root in rules.roots:
            logger = logging.getLogger(root)
            for old in logger.handlers[:]:
                logger.removeHandler(old)
                old.close()
            logger.addHandler(handler)
            logger.propagate = False
            logger.setLevel(rules.usual)
        for name in _named:
            logging.getLogger(name).setLevel(logging.NOTSET if name not in rules.roots else rules.usual)
        for name, level in rules.components:
            logging.getLogger(name).setLevel(level)
        _named = tuple(name for name, _ in rules.components)
        _generation = generation


def _handler(target: Target) -> logging.Handler:
    if target.file is None:
        return _Stderr()
    return Rotating(target.file, target.size, target.kept)


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]  # Python 3.10 takes none
    """Where stderr is when a line is written: a kernel's moves."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


class Rotating(logging.handlers.RotatingFileHandler):
    """``file``, and when that is full ``file.1.gz`` … ``file.<count>.gz``, the newest first. For its owner's eyes."""

    def __init__(self, path: str, size: int, count: int) -> None:
        super().__init__(
            path, maxBytes=size, backupCount=count, encoding="utf-8", delay=True, errors="backslashreplace"
        )
        self.namer = lambda name: name + ".gz"
        self.rotator = _compress

    def _open(self) -> Any:
        return open(self.baseFilename, "a", encoding="utf-8", errors="backslashreplace", opener=_for_its_owner)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            with _alone(self.baseFilename):
                self._follow()
                super().emit(record)
        except OSError:  # no folder any more
            self.handleError(record)

    def _follow(self) -> None:
        """Another process may have begun it anew: kernels can share a log."""
        if self.stream is not None and not _is_there(self.baseFilename, self.stream.fileno()):
            self.stream.close()
            self.stream = None

    def doRollover(self) -> None:
        if self.backupCount == 0 and self.stream is not None:
            self.stream.truncate(0)
        else:
            super().doRollover()


def _is_there(path: str, descriptor: int) -> bool:
    try:
        there, ours = os.stat(path), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """No other process writes a log in this folder meanwhile."""
    try:
        import fcntl
    except ImportError:  # Windows: there no log is shared
        yield
        return
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _compress(source: str, target: str) -> None:
    with (
        open(source, "rb") as old,
        open(target, "wb", opener=_for_its_owner) as new,
        gzip.GzipFile(filename="", mode="wb", compresslevel=3, fileobj=new) as out,
    ):
        shutil.copyfileobj(old, out)
    os.remove(source)


class Lines(logging.Formatter):
    def __init__(self, look: str) -> None:
        super().__init__()
        self._look = {"compact": _compact, "text": _text, "json": _json, "pretty": _pretty}[look]

    def format(self, record: logging.LogRecord) -> str:
        return self._look(record, getattr(record, "fields", {}))


Fields = dict[str, Any]


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    word: str = getattr(record, "word", record.levelname.lower())  # another has none
    return word


def _said(record: logging.LogRecord) -> str:
    """On one line: what others have sent must not look like lines of ours, nor fill the disk."""
    text = record.getMessage()
    if len(text) > MOST:
        text = f"{text[:MOST]} … and {len(text) - MOST} characters more"
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return text


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _told(fields: Fields) -> str:
    return "".join(f" {name}={_one_line(str(value))}" for name, value in fields.items())


def _compact(record: logging.LogRecord, fields: Fields) -> str:
    part = record.name.rpartition(".")[2]
    return f"{_level(record).upper()} {part}: {_one_line(_said(record))}{_told(fields)}"


def _text(record: logging.LogRecord, fields: Fields) -> str:
    return f"{_time(record)} {_level(record).upper():<5} {record.name}: {_one_line(_said(record))}{_told(fields)}"


def _json(record: logging.LogRecord, fields: Fields) -> str:
    line = {
        "time": _time(record), "level": _level(record), "component": record.name, "message": _said(record),
        "pid": record.process, "thread": record.threadName, **fields,
    }  # fmt: skip
    return json.dumps(line, ensure_ascii=False, default=str)


def _pretty(record: logging.LogRecord, fields: Fields) -> str:
    """For reading, over several lines."""
    lines = [f"{_time(record)} {_level(record).upper()} {record.name} ({record.threadName})"]
    lines += ["  " + _one_line(line) for line in _said(record).splitlines() or [""]]
    lines += [f"    {name}: {_one_line(str(value))}" for name, value in fields.items()]
    return "\n".join(lines)
