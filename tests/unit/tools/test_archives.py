"""Archives: made and unpacked by us and by others; hostile ones leave nothing behind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.contents import archives
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy

KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    made = tmp_path / "inside"
    (made / "tree" / "deep").mkdir(parents=True)
    (made / "tree" / "empty").mkdir()
    (made / "tree" / "note.txt").write_text("mine\n")
    (made / "tree" / "deep" / "bytes").write_bytes(bytes(range(256)) * 100)
    (made / "tree" / "run").write_text("#!/bin/sh\n")
    (made / "tree" / "run").chmod(0o755)
    (tmp_path / "secret").write_text("secret")
    return made


@pytest.fixture
def tools(inside: Path) -> Tools:
    return Tools.standard(Policy((str(inside),)), Config({}))


def do(tools: Tools, operation: str, path: Path, **more: Any) -> Any:
    return tools.call("archive_handler", {"operation": operation, "path": str(path), **more})["result"]


def same(one: Path, other: Path) -> bool:
    def told(folder: Path) -> dict[str, Any]:
        return {
            str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")
        }

    return told(one) == told(other)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_in_comes_out(tools: Tools, inside: Path, kind: str) -> None:
    archive = inside / f"a.{kind}"
    made = do(tools, "create", archive, input=[str(inside / "tree")])
    assert (made["format"], made["count"], made["bytes"]) == (kind, 3, archive.stat().st_size)
    listed = do(tools, "list", archive)
    assert {one["name"] for one in listed["entries"]} == {
        "tree", "tree/deep", "tree/empty", "tree/note.txt", "tree/deep/bytes", "tree/run",
    }  # fmt: skip
    do(tools, "extract", archive, target_path=str(inside / "out"))
    assert same(inside / "tree", inside / "out" / "tree")
    assert os.access(inside / "out" / "tree" / "run", os.X_OK)
    assert not os.access(inside / "out" / "tree" / "note.txt", os.X_OK)
    assert (inside / "out" / "tree" / "note.txt").stat().st_mtime == pytest.approx(
        (inside / "tree" / "note.txt").stat().st_mtime, abs=2
    )


@pytest.mark.parametrize("kind", KINDS)
def test_others_read_what_we_make_and_we_what_they_make(tools: Tools, inside: Path, kind: str) -> None:
    do(tools, "create", inside / f"ours.{kind}", input=[str(inside / "tree")])
    shutil.unpack_archive(
        inside / f"ours.{kind}", inside / "theirs-out", **({} if kind == "zip" else {"filter": "data"})
    )
    assert same(inside / "tree", inside / "theirs-out" / "tree")
    forms = {"tar.gz": "gztar", "tar.bz2": "bztar", "tar.xz": "xztar"}
    theirs = shutil.make_archive(str(inside / "theirs"), forms.get(kind, kind), inside, "tree")
    do(tools, "extract", Path(theirs))
    assert same(inside / "tree", inside / "theirs" / "tree")


@pytest.mark.parametrize(
    ("kind", "unpack"), [("gz", gzip.decompress), ("bz2", bz2.decompress), ("xz", lzma.decompress)]
)
def test_one_file_is_only_compressed(tools: Tools, inside: Path, kind: str, unpack: Callable[[bytes], bytes]) -> None:
    archive = inside / f"bytes.{kind}"
    do(tools, "create", archive, input=[str(inside / "tree" / "deep" / "bytes")])
    assert unpack(archive.read_bytes()) == (inside / "tree" / "deep" / "bytes").read_bytes()
    assert do(tools, "list", archive)["entries"] == [{"name": "bytes", "type": "file", "size": 25600}]
    do(tools, "extract", archive, target_path=str(inside / "out"))
    assert (inside / "out" / "bytes").read_bytes() == bytes(range(256)) * 100
    os.mkfifo(inside / "pipe")
    with pytest.raises(ToolError, match="compresses one file"):
        do(tools, "create", inside / "none.gz", input=[str(inside / "pipe")])
    with pytest.raises(ToolError, match=f"make a tar.{kind}"):
        do(tools, "create", archive, input=[str(inside / "tree")])


def test_links_are_left_out_and_said_so(tools: Tools, inside: Path, tmp_path: Path) -> None:
    (inside / "tree" / "link").symlink_to(tmp_path / "secret")
    (inside / "tree" / "way").symlink_to(tmp_path)
    made = do(tools, "create", inside / "a.zip", input=[str(inside / "tree")])
    assert made["links_left_out"] == 2
    assert b"secret" not in (inside / "a.zip").read_bytes()


def test_an_archive_in_the_folder_is_not_put_into_itself(tools: Tools, inside: Path) -> None:
    for _ in range(2):
        do(tools, "create", inside / "tree" / "all.tar", input=[str(inside / "tree")])
        names = [one["name"] for one in do(tools, "list", inside / "tree" / "all.tar")["entries"]]
        assert "tree/all.tar" not in names and "tree/note.txt" in names and not any(".llmspell" in one for one in names)


def test_files_that_are_there_are_replaced_only_if_that_is_said(tools: Tools, inside: Path) -> None:
    do(tools, "create", inside / "a.zip", input=[str(inside / "tree")])
    (inside / "tree" / "note.txt").write_text("newer\n")
    with pytest.raises(ToolError, match="is there already; say overwrite"):
        do(tools, "extract", inside / "a.zip", target_path=str(inside))
    assert (inside / "tree" / "note.txt").read_text() == "newer\n"
    assert same(inside / "tree", inside / "tree")
    do(tools, "extract", inside / "a.zip", target_path=str(inside), overwrite=True)
    assert (inside / "tree" / "note.txt").read_text() == "mine\n"


# Hostile ones -------------------------------------------------------------------------------------

NAMES = [
    "../secret", "/etc/evil", "a/../../secret", "C:/evil", "C:evil", "..", "a/..", "\\..\\secret", "..\\secret",
    "x" * 300, "a/" * 200 + "x", "llmspell.toml", "deep/LLMSPELL.toml",
]  # fmt: skip


def in_a_zip(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("first.txt", "harmless")
        archive.writestr(zipfile.ZipInfo(name), "evil")
    return out.getvalue()


def in_a_tar(name: str, mode: str = "w", **fields: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        first = tarfile.TarInfo("first.txt")
        first.size = 8
        archive.addfile(first, io.BytesIO(b"harmless"))
        info = tarfile.TarInfo(name)
        info.size = 0 if "type" in fields else 4
        for key, value in fields.items():
            setattr(info, key, value)
        archive.addfile(info, io.BytesIO(b"evil"))
    return out.getvalue()


def refused(tools: Tools, inside: Path, data: bytes, words: str = ".") -> None:
    """Nothing of it is left, not even what came before."""
    before = sorted(inside.rglob("*"))
    (inside / "evil.archive").write_bytes(data)
    for target in (inside / "out", inside):
        with pytest.raises(ToolError, match=words):
            do(tools, "extract", inside / "evil.archive", target_path=str(target))
    (inside / "evil.archive").unlink()
    assert sorted(inside.rglob("*")) == before
    assert (inside.parent / "secret").read_text() == "secret"
    assert sorted(os.listdir(inside.parent)) == ["inside", "secret"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [in_a_zip, in_a_tar])
def test_no_name_leads_out(tools: Tools, inside: Path, name: str, make: Callable[[str], bytes]) -> None:
    if make is in_a_tar and "\\" in name:
        pytest.skip("there it is a letter like any other")
    refused(tools, inside, make(name), "refused|no tool changes it")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "../../secret"), (tarfile.SYMTYPE, "/etc"), (tarfile.SYMTYPE, "first.txt"),
        (tarfile.LNKTYPE, "../../secret"), (tarfile.LNKTYPE, "first.txt"), (tarfile.CHRTYPE, ""), (tarfile.FIFOTYPE, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_links_and_devices_are_refused(tools: Tools, inside: Path, kind: bytes, target: str, mode: str) -> None:
    refused(tools, inside, in_a_tar("way", mode, type=kind, linkname=target), "a link, a device or a pipe")


def test_a_link_in_a_zip_is_refused(tools: Tools, inside: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("way")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "../..")
    refused(tools, inside, out.getvalue(), "is a link")


def test_a_link_that_is_there_is_not_followed(tools: Tools, inside: Path, tmp_path: Path) -> None:
    (inside / "out").mkdir()
    (inside / "out" / "way").symlink_to(tmp_path)
    (inside / "out" / "first.txt").symlink_to(tmp_path / "secret")
    (inside / "a.tar").write_bytes(in_a_tar("way/new"))
    for overwrite in (False, True):
        with pytest.raises(ToolError, match="link|there already"):
            do(tools, "extract", inside / "a.tar", target_path=str(inside / "out"), overwrite=overwrite)
    assert sorted(os.listdir(tmp_path)) == ["inside", "secret"]
    assert (tmp_path / "secret").read_text() == "secret"


ZEROS = 24 * 1024 * 1024


def bomb_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as file:
        for _ in range(64):
            file.write(bytes(ZEROS // 64))
    return out.getvalue()


def lying_zip() -> bytes:
    """Both headers say that it has 100 bytes."""
    data = bytearray(bomb_zip())
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.rindex(magic)
        data[start + place : start + place + 4] = struct.pack("<L", 100)
    return bytes(data)


def bomb_tar(mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("zeros")
        info.size = ZEROS
        archive.addfile(info, io.BytesIO(bytes(ZEROS)))
    return out.getvalue()


def huge_header() -> bytes:
    """A header of names that has 24 MB by its own account, and would be read at once."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, ZEROS
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(ZEROS), 1)


def sparse_tar() -> bytes:
    """A few bytes that say of themselves to be a terabyte."""
    info = tarfile.TarInfo("holes")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % (1 << 32)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


BOMBS: dict[str, Callable[[], bytes]] = {
    "zip": bomb_zip, "lying zip": lying_zip, "tar.gz": lambda: bomb_tar("w:gz"), "tar.bz2": lambda: bomb_tar("w:bz2"),
    "tar.xz": lambda: bomb_tar("w:xz"), "gz": lambda: gzip.compress(bytes(ZEROS)),
    "xz": lambda: lzma.compress(bytes(ZEROS)), "header": huge_header, "sparse": sparse_tar,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_nothing_is_left(tools: Tools, inside: Path, name: str) -> None:
    refused(tools, inside, BOMBS[name](), "refused|not sound")


def test_too_many_entries(tools: Tools, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    do(tools, "create", inside / "two.zip", input=[str(inside / "tree" / "run"), str(inside / "tree" / "note.txt")])
    assert do(tools, "list", inside / "two.zip")["count"] == 2
    with pytest.raises(ToolError, match="more than 2 entries|at most 2 files"):
        do(tools, "create", inside / "three.tar", input=[str(inside / "tree")])
    assert not (inside / "three.tar").exists()
    refused(tools, inside, zlib.decompress(zlib.compress(in_three())), "more than 2 entries")


def in_three() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in "abc":
            archive.writestr(name, name)
    return out.getvalue()


def test_a_file_that_is_larger_than_is_allowed(inside: Path) -> None:
    small = Tools.standard(Policy((str(inside),), max_file_bytes=1000), Config({}))
    with pytest.raises(ToolError, match="max_file_mb"):
        do(small, "create", inside / "a.zip", input=[str(inside / "tree")])
    big = Tools.standard(Policy((str(inside),)), Config({}))
    do(big, "create", inside / "a.zip", input=[str(inside / "tree" / "deep")])
    with pytest.raises(ToolError, match="max_file_mb"):
        do(small, "extract", inside / "a.zip", target_path=str(inside / "out"))
    assert not (inside / "out").exists()


def test_an_encrypted_zip_says_so(tools: Tools, inside: Path) -> None:
    data = bytearray(in_a_zip("x"))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(magic) + place] |= 1
    refused(tools, inside, bytes(data), "encrypted")


def test_the_same_name_twice(tools: Tools, inside: Path) -> None:
    refused(tools, inside, in_a_tar("first.txt"), "in it twice")


def test_what_is_cut_off_leaves_nothing(tools: Tools, inside: Path) -> None:
    for kind in KINDS:
        do(tools, "create", inside / f"a.{kind}", input=[str(inside / "tree")])
        data = (inside / f"a.{kind}").read_bytes()
        (inside / f"a.{kind}").unlink()
        refused(tools, inside, data[: len(data) * 2 // 3])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_the_bytes_are_nothing_but_files_of_the_folder_comes_of_it(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([in_a_zip("a/b"), in_a_tar("a/b"), in_a_tar("a/b", "w:gz")]))
    raw = bytearray(good)
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=8)):
        raw[place] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "inside"
        inside.mkdir()
        (inside / "archive").write_bytes(raw)
        tools = Tools.standard(Policy((str(inside),)), Config({}))
        for operation in ("list", "extract"):
            try:
                do(tools, operation, inside / "archive", target_path=str(inside / "out"))
            except ToolError as error:
                assert error.code in ("failed", "not_allowed"), error
        assert os.listdir(folder) == ["inside"]
        assert not any(path.is_symlink() for path in inside.rglob("*"))
