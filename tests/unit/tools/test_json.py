"""json-processor: JMESPath and jq told apart, jq kept in its place, values one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data.json_streams import values
from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of

DATA = {"a": [1, 2, 3], "b": {"c": "x"}, "people": [{"name": "Ada", "age": 36}, {"name": "Alan", "age": 41}]}


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    tools = Tools.standard(settings=Config({}))
    yield tools
    tools.close()


def ask(tools: Tools, query: str, input: Any = DATA, **more: Any) -> Any:
    return tools.call("json_processor", {"operation": "query", "input": input, "query": query, **more})["result"]


def refused(tools: Tools, query: str, input: Any = DATA, **more: Any) -> str:
    return str(error_of(lambda: ask(tools, query, input, **more)))


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("a[1]", 2),
        ("b.c", "x"),
        ("people[?age > `40`].name", ["Alan"]),
        ("length(a)", 3),
        ("@.b", {"c": "x"}),
        ("people[*].{n: name}", [{"n": "Ada"}, {"n": "Alan"}]),
        (".", DATA),
        (".a[1]", 2),
        (".a | add", 6),
        (".people | map(select(.age > 40) | .name)", ["Alan"]),
        (".people[] | .name", ["Ada", "Alan"]),
        ("[.a[] | . * 2]", [2, 4, 6]),
        ("{n: .b.c}", {"n": "x"}),
        ('has("a")', True),
        ('.b | to_entries[] | "\\(.key)=\\(.value)"', "c=x"),
        ("keys", ["a", "b", "people"]),
        ("keys | length", 3),
        ("# a comment\n.b.c", "x"),
        ("def double: . * 2; .a | map(double)", [2, 4, 6]),
        (".a[] | select(. > 5)", None),
    ],
)
def test_a_query_in_either_language(tools: Tools, query: str, answer: Any) -> None:
    assert ask(tools, query) == answer


def test_the_language_can_be_said(tools: Tools) -> None:
    assert ask(tools, "keys", {"keys": 5}) == 5
    assert ask(tools, "keys", {"keys": 5}, language="jq") == ["keys"]
    assert ask(tools, "keys", language="jmespath") is None
    assert ask(tools, "[0]", [7], language="jq") == [0]
    assert ask(tools, "[0]", [7]) == 7
    assert "Parse error at column 0" in refused(tools, ".a", language="jmespath")
    assert "not a jq filter" in refused(tools, ".a[", language="jq")


def test_what_is_wrong_is_said_for_both_languages(tools: Tools) -> None:
    told = refused(tools, ".a |\n }")
    assert "neither JMESPath" in told and "nor jq" in told and "line 2" in told
    assert "foo/0 is not defined" in refused(tools, ".a | foo")
    assert 'Cannot index string with string ("d")' in refused(tools, ".b.c.d")


@pytest.mark.parametrize(
    ("query", "answer"),
    [("env | length", 0), ("$ENV | length", 0), ("[env.PATH, $ENV.PATH]", [None, None]), ("input_filename | .", None)],
)
def test_a_filter_does_not_see_the_environment(tools: Tools, query: str, answer: Any) -> None:
    assert ask(tools, query, language="jq") == answer


@pytest.mark.parametrize(
    "query",
    ['import "a" as a; .', 'include "a"; .', '"a" | modulemeta', ". | now", ". | input", 'import "a" as $d; $d'],
)
def test_a_filter_reads_no_files_and_no_clock(tools: Tools, query: str) -> None:
    assert refused(tools, query, language="jq")


def test_a_filter_without_end_is_killed_and_the_next_one_works(tools: Tools) -> None:
    with pytest.raises(ToolError) as raised:
        tools.call("json-processor", {"operation": "query", "input": 1, "query": "last(range(1e15))"}, seconds=0.5)
    assert raised.value.code == "timeout"
    assert "more than 1000000 results" in refused(tools, ".a[] | range(1e9)")
    assert "too much memory" in refused(tools, '[reduce range(40) as $i ("x"; . + .)] | length')
    assert ask(tools, ".b.c") == "x"


def stream(tools: Tools, input: Any, **more: Any) -> Any:
    return tools.call("json-processor", {"operation": "stream", "input": input, **more})["result"]


def test_values_one_by_one(tools: Tools) -> None:
    assert stream(tools, '{"n": 1}\n{"n": 2}\n\n{"n": 3}') == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert stream(tools, '{"n": 1} 2 "x"[]') == [{"n": 1}, 2, "x", []]
    assert stream(tools, '[1, {"a": 1.5}, [2]]') == [1, {"a": 1.5}, [2]]
    assert stream(tools, "[1, 2]\n[3]\n") == [[1, 2], [3]]
    assert stream(tools, "[\n1,\n2\n]\n") == [1, 2]
    assert stream(tools, "") == []
    assert stream(tools, '[{"n": 1}, {"n": 2}]', query=".n * 10") == [10, 20]
    assert stream(tools, '{"n": 1}\n{"n": 2}', query="n") == [1, 2]
    assert stream(tools, [{"n": 1}, {"n": 2}], query="n") == [1, 2]


def test_what_is_not_asked_for_is_not_read(tools: Tools) -> None:
    assert stream(tools, "[1, 2, broken", limit=2) == [1, 2]
    assert stream(tools, "1\n2\nbroken", limit=2) == [1, 2]
    with pytest.raises(ToolError, match="not JSON"):
        stream(tools, "[1, 2, broken")
    with pytest.raises(ToolError, match="line 3, column 1"):
        stream(tools, "1\n2\nbroken", limit=3)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.lists(JSON, min_size=2, max_size=4))
def test_lines_and_arrays_give_what_they_hold(items: list[Any]) -> None:
    assert list(values("\n".join(json.dumps(one) for one in items))) == items
    assert list(values(json.dumps(items, indent=1))) == items


@settings(deadline=None)
@given(st.text(alphabet='[]{}",:1e- \n\\u\ud800tf', max_size=20))
def test_whatever_is_given_the_answer_is_values_or_a_tool_error(text: str) -> None:
    try:
        list(values(text))
    except ToolError as error:
        assert "not JSON" in str(error)


def test_large_numbers_keep_their_digits_in_jq(tools: Tools) -> None:
    data = {"ids": [1234567890123456789, 5], "n": 12345678901234567890}
    assert ask(tools, "{n, first: .ids[0]}", data) == {"n": 12345678901234567890, "first": 1234567890123456789}
    assert ask(tools, ".ids | map(select(. > 10))", data) == [1234567890123456789]
    assert "JMESPath" in refused(tools, ".[] | .", [1234567890123456789, 1234567890123456790])
    assert ask(tools, "length", [1234567890123456789, 1234567890123456790]) == 2


def test_without_a_query_it_is_all(tools: Tools) -> None:
    assert tools.call("json_processor", {"operation": "query", "input": "[1]"})["result"] == [1]
