"""data-validator: every rule holds what it says, and rules that can't be held to are explained."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools

TOOLS = Tools.standard()


def errors(input: Any, *rules: Any, **more: Any) -> list[tuple[str, str]]:
    """Where, and by which rule."""
    told = TOOLS.call("data_validation", {"input": input, "rules": list(rules), **more})["result"]
    assert told["valid"] == (not told["errors"])
    return [(one["path"], one["rule"]) for one in told["errors"]]


def message(input: Any, *rules: Any) -> str:
    text = TOOLS.call("data-validator", {"input": input, "rules": list(rules)})["text"]
    assert isinstance(text, str)
    return text


def refused(*rules: Any) -> str:
    with pytest.raises(ToolError) as raised:
        errors("x", *rules)
    assert raised.value.code == "invalid_parameters"
    return str(raised.value)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("required", ["x", 0, False, []], [None, "", "  "]),
        ({"type": "type", "expected": "string"}, ["", "x"], [1, True, []]),
        ({"type": "type", "expected": "integer"}, [1, 1.0, -5], [1.5, True, "1", float("nan"), float("inf")]),
        ({"type": "type", "expected": "number"}, [1, 1.5], [True, "1"]),
        ({"type": "type", "expected": "bool"}, [True], [1, "true"]),
        ({"type": "type", "expected": "list"}, [[], [1]], ["x", {"a": 1}]),
        ({"type": "length", "min": 2, "max": 3}, ["ab", "äöü", [1, 2]], ["a", "abcd", [1], 12]),
        ({"type": "length", "exact": 2}, ["ab"], ["abc"]),
        ({"type": "range", "min": 1, "max": 2}, [1, 1.5, 2], [0.9, 2.1, "1", True, float("nan")]),
        ({"type": "range", "exclusive_min": 0, "exclusive_max": 1}, [0.5], [0, 1]),
        ({"type": "pattern", "pattern": "^[a-z]+$"}, ["abc"], ["Abc", "", 5]),
        ({"type": "pattern", "regex": "b", "ignore_case": True}, ["ABC"], ["acd"]),
        ({"type": "enum", "values": ["a", 1, None]}, ["a", 1, 1.0], ["b", True, "1"]),
        ("email", ["ada@example.org", "a.b+c@sub.example.co"], ["ada", "ada@", "a b@example.org", 5, "x@y" * 9999]),
        ("url", ["https://example.org/a?b=1", "http://localhost:80/"], ["example.org", "javascript:alert(1)", "http://"]),
        ({"type": "url", "schemes": ["https"]}, ["https://example.org"], ["http://example.org"]),
        ("date", ["2024-02-29", "2024-02-29T10:00:00Z"], ["2023-02-29", "soon", 20240101]),
        ({"type": "date", "format": "%d.%m.%Y"}, ["29.02.2024"], ["2024-02-29"]),
        ({"type": "date", "min": "2024-01-01", "max": "2024-12-31"}, ["2024-06-01"], ["2023-12-31", "2025-01-01"]),
        ({"type": "custom", "expression": "value % 2 == 0"}, [2, 4.0], [3, "x"]),
        ({"type": "custom", "expression": "length > 1 and length < 4"}, ["ab", [1, 2]], ["a", 5]),
        ({"type": "array", "min_items": 1, "max_items": 2, "unique": True}, [[1], [1, "1"]], [[], [1, 1], "x"]),
        ({"type": "object", "required": ["a"]}, [{"a": 0}], [{}, {"a": None}, []]),
    ],
)  # fmt: skip
def test_every_rule(rule: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if errors(value, rule)] == []
    assert [value for value in bad if not errors(value, rule)] == []


def test_what_is_not_there_is_only_required() -> None:
    assert errors(None, {"type": "length", "min": 3}, "email") == []
    assert errors(None, "email", "required") == [("$", "required")]


def test_lists_and_tables_of_them() -> None:
    person = {"type": "object", "properties": {"name": ["required"], "mail": ["email"]}, "additional": False}
    people = {"type": "array", "items": [person]}
    given = [{"name": "Ada", "mail": "ada@example.org"}, {"mail": "no", "age": 3}, "x"]
    assert errors(given, people) == [
        ("$[1].age", "object"), ("$[1].name", "required"), ("$[1].mail", "email"), ("$[2]", "object"),
    ]  # fmt: skip


def test_rules_by_name_and_messages() -> None:
    by_name = {"required": True, "type": "string", "length": {"min": 3}, "pattern": "^a", "email": False}
    assert TOOLS.call("data-validator", {"input": "b", "rules": by_name})["result"]["errors"][0]["rule"] == "length"
    assert message("b", {"type": "length", "min": 3, "message": "too short"}) == "$: too short"
    assert message(1.5, {"type": "type", "expected": "integer"}) == "$: expected integer, not the number 1.5"
    both = [{"type": "length", "min": 3}, {"type": "pattern", "pattern": "^a"}]
    assert len(errors("b", *both)) == 2
    assert len(errors("b", *both, stop_on_first=True)) == 1
    told = TOOLS.call("data-validator", {"input": "b", "rules": {"rules": both, "stop_on_first": True}})["result"]
    assert len(told["errors"]) == 1


def test_a_rule_that_can_not_be_held_to_is_explained() -> None:
    assert "unknown rule 'lenght'; did you mean 'length'?" in refused({"type": "lenght"})
    assert "rules[1]: length has no option 'mn'; did you mean 'min'?" in refused({"type": "length", "mn": 1})
    assert "length: min must be a whole number" in refused({"type": "length", "min": "1"})
    assert "pattern needs pattern" in refused("pattern")
    assert "one of string, number" in refused({"type": "type", "expected": "sting"})
    assert "as arithmetic" in refused({"type": "custom", "expression": "1 +"})
    assert "rules[1].properties.a[1]" in refused({"type": "object", "properties": {"a": ["nothing"]}})
    assert "rules" in refused(5)
    deep: Any = "email"
    for _ in range(60):
        deep = {"type": "array", "items": deep}
    assert "nested too deeply" in refused(deep)


def test_a_pattern_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmspell_kernel.tools.data.patterns.SECONDS", 0.1)
    with pytest.raises(ToolError, match="longer than"):
        errors("x" * 5000, {"type": "pattern", "pattern": "(x+x+)+y"})


def test_there_is_an_end_to_problems() -> None:
    told = TOOLS.call("data-validator", {"input": [""] * 5000, "rules": [{"type": "array", "items": "required"}]})
    assert len(told["result"]["errors"]) == 1000
    assert told["message"] == "the first 1000 problems"


DATA = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["required", "type", "length", "range", "pattern", "enum", "email", "url", "date", "custom", "array", "object"]
RULES = st.fixed_dictionaries(
    {"type": st.sampled_from(NAMES)},
    optional={
        "min": st.integers(0, 3) | DATA, "pattern": st.just("a+") | DATA, "values": st.lists(DATA, max_size=2) | DATA,
        "expected": st.just("string") | DATA, "expression": st.just("length == 1") | DATA, "format": st.text(max_size=4),
        "properties": DATA, "items": DATA,
    },
)  # fmt: skip


@settings(deadline=None)
@given(DATA, RULES | DATA)
def test_whatever_is_given_the_answer_is_a_result_or_a_tool_error(value: Any, rule: Any) -> None:
    try:
        errors(value, rule)
    except ToolError as error:
        assert error.code == "invalid_parameters" or "pattern" in str(error)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("phone", "+14155550100", "0123"), ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810"),
        ("credit_card", "4111 1111 1111 1111", "4111 1111 1111 1112"), ("credit_card", "5500-0000-0000-0004", "0"),
    ],
)  # fmt: skip
def test_some_checks_have_names(name: str, good: str, bad: str) -> None:
    assert errors(good, {"type": "custom", "name": name}) == []
    assert (
        errors(bad, {"type": "custom", "name": name})
        == errors(5, {"type": "custom", "name": name})
        == [("$", "custom")]
    )
    assert "needs expression" in refused({"type": "custom", "name": "no such check"})


def test_the_rules_of_items_by_their_other_name() -> None:
    rule = {"type": "array", "unique": True, "item_rules": {"rules": [{"type": "type", "expected": "number"}]}}
    assert errors([1, "a", 1], rule) == [("$[2]", "array"), ("$[1]", "type")]
