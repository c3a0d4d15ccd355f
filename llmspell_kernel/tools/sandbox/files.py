"""The file sandbox: what is done to a path is done in an allowed folder, whatever is swapped meanwhile. Any thread.

A path is resolved (``..`` and links followed) and must lead into an allowed folder. Then nobody trusts the path any
more: from the allowed folder down each folder is opened in the one above it, by descriptor and without following links,
and what is read, written, renamed or deleted is named in the folder that is open. A link that somebody puts there
between the check and the use is an error, not a way out. Where the system has no such calls (Windows) the path is used
as it was checked: there a program that runs beside us could win that race.

A hard link can't be told from the file; no tool makes one. No tool changes a ``llmspell.toml`` or the
user's own settings: they say what is allowed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from llmspell_kernel import config
from llmspell_kernel.errors import ToolError

DESCRIPTORS = hasattr(os, "O_NOFOLLOW") and os.open in os.supports_dir_fd and os.listdir in os.supports_fd
MAX_DEPTH = 100  # folders in folders: each is a descriptor while what is in it is looked at
BLOCK = 1024 * 1024
_ALWAYS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)  # a pipe that is swapped in is not waited for
_LINK_FOUND = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)  # how systems say it


class Folder:
    """An open folder. ``with`` closes it; names in it are single names."""

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.path = path
        self._descriptor = descriptor
        if descriptor is None and DESCRIPTORS:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _ALWAYS)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def path_of(self, name: str) -> str:
        return self.path if name == "." else os.path.join(self.path, name)

    def _at(self, name: str) -> str:
        return self.path_of(name) if self._descriptor is None else name

    def names(self) -> list[str]:
        return sorted(os.listdir(self.path if self._descriptor is None else self._descriptor))

    def status(self, name: str) -> os.stat_result:
        """Of the name itself: a link is a link."""
        return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)

    def known(self, name: str) -> os.stat_result | None:
        try:
            return self.status(name)
        except FileNotFoundError:
            return None

    def inner(self, name: str) -> Folder:
        """A folder in it. Raises OSError; ToolError for a link."""
        path = self.path_of(name)
        if self._descriptor is None:
            return Folder(path)
        with self._no_link(name):
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _ALWAYS, dir_fd=self._descriptor)
        return Folder(path, descriptor)

    def open(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """A descriptor of a regular file. Raises OSError; ToolError for a link, a pipe, a device, a socket."""
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.may_change(name)
        there = self.known(name)
        if there is not None:
            require_file(there, self.path_of(name))  # opening a device may do something already
        with self._no_link(name):
            descriptor = os.open(self._at(name), flags | _ALWAYS | _NO_WAIT, mode, dir_fd=self._descriptor)
        try:
            require_file(os.fstat(descriptor), self.path_of(name))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def reading(self, name: str) -> BinaryIO:
        return os.fdopen(self.open(name), "rb")

    def make(self, name: str) -> None:
        os.mkdir(self._at(name), dir_fd=self._descriptor)

    def remove(self, name: str) -> None:
        self.may_change(name)
        os.unlink(self._at(name), dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        os.rmdir(self._at(name), dir_fd=self._descriptor)

    def rename(self, name: str, to: Folder, new: str) -> None:
        """Replaces a file that is there."""
        self.may_change(name)
        to.may_change(new)
        os.replace(self._at(name), to._at(new), src_dir_fd=self._descriptor, dst_dir_fd=to._descriptor)

    def link(self, name: str, target: str) -> None:
        """Make a link: only for copies of links that are there."""
        os.symlink(target, self._at(name), dir_fd=self._descriptor)

    def target(self, name: str) -> str:
        return os.readlink(self._at(name), dir_fd=self._descriptor)

    def may_change(self, name: str) -> None:
        users = os.path.realpath(config.user_file())
        if name.rstrip(" .").lower() == config.NAME or (users + os.sep).startswith(self.path_of(name) + os.sep):
            raise ToolError(
                f"{self.path_of(name)} is, or holds, what says what tools may do: no tool changes it; edit it yourself",
                code="not_allowed",
                details={"rule": "settings", "path": self.path_of(name)},
            )

    @contextmanager
    def _no_link(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            there = self.known(name) if error.errno in _LINK_FOUND else None
            if error.errno == errno.ELOOP or (there and stat.S_ISLNK(there.st_mode)):
                raise link_found(self.path_of(name)) from error
            raise


class Place(NamedTuple):
    """A name in an open folder, whether something is there or not. ``with`` closes the folder."""

    folder: Folder
    name: str

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.__exit__()

    @property
    def path(self) -> str:
        return self.folder.path_of(self.name)

    def status(self) -> os.stat_result | None:
        return self.folder.known(self.name)

    def is_folder(self) -> bool:
        status = self.status()
        return status is not None and stat.S_ISDIR(status.st_mode)


# From a path to a place ---------------------------------------------------------------------------


def resolved(path: str, roots: Sequence[str]) -> str:
    """The real path (links and ``..`` followed) if it is in one of the roots, real paths too. Raises ToolError."""
    if "\0" in path or not path:
        raise ToolError("a path must not be empty or hold a zero byte", code="invalid_parameters")
    try:
        real = os.path.realpath(os.path.expanduser(path))
    except UnicodeEncodeError as error:
        raise ToolError(f"{path!r} is no path: it has half of a surrogate pair", code="invalid_parameters") from error
    if _root_of(real, roots) is not None:
        return real
    wanted = real if os.path.isdir(real) else os.path.dirname(real)
    line = ", ".join(toml_text(one) for one in (*roots, wanted))
    raise ToolError(
        f"{path} is outside of the allowed folders ({', '.join(roots)}); allow another one in llmspell.toml "
        f"([tools] allowed_paths = [{line}]) or with LLMSPELL_ALLOWED_PATHS",
        code="not_allowed",
        details={"rule": "tools.allowed_paths", "path": path, "allowed": list(roots)},
    )


def toml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def resolved_entry(path: str, roots: Sequence[str]) -> str:
    """The same for what is deleted or moved: a link at the end is meant itself, not where it leads."""
    entry = os.path.expanduser(path)
    folder, name = os.path.split(entry)
    if "\0" in path or name in ("", ".", "..") or not os.path.islink(entry):
        return resolved(path, roots)
    return os.path.join(resolved(folder or ".", roots), name)


def placed(real: str, roots: Sequence[str], make: bool = False) -> Place:
    """The place of a resolved path. Raises OSError (no such folder), ToolError (a link was swapped in).

    ``make``: make the folders above it that are missing.
    """
    root = _root_of(real, roots)
    assert root is not None, "the path is not resolved"
    if real == root:
        return Place(Folder(os.path.dirname(root)), os.path.basename(root) or ".")
    *above, name = os.path.relpath(real, root).split(os.sep)
    return Place(descended(Folder(root), above, make), name)


def descended(folder: Folder, names: Sequence[str], make: bool = False) -> Folder:
    """The folder in the folder in … . Closes the ones on the way, the first one too."""
    for name in names:
        with folder:
            if make and folder.known(name) is None:
                _made(folder, name)
            folder = folder.inner(name)
    return folder


def _made(folder: Folder, name: str) -> None:
    try:
        folder.make(name)
    except FileExistsError:  # by somebody else, just now
        pass


@lru_cache(maxsize=256)
def real_roots(paths: tuple[str, ...]) -> list[str]:
    """Links in them are followed once: a root that becomes a link later does not allow where that leads."""
    return [os.path.realpath(path) for path in paths]


def _root_of(real: str, roots: Sequence[str]) -> str | None:
    """The outermost, if one holds another: all below it is entered without following links."""
    holding = [root for root in roots if real == root or real.startswith(root.rstrip(os.sep) + os.sep)]
    return min(holding, key=len, default=None)


# What is wrong ------------------------------------------------------------------------------------


def link_found(path: str) -> ToolError:
    return ToolError(
        f"{path} is a link that leads nowhere, or was replaced by a link while it was used; that is not followed",
        code="not_allowed",
        details={"rule": "links", "path": path},
    )


def require_file(status: os.stat_result, path: str) -> None:
    """Raises ToolError for a pipe, a device or a socket: reading one may wait for ever, or never end."""
    if stat.S_ISLNK(status.st_mode):
        raise link_found(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(f"{path} is not a file but a pipe, a device or a socket")


@contextmanager
def told(what: str, path: str) -> Iterator[None]:
    """An OSError becomes a ToolError that says what could not be done."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ToolError(f"{what} {path}: {reason}", details={"path": path}) from error


# What is done -------------------------------------------------------------------------------------


@contextmanager
def replacing(place: Place) -> Iterator[BinaryIO]:
    """Write a file so that it is there whole or not at all; an existing one keeps its mode."""
    folder, name = place
    folder.may_change(name)
    old = place.status()
    if old is not None:
        require_file(old, place.path)
    temporary = f".llmspell-{os.urandom(8).hex()}"
    handle = folder.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666 if old is None else 0o600)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            if old is not None and hasattr(os, "fchmod"):
                os.fchmod(handle, stat.S_IMODE(old.st_mode))
        folder.rename(temporary, folder, name)
    except BaseException:
        folder.remove(temporary)
        raise


@contextmanager
def replacing_at(where: Callable[[], Place]) -> Iterator[BinaryIO]:
    """The same for a place that is opened for it."""
    with where() as place, replacing(place) as file:
        yield file


class Found(NamedTuple):
    """What is in a folder: ``path`` is relative to where the walk began. It is valid until the walk goes on."""

    folder: Folder
    name: str
    path: str
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)


def walk(
    folder: Folder, enter: Callable[[Found], bool] = lambda _: True, depth: int = MAX_DEPTH, above: str = ""
) -> Iterator[Found]:
    """All that is in a folder and in the folders in it; links are told and never followed.

    ``enter`` says whether a folder is looked into; ``depth``: 0 is only the folder itself. Raises ToolError when the
    folders are nested more than `MAX_DEPTH` deep.
    """
    for name in folder.names():
        status = folder.known(name)
        if status is None:
            continue  # it was deleted meanwhile
        found = Found(folder, name, os.path.join(above, name), status)
        yield found
        if found.is_folder and depth > 0 and enter(found):
            if found.path.count(os.sep) >= MAX_DEPTH:
                raise ToolError(f"{folder.path_of(name)}: folders are nested more than {MAX_DEPTH} deep")
            with folder.inner(name) as inner:
                yield from walk(inner, enter, depth - 1, found.path)


def remove_tree(folder: Folder, name: str, depth: int = 0) -> None:
    """A file, a link itself, or a folder with all that is in it."""
    if not stat.S_ISDIR(folder.status(name).st_mode):
        folder.remove(name)
        return
    if depth > MAX_DEPTH:
        raise ToolError(f"{folder.path_of(name)}: folders are nested more than {MAX_DEPTH} deep")
    with folder.inner(name) as inner:
        for one in inner.names():
            remove_tree(inner, one, depth + 1)
    folder.remove_folder(name)


def copy_tree(source: Place, target: Place, check: Callable[[], None], depth: int = 0) -> None:
    """A file (which replaces one), a link itself, or a folder with all that is in it (which must be new)."""
    check()
    status = source.folder.status(source.name)
    if stat.S_ISLNK(status.st_mode):
        target.folder.link(target.name, source.folder.target(source.name))
    elif not stat.S_ISDIR(status.st_mode):
        copy_file(source, target, check)
    elif depth > MAX_DEPTH:
        raise ToolError(f"{source.path}: folders are nested more than {MAX_DEPTH} deep")
    else:
        target.folder.make(target.name)
        with source.folder.inner(source.name) as inside, target.folder.inner(target.name) as made:
            for name in inside.names():
                copy_tree(Place(inside, name), Place(made, name), check, depth + 1)


def copy_file(source: Place, target: Place, check: Callable[[], None]) -> None:
    """With its mode and times."""
    with source.folder.reading(source.name) as file, replacing(target) as out:
        while block := file.read(BLOCK):
            check()
            out.write(block)
        out.flush()
        status = os.fstat(file.fileno())
        if DESCRIPTORS:
            os.utime(out.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fchmod(out.fileno(), stat.S_IMODE(status.st_mode) & 0o1777)
