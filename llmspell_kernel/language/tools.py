"""What the language server knows of tools: the one place that asks the registry. Any thread.

Anything with `names`, `info` and `source` will do; `Known` asks the registry and reads the project's own tools.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, Protocol

from llmspell_kernel.errors import UserError
from llmspell_kernel.tools import registry
from llmspell_kernel.tools.sandbox.policy import Policy

Schema = Mapping[str, Any]
SAME_AS = "The same as "


class Parameter(NamedTuple):
    """One parameter of a tool, from its JSON Schema. ``same_as``: it is another name of that one."""

    name: str
    schema: Schema
    required: bool
    same_as: str

    @property
    def type(self) -> str:
        return type_text(self.schema)

    @property
    def doc(self) -> str:
        return str(self.schema.get("description", ""))

    @property
    def choices(self) -> list[Any]:
        return list(self.schema.get("enum", ()))


class Info(NamedTuple):
    name: str
    description: str
    category: str
    schema: Schema
    examples: Sequence[Mapping[str, Any]] = ()  # {title?, parameters}
    level: str = ""

    def parameters(self) -> list[Parameter]:
        """The needed ones first, other names last."""
        required = set(self.schema.get("required", ()))
        for choice in self.needed_choices():
            required |= {name for name in choice if not _same_as(self._properties().get(name, {}))}
        found = [Parameter(n, s, n in required, _same_as(s)) for n, s in self._properties().items()]
        return sorted(found, key=lambda one: (bool(one.same_as), not one.required))

    def parameter(self, name: str) -> Parameter | None:
        return next((one for one in self.parameters() if one.name == name), None)

    def needed_choices(self) -> Iterator[list[str]]:
        """Names of which one must be given: a parameter and its other names."""
        for part in (self.schema, *self.schema.get("allOf", ())):
            names = [one.get("required", ()) for one in part.get("anyOf", ())]
            if names and all(len(one) == 1 for one in names):
                yield [one[0] for one in names]

    def missing(self, given: set[str]) -> list[str]:
        """The needed parameters that are not given."""
        plain = [name for name in self.schema.get("required", ()) if name not in given]
        return plain + [one[0] for one in self.needed_choices() if not given.intersection(one)]

    @property
    def takes_others(self) -> bool:
        return self.schema.get("additionalProperties", True) is not False

    def _properties(self) -> Mapping[str, Schema]:
        found: Mapping[str, Schema] = self.schema.get("properties", {})
        return found


def _same_as(schema: Schema) -> str:
    text = str(schema.get("description", ""))
    return text.removeprefix(SAME_AS).rstrip(".") if text.startswith(SAME_AS) else ""


def type_text(schema: Schema) -> str:
    """A schema in a few words: ``string``, ``"a"|"b"``, ``string[]``."""
    if "enum" in schema:
        return "|".join(f'"{one}"' if isinstance(one, str) else str(one) for one in schema["enum"])
    if "anyOf" in schema:
        return "|".join(type_text(one) for one in schema["anyOf"] if one.get("type") != "null")
    kind = schema.get("type", "any")
    if kind == "array":
        item = type_text(schema.get("items", {}))
        return f"({item})[]" if "|" in item else f"{item}[]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"table<string, {type_text(schema['additionalProperties'])}>"
    return {"object": "table"}.get(str(kind), str(kind))


class Source(NamedTuple):
    """Where a tool is written; lines count from 0."""

    path: str
    line: int


class Tools(Protocol):
    """``version`` changes with what is known."""

    version: int

    def names(self) -> list[str]: ...
    def info(self, name: str) -> Info | None: ...
    def source(self, name: str) -> Source | None: ...


def nearest(tools: Tools, name: str) -> list[str]:
    """The names that somebody may have meant."""
    names = {one.replace("-", "_"): one for one in tools.names()}
    return [names[one] for one in get_close_matches(name.replace("-", "_"), names, 3)]


class Registered:
    """The built-in tools, as the registry has them."""

    version = 0

    def __init__(self) -> None:
        self._tools = registry.Tools.standard(Policy())  # nothing is called here; a broken llmspell.toml is no matter
        self._known: dict[str, Info | None] = {}

    def names(self) -> list[str]:
        return self._tools.names()

    def info(self, name: str) -> Info | None:
        if name not in self._known:
            self._known[name] = self._info(name)
        return self._known[name]

    def _info(self, name: str) -> Info | None:
        try:
            about = self._tools.info(name)
        except UserError:
            return None
        schema = _with_defaults(about["schema"], self._function(name))
        examples = [one if isinstance(one, Mapping) else one._asdict() for one in about.get("examples", ())]
        return Info(about["name"], about["description"], about["category"], schema, examples, about.get("level", ""))

    def source(self, name: str) -> Source | None:
        code = getattr(self._function(name), "__code__", None)
        return None if code is None else Source(code.co_filename, code.co_firstlineno - 1)

    def _function(self, name: str) -> Callable[..., Any] | None:
        try:
            tool = self._tools.get(name)
        except UserError:
            return None
        function = next((one for one in vars(tool).values() if inspect.isfunction(one)), None)
        return None if function is None else inspect.unwrap(function)


def _with_defaults(schema: Schema, function: Callable[..., Any] | None) -> Schema:
    """The defaults are in the function; people want to see them."""
    if function is None:
        return schema
    properties = {name: dict(one) for name, one in schema.get("properties", {}).items()}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in properties and parameter.default not in (inspect.Parameter.empty, None):
            properties[name].setdefault("default", parameter.default)
    return {**schema, "properties": properties}
