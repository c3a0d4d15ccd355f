"""Rows that are kept and columns that are changed: filter, transform and sample of csv-analyzer. Any thread."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.calculator import calculator
from llmspell_kernel.tools.builtin.csv_tables import Table, value
from llmspell_kernel.tools.builtin.text_forms import titled
from llmspell_kernel.tools.data.patterns import compiled, found
from llmspell_kernel.tools.schema import near

Options = Mapping[str, Any]
Test = Callable[[list[str]], bool]


def wrong(what: str) -> ToolError:
    return ToolError(what, code="invalid_parameters")


# Filter -----------------------------------------------------------------------------------------------

MAX_FILTER = 2_000  # characters
CONDITION = re.compile(
    r"\s*(?:\"([^\"]+)\"|`([^`]+)`|([\w. -]+?))\s*"
    r"(==|!=|<=|>=|=|<|>|~|\bcontains\b|\bstarts_with\b|\bends_with\b)\s*(.+?)\s*"
)
CONNECTIVES = re.compile(r"\s+(and|or)\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", re.IGNORECASE)  # not those in quotes
OPERATORS: dict[str, Callable[[str, Any], bool]] = {
    "==": lambda text, wanted: _compared(text, wanted) == 0,
    "!=": lambda text, wanted: _compared(text, wanted) != 0,
    "<": lambda text, wanted: text != "" and _compared(text, wanted) < 0,
    "<=": lambda text, wanted: text != "" and _compared(text, wanted) <= 0,
    ">": lambda text, wanted: text != "" and _compared(text, wanted) > 0,
    ">=": lambda text, wanted: text != "" and _compared(text, wanted) >= 0,
    "contains": lambda text, wanted: str(wanted) in text,
    "not_contains": lambda text, wanted: str(wanted) not in text,
    "starts_with": lambda text, wanted: text.startswith(str(wanted)),
    "ends_with": lambda text, wanted: text.endswith(str(wanted)),
    "matches": lambda text, wanted: any(True for _ in found(compiled(str(wanted)), text)),
    "in": lambda text, wanted: any(_compared(text, one) == 0 for one in _listed(wanted)),
    "not_in": lambda text, wanted: all(_compared(text, one) != 0 for one in _listed(wanted)),
    "empty": lambda text, _: not text.strip(),
    "not_empty": lambda text, _: bool(text.strip()),
}
OTHERWISE = {
    "=": "==", "eq": "==", "equals": "==", "ne": "!=", "not_equals": "!=", "lt": "<", "le": "<=", "lte": "<=",
    "gt": ">", "ge": ">=", "gte": ">=", "greater_than": ">", "less_than": "<", "~": "matches", "regex": "matches",
    "is_empty": "empty", "is_null": "empty", "is_not_empty": "not_empty",
}  # fmt: skip


def _listed(wanted: Any) -> list[Any]:
    if isinstance(wanted, list):
        return wanted
    raise wrong("in takes a list as its value")


def _compared(text: str, wanted: Any) -> int:
    """Below, at or above 0: as numbers or dates where both are, else as texts."""
    a, b = value(text), value(wanted) if isinstance(wanted, str) else wanted
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    if numbers or (type(a) is type(b) and a is not None):
        return int(a > b) - int(a < b)
    left, right = text, str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
    return (left > right) - (left < right)


def filtered(table: Table, options: Options) -> Table:
    """Raises ToolError for a condition that can't be read."""
    given = options.get("filter", options.get("condition", options.get("conditions")))
    if isinstance(given, str):
        tests, every = _written_tests(table, given)
    else:
        conditions = given if isinstance(given, list) else [given or options]
        tests, every = [_test(table, one) for one in conditions], options.get("match", "all") != "any"
    keep = all if every else any
    return table._replace(rows=[row for row in table.rows if keep(test(row) for test in tests)], ragged=[])


def _test(table: Table, condition: Any) -> Test:
    if not isinstance(condition, dict) or "column" not in condition:
        raise wrong('filter needs `filter`, as "age >= 30", or column, operator and value')
    at = table.place(condition["column"])
    operator = str(condition.get("operator", condition.get("op", "==")))
    operator = OTHERWISE.get(operator, operator)
    if operator not in OPERATORS:
        raise wrong(f"operator: unknown {operator!r}{near(operator, OPERATORS)}; there are {', '.join(OPERATORS)}")
    if "value" not in condition and "empty" not in operator:
        raise wrong(f"{operator} needs a value")
    holds, wanted = OPERATORS[operator], condition.get("value")
    return lambda row: holds(row[at], wanted)


def _written_tests(table: Table, text: str) -> tuple[list[Test], bool]:
    """``age >= 30 and city == "London"``; all its connectives are the same."""
    if len(text) > MAX_FILTER:
        raise wrong(f"a filter may have at most {MAX_FILTER} characters")
    parts = CONNECTIVES.split(text)
    words = {word.lower() for word in parts[1::2]}
    if len(words) > 1:
        raise wrong("a filter has either `and` or `or`; with both, filter twice")
    return [_test(table, _condition(part)) for part in parts[::2]], words != {"or"}


def _condition(text: str) -> dict[str, Any]:
    match = CONDITION.fullmatch(text)
    if match is None:
        raise wrong(f'filter: can\'t read {text!r}; a condition is as: age >= 30, city == "London", name contains x')
    wanted = match.group(5)
    if wanted[0] == wanted[-1] and wanted[0] in "\"'" and len(wanted) > 1:
        wanted = wanted[1:-1]
    return {"column": next(one for one in match.groups()[:3] if one), "operator": match.group(4), "value": wanted}


# Transform --------------------------------------------------------------------------------------------

CELLS: dict[str, Callable[[str], str]] = {
    "uppercase": str.upper, "lowercase": str.lower, "trim": str.strip, "title": titled,
    "capitalize": str.capitalize, "normalize_whitespace": lambda text: " ".join(text.split()),
}  # fmt: skip


def transformed(table: Table, options: Options) -> Table:
    """In the order of `STEPS`. Raises ToolError."""
    for name, step in STEPS.items():
        name = next((other for other, known in OTHER_STEPS.items() if known == name and other in options), name)
        if name in options:
            table = step(table, options[name], options)
    return table._replace(ragged=[])


def _names(given: Any, name: str) -> list[str]:
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        return given
    raise wrong(f"{name}: expected names of columns")


def _pairs(given: Any, name: str) -> list[tuple[str, Any]]:
    if isinstance(given, dict):
        return [(str(key), one) for key, one in given.items()]
    raise wrong(f"{name}: expected a table, by names of columns")


def _fill(table: Table, given: Any, _: Options) -> Table:
    wanted = {table.place(name): _text(one) for name, one in _pairs(given, "fill")}
    return table._replace(
        rows=[[wanted.get(n, t) if not t.strip() else t for n, t in enumerate(row)] for row in table.rows]
    )


def _text(one: Any) -> str:
    if isinstance(one, bool):
        return "true" if one else "false"
    return "" if one is None else str(one)


def _map(table: Table, given: Any, _: Options) -> Table:
    changes = {}
    for name, change in _pairs(given, "map"):
        if change not in CELLS:
            raise wrong(f"map: unknown {change!r}{near(str(change), CELLS)}; there are {', '.join(CELLS)}")
        changes[table.place(name)] = CELLS[change]
    return table._replace(
        rows=[[changes[n](t) if n in changes else t for n, t in enumerate(row)] for row in table.rows]
    )


def _add(table: Table, given: Any, _: Options) -> Table:
    for name, expression in _pairs(given, "add"):
        columns = [column for column in table.columns if column != name]
        kept = [table.place(column) for column in columns]
        rows = [[*[row[at] for at in kept], _calculated(table, row, str(expression))] for row in table.rows]
        table = table._replace(columns=[*columns, name], rows=rows)
    return table


def _calculated(table: Table, row: list[str], expression: str) -> str:
    """Of a row's numbers, by the columns' names (with _ for what is no letter); empty where one is lacking."""
    numbers = {}
    for column, text in zip(table.columns, row, strict=True):
        one = value(text)
        if isinstance(one, int | float):
            numbers[re.sub(r"\W", "_", column)] = one
    try:
        return str(calculator(input=expression, variables=numbers).text)
    except ToolError as error:
        if "unknown name" in str(error) and any(repr(re.sub(r"\W", "_", one)) in str(error) for one in table.columns):
            return ""
        raise wrong(f"add: {error}") from error


def _select(table: Table, given: Any, _: Options) -> Table:
    names = _names(given, "select")
    kept = [table.place(name) for name in names]
    return table._replace(columns=names, rows=[[row[at] for at in kept] for row in table.rows])


def _drop(table: Table, given: Any, options: Options) -> Table:
    dropped = {table.columns[table.place(name)] for name in _names(given, "drop")}
    return _select(table, [name for name in table.columns if name not in dropped], options)


def _rename(table: Table, given: Any, _: Options) -> Table:
    columns = list(table.columns)
    for old, new in _pairs(given, "rename"):
        columns[table.place(old)] = str(new)
    if len(set(columns)) < len(columns):
        raise wrong("rename: two columns would have the same name")
    return table._replace(columns=columns)


def _sort(table: Table, given: Any, options: Options) -> Table:
    keys = [table.place(name) for name in _names(given, "sort_by")]

    def key(row: list[str]) -> list[tuple[int, Any]]:
        return [_sortable(row[at]) for at in keys]

    return table._replace(rows=sorted(table.rows, key=key, reverse=bool(options.get("descending"))))


def _sortable(text: str) -> tuple[int, Any]:
    """Numbers before texts, what is empty last."""
    one = value(text)
    if isinstance(one, int | float):
        return 0, one
    return (2, "") if one is None else (1, text)


def _unique(table: Table, given: Any, _: Options) -> Table:
    if given is False:
        return table
    keys = [table.place(name) for name in (table.columns if given is True else _names(given, "unique"))]
    first: dict[tuple[str, ...], list[str]] = {}
    for row in table.rows:
        first.setdefault(tuple(row[at] for at in keys), row)
    return table._replace(rows=list(first.values()))


def _limit(table: Table, given: Any, _: Options) -> Table:
    return table._replace(rows=table.rows[: whole("limit", given)])


def whole(name: str, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float) or given < 0 or given != int(given):
        raise wrong(f"{name}: expected a whole number, 0 or more")
    return int(given)


STEPS: dict[str, Callable[[Table, Any, Options], Table]] = {
    "fill": _fill, "map": _map, "add": _add, "sort_by": _sort, "unique": _unique, "select": _select, "drop": _drop,
    "rename": _rename, "limit": _limit,
}  # fmt: skip


OTHER_STEPS = {"add_columns": "add", "rename_columns": "rename"}

# Sample -----------------------------------------------------------------------------------------------


def sampled(table: Table, options: Options) -> Table:
    size, method = whole("size", options.get("size", options.get("sample_size", 10))), options.get("method", "first")
    rows = table.rows
    if method == "first":
        chosen = rows[:size]
    elif method == "last":
        chosen = rows[max(len(rows) - size, 0) :]
    elif method == "random":
        numbers = random.Random(options.get("seed", 0)).sample(range(len(rows)), min(size, len(rows)))
        chosen = [rows[n] for n in sorted(numbers)]
    elif method == "systematic":
        step = max(len(rows) / size, 1) if size else 1
        chosen = [rows[int(n * step)] for n in range(min(size, len(rows)))]
    else:
        raise wrong(f"method: expected first, last, random or systematic, not {method!r}")
    return table._replace(rows=chosen, ragged=[])
