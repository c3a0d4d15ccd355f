"""From a Python function to what may be given to it: JSON Schema, and a check that explains itself.

The schema comes from the function's annotations, defaults and docstring (a line ``name: text`` under
``Args:``). The check is compiled once per tool into one closure per parameter; it runs on each call.
Any thread.

| annotation | JSON Schema |
|---|---|
| ``str``, ``int``, ``float``, ``bool`` | string, integer, number, boolean |
| ``list[X]``, ``dict[str, X]`` | array, object |
| ``Literal["a", "b"]`` | enum |
| ``X | None``, ``X | Y`` | anyOf |
| ``Any`` | anything |
| ``Annotated[X, "text"]`` | X with a description |
| ``Annotated[X, within(1, 10)]`` | X with minimum and maximum |
| ``Annotated[X, also("name")]`` | X; the parameter has another name as well |
| ``Annotated[Literal["a"], also(first="a")]`` | enum; the value has another spelling as well |

The check is milder than the schema in three things that Lua can't say otherwise: a null is the same
as not given, an empty table is an empty list, and 3.0 is a whole number.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
Check = Callable[[Any], Any]  # gives the value to pass on; raises ValueError with what was expected

NOTHING = object()


class Also(NamedTuple):
    names: tuple[str, ...]
    values: dict[str, str]


def also(*names: str, **values: str) -> Also:
    """Other names of a parameter; other spellings (``new="old"``) of its values."""
    return Also(names, values)


class Within(NamedTuple):
    minimum: float | None
    maximum: float | None


def within(minimum: float | None = None, maximum: float | None = None) -> Within:
    """The least and the greatest number allowed."""
    return Within(minimum, maximum)


class Parameter(NamedTuple):
    name: str
    schema: Schema
    check: Check
    default: Any  # NOTHING: it must be given
    aliases: tuple[str, ...] = ()


class Signature(NamedTuple):
    """What a tool takes, by name."""

    parameters: dict[str, Parameter]

    def by_any_name(self) -> dict[str, Parameter]:
        every = dict(self.parameters)
        for parameter in self.parameters.values():
            every.update(dict.fromkeys(parameter.aliases, parameter))
        return every

    def schema(self) -> Schema:
        """The JSON Schema (draft 2020-12) of the parameters."""
        schema: Schema = {
            "type": "object",
            "properties": {name: dict(p.schema) for name, p in self.parameters.items()},
            "additionalProperties": False,
        }
        required = [p for p in self.parameters.values() if p.default is NOTHING]
        for p in self.parameters.values():
            same = {**p.schema, "description": f"The same as {p.name}."}
            schema["properties"].update({alias: same for alias in p.aliases})
        if plain := [p.name for p in required if not p.aliases]:
            schema["required"] = plain
        if rest := [p for p in required if p.aliases]:
            schema["allOf"] = [
                {"anyOf": [{"required": [name]} for name in (p.name, *p.aliases)]} for p in rest
            ]
        return schema


def signature(function: Callable[..., Any]) -> Signature:
    """Read a function. Raises TypeError for what is no plain function, and for an annotation that
    has no JSON Schema."""
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, types.FunctionType):
        raise TypeError(f"a tool is a plain function (def), not {function!r}")
    hints = get_type_hints(function, include_extras=True)
    texts = parameter_texts(function.__doc__ or "")
    parameters = {}
    for name, default in _defaults(function).items():
        schema, check, aliases = _described(hints.get(name, Any))
        if name in texts:
            schema["description"] = texts[name]
        if default is not NOTHING and default is not None:
            schema["default"] = default
        parameters[name] = Parameter(name, schema, check, default, aliases)
    return Signature(parameters)


def _defaults(function: types.FunctionType) -> dict[str, Any]:
    """Each parameter and its default. The module inspect would do, and costs 8 ms to import."""
    code, given = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if code.co_posonlyargcount or code.co_flags & 0x0C:  # *args, **kwargs
        raise TypeError(f"{function.__name__}: a tool has parameters with names only")
    found = dict.fromkeys(names, NOTHING)
    found.update(zip(names[code.co_argcount - len(given) :], given, strict=False))
    found.update(function.__kwdefaults__ or {})
    return found


def parameter_texts(docstring: str) -> dict[str, str]:
    """The lines ``name: text`` under ``Args:``; deeper lines go on."""
    texts: dict[str, str] = {}
    name, depth, inside = "", -1, False
    for line in docstring.expandtabs().splitlines():
        stripped = line.strip()
        if stripped in ("Args:", "Arguments:", "Parameters:"):
            inside, depth = True, -1
        elif not stripped:
            inside = False
        elif inside:
            indent = len(line) - len(line.lstrip())
            head, colon, rest = stripped.partition(":")
            if colon and head.isidentifier() and (depth < 0 or indent <= depth):
                name, depth = head, indent
                texts[name] = rest.strip()
            elif name:
                texts[name] += " " + stripped
    return texts


def summary(docstring: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(docstring.strip().split("\n\n")[0].split())


# Annotations → schema and check -------------------------------------------------------------------


def _described(annotation: Any) -> tuple[Schema, Check, tuple[str, ...]]:
    """What stands in Annotated, and the type below it."""
    if get_origin(annotation) is not Annotated:
        return *compiled(annotation), ()
    kind, *extras = get_args(annotation)
    schema, check = compiled(kind)
    aliases: tuple[str, ...] = ()
    for extra in extras:
        if isinstance(extra, str):
            schema["description"] = extra
        elif isinstance(extra, Also):
            aliases += extra.names
            schema, check = _respelled(schema, check, extra.values)
        elif isinstance(extra, Within):
            schema, check = _bounded(schema, check, extra)
    return schema, check, aliases


def _respelled(schema: Schema, check: Check, values: dict[str, str]) -> tuple[Schema, Check]:
    if not values:
        return schema, check
    if "enum" not in schema:
        raise TypeError("only the values of a Literal have other spellings")

    def respelled(value: Any) -> Any:
        return check(values.get(value, value) if type(value) is str else value)

    return {**schema, "enum": [*schema["enum"], *values]}, respelled


def _bounded(schema: Schema, check: Check, bounds: Within) -> tuple[Schema, Check]:
    limits = {name: limit for name, limit in bounds._asdict().items() if limit is not None}
    low = -float("inf") if bounds.minimum is None else bounds.minimum
    high = float("inf") if bounds.maximum is None else bounds.maximum

    def bounded(value: Any) -> Any:
        number = check(value)
        if number < low:
            raise _expected(f"at least {low}", value)
        if number > high:
            raise _expected(f"at most {high}", value)
        return number

    return {**schema, **limits}, bounded


def compiled(annotation: Any) -> tuple[Schema, Check]:
    """A type's JSON Schema, and the function that checks a value."""
    origin = get_origin(annotation)
    if annotation is Any:
        return {}, lambda value: value
    if annotation in SIMPLE:
        kind, check = SIMPLE[annotation]
        return {"type": kind}, check
    if origin is Annotated:
        return _described(annotation)[:2]
    if origin is Literal:
        return _choice(get_args(annotation))
    if origin in (Union, types.UnionType):
        return _union(get_args(annotation))
    if annotation is list or origin is list:
        return _list(*(get_args(annotation) or (Any,)))
    if annotation is dict or (origin is dict and get_args(annotation)[0] is str):
        return _dict(*(get_args(annotation)[1:] or (Any,)))
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
WORDS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table with names as keys",
}


def _choice(choices: tuple[Any, ...]) -> tuple[Schema, Check]:
    def check(value: Any) -> Any:
        if value in choices and type(value) is not bool:
            return value
        near = get_close_matches(str(value), map(str, choices), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        allowed = ", ".join(map(repr, choices))
        raise ValueError(f"expected one of {allowed}, not {shown(value)}{hint}")

    return {"enum": list(choices)}, check


def _union(members: tuple[Any, ...]) -> tuple[Schema, Check]:
    real = [member for member in members if member is not type(None)]
    pairs = [compiled(member) for member in real]
    optional = len(real) < len(members)
    schemas = [schema for schema, _ in pairs] + ([{"type": "null"}] if optional else [])

    def check(value: Any) -> Any:
        if value is None and optional:
            return None
        if len(pairs) == 1:
            return pairs[0][1](value)
        for _, one in pairs:
            try:
                return one(value)
            except ValueError:
                continue
        kinds = [WORDS.get(schema.get("type", ""), "one of several values") for schema, _ in pairs]
        raise _expected(" or ".join(kinds), value)

    return {"anyOf": schemas}, check


def _list(item: Any) -> tuple[Schema, Check]:
    schema, check_item = compiled(item)

    def check(value: Any) -> list[Any]:
        if value == {}:
            return []  # Lua's empty table is a list as well
        if type(value) is not list:
            raise _expected("a list", value)
        return [_part(f"item {n}", check_item, one) for n, one in enumerate(value, 1)]

    return {"type": "array", "items": schema}, check


def _dict(item: Any) -> tuple[Schema, Check]:
    schema, check_item = compiled(item)

    def check(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _expected(WORDS["object"], value)
        return {str(key): _part(f"field {key}", check_item, one) for key, one in value.items()}

    return {"type": "object", "additionalProperties": schema}, check


def _part(where: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
