"""csv-analyzer: what spreadsheets write is read, told of, and written as others want it."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of

TOOLS = Tools.standard()
PEOPLE = "name,age,city,born\nAda,36,London,1815-12-10\nGrace,85,New York,1906-12-09\nAlan,41,London,\n"


def do(operation: str, input: str = PEOPLE, **options: Any) -> Any:
    return TOOLS.call("csv_analyzer", {"operation": operation, "input": input, "options": options})["result"]


def names(operation: str, **options: Any) -> list[str]:
    return [row["name"] for row in do(operation, **options)["rows"]]


def refused(operation: str, input: str = PEOPLE, **options: Any) -> str:
    return str(error_of(lambda: do(operation, input, **options)))


def test_what_is_in_it() -> None:
    told = do("analyze")
    columns = {one["name"]: one for one in told["columns"]}
    assert {name: one["type"] for name, one in columns.items()} == {
        "name": "text",
        "age": "integer",
        "city": "text",
        "born": "date",
    }
    assert (columns["age"]["mean"], columns["age"]["median"], columns["age"]["sum"]) == (54, 41, 162)
    assert (columns["born"]["min"], columns["born"]["empty"]) == ("1815-12-10", 1)
    assert columns["city"]["most_common"][0] == {"value": "London", "count": 2}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1\n2", "integer"), ("1\n2.5", "number"), ("007\n008", "text"), ("true\nFALSE", "boolean"), ("\n", "empty"),
        ("2024-02-29", "date"), ("2023-02-30", "text"), ("2024-01-01T10:00:00", "datetime"), ("1e999", "text"),
        ("99999999999999999999", "number"), ("-0.5\n+3", "number"), ("١٢", "text"), ("1\nx", "text"),
    ],
)  # fmt: skip
def test_kinds_of_columns(text: str, kind: str) -> None:
    assert do("analyze", "a,b\n" + "".join(f"{one},x\n" for one in text.split("\n")))["columns"][0]["type"] == kind


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    told = do("analyze", "\ufeff" + PEOPLE.replace(",", delimiter))
    assert (told["delimiter"], told["columns"][0]["name"]) == (delimiter, "name")


def test_quotes_lines_and_rows_that_are_not_even() -> None:
    text = 'a,a,\r\n"x, ""y""\nz",2,3\r\n1\r\n1,2,3,4\r\n'
    told = do("analyze", text)
    assert [one["name"] for one in told["columns"]] == ["a", "a_2", "column_3"]
    assert told["ragged_rows"] == [{"row": 2, "fields": 1}, {"row": 3, "fields": 4}]
    assert do("sample", text, size=1)["rows"] == [{"a": 'x, "y"\nz', "a_2": "2", "column_3": "3"}]
    assert do("analyze", "1,2\n3,4\n", header=False)["columns"][1]["name"] == "column_2"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"filter": "age >= 41"}, ["Grace", "Alan"]),
        ({"filter": "age > 9 and city == London"}, ["Ada", "Alan"]),
        ({"filter": 'city = "New York" or name = Ada'}, ["Ada", "Grace"]),
        ({"filter": 'city == "and and or"'}, []),
        ({"filter": "name starts_with A"}, ["Ada", "Alan"]),
        ({"filter": "name ~ ^.{4}$"}, ["Alan"]),
        ({"filter": "born < 1900-01-01"}, ["Ada"]),
        ({"column": "age", "operator": "less_than", "value": 40}, ["Ada"]),
        ({"column": "age", "operator": "in", "value": [36, "85"]}, ["Ada", "Grace"]),
        ({"column": "born", "operator": "is_empty"}, ["Alan"]),
        ({"conditions": [{"column": "age", "op": ">", "value": 80}, {"column": "name", "value": "Ada"}], "match": "any"}, ["Ada", "Grace"]),
    ],
)  # fmt: skip
def test_rows_are_filtered(options: dict[str, Any], found: list[str]) -> None:
    assert names("filter", **options) == found


def test_columns_are_changed() -> None:
    told = do("transform", fill={"born": "?"}, map={"name": "uppercase"}, add={"months": "age * 12"}, sort_by="age",
              descending=True, select=["name", "months", "born"], rename={"born": "birth"}, limit=2)  # fmt: skip
    assert told["csv"] == "name,months,birth\nGRACE,1020,1906-12-09\nALAN,492,?\n"
    assert names("transform", unique=["city"]) == ["Ada", "Grace"]
    assert do("transform", drop=["born", "city"])["columns"] == ["name", "age"]
    assert do("transform", "a,b\n1,\n", add={"c": "a + b"})["rows"] == [{"a": "1", "b": "", "c": ""}]


def test_samples() -> None:
    numbers = "name,n\n" + "".join(f"{n},x\n" for n in range(100))

    def sample(**options: Any) -> list[str]:
        return [row["name"] for row in do("sample", numbers, **options)["rows"]]

    assert sample() == [str(n) for n in range(10)]
    assert sample(size=2, method="last") == ["98", "99"]
    assert sample(size=4, method="systematic") == ["0", "25", "50", "75"]
    assert sample(size=5, method="random", seed=7) == sample(size=5, method="random", seed=7)
    assert len(set(sample(size=100, method="random"))) == 100
    assert sample(size=0) == []


def test_columns_are_held_to_rules() -> None:
    told = do("validate", "id,mail,age\n1,a@example.org,5\n1,no,x\n,b@example.org,\n3,c@example.org\n", required=["id", "name"],
              rules={"id": ["required", {"type": "type", "expected": "integer"}], "mail": ["email"], "age": {"range": {"max": 9}}})  # fmt: skip
    assert [(one["row"], one["column"], one["rule"]) for one in told["errors"]] == [
        (None, "name", "required"), (4, None, "width"), (2, "mail", "email"), (2, "age", "range"), (3, "id", "required"),
    ]  # fmt: skip
    assert do("validate", rules={"name": [{"type": "length", "max": 9}], "city": {"enum": ["London", "New York"]}})[
        "valid"
    ]


def output(**options: Any) -> Any:
    return do("convert", **options)["output"]


def test_as_text_of_other_kinds() -> None:
    rows = json.loads(output(format="json"))
    assert rows[0] == {"name": "Ada", "age": 36, "city": "London", "born": "1815-12-10"} and rows[2]["born"] is None
    assert [json.loads(line) for line in output(format="jsonl").splitlines()] == rows
    assert json.loads(output(typed=False))[0]["age"] == "36"
    assert output(format="tsv").splitlines()[0] == "name\tage\tcity\tborn"
    assert output(format="csv") == PEOPLE


def test_as_a_workbook_whose_formulas_are_texts() -> None:
    text = PEOPLE + '"=1+1",5,,\n'
    made = do("convert", text, format="xlsx")["output"].encode("utf-8", "surrogateescape")
    sheet = openpyxl.load_workbook(BytesIO(made)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[1][:3] == ("Ada", 36, "London") and rows[1][3] == "1815-12-10"  # Excel knows no year before 1900
    assert str(rows[2][3]) == "1906-12-09 00:00:00"
    assert sheet["A5"].value == "=1+1" and sheet["A5"].data_type == "s"
    assert "control characters" in refused("convert", "a,b\n\x01,x\n", format="xlsx")


def test_as_parquet_with_types() -> None:
    made = output(format="parquet").encode("utf-8", "surrogateescape")
    table = pq.read_table(BytesIO(made))
    assert [str(field.type) for field in table.schema] == ["string", "int64", "string", "date32[day]"]
    assert table.column("age").to_pylist() == [36, 85, 41] and table.column("born").to_pylist()[2] is None


def test_what_is_wrong_is_said() -> None:
    assert "no column 'agee'; did you mean 'age'?" in refused("filter", filter="agee > 1")
    assert "can't read 'age'" in refused("filter", filter="age")
    assert "either `and` or `or`" in refused("filter", filter="age > 1 and age < 2 or age = 3")
    assert "filter takes no 'fitler'; did you mean 'filter'?" in refused("filter", fitler="x")
    assert "operator: unknown 'liek'" in refused("filter", column="age", operator="liek", value=1)
    assert "format: expected json" in refused("convert", format="doc")
    assert "no rows" in refused("analyze", "\n\n")
    assert "expected one character" in refused("analyze", delimiter="ab")
    assert "add: " in refused("transform", add={"x": "nothing + 1"})
    assert "same name" in refused("transform", rename={"age": "name"})
    assert "unknown rule" in refused("validate", rules={"age": ["no"]})


TABLES = st.lists(st.lists(st.text(max_size=5), min_size=2, max_size=4), min_size=2, max_size=5)


@settings(deadline=None)
@given(TABLES)
def test_what_is_written_is_read(rows: list[list[str]]) -> None:
    rows = [["a", "b"], *([*row, ""][:2] for row in rows)]
    text = StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    told = do("transform", text.getvalue(), delimiter=",")
    assert [list(row.values()) for row in told["rows"]] == rows[1:]


@settings(deadline=None)
@given(
    st.text(alphabet='ab1,;"\n\r\t|= .\0é-', max_size=30), st.sampled_from(["analyze", "convert", "sample", "validate"])
)
def test_whatever_is_given_the_answer_is_a_result_or_a_tool_error(text: str, operation: str) -> None:
    try:
        do(operation, text)
    except ToolError as error:
        assert str(error) and "NoneType" not in str(error)


def test_columns_are_added_and_renamed_by_other_words_too() -> None:
    options = {"rename_columns": {"n": "name"}, "add_columns": {"twice": "age * 2"}}
    assert do("transform", "n,age\nBob,30\n", **options)["csv"] == "name,age,twice\nBob,30,60\n"


def test_a_range_in_one_word() -> None:
    told = do("validate", "n,age\nBob,300\nAl,-5\nEve,30\n", rules={"age": "range:-1-120"})
    assert [(one["row"], one["rule"]) for one in told["errors"]] == [(1, "range"), (2, "range")]
    assert "range:0-120" in refused("validate", "age\n1\n", rules={"age": "range:1.2.3-4"})


def test_formats_by_their_other_names() -> None:
    assert do("convert", "a\n1\n", format="ndjson")["output"] == '{"a": 1}\n'
    assert do("convert", "a\n1\n", format="excel")["format"] == "xlsx"
