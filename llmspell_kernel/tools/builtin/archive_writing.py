"""Archives are written: one class per family of formats. Any thread."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol

from llmspell_kernel.errors import ToolError

Kind = Literal["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "gz", "bz2", "xz"]
BLOCK = 65536
FIRST_DAY, LAST_DAY = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)  # that a zip knows


class Source(NamedTuple):
    """A file that is put into an archive. ``check`` raises when nobody wants it any more."""

    name: str
    status: os.stat_result
    file: BinaryIO
    check: Callable[[], None]

    def read(self, size: int = BLOCK) -> bytes:
        """What `tarfile` calls."""
        self.check()
        return self.file.read(size)

    def copy(self, out: Any) -> None:
        while block := self.read():
            out.write(block)


class Writer(Protocol):
    def folder(self, name: str, status: os.stat_result) -> None: ...
    def file(self, source: Source) -> None: ...
    def close(self) -> None: ...


def writer(kind: Kind, out: BinaryIO) -> Writer:
    if kind == "zip":
        return _Zip(out)
    return _Tar(out, kind.partition(".")[2]) if kind.startswith("tar") else _Single(out, kind)


class _Zip:
    def __init__(self, out: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)

    def folder(self, name: str, status: os.stat_result) -> None:
        info = self._info(name + "/", status)
        info.external_attr |= 0x10  # DOS's mark of a folder
        self._archive.writestr(info, b"", zipfile.ZIP_STORED)

    def file(self, source: Source) -> None:
        with self._archive.open(self._info(source.name, source.status), "w") as out:
            source.copy(out)

    def _info(self, name: str, status: os.stat_result) -> zipfile.ZipInfo:
        when = min(max(time.localtime(status.st_mtime)[:6], FIRST_DAY), LAST_DAY)
        info = zipfile.ZipInfo(_sound(name), when)
        info.external_attr = (status.st_mode & 0xFFFF) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        return info

    def close(self) -> None:
        self._archive.close()


def _sound(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"the name {name!r} can't be in a zip: it is not Unicode; a tar can hold it") from error
    return name


class _Tar:
    def __init__(self, out: BinaryIO, compression: str) -> None:
        modes: dict[str, Any] = {"": "w:", "gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
        self._archive = tarfile.TarFile.open(fileobj=out, mode=modes[compression], format=tarfile.PAX_FORMAT)

    def folder(self, name: str, status: os.stat_result) -> None:
        info = self._info(name, status)
        info.type = tarfile.DIRTYPE
        self._archive.addfile(info)

    def file(self, source: Source) -> None:
        info = self._info(source.name, source.status)
        info.size = source.status.st_size
        self._archive.addfile(info, source)

    def _info(self, name: str, status: os.stat_result) -> tarfile.TarInfo:
        """Without the owner: whoever unpacks it is."""
        info = tarfile.TarInfo(name)
        info.mode, info.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
        return info

    def close(self) -> None:
        self._archive.close()


class _Single:
    """One file, only compressed."""

    def __init__(self, out: BinaryIO, kind: str) -> None:
        self._out, self._kind = out, kind
        self._done = False

    def folder(self, name: str, status: os.stat_result) -> None:
        raise self._one_only()

    def file(self, source: Source) -> None:
        if self._done:
            raise self._one_only()
        self._done = True
        with self._compressed(source.status.st_mtime) as compressed:
            source.copy(compressed)

    def _compressed(self, modified: float) -> Any:
        if self._kind == "gz":
            return gzip.GzipFile("", "wb", fileobj=self._out, mtime=modified)
        form: Any = bz2.BZ2File if self._kind == "bz2" else lzma.LZMAFile
        return form(self._out, "wb")

    def _one_only(self) -> ToolError:
        return ToolError(
            f"{self._kind} compresses one file; for several, or a folder, make a tar.{self._kind}",
            code="invalid_parameters",
        )

    def close(self) -> None:
        pass  # each file is closed when it is written
