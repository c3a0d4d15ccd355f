"""text-manipulator: the cases, forms and options of texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of

TOOLS = Tools.standard()


def text(operation: str, input: Any, **parameters: Any) -> Any:
    return TOOLS.call("text-manipulator", {"operation": operation, "input": input, **parameters})["result"]


def refused(operation: str, input: Any, **parameters: Any) -> str:
    return str(error_of(lambda: text(operation, input, **parameters)))


@pytest.mark.parametrize(
    ("input", "snake", "camel", "pascal"),
    [
        ("hello world", "hello_world", "helloWorld", "HelloWorld"),
        ("parseHTTPResponse2", "parse_http_response2", "parseHttpResponse2", "ParseHttpResponse2"),
        ("kebab-case.and/more", "kebab_case_and_more", "kebabCaseAndMore", "KebabCaseAndMore"),
        ("ALL_CAPS", "all_caps", "allCaps", "AllCaps"),
        ("größteZahl", "größte_zahl", "größteZahl", "GrößteZahl"),
        ("  x  ", "x", "x", "X"),
        ("…", "", "", ""),
    ],
)
def test_cases_of_names(input: str, snake: str, camel: str, pascal: str) -> None:
    assert text("snake_case", input) == snake
    assert text("camel_case", input) == camel
    assert text("pascal_case", input) == pascal


def test_truncate_counts_its_suffix_and_cuts_no_letter_in_two() -> None:
    assert text("truncate", "x" * 100) == "x" * 100
    assert text("truncate", "x" * 101) == "x" * 97 + "..."
    assert text("truncate", "cafe\u0301 noir", width=5, suffix="…") == "caf…"
    assert text("truncate", "family: 👨‍👩‍👧!", width=11, suffix="…") == "family: …"
    assert text("truncate", "abcdef", width=2) == ".."


def test_lines() -> None:
    assert text("indent", "a\n\nb") == "    a\n\n    b"
    assert text("indent", "a", options={"spaces": 2}) == "  a"
    assert text("dedent", "    a\n      b\n") == "a\n  b\n"
    assert text("normalize_whitespace", " a \t b\n\nc ") == "a b c"
    assert text("word_wrap", "one two three\nfour", width=8) == "one two\nthree\nfour"
    assert max(map(len, text("word_wrap", "word " * 100).splitlines())) <= 80
    assert text("join", "a\nb", separator=", ") == "a, b"


def test_what_can_not_be_seen_is_taken_out() -> None:
    assert text("sanitize", "a\0b\x1b[31mc\r\nd\u202ee\u200bf\ufeff") == "ab[31mc\ndef"
    assert text("sanitize", "bytes \udcff!") == "bytes !"
    assert text("sanitize", "e\u0301 👨‍👩‍👧 می‌خواهم") == "é 👨‍👩‍👧 می‌خواهم"


def test_the_table_of_options_says_the_same() -> None:
    assert text("replace", "aaa", options={"from": "a", "to": "b"}) == "bbb"
    assert text("split", "a;b", options={"delimiter": ";"}) == ["a", "b"]
    assert text("join", ["a", "b"], options={"delimiter": "-"}) == "a-b"
    assert text("truncate", "abcdef", options={"length": 4}) == "a..."
    assert text("word_wrap", "one two", options={"width": 4}) == "one\ntwo"
    assert text("substring", "hello", options={"start": 1, "end": 3}) == "el"
    assert text("substring", "hello", options={"start": 1.0}) == "ello"
    assert text("substring", "hello", options={"end": -1}) == "hell"
    assert "widht: unknown parameter; did you mean 'width'?" in refused("truncate", "x", options={"widht": 3})
    assert "start: expected a whole number" in refused("substring", "x", options={"start": "1"})


def test_an_indentation_does_not_fill_the_memory() -> None:
    assert "longer" in refused("indent", "a\n" * 10**5, width=10**6)


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(["snake_case", "camel_case", "sanitize", "word_wrap", "truncate"]))
def test_what_is_in_form_stays_as_it_is(given_: str, operation: str) -> None:
    once = text(operation, given_, **({"width": 9} if operation in ("word_wrap", "truncate") else {}))
    if operation in ("sanitize", "snake_case"):
        assert text(operation, once) == once
    if operation == "truncate":
        assert len(once) <= 9


def test_a_title_and_a_text_backwards_as_people_write_them() -> None:
    assert text("title", "it's o’neil's 3rd 'quoted' well-known élan") == "It's O’neil's 3rd 'Quoted' Well-Known Élan"
    assert text("reverse", "ae\u0301👨‍👩‍👧b") == "b👨‍👩‍👧e\u0301a"


def test_a_list_in_json_is_joined() -> None:
    assert text("join", '["a", "b"]', options={"delimiter": "-"}) == "a-b"
    assert text("join", "[a]\nb", separator="-") == "[a]-b"
