"""What is in an archive, one entry after the other, however hostile it is. Any thread.

Names that lead elsewhere, links, devices, encrypted entries, and what grows out of all proportion (bombs) are refused.
Which kind of archive it is is told by its content.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, cast

from llmspell_kernel.errors import ToolError

BLOCK = 65536
MEGABYTE = 1024 * 1024
MAX_ENTRIES = 20_000
MAX_RATIO = 200  # times what the archive has itself; text has 3 to 20, a file of nothing but zeros 1,000
HARMLESS = 10 * MEGABYTE  # below that nothing is called a bomb
MAX_HEADER = 4 * MEGABYTE  # what tarfile would read at once for a header
MAX_DIRECTORY = 8 * MEGABYTE  # of a zip: it is read whole
COMPRESSED: dict[bytes, tuple[str, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": ("gz", lambda file: gzip.GzipFile(fileobj=file, mode="rb")),
    b"BZh": ("bz2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
}
UNSOUND = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, struct.error, zlib.error, lzma.LZMAError,
    tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, IndexError, OverflowError,
)  # fmt: skip


class Entry(NamedTuple):
    """``parts``: its name, checked: no part is empty, ``.`` or ``..``. ``open`` gives its content, once."""

    parts: tuple[str, ...]
    is_folder: bool
    size: int
    mode: int
    modified: float
    open: Callable[[], BinaryIO]

    @property
    def name(self) -> str:
        return "/".join(self.parts)


class Bound:
    """How much may come out of an archive."""

    def __init__(self, archive_bytes: int, most_bytes: int, most_each: int, check: Callable[[], None]) -> None:
        """``check``: raises when nobody wants it any more."""
        self._fair = max(archive_bytes * MAX_RATIO, HARMLESS)
        self._most, self._most_each = most_bytes, most_each
        self._check = check
        self._entries = self._bytes = 0

    def entry(self, size: int, name: str) -> None:
        self._check()
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise refused(f"it has more than {MAX_ENTRIES} entries", "entries")
        if size > self._most_each:
            raise refused(
                f"{name} has {size} bytes; at most {self._most_each} are taken: tools.max_file_mb in llmspell.toml "
                "allows more",
                "tools.max_file_mb",
            )

    def unpacked(self, count: int, so_far: int, name: str) -> None:
        """So many bytes came out, and so many of this entry."""
        self._check()
        self._bytes += count
        self.entry_bytes(so_far, name)
        if self._bytes > self._fair:
            raise refused(f"it grows to more than {MAX_RATIO} times its size, as a bomb does", "bomb")
        if self._bytes > self._most:
            raise refused(f"it grows to more than {self._most} bytes: tools.max_file_mb allows more", "bomb")

    def entry_bytes(self, so_far: int, name: str) -> None:
        if so_far > self._most_each:
            raise refused(f"{name} has more than {self._most_each} bytes", "tools.max_file_mb")


def refused(why: str, rule: str) -> ToolError:
    return ToolError(f"the archive is refused: {why}", code="not_allowed", details={"rule": rule})


@contextmanager
def entries(file: BinaryIO, name: str, bound: Callable[[], Bound]) -> Iterator[tuple[str, Iterator[Entry]]]:
    """The kind of an archive and what is in it. ``name``: of what is only compressed. Raises ToolError."""
    with ExitStack() as held:
        with _sound(name):
            kind, found = _opened(file, name, bound, held)
        yield kind, _each(found, name)


def _opened(file: BinaryIO, name: str, bound: Callable[[], Bound], held: ExitStack) -> tuple[str, Iterator[Entry]]:
    start = file.read(8)
    file.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _require_short_directory(file)
        return "zip", _of_zip(held.enter_context(zipfile.ZipFile(file)), bound())
    for magic, (kind, unpack) in COMPRESSED.items():
        if start.startswith(magic):
            return _of_compressed(kind, held.enter_context(unpack(file)), name, bound)
    counting = cast(BinaryIO, _Counted(file, bound(), name))
    return "tar", _of_tar(held.enter_context(tarfile.TarFile.open(fileobj=counting, mode="r:")), bound())


def _each(found: Iterator[Entry], name: str) -> Iterator[Entry]:
    while True:
        with _sound(name):
            entry = next(found, None)
        if entry is None:
            return
        yield entry


@contextmanager
def _sound(name: str) -> Iterator[None]:
    """Whatever is wrong with an archive is said in one way."""
    try:
        yield
    except tarfile.ReadError as error:
        raise ToolError(f"{name} is no archive that can be read (zip, tar, gz, bz2, xz): {error}") from error
    except UNSOUND as error:
        raise ToolError(f"{name} is not sound, or not supported: {error or type(error).__name__}") from error


def _of_compressed(kind: str, unpacked: BinaryIO, name: str, bound: Callable[[], Bound]) -> tuple[str, Iterator[Entry]]:
    first = unpacked.read(512)
    unpacked.seek(0)
    if not _is_tar(first):
        return kind, _single(unpacked, name, bound())
    counting = cast(BinaryIO, _Counted(unpacked, bound(), name))
    return f"tar.{kind}", _of_tar(tarfile.TarFile.open(fileobj=counting, mode="r:"), bound())


def _is_tar(first: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(first, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def _require_short_directory(file: BinaryIO) -> None:
    file.seek(0, io.SEEK_END)
    file.seek(max(file.tell() - 65_557, 0))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place >= 0 and len(tail) >= place + 22:
        (size,) = struct.unpack("<L", tail[place + 12 : place + 16])
        if size > MAX_DIRECTORY:
            raise refused(f"its directory has more than {MAX_DIRECTORY} bytes", "entries")
    file.seek(0)


class _Counted(io.RawIOBase):
    """What is read of a tar: going forward is counted, too, and no header may be huge."""

    def __init__(self, file: BinaryIO, bound: Bound, name: str) -> None:
        self._file, self._bound, self._name = file, bound, name
        self._place = self._furthest = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER:
            raise refused("it has a header of megabytes", "bomb")
        data = self._file.read(size)
        self._place += len(data)
        if self._place > self._furthest:
            self._bound.unpacked(self._place - self._furthest, 0, self._name)
            self._furthest = self._place
        return data

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        if place < self._place:
            self._place = self._file.seek(place)
        while self._place < place and self.read(min(BLOCK, place - self._place)):
            pass
        return self._place


# Entries ------------------------------------------------------------------------------------------


def _of_zip(archive: zipfile.ZipFile, bound: Bound) -> Iterator[Entry]:
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        bound.entry(info.file_size, name)
        kind = info.external_attr >> 28  # what Unix says of it, if that is where it comes from
        if kind not in (0, 0o04, 0o10):
            raise refused(f"{name} is a link or a device", "links")
        if info.flag_bits & 1:
            raise ToolError(f"{name} is encrypted; only archives without a password are read")
        parts = checked(name)
        if parts:
            yield Entry(
                parts, info.is_dir() or name.endswith("/"), info.file_size, (info.external_attr >> 16) & 0o777,
                _zip_time(info), lambda info=info: cast(BinaryIO, archive.open(info)),  # type: ignore[misc]
            )  # fmt: skip


def _zip_time(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError, OSError):  # a month 0
        return 0


def _of_tar(archive: tarfile.TarFile, bound: Bound) -> Iterator[Entry]:
    for member in archive:
        bound.entry(member.size, member.name)
        if not member.isreg() and not member.isdir():
            raise refused(f"{member.name} is a link, a device or a pipe", "links")
        parts = checked(member.name)
        if parts:
            yield Entry(
                parts, member.isdir(), member.size if member.isreg() else 0, member.mode & 0o777,
                float(member.mtime), lambda member=member: cast(BinaryIO, archive.extractfile(member)),  # type: ignore[misc]
            )  # fmt: skip


def _single(unpacked: BinaryIO, name: str, bound: Bound) -> Iterator[Entry]:
    """What is only compressed has no name of its own that could be trusted, and no size."""
    bound.entry(0, name)
    stem = re.sub(r"\.(gz|bz2|xz)$", "", name, flags=re.IGNORECASE)
    yield Entry((stem if stem != name else name + ".out",), False, -1, 0o644, 0, lambda: unpacked)


def checked(name: str) -> tuple[str, ...]:
    """The parts of a name, if it stays where it is put. () for the folder itself. Raises ToolError."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts or "\0" in name:
        raise refused(f"the name {name!r} leads out of the folder", "names")
    if any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts) or len(parts) > 100:
        raise refused(f"the name {name[:100]!r} is too long", "names")
    return parts


def read(entry: Entry, bound: Bound) -> Iterator[bytes]:
    """The content, block by block."""
    so_far = 0
    with _sound(entry.name):
        file = entry.open()
    with file:
        while True:
            with _sound(entry.name):
                block = file.read(BLOCK)
            if not block:
                return
            so_far += len(block)
            bound.unpacked(len(block), so_far, entry.name)
            yield block
