"""Files are searched, converted and watched."""

from __future__ import annotations

import base64
import codecs
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data import patterns
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    made = tmp_path / "inside"
    made.mkdir()
    (tmp_path / "secret.txt").write_text("needle in a secret\n")
    return made


@pytest.fixture
def tools(inside: Path) -> Tools:
    return Tools.standard(Policy((str(inside),)), Config({}))


def call(tools: Tools, name: str, **parameters: Any) -> Any:
    return tools.call(name, {key: str(one) if isinstance(one, Path) else one for key, one in parameters.items()})


# file-operations: the original's spellings, other bytes, large texts -------------------------------


def test_the_operations_by_their_other_names(tools: Tools, inside: Path) -> None:
    call(tools, "file_operations", operation="create_dir", path=inside / "a" / "b")
    call(tools, "file_operations", operation="write", path=inside / "a" / "b" / "note", input="x")
    moved = {"source_path": inside / "a" / "b" / "note", "target_path": inside / "a" / "moved"}
    call(tools, "file_operations", operation="move", **moved)
    assert call(tools, "file_operations", operation="list_dir", path=inside / "a")["result"] == ["b", "moved"]
    told = call(tools, "file_operations", operation="metadata", path=inside / "a" / "moved")["result"]
    assert (told["type"], told["size"], told["permissions"][0]) == ("file", 1, "-")


def test_any_bytes_and_large_texts(tools: Tools, inside: Path) -> None:
    raw = bytes(range(256))
    text = base64.b64encode(raw).decode()
    for operation in ("write", "append"):
        call(tools, "file_operations", operation=operation, path=inside / "raw", input=text, encoding="base64")
    assert (inside / "raw").read_bytes() == raw * 2
    again = call(tools, "file_operations", operation="read", path=inside / "raw", encoding="base64")["text"]
    assert base64.b64decode(again) == raw * 2
    large = "äöü €\n" * 600_000
    call(tools, "file_operations", operation="write", path=inside / "large", input=large)
    assert call(tools, "file_operations", operation="read", path=inside / "large")["text"] == large
    with pytest.raises(ToolError, match="not base64"):
        call(tools, "file_operations", operation="write", path=inside / "raw", input="*", encoding="base64")


# file-search ---------------------------------------------------------------------------------------


def search(tools: Tools, pattern: str, path: Path, **more: Any) -> Any:
    return call(tools, "file_search", pattern=pattern, path=path, **more)["result"]


def test_a_search_tells_lines_columns_and_what_is_around(tools: Tools, inside: Path) -> None:
    (inside / "a.txt").write_text("one\ntwo\nthe needle\nfour\nfive\nneedle\n")
    told = search(tools, "needle", inside, context_lines=1)
    assert told["matches"] == [
        {"path": "a.txt", "line": 3, "column": 5, "text": "the needle", "before": ["two"], "after": ["four"]},
        {"path": "a.txt", "line": 6, "column": 1, "text": "needle", "before": ["five"], "after": []},
    ]
    text = call(tools, "file_search", pattern="needle", path=inside / "a.txt", context_lines=0)["text"]
    assert text == "a.txt:3:the needle\na.txt:6:needle"


def test_which_files_are_searched(tools: Tools, inside: Path, tmp_path: Path) -> None:
    for name in ("a.txt", "b.md", "c.TXT", ".git/d.txt", "sub/e.txt", "sub/deep/f.txt", "build/g.txt"):
        path = inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("needle\n")
    (inside / "binary.txt").write_bytes(b"needle\0\1\2")
    (inside / "large.txt").write_text("needle" * 1000)
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    (inside / "way").symlink_to(tmp_path)

    def where(**more: Any) -> set[str]:
        found = search(tools, "needle", inside, max_file_size=1000, **more)["matches"]
        return {one["path"] for one in found}

    everything = {"a.txt", "b.md", "c.TXT", "sub/e.txt", "sub/deep/f.txt", "build/g.txt"}
    assert where() == everything
    assert where(include_extensions=["txt"]) == everything - {"b.md"}
    assert where(exclude_extensions=[".txt"]) == {"b.md"}
    assert where(exclude_dirs=["build"]) == everything - {"build/g.txt"} | {".git/d.txt"}
    assert where(recursive=False) == {"a.txt", "b.md", "c.TXT"}
    assert where(max_depth=1) == everything - {"sub/deep/f.txt"}
    told = search(tools, "needle", inside, max_file_size=1000)
    assert told["left_out"] == {"binary": 1, "too_large": 1, "unreadable": 0}


def test_plain_texts_patterns_and_case(tools: Tools, inside: Path) -> None:
    (inside / "a.txt").write_bytes("a.b\naxb\nA.B\n\xe9t\xe9 \n".encode("latin-1"))
    (inside / "wide.txt").write_bytes("über a.b\n".encode("utf-16"))

    def lines(pattern: str, **more: Any) -> list[Any]:
        return [(one["path"], one["line"]) for one in search(tools, pattern, inside, **more)["matches"]]

    assert lines("a.b") == [("a.txt", 1), ("wide.txt", 1)]
    assert lines("a.b", use_regex=True) == [("a.txt", 1), ("a.txt", 2), ("wide.txt", 1)]
    assert lines("a.b", case_sensitive=False) == [("a.txt", 1), ("a.txt", 3), ("wide.txt", 1)]
    assert lines("^über", use_regex=True) == [("wide.txt", 1)]
    assert search(tools, "b", inside, max_matches_per_file=1)["truncated"] is True
    with pytest.raises(ToolError, match="must not be empty"):
        search(tools, "", inside)
    with pytest.raises(ToolError, match="no such file"):
        search(tools, "x", inside / "missing")


@settings(deadline=None)
@given(
    st.lists(st.text("ab .-\x0b", max_size=5), max_size=6),
    st.sampled_from(
        [
            "a",
            "^a",
            "a$",
            "^$",
            "a*",
            "b|^",
            r"\ba",
            r"\Bb",
            "a.b",
            r"a\sb",
            r"\Aa",
            "[^a]",
            "(?<!a)b",
            r"\.",
            "",
            r"a\Z",
            "$",
        ]
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_pattern_means_the_same_in_many_lines_as_in_one(lines: list[str], pattern: str, end: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = end.join(lines)
        (Path(folder) / "a.txt").write_text(text, newline="")
        if not pattern:
            return
        tools = Tools.standard(Policy((folder,)), Config({}))
        given_ = search(tools, pattern, Path(folder), use_regex=True)["matches"]
        expected = [(n, m.start() + 1) for n, one in enumerate(text.splitlines(), 1) if (m := re.search(pattern, one))]
        assert [(one["line"], one["column"]) for one in given_] == expected


def test_a_pattern_that_would_take_ages_is_an_error(
    tools: Tools, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.1)
    (inside / "a.txt").write_text("a" * 60 + "b\n")
    with pytest.raises(ToolError, match="takes longer than"):
        search(tools, "(a|a)*c|(a+)+$", inside, use_regex=True)


# file-converter ------------------------------------------------------------------------------------


def convert(tools: Tools, operation: str, path: Path, **more: Any) -> Any:
    return call(tools, "file_converter", operation=operation, path=path, **more)["result"]


GERMAN = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Falsches Üben von Xylophonmusik quält.\n" * 5
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. Широкая электрификация южных губерний.\n" * 5
JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた。\n" * 5
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"), (GERMAN, "utf-8-sig"), (GERMAN, "utf-16"), (GERMAN, "utf-32"), (GERMAN, "cp1252"),
        (RUSSIAN, "utf-8"), (RUSSIAN, "utf-16"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"), ("plain\n", "ascii"),
    ],
)  # fmt: skip
def test_a_file_is_read_in_the_encoding_that_it_has(tools: Tools, inside: Path, text: str, encoding: str) -> None:
    path = inside / "text"
    path.write_bytes(text.encode(encoding))
    told = convert(tools, "encoding", path)
    assert path.read_text(encoding="utf-8") == text, told


def test_a_large_file_is_not_judged_by_half_a_character(tools: Tools, inside: Path) -> None:
    text = JAPANESE * 3000
    for start in ("", "x", "xy"):
        (inside / "text").write_bytes((start + text).encode("shift_jis"))
        convert(tools, "encoding", inside / "text")
        assert (inside / "text").read_text(encoding="utf-8") == start + text


def test_what_can_only_be_guessed_says_so(tools: Tools, inside: Path) -> None:
    (inside / "text").write_bytes("naïve".encode("latin-1"))
    told = convert(tools, "detect", inside / "text")
    assert told["confidence"] < 1 and told["others"]


def test_there_and_back(tools: Tools, inside: Path) -> None:
    path = inside / "text"
    path.write_text(GERMAN)
    for encoding in ("utf-16", "latin-1", "utf-32-be", "cp1252", "utf-8"):
        convert(tools, "encoding", path, to_encoding=encoding)
        assert path.read_bytes().decode(encoding) == GERMAN
        convert(tools, "encoding", path, from_encoding=encoding, to_encoding="utf-8")
        assert path.read_bytes() == GERMAN.encode()
    convert(tools, "encoding", path, add_bom=True)
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    assert convert(tools, "detect", path)["bom"] is True


def test_no_character_is_lost_in_silence(tools: Tools, inside: Path) -> None:
    path = inside / "text"
    path.write_text("plain\nprice: 5 €\n")
    with pytest.raises(ToolError, match=r"iso8859-1 has no '€' \(line 2\)"):
        convert(tools, "encoding", path, to_encoding="latin-1")
    assert path.read_text() == "plain\nprice: 5 €\n"
    convert(tools, "encoding", path, to_encoding="latin-1", on_error="replace")
    assert path.read_bytes() == b"plain\nprice: 5 ?\n"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ToolError, match="byte 0xe9 at 3"):
        convert(tools, "encoding", path, from_encoding="utf-8")
    for wrong in ("utf-9", "base64", "hex", "rot13", "\0"):
        with pytest.raises(ToolError, match="no encoding"):
            convert(tools, "encoding", path, to_encoding=wrong)


def test_line_ends_whatever_the_encoding(tools: Tools, inside: Path) -> None:
    path = inside / "text"
    for encoding in ("utf-8", "utf-16", "utf-8-sig"):
        path.write_bytes("ä\r\nb\nc\rd".encode(encoding))
        assert convert(tools, "detect", path)["line_endings"] == {"crlf": 1, "lf": 1, "cr": 1}
        assert convert(tools, "line_endings", path, line_ending="windows")["changed"] == 2
        assert path.read_bytes().decode(encoding) == "ä\r\nb\r\nc\r\nd"
        convert(tools, "line_endings", path, line_ending="lf")
        assert path.read_bytes() == "ä\nb\nc\nd".encode(encoding)


def test_indentation(tools: Tools, inside: Path) -> None:
    path = inside / "text"
    path.write_bytes(b"\tone\n  \ttwo\tthree\r\n      four\n\n")
    assert convert(tools, "indentation", path)["changed"] == 2
    assert path.read_bytes() == b"    one\n    two\tthree\r\n      four\n\n"
    convert(tools, "indentation", path, convert_to_spaces=False, target_path=inside / "tabs")
    assert (inside / "tabs").read_bytes() == b"\tone\n\ttwo\tthree\r\n\t  four\n\n"
    with pytest.raises(ToolError, match="outside"):
        convert(tools, "indentation", path, target_path=inside.parent / "out")


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.sampled_from(["encoding", "line_endings", "indentation", "detect"]))
def test_whatever_the_bytes_are_it_is_converted_or_refused(raw: bytes, operation: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(raw)
        try:
            convert(Tools.standard(Policy((folder,)), Config({})), operation, path)
        except ToolError:
            assert path.read_bytes() == raw
        assert os.listdir(folder) == ["file"]


# file-watcher --------------------------------------------------------------------------------------


class Watching:
    """A watch on a thread of its own, and what it gave."""

    def __init__(self, tools: Tools, **parameters: Any) -> None:
        self._tools, self._parameters = tools, parameters
        self._begun = threading.Event()
        self.answer: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._begun.wait()

    def _run(self) -> None:
        try:
            given = {"operation": "watch", "timeout_seconds": 20, **self._parameters}
            self.answer = self._tools.call("file_watcher", given, progress=lambda *_: self._begun.set())
        except ToolError as error:
            self.answer = {"error": error.code}
        finally:
            self._begun.set()

    def ended(self) -> dict[str, Any]:
        self._thread.join()
        return self.answer


def test_what_happens_is_told(tools: Tools, inside: Path) -> None:
    (inside / "sub").mkdir()
    watching = Watching(tools, input=[str(inside)], pattern="*.txt", max_events=1)
    (inside / "sub" / "other.md").write_text("x")
    (inside / "sub" / "note.txt").write_text("x")
    told = watching.ended()["result"]
    assert told["events"][0]["path"] == str(inside / "sub" / "note.txt")
    assert (told["count"], told["ended_by"]) == (1, "max_events")
    watching = Watching(tools, input=[str(inside)], max_events=1)
    (inside / "sub" / "note.txt").unlink()
    assert watching.ended()["result"]["events"] == [{"type": "deleted", "path": str(inside / "sub" / "note.txt")}]


def test_the_calls_limit_gives_what_was_seen(tools: Tools, inside: Path) -> None:
    parameters = {"operation": "watch", "input": [str(inside)], "timeout_seconds": 300}
    told = tools.call("file_watcher", parameters, seconds=1)["result"]
    assert told == {"events": [], "count": 0, "ended_by": "timeout"}


def test_a_watch_that_is_interrupted_ends(tools: Tools, inside: Path) -> None:
    watching = Watching(tools, input=[str(inside)])
    tools.interrupt()
    assert watching.ended() == {"error": "cancelled"}


def test_only_what_is_allowed_is_watched(tools: Tools, inside: Path, tmp_path: Path) -> None:
    (inside / "way").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    for path in (tmp_path, inside / "way", inside / ".."):
        with pytest.raises(ToolError, match="outside of the allowed"):
            call(tools, "file_watcher", operation="watch", input=[str(path)])
    watching = Watching(tools, input=[str(inside)], max_events=1)
    (tmp_path / "outside" / "hidden").write_text("x")
    (inside / "seen").write_text("x")
    assert [one["path"] for one in watching.ended()["result"]["events"]] == [str(inside / "seen")]


def test_a_link_to_everything_is_not_followed(tools: Tools, inside: Path) -> None:
    """The library would, and fail where it may not look."""
    (inside / "way").symlink_to("/")
    watching = Watching(tools, input=[str(inside)], max_events=1)
    (inside / "seen").write_text("x")
    assert watching.ended()["result"]["events"][0]["path"] == str(inside / "seen")


def test_a_folder_that_is_new_is_watched_too(tools: Tools, inside: Path) -> None:
    begun = threading.Event()
    parameters = {
        "operation": "watch",
        "input": [str(inside)],
        "pattern": "*.txt",
        "max_events": 4,
        "timeout_seconds": 20,
    }
    answers: list[Any] = []

    def run() -> None:
        answers.append(tools.call("file_watcher", parameters, progress=lambda *_: begun.set())["result"])

    watching = threading.Thread(target=run)
    watching.start()
    begun.wait()
    (inside / "new" / "deep").mkdir(parents=True)
    (inside / "new" / "deep" / "first.txt").write_text("at once, before it is watched")
    while watching.is_alive():
        (inside / "new" / "deep" / "again.txt").write_text("until it is seen")
    assert {os.path.basename(one["path"]) for one in answers[0]["events"]} == {"first.txt", "again.txt"}


def test_how_it_would_watch(tools: Tools, inside: Path) -> None:
    told = call(tools, "file_watcher", operation="config", input=[str(inside)], timeout_ms=1500)["result"]
    assert told["timeout_seconds"] == 1.5
    for wrong in ({"debounce_ms": 0}, {"max_events": 0}, {"timeout_ms": -1}, {"timeout_ms": 1, "timeout_seconds": 1}):
        with pytest.raises(ToolError) as raised:
            call(tools, "file_watcher", operation="watch", input=[str(inside)], **wrong)
        assert raised.value.code == "invalid_parameters"
    with pytest.raises(ToolError, match="from 1 to"):
        call(tools, "file_watcher", operation="watch", input=[])


def test_a_text_of_few_other_letters_is_taken_for_latin(tools: Tools, inside: Path) -> None:
    for text in ("caf\xe9", "na\xefve caf\xe9\n", "Se\xf1or, \xbfqu\xe9 tal?", "price: 5\u20ac"):
        (inside / "old").write_bytes(text.encode("cp1252"))
        assert call(tools, "file-converter", operation="detect", path=inside / "old")["result"]["encoding"] == "cp1252"
        call(tools, "file-converter", operation="encoding", path=inside / "old")
        assert (inside / "old").read_text("utf-8") == text


def test_two_stars_are_any_folders(tools: Tools, inside: Path) -> None:
    for path in ("a.txt", "x/a.txt", "x/y/a.txt", "x/y/b.md"):
        (inside / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (inside / "tree" / path).touch()

    def found(pattern: str) -> Any:
        return call(tools, "file-operations", operation="find", path=inside / "tree", pattern=pattern)["result"]

    assert found("**/*.txt") == ["a.txt", "x/a.txt", "x/y/a.txt"]
    assert found("x/*.txt") == ["x/a.txt"]
    assert found("**/y/*") == ["x/y/a.txt", "x/y/b.md"]


def test_how_it_would_watch_is_told_without_files(tools: Tools) -> None:
    assert call(tools, "file-watcher", operation="config")["result"]["paths"] == []
    with pytest.raises(ToolError, match="must name from 1"):
        call(tools, "file-watcher", operation="watch")
