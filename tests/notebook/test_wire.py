"""Frames ↔ messages, without sockets: what is signed, what is refused, and that garbage is nothing worse."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.messages import Author, Message
from llmspell_kernel.jupyter.murmur import murmur2
from llmspell_kernel.jupyter.wire import DELIMITER, Wire, WireError, encode

KEY = b"a key"
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
contents = st.dictionaries(st.text(), json_values, max_size=5)


def request(content: dict[str, object] | None = None) -> Message:
    return Author().message("execute_request", content or {"code": "1"}, identities=(b"client",))


@settings(max_examples=60, deadline=None)
@given(contents, contents, st.lists(st.binary(max_size=20), max_size=3))
def test_a_message_comes_as_it_was_sent(
    content: dict[str, object], metadata: dict[str, object], buffers: list[bytes]
) -> None:
    sent = Author().message("comm_msg", content, {"msg_id": "p"}, (b"client", b"route"), metadata, buffers)
    got = Wire(KEY).read(Wire(KEY).write(sent))
    clean = json.loads(encode(content)), json.loads(encode(metadata))
    assert got == sent._replace(content=clean[0], metadata=clean[1], buffers=tuple(buffers))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.just(DELIMITER), max_size=9))
def test_garbage_is_refused_and_nothing_worse(frames: list[bytes]) -> None:
    for key in (KEY, b""):
        with pytest.raises(WireError):
            Wire(key).read(frames)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000), st.integers(1, 255))
def test_a_bit_that_was_changed_on_the_way_is_noticed(frame: int, at: int, change: int) -> None:
    frames = Wire(KEY).write(request())
    data = bytearray(frames[frame])
    data[at % len(data)] ^= change
    frames[frame] = bytes(data)
    with pytest.raises(WireError, match="signature is wrong"):
        Wire(KEY).read(frames)


def test_another_key_is_refused_and_so_is_no_signature() -> None:
    frames = Wire(b"another").write(request())
    with pytest.raises(WireError, match="another key"):
        Wire(KEY).read(frames)
    frames[2] = b""
    with pytest.raises(WireError, match="not signed"):
        Wire(KEY).read(frames)


def test_a_message_is_taken_once() -> None:
    wire = Wire(KEY)
    frames = Wire(KEY).write(request())
    wire.read(frames)
    with pytest.raises(WireError, match="replay"):
        wire.read(frames)
    wire.read(Wire(KEY).write(request()))


@pytest.mark.parametrize(
    ("date", "is_taken"),
    [
        ("2026-11-26T10:00:00.5Z", True),
        ("2026-11-25T20:00:01-14:00", True),  # a client in the west; its clock is right
        ("2026-11-23T23:59:59Z", False),
        ("2019-01-01T00:00:00+00:00", False),
        ("2031-01-01T00:00:00Z", True),
        ("yesterday", True),
        (1764000000, True),
        (None, True),
    ],
)
def test_a_message_of_days_before_the_kernel_is_stale(date: object, is_taken: bool) -> None:
    wire = Wire(KEY, since=datetime(2026, 11, 26, 10, tzinfo=timezone.utc))
    frames = Wire(KEY).write(Message((), {"msg_id": "1", "msg_type": "x", "date": date}, {}, {}, {}))
    if is_taken:
        assert wire.read(frames).header["date"] == date
    else:
        with pytest.raises(WireError, match="before this kernel's time"):
            wire.read(frames)


def test_a_replay_is_remembered_for_at_least_30_000_messages_and_memory_is_bounded() -> None:
    wire, author = Wire(KEY), Wire(KEY)
    first = author.write(request())
    wire.read(first)
    for n in range(32_000):
        wire.read(author.write(Message((), {"msg_id": str(n), "msg_type": "x"}, {}, {}, {})))
    with pytest.raises(WireError, match="replay"):
        wire.read(first)
    assert len(wire._seen) + len(wire._seen_before) <= 2 * 32_768


@pytest.mark.parametrize(
    ("part", "text", "problem"),
    [
        (0, b"not json", "the header is no JSON"),
        (0, b"[]", "the header is no JSON object"),
        (0, b'{"msg_type": "x"}', "the header has no msg_id"),
        (0, b'{"msg_id": "1", "msg_type": 5}', "the header has no msg_type"),
        (3, b"[" * 100_000, "the content is no JSON"),
        (3, b"\xff\xfe", "the content is no JSON"),
        (2, b"null", "the metadata is no JSON object"),
    ],
)
def test_what_is_malformed_is_named(part: int, text: bytes, problem: str) -> None:
    parts = [b'{"msg_id": "1", "msg_type": "x"}', b"{}", b"{}", b"{}"]
    parts[part] = text
    signature = Wire(KEY)._signature(parts)
    with pytest.raises(WireError, match=problem):
        Wire(KEY).read([DELIMITER, signature, *parts])


def test_truncated_frames_are_counted() -> None:
    with pytest.raises(WireError, match="2 frames after the delimiter"):
        Wire(KEY).read([DELIMITER, b"", b"{}"])
    with pytest.raises(WireError, match=r"no <IDS\|MSG> among 1 frames"):
        Wire(KEY).read([b"x"])


def test_an_unknown_scheme_is_an_error() -> None:
    with pytest.raises(UserError, match="signature scheme 'rot13'"):
        Wire(KEY, "rot13")
    assert Wire(KEY, "hmac-sha512").write(request())


def test_what_json_has_no_word_for_is_sent_all_the_same() -> None:
    assert json.loads(encode({"nan": float("nan"), "half": "a\ud800b", "byte": "\udcff", "inf": [float("inf")]})) == {
        "nan": None, "half": "a\ufffdb", "byte": "\ufffd", "inf": [None],
    }  # fmt: skip


LARGE = 'a "line" of ü, \u2028 and \x7f\\\n\x00\t' * 5000


@pytest.mark.parametrize(
    "content",
    [
        {"code": LARGE},
        {"data": {"text/plain": LARGE, "application/json": {"1": [1.5, -0.0, 1e300, None, True, 2**63]}}},
        {"code": LARGE, "beyond 64 bits": 2**64},
        {"code": LARGE, "of an enclosing": (1, {2: "two"})},
    ],
)
def test_megabytes_are_written_as_little_is(content: dict[str, object]) -> None:
    assert json.loads(encode(content)) == json.loads(json.dumps(content))


def test_megabytes_hold_nothing_that_json_has_no_word_for_either() -> None:
    content = {"code": LARGE, "nan": float("nan"), "half": LARGE + "\ud800", "list": [float("-inf")]}
    assert json.loads(encode(content)) == {"code": LARGE, "nan": None, "half": LARGE + "\ufffd", "list": [None]}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("q = 1\nboom = q / 0", 2977267979),  # as JupyterLab and ipykernel named these cells
        ("def add(x, y):\n    r = x + y\n    return r\n\n# a comment\ntotal = 0\nfor i in range(3):\n"
         "    total = add(total, i)\nprint('total', total)", 184156462),
    ],
)  # fmt: skip
def test_cells_have_the_names_that_jupyterlab_gives_them(code: str, name: int) -> None:
    assert murmur2(code.encode(), 3339675911) == name
