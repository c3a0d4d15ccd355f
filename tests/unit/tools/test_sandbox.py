"""Nobody gets out of the allowed folders: not by ``..``, not by links, not by swapping links while a tool is at work."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.sandbox.policy import Policy

pytestmark = pytest.mark.skipif(not files.DESCRIPTORS, reason="no descriptors of folders here")


class Box:
    """An allowed folder, ``inside``, and a secret beside it."""

    def __init__(self, folder: Path) -> None:
        self.inside = folder / "inside"
        self.outside = folder / "outside"
        self.inside.mkdir()
        self.outside.mkdir()
        (self.outside / "note").write_text("secret")
        self.policy = Policy((str(self.inside),))
        self.tools = Tools(self.policy, Config({}))
        self.tools._later.update(Tools.standard()._later)

    def folder(self, name: str = "folder") -> Path:
        made = self.inside / name
        made.mkdir()
        (made / "note").write_text("mine")
        return made

    def do(self, operation: str, path: Path, **more: Any) -> Any:
        return self.tools.call("file_operations", {"operation": operation, "path": str(path), **more})["result"]

    def untouched(self) -> bool:
        return os.listdir(self.outside) == ["note"] and (self.outside / "note").read_text() == "secret"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


_swaps: dict[str, Callable[[], None]] = {}  # what is done just before something of that name is used
_hooked: list[bool] = []
_USES = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.listdir", "os.scandir", "shutil.move")


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _swaps and event in _USES and arguments and isinstance(arguments[0], str):
        action = _swaps.pop(os.path.basename(arguments[0]), None)
        if action is not None:
            action()


@contextmanager
def swapped(name: str, action: Callable[[], None]) -> Iterator[None]:
    """At the last moment, when Python is about to use that name, somebody else is quicker."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_hook)
    _swaps[name] = action
    try:
        yield
        assert name not in _swaps, f"{name} was never used"
    finally:
        _swaps.pop(name, None)


def by_a_link(path: Path, target: Path) -> Callable[[], None]:
    def swap() -> None:
        path.rename(path.with_name("away"))
        path.symlink_to(target)

    return swap


@pytest.mark.parametrize(
    ("operation", "more"),
    [("read", {}), ("append", {"input": "x"}), ("write", {"input": "x"}), ("list", {}), ("delete", {})],
)
def test_a_folder_that_becomes_a_link_at_the_last_moment(box: Box, operation: str, more: dict) -> None:
    folder = box.folder()
    path = folder if operation == "list" else folder / "note"
    with (
        swapped("folder", by_a_link(folder, box.outside)),
        pytest.raises(ToolError, match="replaced by a link") as raised,
    ):
        box.do(operation, path, **more)
    assert raised.value.code == "not_allowed"
    assert raised.value.details == {"rule": "links", "path": str(folder)}
    assert box.untouched()


@pytest.mark.parametrize("operation", ["read", "append"])
def test_a_file_that_becomes_a_link_at_the_last_moment(box: Box, operation: str) -> None:
    note = box.folder() / "note"
    with swapped("note", by_a_link(note, box.outside / "note")), pytest.raises(ToolError, match="replaced by a link"):
        box.do(operation, note, input="x")
    assert box.untouched()


def test_what_is_written_lands_in_the_folder_that_was_checked(box: Box) -> None:
    """The folder is swapped after it was opened, before the file is put in place."""
    folder = box.folder()

    def swap() -> None:
        by_a_link(folder, box.outside)()
        _swaps.clear()

    policy = box.policy
    with policy.replacing(str(folder / "note")) as file:
        swap()
        file.write(b"new")
    assert box.untouched()
    assert (box.inside / "away" / "note").read_text() == "new"
    assert os.listdir(box.inside / "away") == ["note"]


def test_a_tree_is_deleted_where_it_was(box: Box) -> None:
    deep = box.folder() / "deep"
    deep.mkdir()
    (deep / "note").write_text("mine")
    with swapped("deep", by_a_link(deep, box.outside)), pytest.raises(ToolError, match="link"):
        box.do("delete", deep.parent, recursive=True)
    assert box.untouched()


def test_a_tree_is_copied_without_what_links_lead_to(box: Box) -> None:
    folder = box.folder()
    (folder / "way").symlink_to(box.outside)
    box.do("copy", folder, to=str(box.inside / "copy"))
    assert (box.inside / "copy" / "way").is_symlink()
    with pytest.raises(ToolError, match="outside of the allowed"):
        box.do("read", box.inside / "copy" / "way" / "note")
    with pytest.raises(ToolError, match="into itself"):
        box.do("copy", folder, to=str(folder / "deeper"))


def test_a_thread_that_swaps_links_all_the_time_wins_nothing(box: Box) -> None:
    """Hundreds of reads and writes through a name that is a folder, a link out, nothing, in turns."""
    folder = box.folder()
    away, link = box.inside / "away", box.inside / "link"
    link.symlink_to(box.outside)
    over = threading.Event()
    turns = []

    def swap() -> None:
        while not over.is_set():
            folder.rename(away)
            link.rename(folder)
            folder.rename(link)
            away.rename(folder)
            turns.append(1)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        seen = _used(box, folder / "note", lambda n: n < 300 or len(turns) < 300)
    finally:
        over.set()
        swapper.join()
    assert seen
    assert not any("secret" in text for text in seen)
    assert box.untouched()


def _used(box: Box, note: Path, go_on: Callable[[int], bool]) -> set[str]:
    seen: set[str] = set()
    count = 0
    while go_on(count):
        count += 1
        for operation in ("read", "write", "append"):
            try:
                value = box.do(operation, note, input="new")
                if operation == "read":
                    seen.add(value)
            except ToolError:
                continue
    return seen


@settings(deadline=None)
@given(st.text(max_size=30))
def test_whatever_path_is_given_it_is_inside_or_refused(path: str) -> None:
    root = os.path.realpath(os.path.dirname(__file__))
    policy = Policy((root,))
    try:
        with policy.place(os.path.join(root, path)) as place:
            assert place.path == root or place.path.startswith(root + os.sep)
    except (ToolError, OSError):
        return


def test_a_refusal_says_which_line_would_allow_it(box: Box) -> None:
    with pytest.raises(ToolError) as raised:
        box.do("read", box.outside / "note")
    assert f'allowed_paths = ["{box.inside}", "{box.outside}"]' in str(raised.value)
    assert raised.value.details is not None and raised.value.details["rule"] == "tools.allowed_paths"


def test_the_settings_are_no_tools_to_change(box: Box) -> None:
    """Else a program would allow itself more, for the next time."""
    settings = box.inside / "llmspell.toml"
    settings.write_text('[tools]\nlevel = "safe"\n')
    note = box.folder() / "note"
    attempts: list[tuple[str, Path, dict]] = [
        ("write", settings, {"input": ""}), ("append", settings, {"input": "x"}), ("delete", settings, {}),
        ("move", settings, {"to": str(note)}), ("copy", note, {"to": str(settings)}),
        ("write", settings.with_name("LLMSPELL.toml"), {"input": ""}),
    ]  # fmt: skip
    for operation, path, more in attempts:
        with pytest.raises(ToolError, match="no tool changes it"):
            box.do(operation, path, **more)
    assert "safe" in box.do("read", settings)


def test_the_users_own_settings_are_no_tools_to_change(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor can they be put there by a name above them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(box.inside / "config"))
    prepared = box.folder("prepared")
    (prepared / "config.toml").write_text('[tools]\nallowed_paths = ["/"]\n')
    (box.inside / "config").mkdir()
    with pytest.raises(ToolError, match="no tool changes it"):
        box.do("move", prepared, to=str(box.inside / "config" / "llmspell"))
    (box.inside / "config" / "llmspell").mkdir()
    settings = box.inside / "config" / "llmspell" / "config.toml"
    attempts: list[tuple[str, Path, dict]] = [
        ("write", settings, {"input": ""}), ("copy", prepared / "config.toml", {"to": str(settings)}),
        ("move", settings.parent, {"to": str(box.inside / "away")}),
    ]  # fmt: skip
    for operation, path, more in attempts:
        with pytest.raises(ToolError, match="no tool changes it"):
            box.do(operation, path, **more)
    assert os.listdir(settings.parent) == []
    box.do("write", box.inside / "config" / "other.toml", input="x")


def test_a_folder_that_holds_an_allowed_one_is_not_moved(tmp_path: Path) -> None:
    inner = tmp_path / "project" / "data"
    inner.mkdir(parents=True)
    tools = Tools.standard(Policy((str(tmp_path), str(inner))))
    for operation in ("move", "delete"):
        with pytest.raises(ToolError, match="holds one"):
            tools.call(
                "file_operations", {"operation": operation, "path": str(inner.parent), "to": str(tmp_path / "x")}
            )


def test_the_root_of_all_is_an_allowed_folder_too(tmp_path: Path) -> None:
    everything = Tools.standard(Policy(("/",)))
    (tmp_path / "note").write_text("mine")
    read = {"operation": "read", "path": str(tmp_path / "note")}
    assert everything.call("file_operations", read)["text"] == "mine"
    with pytest.raises(ToolError, match="allowed folder itself"):
        everything.call("file_operations", {"operation": "delete", "path": "/"})


def test_an_allowed_folder_that_becomes_a_link_allows_nothing_more(box: Box, tmp_path: Path) -> None:
    box.folder()
    assert box.do("read", box.inside / "folder" / "note") == "mine"
    box.inside.rename(tmp_path / "away")
    box.inside.symlink_to(box.outside)
    for path in (box.inside / "note", box.outside / "note"):
        with pytest.raises(ToolError, match="outside"):
            box.do("read", path)


def test_an_allowed_folder_in_another_is_entered_from_that_one(tmp_path: Path) -> None:
    inner = tmp_path / "project" / "data"
    inner.mkdir(parents=True)
    (inner / "note").write_text("mine")
    (tmp_path / "other" / "data").mkdir(parents=True)
    (tmp_path / "other" / "data" / "note").write_text("secret")
    tools = Tools.standard(Policy((str(inner), str(tmp_path))))
    swap = by_a_link(tmp_path / "project", tmp_path / "other")
    with swapped("project", swap), pytest.raises(ToolError, match="replaced by a link"):
        tools.call("file_operations", {"operation": "read", "path": str(inner / "note")})


def test_a_single_file_may_be_allowed(box: Box) -> None:
    policy = Policy((str(box.outside / "note"),))
    assert policy.read(str(box.outside / "note")) == b"secret"
    policy.write(str(box.outside / "note"), b"changed")
    with pytest.raises(ToolError, match="outside"):
        policy.read(str(box.outside / "other"))


def test_too_much_is_refused_before_it_is_read(box: Box) -> None:
    policy = box.policy._replace(max_file_bytes=10)
    (box.inside / "large").write_bytes(b"x" * 11)
    with pytest.raises(ToolError, match=r"max_file_mb"):
        policy.read(str(box.inside / "large"))
    with pytest.raises(ToolError, match=r"max_file_mb"):
        policy.write(str(box.inside / "small"), b"x" * 11)
    assert os.listdir(box.inside) == ["large"]


def test_a_write_that_fails_leaves_what_was_there(box: Box) -> None:
    note = box.folder() / "note"

    def half() -> None:
        with box.policy.replacing(str(note)) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert note.read_text() == "mine"
    assert os.listdir(note.parent) == ["note"]
