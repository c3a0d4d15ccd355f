"""data_validator: hold data to rules, and say all that is wrong. Any thread."""

from __future__ import annotations

from typing import Any

from llmspell_kernel.tools.data import rules as rule_book
from llmspell_kernel.tools.spec import Example, Result, tool

USER = {
    "rules": [
        {
            "type": "object",
            "required": ["email"],
            "properties": {
                "name": [{"type": "length", "min": 2}],
                "email": ["email"],
                "age": [{"type": "range", "min": 0, "max": 150}],
            },
        }
    ]
}


@tool(
    category="utility",
    pure=True,
    aliases={"data": "input"},
    examples=[
        Example(
            "Hold a text to its form",
            {"input": "AB-12", "rules": [{"type": "pattern", "pattern": "^[A-Z]{2}-[0-9]+$"}, {"length": {"max": 8}}]},
            text="valid",
            result={"valid": True},
        ),
        Example(
            "All that is wrong with a table",
            {"input": {"name": "A", "age": 200}, "rules": USER},
            result={
                "valid": False,
                "errors": [
                    {"path": "$.email", "rule": "required", "message": "is required"},
                    {"path": "$.name", "rule": "length", "message": "has 1 character, fewer than 2"},
                    {"path": "$.age", "rule": "range", "message": "200 is more than 150"},
                ],
            },
        ),
        Example(
            "A rule of one's own",
            {"input": {"low": 5, "high": 3}, "rules": [{"type": "custom", "expression": "low <= high"}]},
            text="$: 'low <= high' does not hold",
        ),
        Example("An unknown rule", {"input": 1, "rules": ["emial"]}, error="invalid_parameters"),
    ],
)  # fmt: skip
def data_validator(rules: list[Any] | dict[str, Any], input: Any = None, stop_on_first: bool = False) -> Result:
    """Validate data by rules: required, type, length, range, pattern, enum, email, url, date, custom, array, object.

    Args:
        rules: A list of rules, as {"type": "length", "min": 3}, or a table {"rules": […]}. Options: type: expected;
            length: min, max, exact; range: min, max, exclusive_min, exclusive_max; pattern: pattern, ignore_case;
            enum: values; url: schemes; date: format, min, max; custom: expression (for the calculator: value,
            length, the numbers of a table); array: items (rules), min_items, max_items, unique; object: properties
            (rules by name), required, additional. Every rule: message.
        input: The data: a text, a number, a list, a table …; a null is only held to `required`.
        stop_on_first: Whether the first problem is enough; `rules` may say so too.
    """
    if isinstance(rules, dict) and isinstance(rules.get("stop_on_first"), bool):
        stop_on_first = rules["stop_on_first"]
        rules = {name: one for name, one in rules.items() if name != "stop_on_first"}
    found = rule_book.first_problems(input, rule_book.read(rules), stop_on_first)
    errors = [problem._asdict() for problem in found]
    text = "\n".join(f"{one.path}: {one.message}" for one in found) or "valid"
    more = len(found) == rule_book.MAX_PROBLEMS
    message = f"the first {rule_book.MAX_PROBLEMS} problems" if more else None
    return Result({"valid": not errors, "errors": errors}, text, message)
