"""The built-in tools do what they say, and no more."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of

TOOLS = Tools.standard()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    TOOLS.close()


def call(name: str, **parameters: Any) -> Any:
    return TOOLS.call(name, parameters)["result"]


def refused(name: str, **parameters: Any) -> str:
    return str(error_of(lambda: TOOLS.call(name, parameters)))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("2^10", 1024),
        ("2 ** 0.5", math.sqrt(2)),
        ("-3 // 2", -2),
        ("10 % 3", 1),
        ("sqrt(16) + max(1, 2, 3)", 7.0),
        ("factorial(20)", 2432902008176640000),
        ("1 < 2 < 3", True),
        ("not (1 == 1) or 5", 5),
        ("1 if 2 > 1 else 0", 1),
        ("pi", math.pi),
        ("avg(1, 2, 3)", 2.0),
        ("log(8, 2)", 3.0),
    ],
)
def test_calculator(expression: str, value: Any) -> None:
    assert call("calculator", input=expression) == value
    assert call("calculator", expression=expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 < 2 && !(3 < 2) || 1/0", True), ("!1 == 0", True), ("3 != 4", True), ("2 × 3 ÷ 4 − 1", 0.5), ("2 * π == 2 * pi()", True),
        ("int(-3.9) + asinh(0) + atanh(0) + acosh(1)", -3.0), ("e()", math.e),
    ],
)  # fmt: skip
def test_calculator_as_others_write_it(expression: str, value: Any) -> None:
    assert call("calculator", input=expression) == value
    assert call("calculator", operation="validate", input=expression)["valid"]


def test_calculator_with_variables() -> None:
    assert call("calculator", input="a * b", variables={"a": 2, "b": 3.5}) == 7.0


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("9^9^9^9", "digits"),
        ("factorial(10000)", "too large"),
        ("1/0", "division by zero"),
        ("x + 1", "unknown name 'x'"),
        ("__import__('os')", "unknown function"),
        ("(1).__class__", "not arithmetic"),
        ("[x for x in (1,)]", "not arithmetic"),
        ("'a' * 3", "not arithmetic"),
        ("lambda: 1", "not arithmetic"),
        ("1 +", "can't read"),
        ("(" * 5000 + "1" + ")" * 5000, ""),
        ("sqrt(-1)", "sqrt"),
        ("(-8) ^ 0.5", "not a real number"),
        ("1e308 * 10 ^ 400", "too large"),
        ("9" * 9000 + "*" + "9" * 900, ""),
        ("9" * 4000 + "* 10", "digits"),
        ("lcm(" + ",".join(f"10^3000+{n}" for n in range(400)) + ")", "digits"),
    ],
)
def test_calculator_refuses(expression: str, words: str) -> None:
    assert words in refused("calculator", input=expression)


NUMBERS = st.integers(-1000, 1000).map(str) | st.floats(0.1, 100).map(lambda x: f"{x:.3f}")
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
)


@given(SUMS)
def test_calculator_agrees_with_python(expression: str) -> None:
    assert call("calculator", input=expression) == eval(expression)


@given(st.text(max_size=60))
def test_calculator_never_runs_anything(text: str) -> None:
    try:
        assert isinstance(call("calculator", input=text), bool | int | float)
    except ToolError:
        pass


def test_json() -> None:
    assert call("json_processor", input='{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert call("json_processor", operation="stringify", input={"a": 1}) == '{"a": 1}'
    assert call("json_processor", operation="query", input='{"a": [{"b": 1}]}', query="a[0].b") == 1
    assert call("json_processor", operation="merge", input={"a": {"b": 1}}, other={"a": {"c": 2}}) == {
        "a": {"b": 1, "c": 2}
    }
    schema = {"type": "object", "required": ["a"]}
    assert call("json_processor", operation="validate", input="{}", schema=schema)["valid"] is False
    assert "line 1, column 6" in refused("json_processor", input='{"a":')
    assert "query" in refused("json_processor", operation="query", input="{}", query="a[")


@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        ({"operation": "uppercase", "input": "straße"}, "STRASSE"),
        ({"operation": "split", "input": "a,b,c", "separator": ","}, ["a", "b", "c"]),
        ({"operation": "join", "input": ["a", "b"], "separator": "-"}, "a-b"),
        ({"operation": "replace", "input": "aaa", "find": "a", "replacement": "b", "count": 2}, "bba"),
        ({"operation": "regex_replace", "input": "a1b2", "find": r"\d", "replacement": "#"}, "a#b#"),
        ({"operation": "regex_find", "input": "a1b22", "find": r"\d+"}, ["1", "22"]),
        ({"operation": "substring", "input": "hello", "start": 2, "finish": -2}, "ell"),
        ({"operation": "substring", "input": "hello", "start": -3}, "llo"),
        ({"operation": "slug", "input": "Ünï Çode!"}, "uni-code"),
        ({"operation": "length", "input": "né"}, 2),
        ({"operation": "count", "input": "banana", "find": "an"}, 2),
    ],
)
def test_text(parameters: dict, value: Any) -> None:
    assert call("text_manipulator", **parameters) == value


def test_text_refuses() -> None:
    assert "pattern" in refused("text_manipulator", operation="regex_find", input="x", find="(")
    assert "needs `find`" in refused("text_manipulator", operation="replace", input="x")
    assert "longer" in refused("text_manipulator", operation="repeat", input="x" * 1000, count=10**9)


def test_a_pattern_that_would_take_ages_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmspell_kernel.tools.data.patterns.SECONDS", 0.1)
    text, pattern = "x" * 5000, "(x+x+)+y"
    assert "longer than 0.1 s" in refused("text_manipulator", operation="regex_find", input=text, find=pattern)
    schema = {"pattern": pattern}
    assert "longer than 0.1 s" in refused("json_processor", operation="validate", input=f'"{text}"', schema=schema)


def test_a_pattern_for_the_keys_of_an_object_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmspell_kernel.tools.data.patterns.SECONDS", 0.1)
    data, patterns = {"x" * 5000: 1}, {"patternProperties": {"(x+x+)+y": {}}}
    for schema in (patterns, {"additionalProperties": False, **patterns}):
        assert "longer than 0.1 s" in refused("json_processor", operation="validate", input=data, schema=schema)
    newest = {"$schema": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": False}
    hidden = {**newest, "allOf": [patterns]}
    assert "can't be checked" in refused("json_processor", operation="validate", input=data, schema=hidden)
    assert not call("json_processor", operation="validate", input=data, schema=newest)["valid"]


def test_a_schema_for_the_keys_of_an_object() -> None:
    schema = {"patternProperties": {"^n_": {"type": "number"}}, "properties": {"a": {}}, "additionalProperties": False}
    data = {"n_1": 1, "n_2": "two", "a": None, "b": 2}
    assert call("json_processor", operation="validate", input=data, schema=schema)["errors"] == [
        {"path": "$.n_2", "message": "'two' is not of type 'number'"},
        {"path": "$", "message": "Additional properties are not allowed ('b' was unexpected)"},
    ]


@pytest.mark.parametrize("operation", ["replace", "regex_replace"])
def test_a_replacement_does_not_fill_the_memory(operation: str) -> None:
    assert "longer" in refused(
        "text_manipulator", operation=operation, input="a" * 10**5, find="a", replacement="b" * 10**4
    )


def test_a_schema_reads_no_files(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"type": "string"}')
    reference = {"$ref": (tmp_path / "schema.json").as_uri()}
    assert "which is not in it" in refused("json_processor", operation="validate", input="5", schema=reference)


def test_hashes() -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert call("hash_calculator", input="abc")["hash"] == digest
    assert call("hash_calculator", input="abc", algorithm="crc32")["hash"] == "352441c2"
    assert call("hash_calculator", operation="verify", input="abc", expected=digest.upper())["valid"] is True
    assert call("hash_calculator", operation="verify", input="abd", expected=digest)["valid"] is False
    assert "either" in refused("hash_calculator")
    for wrong in (digest[1:], "z" + digest[1:], "\ud800", "é"):
        assert "hexadecimal" in refused("hash_calculator", operation="verify", input="abc", expected=wrong)
    assert "base64" in refused("hash_calculator", operation="verify", input="abc", expected="é", format="base64")
    assert "surrogate" in refused("hash_calculator", input="\ud800")


def test_dates() -> None:
    add = {"operation": "add", "unit": "months", "amount": 1}
    assert call("date_time_handler", input="2024-01-31", **add)["iso"] == "2024-02-29T00:00:00+00:00"
    between = call("date_time_handler", operation="difference", input="2024-02-28", other="2024-03-01")
    assert between["amount"] == 2
    there = call("date_time_handler", operation="convert", input="2024-07-01T12:00:00Z", timezone="Europe/Berlin")
    assert there["hour"] == 14
    assert call("date_time_handler", operation="format", input="2024-05-06", format="%d.%m.%Y") == "06.05.2024"
    assert call("date_time_handler", operation="parse", input="6 May 2024 10:30")["weekday"] == "Monday"
    assert "time zone" in refused("date_time_handler", timezone="Mars/Olympus")
    assert "can't read" in refused("date_time_handler", operation="parse", input="soonish")


@pytest.mark.parametrize(
    ("input", "zone", "iso"),
    [
        ("2024-01-05 10:00 EST", "UTC", "2024-01-05T10:00:00-05:00"),
        ("2024-01-05 10:00 PST", "America/Los_Angeles", "2024-01-05T10:00:00-08:00"),
        ("2024-10-27 02:30 CET", "Europe/Berlin", "2024-10-27T02:30:00+01:00"),
        ("2024-10-27 02:30 CEST", "Europe/Berlin", "2024-10-27T02:30:00+02:00"),
        ("2024-01-05 10:00 GMT", "Europe/Berlin", "2024-01-05T10:00:00+00:00"),
        ("2024-01-05T10:00:00-03:00", "Europe/Berlin", "2024-01-05T10:00:00-03:00"),
    ],
)
def test_the_zone_that_a_time_says(input: str, zone: str, iso: str) -> None:
    assert call("date_time_handler", operation="parse", input=input, timezone=zone)["iso"] == iso


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_an_abbreviation_that_means_nothing_there_is_refused(zone: str) -> None:
    for input in ("2024-07-05 10:00 PST", "10:00 XYZ"):
        told = refused("date_time_handler", operation="parse", input=input, timezone=zone)
        assert "unknown time zone" in told and "-05:00" in told


def test_a_time_without_a_zone_is_converted_from_utc() -> None:
    there = call("date_time_handler", operation="convert", input="2024-07-01 12:00", timezone="Europe/Berlin")
    assert there["iso"] == "2024-07-01T14:00:00+02:00"


@pytest.mark.parametrize(
    ("unit", "amount", "iso"),
    [
        ("hours", 24, "2024-03-31T13:00:00+02:00"),
        ("days", 1, "2024-03-31T12:00:00+02:00"),
        ("hours", 15, "2024-03-31T04:00:00+02:00"),
        ("months", 1, "2024-04-30T12:00:00+02:00"),
    ],
)
def test_hours_move_the_instant_and_days_the_calendar(unit: str, amount: int, iso: str) -> None:
    """The night in which Berlin's clocks go forward."""
    here = {"input": "2024-03-30 12:00", "timezone": "Europe/Berlin", "unit": unit}
    assert call("date_time_handler", operation="add", amount=amount, **here)["iso"] == iso
    assert call("date_time_handler", operation="difference", other=iso[:19], **here)["amount"] == pytest.approx(amount)


def test_a_day_later_at_an_hour_that_is_left_out() -> None:
    there = {"input": "2024-03-30 02:30", "timezone": "Europe/Berlin", "unit": "days", "amount": 1}
    assert call("date_time_handler", operation="add", **there)["iso"] == "2024-03-31T03:30:00+02:00"


@pytest.fixture
def files(tmp_path: Path) -> Tools:
    (tmp_path / "inside").mkdir()
    return Tools.standard(Policy((str(tmp_path / "inside"),)))


def do(files: Tools, operation: str, path: Path, **more: Any) -> Any:
    return files.call("file_operations", {"operation": operation, "path": str(path), **more})["result"]


def test_files(files: Tools, tmp_path: Path) -> None:
    note = tmp_path / "inside" / "note.txt"
    do(files, "write", note, input="bytes \udcff and text\n")
    assert note.read_bytes() == b"bytes \xff and text\n"
    do(files, "append", note, input="more")
    assert do(files, "read", note) == "bytes \udcff and text\nmore"
    do(files, "copy", note, to=str(note.with_name("copy.txt")))
    assert do(files, "list", note.parent) == ["copy.txt", "note.txt"]
    do(files, "delete", note)
    assert do(files, "exists", note) is False
    assert os.listdir(note.parent) == ["copy.txt"]


@pytest.mark.parametrize("way", ["../secret", "/etc/passwd", "link/secret", "inside/../../secret"])
def test_files_stay_in_their_sandbox(files: Tools, tmp_path: Path, way: str) -> None:
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "inside"
    (inside / "link").symlink_to(tmp_path)
    for operation in ("read", "write", "delete", "list", "exists"):
        with pytest.raises(ToolError, match="outside of the allowed folders"):
            do(files, operation, inside / way, input="x")
    with pytest.raises(ToolError, match="outside"):
        do(files, "copy", inside, to=str(inside / way))
    assert (tmp_path / "secret").read_text() == "secret"


@given(st.text(max_size=30))
def test_no_path_leaves_the_sandbox(path: str) -> None:
    root = os.path.realpath(os.path.dirname(__file__))
    policy = Policy((root,))
    try:
        found = policy.resolve(os.path.join(root, path))
    except ToolError:
        return
    assert found == root or found.startswith(root + os.sep)


def test_an_allowed_folder_itself_is_not_deleted(files: Tools, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="allowed folder itself"):
        do(files, "delete", tmp_path / "inside", recursive=True)


def test_deleting_a_link_leaves_what_it_leads_to(files: Tools, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "real").write_text("x")
    for target in (inside / "real", tmp_path / "elsewhere"):
        (inside / "link").symlink_to(target)
        do(files, "delete", inside / "link")
    assert os.listdir(inside) == ["real"]


def test_a_copy_into_a_folder_follows_no_link_that_is_there(files: Tools, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "note").write_text("new")
    (inside / "folder").mkdir()
    (inside / "folder" / "note").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(ToolError, match="outside"):
        do(files, "copy", inside / "note", to=str(inside / "folder"))
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(files: Tools, tmp_path: Path) -> None:
    pipe = tmp_path / "inside" / "pipe"
    os.mkfifo(pipe)
    for operation in ("read", "append", "write"):
        with pytest.raises(ToolError, match="a pipe"):
            do(files, operation, pipe, input="x")
    with pytest.raises(ToolError, match="a pipe"):
        files.call("hash_calculator", {"file": str(pipe)})
