"""One check for each kind of rule (rules.py): which options it takes, and what is wrong with a value. Any thread."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import validators
from dateutil.parser import isoparse

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data.arithmetic import evaluated
from llmspell_kernel.tools.data.patterns import compiled, found
from llmspell_kernel.tools.schema import shown

LONGEST_ADDRESS = 8_000
SCHEMES = ("http", "https", "ftp", "ws", "wss")
Options = Mapping[str, Any]


class Problem(NamedTuple):
    """``path``: where in the value; ``rule``: which one, if it is not the rule that was checked."""

    path: str
    rule: str
    message: str


Check = Callable[[Any, Options], Iterator[Problem]]
Expected = Callable[[Any], str]  # "" or what an option's value must be


class Known(NamedTuple):
    """A kind of rule. The first option is the one it is about."""

    check: Check
    options: Mapping[str, Expected]
    needed: Sequence[str] = ()
    aliases: Mapping[str, str] = {}


def _said(message: str) -> Problem:
    return Problem("", "", message)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def holds_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


# What options must be -------------------------------------------------------------------------------


def _a(kind: str, holds: Callable[[Any], bool]) -> Expected:
    return lambda value: "" if holds(value) else kind


TEXT = _a("a text", lambda value: isinstance(value, str))
NUMBER = _a("a number", is_number)
SIZE = _a("a whole number, 0 or more", lambda value: is_number(value) and value >= 0 and value == int(value))
FLAG = _a("true or false", lambda value: isinstance(value, bool))
LIST = _a("a list", lambda value: isinstance(value, list))
TEXTS = _a(
    "a list of texts", lambda value: value == {} or (isinstance(value, list) and all(type(v) is str for v in value))
)
TABLE = _a("a table", lambda value: isinstance(value, dict))
ANYTHING = _a("", lambda _: True)


# The checks -----------------------------------------------------------------------------------------


def _required(value: Any, _: Options) -> Iterator[Problem]:
    if value is None or (isinstance(value, str) and not holds_text(value)):
        yield _said("is required")


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": lambda value: is_number(value) and value == value // 1,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list) or value == {},
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
TYPE_NAMES = {
    "text": "string", "str": "string", "float": "number", "int": "integer", "bool": "boolean", "list": "array",
    "table": "object", "dict": "object", "nil": "null",
}  # fmt: skip


def _type_name(value: Any) -> str:
    known = isinstance(value, str) and (value in TYPES or value in TYPE_NAMES)
    return "" if known else f"one of {', '.join(TYPES)}"


def _type(value: Any, options: Options) -> Iterator[Problem]:
    name = str(TYPE_NAMES.get(options["expected"], options["expected"]))
    if not TYPES[name](value):
        yield _said(f"expected {name}, not {shown(value)}")


def _length(value: Any, options: Options) -> Iterator[Problem]:
    if not isinstance(value, str | list | dict):
        yield _said(f"{shown(value)} has no length")
        return
    size = len(value)
    unit = ("character" if isinstance(value, str) else "item") + ("" if size == 1 else "s")
    if "min" in options and size < options["min"]:
        yield _said(f"has {size} {unit}, fewer than {options['min']:g}")
    if "max" in options and size > options["max"]:
        yield _said(f"has {size} {unit}, more than {options['max']:g}")
    if "exact" in options and size != options["exact"]:
        yield _said(f"has {size} {unit}, not {options['exact']:g}")


def _range(value: Any, options: Options) -> Iterator[Problem]:
    if not is_number(value):
        yield _said(f"expected a number, not {shown(value)}")
    elif value != value:
        yield _said("is not a number")
    else:
        yield from _outside(value, options)


def _outside(value: Any, options: Options) -> Iterator[Problem]:
    if "min" in options and value < options["min"]:
        yield _said(f"{value} is less than {options['min']}")
    if "max" in options and value > options["max"]:
        yield _said(f"{value} is more than {options['max']}")
    if "exclusive_min" in options and value <= options["exclusive_min"]:
        yield _said(f"{value} is not more than {options['exclusive_min']}")
    if "exclusive_max" in options and value >= options["exclusive_max"]:
        yield _said(f"{value} is not less than {options['exclusive_max']}")


def _text_needed(value: Any) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield _said(f"expected a text, not {shown(value)}")


def _pattern(value: Any, options: Options) -> Iterator[Problem]:
    pattern = compiled(options["pattern"], options.get("ignore_case", False))
    yield from _text_needed(value)
    if isinstance(value, str) and not any(True for _ in found(pattern, value)):
        yield _said(f"does not match the pattern {options['pattern']!r}")


def _enum(value: Any, options: Options) -> Iterator[Problem]:
    if not any(same(value, one) for one in options["values"]):
        names = ", ".join(str(one) for one in options["values"][:20])
        yield _said(f"{shown(value)} is not one of {names}")


def same(a: Any, b: Any) -> bool:
    """Equal, and true is not 1."""
    return (type(a) is type(b) and a == b) or (is_number(a) and is_number(b) and a == b)


def _email(value: Any, _: Options) -> Iterator[Problem]:
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS or not validators.email(value):
        yield _said(f"{shown(value)} is not an e-mail address")


def _url(value: Any, options: Options) -> Iterator[Problem]:
    schemes = options.get("schemes") or SCHEMES
    known = isinstance(value, str) and len(value) <= LONGEST_ADDRESS and bool(
        validators.url(value, simple_host=True, validate_scheme=lambda scheme: scheme.lower() in schemes)
    )  # fmt: skip
    if not known:
        yield _said(f"{shown(value)} is not a URL with {' or '.join(schemes)}")


def _date(value: Any, options: Options) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield _said(f"expected a date as a text, not {shown(value)}")
        return
    try:
        date = _read_date(value, options.get("format"))
    except (ValueError, OverflowError):
        form = f"a date in the form {options['format']}" if "format" in options else "a date in ISO 8601"
        yield _said(f"{shown(value)} is not {form}")
        return
    for name, outside, words in (("min", date.__lt__, "before"), ("max", date.__gt__, "after")):
        if name in options and outside(_limit(name, options[name])):
            yield _said(f"{value} is {words} {options[name]}")


def _limit(name: str, text: str) -> datetime:
    try:
        return _read_date(text, None)
    except (ValueError, OverflowError) as error:
        raise ToolError(f"date: {name} must be a date in ISO 8601, not {text!r}", code="invalid_parameters") from error


def _read_date(text: str, format: str | None) -> datetime:
    date = datetime.strptime(text, format) if format else isoparse(text)
    return date if date.tzinfo is None else date.astimezone(timezone.utc).replace(tzinfo=None)


def _custom(value: Any, options: Options) -> Iterator[Problem]:
    """One by its name, or the calculator's expression: of `value` (a number), `length`, and a table's numbers."""
    if "expression" not in options:
        what, holds = NAMED[options["name"]]
        if not isinstance(value, str) or not holds(value):
            yield _said(f"{shown(value)} is not {what}")
        return
    expression = options["expression"]
    try:
        holds = evaluated(expression, _names(value))
    except ToolError as error:
        if isinstance(error.__cause__, SyntaxError):
            raise ToolError(f"custom: {error}", code="invalid_parameters") from error
        yield _said(f"{expression!r} can't be evaluated here: {error}")
        return
    if not holds:
        yield _said(f"{options.get('name', expression)!r} does not hold")


def _is_card(text: str) -> bool:
    digits = "".join(char for char in text if char not in " -")
    return digits.isascii() and digits.isdigit() and 12 < len(digits) < 20 and bool(validators.card_number(digits))


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}", text, re.ASCII) is not None


NAMED: dict[Any, tuple[str, Callable[[str], bool]]] = {
    "phone": ("a telephone number as +14155550100", lambda text: bool(re.fullmatch(r"\+?[1-9][0-9]{1,14}", text))),
    "uuid": ("a UUID", _is_uuid),
    "credit_card": ("the number of a credit card", _is_card),
}


def _names(value: Any) -> dict[str, Any]:
    fields = value if isinstance(value, dict) else {}
    names = {key: one for key, one in fields.items() if isinstance(one, int | float)}
    if isinstance(value, int | float):
        names["value"] = value
    if isinstance(value, str | list | dict):
        names["length"] = len(value)
    return names


def _array(value: Any, options: Options) -> Iterator[Problem]:
    if not isinstance(value, list) and value != {}:
        yield _said(f"expected a list, not {shown(value)}")
        return
    yield from _length(list(value), options)
    if options.get("unique"):
        seen: dict[str, int] = {}
        for n, item in enumerate(value):
            first = seen.setdefault(json.dumps(item, sort_keys=True), n)
            if first != n:
                yield Problem(f"[{n}]", "", f"is the same as item {first}")


def _object(value: Any, options: Options) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _said(f"expected a table, not {shown(value)}")
        return
    for name in options.get("required") or ():
        if value.get(name) is None:
            yield Problem(f".{name}", "required", "is required")
    if options.get("additional", True) is False:
        known = {*options.get("properties", {}), *(options.get("required") or ())}
        for name in value:
            if name not in known:
                yield Problem(f".{name}", "", "is not expected here")


CHECKS: dict[str, Known] = {
    "required": Known(_required, {}),
    "type": Known(_type, {"expected": _type_name}, ["expected"], {"expected_type": "expected", "value": "expected"}),
    "length": Known(_length, {"exact": SIZE, "min": SIZE, "max": SIZE}),
    "range": Known(_range, {"min": NUMBER, "max": NUMBER, "exclusive_min": NUMBER, "exclusive_max": NUMBER}),
    "pattern": Known(_pattern, {"pattern": TEXT, "ignore_case": FLAG}, ["pattern"], {"regex": "pattern"}),
    "enum": Known(_enum, {"values": LIST}, ["values"], {"allowed": "values", "choices": "values"}),
    "email": Known(_email, {}),
    "url": Known(_url, {"schemes": TEXTS}),
    "date": Known(_date, {"format": TEXT, "min": TEXT, "max": TEXT}),
    "custom": Known(_custom, {"expression": TEXT, "name": TEXT}, ["expression"]),
    "array": Known(
        _array, {"items": ANYTHING, "min": SIZE, "max": SIZE, "unique": FLAG},
        aliases={"min_items": "min", "max_items": "max", "item_rules": "items"},
    ),
    "object": Known(
        _object, {"properties": TABLE, "required": TEXTS, "additional": FLAG},
        aliases={"fields": "properties", "additional_properties": "additional"},
    ),
}  # fmt: skip
