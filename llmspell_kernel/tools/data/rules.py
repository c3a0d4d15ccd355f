"""Rules that values are held to: what data-validator and csv-analyzer check. Any thread.

A rule is a table with its name under ``type`` (or ``rule``) and its options beside it, or only its name. Rules are a
list of those, or a table of them by name: ``{"required": true, "length": {"min": 3}}``. A value that is null is only
held to ``required``. ``message`` in a rule is said instead of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data.rule_checks import CHECKS, NAMED, TYPE_NAMES, TYPES, Problem
from llmspell_kernel.tools.schema import near

MAX_PROBLEMS = 1_000
MAX_DEPTH = 50


class Rule(NamedTuple):
    """``options``: checked names, unchecked values; of array and object, the rules in them are read."""

    name: str
    options: Mapping[str, Any]
    message: str | None


def read(given: Any, place: str = "rules", depth: int = 0) -> list[Rule]:
    """Raises ToolError (``invalid_parameters``) that says which rule is wrong."""
    if depth > MAX_DEPTH:
        raise _wrong(place, "nested too deeply")
    if isinstance(given, str):
        return [_rule({"type": given}, place, depth)]
    if isinstance(given, Mapping):
        if "rules" in given:
            return read(given["rules"], place, depth)
        if "rule" in given or _is_tag(given.get("type")):
            return [_rule(given, place, depth)]
        return _by_name(given, place, depth)
    if isinstance(given, list):
        return [rule for n, one in enumerate(given, 1) for rule in read(one, f"{place}[{n}]", depth + 1)]
    raise _wrong(place, "expected a list of rules, or a table of them by name")


def _is_tag(name: Any) -> bool:
    """``{"type": "email"}`` is a rule, ``{"type": "string"}`` the rule named type."""
    return isinstance(name, str) and (name in CHECKS or name not in {*TYPES, *TYPE_NAMES})


def _by_name(given: Mapping[str, Any], place: str, depth: int) -> list[Rule]:
    rules = []
    for name, options in given.items():
        if options is False or options is None:
            continue
        if options is True:
            options = {}
        elif not isinstance(options, Mapping):
            options = {_main_option(name, place): options}
        rules.append(_rule({**options, "rule": name}, place, depth))
    return rules


def _main_option(name: str, place: str) -> str:
    """``{"enum": ["a", "b"]}``, ``{"pattern": "^x"}``: the option that the rule is about."""
    known = CHECKS.get(name)
    if known is None or not known.options:
        raise _wrong(place, f"unknown rule {name!r}{near(name, CHECKS)}" if known is None else f"{name} takes true")
    return next(iter(known.options))


def _rule(given: Mapping[str, Any], place: str, depth: int) -> Rule:
    tag = "rule" if "rule" in given else "type"
    name = given[tag]
    if not isinstance(name, str) or name not in CHECKS:
        raise _wrong(place, f"unknown rule {name!r}{near(str(name), CHECKS)}; there are {', '.join(CHECKS)}")
    known = CHECKS[name]
    options: dict[str, Any] = {}
    for key, value in given.items():
        if key in (tag, "message"):
            continue
        option = known.aliases.get(key, key)
        if option not in known.options:
            raise _wrong(place, f"{name} has no option {key!r}{near(key, known.options)}")
        problem = known.options[option](value)
        if problem:
            raise _wrong(place, f"{name}: {key} must be {problem}")
        options[option] = value
    lacking = [option for option in known.needed if option not in options and options.get("name") not in NAMED]
    if lacking:
        raise _wrong(place, f"{name} needs {', '.join(lacking)}")
    message = given.get("message")
    return Rule(name, _inner(name, options, place, depth), message if isinstance(message, str) else None)


def _inner(name: str, options: dict[str, Any], place: str, depth: int) -> dict[str, Any]:
    if name == "array" and "items" in options:
        return {**options, "items": read(options["items"], f"{place}.items", depth + 1)}
    if name == "object" and "properties" in options:
        inner = {
            str(key): read(one, f"{place}.properties.{key}", depth + 1) for key, one in options["properties"].items()
        }
        return {**options, "properties": inner}
    return options


def _wrong(place: str, what: str) -> ToolError:
    return ToolError(f"{place}: {what}", code="invalid_parameters")


def problems(value: Any, rules: list[Rule], path: str = "$") -> Iterator[Problem]:
    """What is wrong with a value, in the order of the rules. Raises ToolError for a rule that can't be held to."""
    for rule in rules:
        if value is None and rule.name != "required":
            continue
        for one in CHECKS[rule.name].check(value, rule.options):
            yield Problem(path + one.path, one.rule or rule.name, rule.message or one.message)
        if rule.name == "array" and isinstance(value, list):
            for n, item in enumerate(value):
                yield from problems(item, rule.options.get("items", []), f"{path}[{n}]")
        if rule.name == "object" and isinstance(value, dict):
            for key, inner in rule.options.get("properties", {}).items():
                yield from problems(value.get(key), inner, f"{path}.{key}")


def first_problems(value: Any, rules: list[Rule], stop_on_first: bool = False) -> list[Problem]:
    return list(islice(problems(value, rules), 1 if stop_on_first else MAX_PROBLEMS))


__all__ = ["MAX_PROBLEMS", "Problem", "Rule", "first_problems", "problems", "read"]
