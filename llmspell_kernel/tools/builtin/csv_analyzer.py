"""csv_analyzer: CSV told of, converted, filtered, changed, held to rules. Any thread."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from itertools import islice
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.csv_changes import OTHER_STEPS, Options, filtered, sampled, transformed, wrong
from llmspell_kernel.tools.builtin.csv_tables import Table, read, value, values, written
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.data import rules as rule_book
from llmspell_kernel.tools.schema import near
from llmspell_kernel.tools.spec import Example, Result, tool

PEOPLE = "name,age,city\nAda,36,London\nGrace,85,New York\nAlan,41,London\n"
OF_READING = {"delimiter", "header"}
OPTIONS: dict[str, set[str]] = {
    "analyze": set(),
    "convert": {"format", "to", "typed"},
    "filter": {"filter", "condition", "conditions", "match", "column", "operator", "op", "value"},
    "transform": {
        "fill",
        "map",
        "add",
        "sort_by",
        "descending",
        "unique",
        "select",
        "drop",
        "rename",
        "limit",
        *OTHER_STEPS,
    },
    "validate": {"rules", "required", "schema"},
    "sample": {"size", "sample_size", "method", "seed"},
}
OTHER_FORMATS = {"excel": "xlsx", "jsonlines": "jsonl", "ndjson": "jsonl"}
WRITTEN_RANGE = re.compile(r"range:(-?[\d.]+)-(-?[\d.]+)")
BINARY = {"xlsx": "openpyxl", "parquet": "pyarrow"}


@tool(
    category="data",
    pure=True,
    aliases={"csv": "input"},
    examples=[
        Example(
            "What is in it",
            {"input": PEOPLE},
            result={"row_count": 3, "columns": [
                {"name": "name", "type": "text", "count": 3, "empty": 0, "unique": 3, "most_common": [
                    {"value": "Ada", "count": 1}, {"value": "Grace", "count": 1}, {"value": "Alan", "count": 1}],
                 "min_length": 3, "max_length": 5},
                {"name": "age", "type": "integer", "count": 3, "empty": 0, "unique": 3, "most_common": [
                    {"value": "36", "count": 1}, {"value": "85", "count": 1}, {"value": "41", "count": 1}],
                 "min": 36, "max": 85, "mean": 54, "median": 41, "stdev": 26.962937525425527, "sum": 162},
                {"name": "city", "type": "text", "count": 3, "empty": 0, "unique": 2, "most_common": [
                    {"value": "London", "count": 2}, {"value": "New York", "count": 1}],
                 "min_length": 6, "max_length": 8},
            ]},
        ),
        Example(
            "Those from London, older than 40",
            {"operation": "filter", "input": PEOPLE, "options": {"filter": "age > 40 and city == London"}},
            text="name,age,city\nAlan,41,London\n",
        ),
        Example(
            "As JSON, with numbers",
            {"operation": "convert", "input": "a;b\n1;x\n", "options": {"format": "json"}},
            text='[{"a": 1, "b": "x"}]',
        ),
        Example(
            "Hold columns to rules",
            {"operation": "validate", "input": PEOPLE, "options": {"rules": {"age": [{"type": "range", "max": 80}]}}},
            text="row 2, age: 85 is more than 80",
        ),
    ],
)  # fmt: skip
def csv_analyzer(
    call: Call,
    input: str,
    operation: Literal["analyze", "convert", "filter", "transform", "validate", "sample"] = "analyze",
    options: dict[str, Any] | None = None,
) -> Result:
    """Analyze, convert, filter, transform, validate and sample CSV.

    Args:
        input: The CSV text; its delimiter is found: comma, semicolon, tab or bar.
        operation: What to do.
        options: Always: delimiter, header (true). convert: format (json, jsonl, csv, tsv, xlsx, parquet), typed (true).
            filter: filter ("age >= 30 and city == London"), or column, operator, value, or a list of conditions and
            match (all, any). transform: fill, map, add (expressions), sort_by, descending, unique, select, drop,
            rename, limit. validate: rules (for data-validator, by column), required (columns). sample: size (10),
            method (first, last, random, systematic), seed.
    """
    chosen = options or {}
    for name in chosen:
        if name not in OPTIONS[operation] | OF_READING:
            raise wrong(f"options: {operation} takes no {name!r}{near(name, OPTIONS[operation] | OF_READING)}")
    delimiter, header = chosen.get("delimiter"), chosen.get("header", True)
    if not isinstance(delimiter, str | None) or not isinstance(header, bool):
        raise wrong("options: delimiter is a text, header is true or false")
    table = read(input, delimiter, header, call.check)
    if operation == "analyze":
        return _analyzed(table, call)
    if operation == "convert":
        return _converted(table, chosen)
    if operation == "validate":
        return _validated(table, chosen)
    change = {"filter": filtered, "transform": transformed, "sample": sampled}[operation]
    return _told(table, change(table, chosen))


def _told(before: Table, table: Table) -> Result:
    text = written(table)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    counts = {"row_count": len(rows), "rows_before": len(before.rows)}
    return Result({"columns": table.columns, "rows": rows, **counts, "csv": text}, text)


# Analyze ----------------------------------------------------------------------------------------------


def _analyzed(table: Table, call: Call) -> Result:
    columns = []
    for name in table.columns:
        call.check()
        columns.append({"name": name, **_column(table.column(name))})
    ragged = [{"row": row, "fields": width} for row, width in table.ragged[:100]]
    told = {
        "row_count": len(table.rows), "column_count": len(columns), "delimiter": table.delimiter, "columns": columns,
        "ragged_rows": ragged, "duplicate_rows": len(table.rows) - len(set(map(tuple, table.rows))),
    }  # fmt: skip
    lines = [f"{len(table.rows)} rows, {len(columns)} columns", *(_line(one) for one in columns)]
    return Result(told, "\n".join(lines))


def _column(texts: list[str]) -> dict[str, Any]:
    kind, made = values(texts)
    present = [one for one in made if one is not None]
    counts = Counter(text for text in texts if text.strip())
    told: dict[str, Any] = {
        "type": kind, "count": len(present), "empty": len(made) - len(present), "unique": len(counts),
        "most_common": [{"value": text, "count": n} for text, n in counts.most_common(5)],
    }  # fmt: skip
    if kind in ("integer", "number"):
        told.update(_numbers(present))
    elif kind in ("date", "datetime"):
        told.update({"min": min(present).isoformat(), "max": max(present).isoformat()})
    elif kind == "text":
        told.update({"min_length": min(map(len, present)), "max_length": max(map(len, present))})
    return told


def _numbers(numbers: list[Any]) -> dict[str, Any]:
    return {
        "min": min(numbers), "max": max(numbers), "mean": statistics.mean(numbers) if len(numbers) < 10_000
        else statistics.fmean(numbers), "median": statistics.median(numbers), "sum": sum(numbers),
        "stdev": statistics.stdev(numbers) if len(numbers) > 1 else 0.0,
    }  # fmt: skip


def _line(column: dict[str, Any]) -> str:
    ends = f", {column['min']} to {column['max']}" if "min" in column else ""
    empty = f", {column['empty']} empty" if column["empty"] else ""
    return f"{column['name']}: {column['type']}{ends}, {column['unique']} different{empty}"


# Convert ----------------------------------------------------------------------------------------------


def _converted(table: Table, options: Options) -> Result:
    format = str(options.get("format", options.get("to", "json"))).lower()
    format = OTHER_FORMATS.get(format, format)
    if format in ("csv", "tsv"):
        return _text_of(written(table, "\t" if format == "tsv" else ","), format, table)
    if options.get("typed", True):
        columns = [values(table.column(name)) for name in table.columns]
    else:
        columns = [("text", list(table.column(name))) for name in table.columns]
    if format in ("json", "jsonl"):
        return _text_of(_json(table.columns, [made for _, made in columns], format), format, table)
    if format not in BINARY:
        raise wrong(f"format: expected json, jsonl, csv, tsv, xlsx or parquet, not {format!r}")
    data: bytes = _binary(format)(table.columns, columns)
    result = {"format": format, "row_count": len(table.rows), "bytes": len(data)}
    output = data.decode("utf-8", "surrogateescape")
    return Result({**result, "output": output}, output)


def _text_of(text: str, format: str, table: Table) -> Result:
    return Result({"format": format, "row_count": len(table.rows), "output": text}, text)


def _json(names: list[str], columns: list[list[Any]], format: str) -> str:
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    texts = (json.dumps(row, ensure_ascii=False, default=date.isoformat) for row in rows)
    return f"[{', '.join(texts)}]" if format == "json" else "".join(text + "\n" for text in texts)


def _binary(format: str) -> Any:
    """Libraries that only these formats need are imported for them only."""
    try:
        return import_module(f"llmspell_kernel.tools.builtin.csv_{format}").written
    except ModuleNotFoundError as error:
        raise ToolError(
            f"{format} needs the Python module {error.name}; install it with: pip install 'llmspell[data]'",
            code="missing_extra", details={"extra": "data", "module": error.name},
        ) from error  # fmt: skip


# Validate ---------------------------------------------------------------------------------------------


def _validated(table: Table, options: Options) -> Result:
    given = options.get("rules", options.get("schema", {}))
    if not isinstance(given, dict):
        raise wrong("options: rules is a table, by names of columns")
    required = options.get("required") or []
    if not isinstance(required, list):
        raise wrong("options: required is a list of names of columns")
    errors: list[dict[str, Any]] = [
        {"row": None, "column": name, "rule": "required", "message": "there is no such column"}
        for name in [*required, *given] if name not in table.columns
    ]  # fmt: skip
    errors += [
        {"row": row, "column": None, "rule": "width", "message": f"has {width} fields, not {len(table.columns)}"}
        for row, width in table.ragged
    ]
    known = {table.place(name): _rules(one, name) for name, one in given.items() if name in table.columns}
    errors += islice(_problems(table, known), max(rule_book.MAX_PROBLEMS - len(errors), 0))
    errors = errors[: rule_book.MAX_PROBLEMS]
    lines = [", ".join(_place(one)) + f": {one['message']}" for one in errors]
    told = {"valid": not errors, "errors": errors, "row_count": len(table.rows)}
    return Result(told, "\n".join(lines) or f"valid: {len(table.rows)} rows")


def _rules(given: Any, name: str) -> list[rule_book.Rule]:
    """``range:0-120`` is a rule too."""
    match = WRITTEN_RANGE.fullmatch(given) if isinstance(given, str) else None
    try:
        limits = {"min": float(match[1]), "max": float(match[2])} if match else {}
    except ValueError:
        raise wrong(f"{name}: {given!r} is no range; it is as range:0-120") from None
    return rule_book.read({"range": limits} if match else given, name)


def _place(error: dict[str, Any]) -> Iterator[str]:
    if error["row"] is not None:
        yield f"row {error['row']}"
    if error["column"] is not None:
        yield str(error["column"])


def _problems(table: Table, known: dict[int, list[rule_book.Rule]]) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(table.rows, 1):
        for at, rules in known.items():
            for rule in rules:
                for one in rule_book.problems(_as_rule_wants(rule, row[at]), [rule]):
                    yield {"row": n, "column": table.columns[at], "rule": one.rule, "message": one.message}


def _as_rule_wants(rule: rule_book.Rule, text: str) -> Any:
    """A number for what is asked of numbers, else the text; nothing where there is nothing."""
    if not text.strip():
        return None
    texts = rule.name == "enum" and any(isinstance(one, str) for one in rule.options["values"])
    if rule.name not in ("range", "custom", "type", "enum") or texts:
        return text
    if rule.name == "type" and rule.options["expected"] in ("string", "text", "str"):
        return text
    made = value(text)
    return text if isinstance(made, date) else made
