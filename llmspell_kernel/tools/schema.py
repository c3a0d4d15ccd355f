"""From a Python function to what may be given to it: JSON Schema, and a check that explains itself.

The schema comes from the function's annotations, defaults and docstring (a line ``name: text`` under
``Args:``). The check is compiled once per tool into one closure per parameter; it runs on each call.
Any thread.

| annotation | JSON Schema |
|---|---|
| ``str``, ``int``, ``float``, ``bool`` | string, integer, number, boolean |
| ``list[X]``, ``dict[str, X]`` | array, object |
| ``Literal["a", "b"]`` | enum |
| ``X | None`` | X or null (a null is the same as not given) |
| ``Any`` | anything |
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from llmspell_kernel.tools.calls.call import Call

Schema = dict[str, Any]
Check = Callable[[Any], Any]  # gives the value to pass on; raises ValueError with what was expected

NOTHING = object()


class Parameter(NamedTuple):
    name: str
    schema: Schema
    check: Check
    default: Any  # NOTHING: it must be given


class Problems(ValueError):
    """What is wrong with the parameters that were given, one text for each that is."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Signature:
    """What a function takes. ``aliases``: other names of parameters."""

    def __init__(self, parameters: dict[str, Parameter], aliases: Mapping[str, str]) -> None:
        self.parameters = parameters
        self.aliases = aliases
        self._needed = frozenset(name for name, one in parameters.items() if one.default is NOTHING)

    def schema(self) -> Schema:
        """The JSON Schema (draft 2020-12) of the parameters."""
        required = [p.name for p in self.parameters.values() if p.default is NOTHING]
        schema: Schema = {
            "type": "object",
            "properties": {name: dict(p.schema) for name, p in self.parameters.items()},
            "additionalProperties": False,
        }
        for alias, name in self.aliases.items():
            schema["properties"][alias] = {
                **self.parameters[name].schema,
                "description": f"The same as {name}.",
            }
        aliased = {name for name in self.aliases.values() if name in required}
        plain = [name for name in required if name not in aliased]
        if plain:
            schema["required"] = plain
        choices = [
            {"anyOf": [{"required": [n]} for n in (name, *(a for a, b in self.aliases.items() if b == name))]}
            for name in sorted(aliased)
        ]
        if choices:
            schema["allOf"] = choices
        return schema

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the function. Raises Problems."""
        parameters = self.parameters
        arguments: dict[str, Any] = {}
        problems: list[str] | None = None
        for name, value in given.items():
            parameter = parameters.get(name) or parameters.get(self.aliases.get(name, ""))
            try:
                if parameter is None:
                    raise ValueError(unknown(str(name), [*parameters, *self.aliases]))
                if parameter.name in arguments:
                    raise ValueError(f"given twice: {parameter.name} and {name} are the same")
                if value is not None:
                    arguments[parameter.name] = parameter.check(value)
            except ValueError as error:
                problems = [*(problems or []), f"{name}: {error}"]
        if not self._needed.issubset(arguments):
            named = {str(problem).partition(":")[0] for problem in problems or []}
            missing = [n for n in parameters if n in self._needed and n not in arguments and n not in named]
            problems = (problems or []) + [f"{name}: missing" for name in missing]
        if problems:
            raise Problems(problems)
        return arguments


def near(name: str, known: Iterable[str], otherwise: str = "") -> str:
    spelt = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), list(spelt), 1)
    return f"; did you mean {spelt[found[0]]!r}?" if found else otherwise


def unknown(name: str, known: list[str]) -> str:
    return "unknown parameter" + near(name, known, f"; it takes {', '.join(known) or 'none'}")


def signature(function: Callable[..., Any], aliases: Mapping[str, str] | None = None) -> Signature:
    """Read a function. Raises TypeError for an annotation that has no JSON Schema."""
    hints = get_type_hints(function)
    texts = parameter_texts(function.__doc__ or "")
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    first_default = code.co_argcount - len(defaults)
    keyword_defaults = function.__kwdefaults__ or {}
    parameters = {}
    own = call_parameter(function)
    for n, name in enumerate(names):
        if name == own:
            continue
        default = keyword_defaults.get(name, NOTHING)
        if first_default <= n < code.co_argcount:
            default = defaults[n - first_default]
        schema, check = compiled(hints.get(name, Any))
        if name in texts:
            schema["description"] = texts[name]
        if default is not NOTHING and default is not None:
            schema["default"] = default
        parameters[name] = Parameter(name, schema, check, default)
    return Signature(parameters, dict(aliases or {}))


def call_parameter(function: Callable[..., Any]) -> str | None:
    """The parameter that is given the `Call` itself; callers know nothing of it."""
    for name, annotation in function.__annotations__.items():
        if annotation is Call or annotation == "Call":
            return name
    return None


def parameter_texts(docstring: str) -> dict[str, str]:
    """The lines ``name: text`` under ``Args:``; deeper lines go on."""
    texts: dict[str, str] = {}
    name = ""
    inside = False
    for line in docstring.splitlines():
        stripped = line.strip()
        if stripped in ("Args:", "Arguments:", "Parameters:"):
            inside = True
        elif inside and not stripped:
            inside = False
        elif inside:
            head, colon, rest = stripped.partition(":")
            if colon and head.isidentifier():
                name = head
                texts[name] = rest.strip()
            elif name:
                texts[name] += " " + stripped
    return texts


def summary(docstring: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(docstring.strip().split("\n\n")[0].split())


# Annotations → schema and check -------------------------------------------------------------------


def compiled(annotation: Any) -> tuple[Schema, Check]:
    origin = get_origin(annotation)
    if annotation is Any:
        return {}, lambda value: value
    if annotation in SIMPLE:
        kind, check = SIMPLE[annotation]
        return {"type": kind}, check
    if origin is Literal:
        return _choice(get_args(annotation))
    if origin in (Union, types.UnionType):
        return _union(get_args(annotation))
    if annotation is list or origin is list:
        return _list(*(get_args(annotation) or (Any,)))
    if annotation is dict or origin is dict:
        return _dict(*(get_args(annotation) or (str, Any)))
    raise TypeError(f"a parameter of a tool can't be annotated with {annotation!r}")


def shown(value: Any) -> str:
    """A value as an error message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string {value!r}" if len(value) <= 40 else f"a string of {len(value)} characters"
    if isinstance(value, int | float):
        return f"the number {value!r}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "a table" if isinstance(value, dict) else f"a {type(value).__name__}"


def _expected(what: str, value: Any) -> ValueError:
    return ValueError(f"expected {what}, not {shown(value)}")


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    raise _expected("a string", value)


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)  # Lua: 3.0 is a whole number too
    raise _expected("a whole number", value)


def _number(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    raise _expected("a number", value)


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _expected("true or false", value)


SIMPLE: dict[Any, tuple[str, Check]] = {
    str: ("string", _string),
    int: ("integer", _integer),
    float: ("number", _number),
    bool: ("boolean", _boolean),
}


def _choice(choices: tuple[Any, ...]) -> tuple[Schema, Check]:
    def check(value: Any) -> Any:
        if value in choices:
            return value
        hint = near(str(value), map(str, choices))
        raise ValueError(f"expected one of {', '.join(map(repr, choices))}, not {shown(value)}{hint}")

    return {"enum": list(choices)}, check


def _union(members: tuple[Any, ...]) -> tuple[Schema, Check]:
    real = [m for m in members if m is not type(None)]
    pairs = [compiled(m) for m in real]
    optional = len(real) < len(members)
    schemas = [schema for schema, _ in pairs] + ([{"type": "null"}] if optional else [])
    if len(pairs) == 1 and not optional:
        return pairs[0]

    def check(value: Any) -> Any:
        if value is None and optional:
            return None
        problem: ValueError | None = None
        for _, one in pairs:
            try:
                return one(value)
            except ValueError as error:
                problem = problem or error
        if len(pairs) == 1 and problem is not None:
            raise problem
        kinds = " or ".join(str(s.get("type", "one of several")) for s, _ in pairs)
        raise _expected(kinds, value)

    return {"anyOf": schemas}, check


def _list(item: Any) -> tuple[Schema, Check]:
    schema, check_item = compiled(item)

    def check(value: Any) -> list[Any]:
        if value == {}:
            return []  # Lua's empty table is a list as well
        if type(value) is not list:
            raise _expected("a list", value)
        found = []
        for n, one in enumerate(value, 1):
            try:
                found.append(check_item(one))
            except ValueError as error:
                raise ValueError(f"item {n}: {error}") from None
        return found

    return {"type": "array", "items": schema}, check


def _dict(_key: Any, item: Any) -> tuple[Schema, Check]:
    schema, check_item = compiled(item)

    def check(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _expected("a table with names as keys", value)
        found = {}
        for key, one in value.items():
            try:
                found[str(key)] = check_item(one)
            except ValueError as error:
                raise ValueError(f"field {key}: {error}") from None
        return found

    return {"type": "object", "additionalProperties": schema}, check
