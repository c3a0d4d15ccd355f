"""archive_handler: archives are made, listed and unpacked. Any thread.

What comes out of an archive is checked (archives.py) before the first file is written, lands in the folder whatever
links are there, and disappears again if something is wrong on the way.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.archive_writing import Kind, Source, Writer, writer
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents import archives
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.spec import Example, Result, tool

TOTAL = 10  # times what one file may have
ENDINGS: dict[str, Kind] = {
    ".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz", ".tar.bz2": "tar.bz2", ".tbz2": "tar.bz2",
    ".tar.xz": "tar.xz", ".txz": "tar.xz", ".gz": "gz", ".bz2": "bz2", ".xz": "xz",
}  # fmt: skip


@tool(
    category="filesystem",
    level="restricted",
    aliases={"files": "input"},
    examples=[
        Example(
            "Make one",
            {
                "operation": "create", "path": "{folder}/texts.zip",
                "input": ["{folder}/hello.txt", "{folder}/people.csv"],
            },
            result={"format": "zip", "count": 2},
        ),
        Example(
            "Look into it",
            {"operation": "list", "path": "{folder}/texts.zip"},
            text="14 hello.txt\n61 people.csv",
            result={"count": 2, "total_size": 75},
        ),
        Example(
            "Unpack it",
            {"operation": "extract", "path": "{folder}/texts.zip", "target_path": "{folder}/out"},
            result={"files": ["hello.txt", "people.csv"], "count": 2},
        ),
        Example("What is no archive", {"operation": "list", "path": "{folder}/hello.txt"}, error="failed"),
    ],
)  # fmt: skip
def archive_handler(
    call: Call,
    operation: Literal["extract", "create", "list"],
    path: str,
    target_path: str | None = None,
    input: list[str] | None = None,
    format: Kind | None = None,
    overwrite: bool = False,
) -> Result:
    """Make, list and unpack archives: zip, tar, tar.gz, tar.bz2, tar.xz, gz, bz2, xz.

    Args:
        operation: What to do.
        path: The archive.
        target_path: The folder that it is unpacked into; one of the archive's name beside it if it is not given.
        input: The files and folders that are put into it (create).
        format: The kind of archive that is made, if its name does not say.
        overwrite: Whether files that are there already are replaced (extract); they do not come back if the archive
            turns out to be broken.
    """
    with files.told(operation, path):
        if operation == "create":
            return _create(call, path, input or [], format)
        if operation == "list":
            return _list(call, path)
        return _extract(call, path, target_path, overwrite)


@contextlib.contextmanager
def _opened(call: Call, path: str, times: int = 1) -> Iterator[tuple[str, Iterator[archives.Entry], archives.Bound]]:
    """``times``: how often as large as what file tools write a file in it may be."""
    each = call.policy.max_file_bytes
    with call.policy.open(path) as file:
        size = os.fstat(file.fileno()).st_size

        def bound() -> archives.Bound:
            return archives.Bound(size, each * TOTAL, each * times, call.check)

        with archives.entries(file, os.path.basename(path), bound) as (kind, found):
            yield kind, found, bound()


def _list(call: Call, path: str) -> Result:
    told: list[dict[str, Any]] = []
    with _opened(call, path, TOTAL) as (kind, found, bound):
        for entry in found:
            size = entry.size if entry.size >= 0 else sum(map(len, archives.read(entry, bound)))
            told.append({"name": entry.name, "type": "folder" if entry.is_folder else "file", "size": size})
            if entry.modified > 0:
                told[-1]["modified"] = _time(entry.modified)
    total = sum(one["size"] for one in told)
    text = "\n".join(f"{one['size']} {one['name']}{'/' if one['type'] == 'folder' else ''}" for one in told)
    return Result({"format": kind, "entries": told, "count": len(told), "total_size": total}, text)


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):  # a year that there is not
        return ""


# Unpacking ----------------------------------------------------------------------------------------


def _extract(call: Call, path: str, target: str | None, overwrite: bool) -> Result:
    with _opened(call, path) as (_, found, _bound):
        names = _checked(found)  # all, before anything is written
    into = target if target is not None else _beside(call.policy.resolve(path))
    with call.policy.place(into, make=True) as place:
        unpacking = _Unpacking(overwrite)
        if place.status() is None:
            place.folder.make(place.name)
            unpacking.made_folder = place
        try:
            with place.folder.inner(place.name) as folder, _opened(call, path) as (kind, found, bound):
                unpacking.all(folder, found, bound)
        except BaseException:
            unpacking.undo(place)
            raise
        fields = {"format": kind, "path": place.path, "files": names, "count": len(names), "bytes": unpacking.bytes}
        return Result(fields, f"{len(names)} files to {place.path}")


def _checked(found: Iterator[archives.Entry]) -> list[str]:
    seen: set[str] = set()
    names = []
    for entry in found:
        if not entry.is_folder:
            if entry.name in seen:
                raise archives.refused(f"{entry.name} is in it twice", "names")
            seen.add(entry.name)
            names.append(entry.name)
    return names


def _beside(path: str) -> str:
    stem = re.sub(r"(\.tar)?\.(zip|tar|gz|tgz|bz2|tbz2|xz|txz)$", "", path, flags=re.IGNORECASE)
    return stem if stem != path else path + ".unpacked"


class _Unpacking:
    """What was made, so that it can be unmade."""

    def __init__(self, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._files: list[tuple[str, ...]] = []
        self._folders: list[tuple[str, ...]] = []
        self.made_folder: files.Place | None = None
        self.bytes = 0

    def all(self, root: files.Folder, found: Iterator[archives.Entry], bound: archives.Bound) -> None:
        for entry in found:
            if entry.is_folder:
                self._entered(root, entry.parts).__exit__()
                continue
            with self._entered(root, entry.parts[:-1]) as folder:
                self._file(folder, entry, bound)

    def _entered(self, root: files.Folder, parts: tuple[str, ...]) -> files.Folder:
        folder = root.inner(".")
        for n, name in enumerate(parts):
            with folder:
                if folder.known(name) is None:
                    folder.make(name)
                    self._folders.append(parts[: n + 1])
                folder = folder.inner(name)
        return folder

    def _file(self, folder: files.Folder, entry: archives.Entry, bound: archives.Bound) -> None:
        name = entry.parts[-1]
        if self._overwrite and folder.known(name) is not None:
            with files.replacing(files.Place(folder, name)) as out:
                self.bytes += sum(map(out.write, archives.read(entry, bound)))
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            handle = folder.open(name, flags, 0o777 if entry.mode & 0o100 else 0o666)
        except FileExistsError as error:
            raise ToolError(
                f"{folder.path_of(name)} is there already; say overwrite = true or give another `target_path`"
            ) from error
        self._files.append(entry.parts)
        with os.fdopen(handle, "wb") as out:
            self.bytes += sum(map(out.write, archives.read(entry, bound)))
            out.flush()
            if 0 < entry.modified < 2**33 and os.utime in os.supports_fd:
                os.utime(out.fileno(), (entry.modified, entry.modified))

    def undo(self, place: files.Place) -> None:
        for parts in reversed(self._files):
            self._undone(place, parts, files.Folder.remove)
        for parts in reversed(self._folders):
            self._undone(place, parts, files.Folder.remove_folder)
        if self.made_folder is not None:
            self._quietly(lambda: place.folder.remove_folder(place.name))

    def _undone(self, place: files.Place, parts: tuple[str, ...], remove: Callable[[files.Folder, str], None]) -> None:
        def undo() -> None:
            with files.descended(place.folder.inner(place.name), parts[:-1]) as folder:
                remove(folder, parts[-1])

        self._quietly(undo)

    def _quietly(self, undo: Callable[[], None]) -> None:
        try:
            undo()
        except (OSError, ToolError):  # somebody else has put something there, or taken it
            pass


# Making -------------------------------------------------------------------------------------------


def _create(call: Call, path: str, given: list[str], kind: Kind | None) -> Result:
    if not given:
        raise ToolError("create needs `input`, a list of files and folders", code="invalid_parameters")
    real = call.policy.resolve(path)
    kind = kind or _kind_of(real)
    with call.policy.replacing(path) as out:
        with contextlib.closing(writer(kind, out)) as to:  # while `out` is open, whatever happens
            packing = _Packing(call, to, (out.fileno(), real))
            for one in given:
                packing.add(one)
        if "." not in kind and kind not in ("zip", "tar") and not packing.told()["count"]:
            raise ToolError(f"{kind} compresses one file, and there is none", code="invalid_parameters")
        fields: dict[str, Any] = {"path": real, "format": kind, **packing.told()}
        out.flush()
        fields["bytes"] = os.fstat(out.fileno()).st_size
    return Result(fields, f"{fields['count']} files, {fields['bytes']} bytes to {real}")


def _kind_of(path: str) -> Kind:
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if path.lower().endswith(ending):
            return ENDINGS[ending]
    raise ToolError(
        f"the name {os.path.basename(path)} does not say which kind of archive is wanted; give `format`",
        code="invalid_parameters",
    )


class _Packing:
    def __init__(self, call: Call, to: Writer, archive: tuple[int, str]) -> None:
        self._call, self._to = call, to
        self._own = {_identity(os.fstat(archive[0]))}  # an archive in a folder is not put into itself
        if os.path.exists(archive[1]):
            self._own.add(_identity(os.stat(archive[1])))
        self._count = self._total = self._links = 0
        self._names: set[str] = set()

    def add(self, path: str) -> None:
        with files.told("create: read", path), self._call.policy.place(path) as place:
            name = os.path.basename(place.path)
            if name in self._names:
                raise ToolError(f"two of the files are named {name}", code="invalid_parameters")
            self._names.add(name)
            self._one(files.Found(place.folder, place.name, name, place.folder.status(place.name)))
            if place.is_folder():
                with place.folder.inner(place.name) as folder:
                    for found in files.walk(folder, above=name):
                        self._one(found)

    def _one(self, found: files.Found) -> None:
        self._call.check()
        name = found.path.replace(os.sep, "/")
        if found.is_folder:
            self._to.folder(name, found.status)
        elif not found.is_file:
            self._links += 1
        elif _identity(found.status) not in self._own:
            self._counted(found.status.st_size, name)
            with found.folder.reading(found.name) as file:
                self._to.file(Source(name, os.fstat(file.fileno()), file, self._call.check))

    def _counted(self, size: int, name: str) -> None:
        self._count += 1
        self._total += size
        each = self._call.policy.max_file_bytes
        if size > each or self._total > each * TOTAL or self._count > archives.MAX_ENTRIES:
            raise ToolError(
                f"{name}: at most {archives.MAX_ENTRIES} files of {each} bytes each, {TOTAL} times as much together, "
                "are put into an archive; tools.max_file_mb in llmspell.toml allows more",
                code="not_allowed", details={"rule": "tools.max_file_mb"},
            )  # fmt: skip

    def told(self) -> dict[str, int]:
        return {"count": self._count, "total_size": self._total, "links_left_out": self._links}


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
