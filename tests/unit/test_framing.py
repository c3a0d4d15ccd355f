"""Bytes from outside: any split, any garbage; messages come whole or the reason is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_dap.framing import MAX_BODY, BadMessage, Reader, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
MESSAGES = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5)


def surrogates_gone(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


@given(MESSAGES, st.lists(st.integers(0, 400), max_size=20))
def test_any_split_gives_the_same_messages(messages: list[dict], cuts: list[int]) -> None:
    data = b"".join(encode(message) for message in messages)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = Reader()
    found = [item for a, b in zip(edges, edges[1:], strict=False) for item in reader.feed(data[a:b])]
    assert found == messages
    assert not reader.inside


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_random_bytes_are_told_and_never_raise(chunks: list[bytes]) -> None:
    reader = Reader()
    found = [item for chunk in chunks for item in reader.feed(chunk)]
    assert all(isinstance(item, dict | BadMessage) for item in found)
    assert sum(isinstance(item, BadMessage) and item.fatal for item in found) <= 1


@given(st.text(st.characters(codec=None)))
def test_what_is_written_is_always_utf8_json(text: str) -> None:
    _, _, body = encode({"text": text}).partition(b"\r\n\r\n")
    assert surrogates_gone(json.loads(body.decode())["text"])


def feed(data: bytes) -> list:
    return list(Reader().feed(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"Content-Length: many\r\n\r\n{}", "not a number"),
        (b"Content-Length: -1\r\n\r\n{}", "not a number"),
        (b"Content-Type: x\r\n\r\n{}", "without Content-Length"),
        (b"GET / HTTP/1.1\r\n\r\n", "not a header line"),
        (f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode(), "at most"),
        (b"Content-Length: 99999999999999999999\r\n\r\n", "not a number"),
        (b"x" * 5000, "no end of the header"),
        (b"Content-Length: 2\n\n{}", "must end in"),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "two different lengths"),
        (b"Content-Length: 2.0\r\n\r\n{}", "not a number"),
        (b"\r\n\r\n", "not a header line"),
    ],
)
def test_a_header_that_can_not_be_read_ends_the_session(data: bytes, words: str) -> None:
    (problem,) = feed(data)
    assert problem.fatal
    assert words in problem.reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"", "not JSON"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b"\0", "not JSON"),
    ],
)
def test_a_body_that_is_no_message_is_skipped(body: bytes, words: str) -> None:
    good = encode({"type": "request"})
    problem, message = feed(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) + good)
    assert not problem.fatal
    assert words in problem.reason
    assert message == {"type": "request"}


def test_other_fields_and_any_case_are_accepted() -> None:
    assert feed(b"content-TYPE: a\r\nCONTENT-length:  2 \r\n\r\n{}") == [{}]


def test_the_last_of_two_equal_keys_counts_and_numbers_keep_their_size() -> None:
    body = b'{"a":1,"a":123456789012345678901234567890}'
    assert feed(b"Content-Length: %d\r\n\r\n%b" % (len(body), body)) == [{"a": 123456789012345678901234567890}]


def test_nan_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"x": float("nan")})
