"""Tools: Python functions that Lua, the command line and messages call alike.

A tool is a plain function with annotations and a docstring. `Tools` knows them by name, checks what
is given to them and makes of what they return a result that every caller understands. The built-in
ones are imported when one of their family is first used. Any thread may call.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from time import perf_counter
from typing import Any, NamedTuple

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.policy import Policy
from llmspell_kernel.tools.schema import NOTHING, signature, summary

BUILTIN = "llmspell_kernel.tools.builtin."
CATALOG: dict[str, tuple[str, str]] = {  # name → module, category
    "calculator": ("calculator", "math"),
    "date_time_handler": ("date_time_handler", "time"),
    "file_operations": ("file_operations", "files"),
    "hash_calculator": ("hash_calculator", "data"),
    "json_processor": ("json_processor", "data"),
    "text_manipulator": ("text_manipulator", "text"),
}


class Result(NamedTuple):
    """What a tool may return to choose the text that people read."""

    value: Any
    text: str


class Tool:
    """A function and what is known of it. The schema is read when it is first needed."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str = "",
        category: str = "user",
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.name = canonical(name or getattr(function, "__name__", "tool"))
        self.category = category
        self._function = function
        self.description = summary(function.__doc__ or "")
        self._signature = signature(function, aliases)
        self._parameters = self._signature.parameters
        self._aliases = self._signature.aliases
        self._needed = frozenset(n for n, p in self._parameters.items() if p.default is NOTHING)

    def schema(self) -> dict[str, Any]:
        return self._signature.schema()

    def info(self) -> dict[str, Any]:
        """Name, description, category and the JSON Schema of the parameters."""
        return {
            "name": self.name,
            "description": self.description,
            "category": self.category,
            "schema": self.schema(),
        }

    def call(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check the parameters and run. Raises ToolError."""
        start = perf_counter()
        arguments = self._checked(given)
        try:
            value, text = _read(self._function(**arguments))
        except ToolError as error:
            error.tool = error.tool or self.name
            raise
        except RecursionError as error:
            raise ToolError("the input is nested too deeply", tool=self.name) from error
        except Exception as error:
            message = str(error) or type(error).__name__
            raise ToolError(message, tool=self.name) from error
        return {
            "operation": given.get("operation"),
            "success": True,
            "result": value,
            "metadata": {"duration_ms": (perf_counter() - start) * 1000},
            "text": text,
        }

    def _checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        parameters = self._parameters
        arguments: dict[str, Any] = {}
        problems: list[str] | None = None
        for name, value in given.items():
            parameter = parameters.get(name) or parameters.get(self._aliases.get(name, ""))
            try:
                if parameter is None:
                    raise ValueError(self._unknown(name))
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
            raise ToolError(
                f"{self.name}: {'; '.join(problems)}", tool=self.name, code="invalid_parameters",
                details={"problems": problems},
            )  # fmt: skip
        return arguments

    def _unknown(self, name: str) -> str:
        known = [*self._parameters, *self._aliases]
        return "unknown parameter" + _near(str(name), known, f"; it takes {', '.join(known) or 'none'}")


def _read(value: Any) -> tuple[Any, str]:
    """What a tool returned, as value and text."""
    if type(value) is Result:
        return value
    return value, value if type(value) is str else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _near(name: str, known: list[str], otherwise: str = "") -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else otherwise


def canonical(name: str) -> str:
    """``json-processor`` is ``json_processor``."""
    return name.replace("-", "_")


class Tools:
    def __init__(self, policy: Policy | None = None) -> None:
        self._tools: dict[str, Tool] = {}
        self._later: dict[str, tuple[str, str]] = {}
        self.policy = policy or Policy()

    @staticmethod
    def standard(policy: Policy | None = None) -> Tools:
        """The built-in tools; the policy comes from the environment unless it is given."""
        tools = Tools(policy or Policy.from_environment())
        tools._later.update(CATALOG)
        return tools

    def add(
        self,
        function: Callable[..., Any],
        *,
        name: str = "",
        category: str = "user",
        aliases: Mapping[str, str] | None = None,
    ) -> Tool:
        """Make a function a tool. Raises ValueError when the name is taken."""
        tool = Tool(function, name, category, aliases)
        if self.exists(tool.name):
            raise ValueError(f"there is a tool named {tool.name!r} already")
        self._tools[tool.name] = tool
        return tool

    def call(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool; gives operation, success, result, metadata and text. Raises ToolError."""
        tool = self._tools.get(name)
        if tool is None:
            tool = self.get(name)
        return tool.call(parameters)

    def get(self, name: str) -> Tool:
        """Raises ToolError (``unknown_tool``)."""
        key = canonical(name)
        tool = self._tools.get(key)
        if tool is None:
            if key not in self._later:
                hint = _near(key, self.names(), "; Tool.list() names all")
                raise ToolError(f"no tool named {name!r}{hint}", tool=name, code="unknown_tool")
            tool = self._load(key)
        return tool

    def _load(self, key: str) -> Tool:
        module, category = self._later[key]
        made = importlib.import_module(BUILTIN + module).tool(self.policy)
        function, aliases = made if isinstance(made, tuple) else (made, None)
        tool = self._tools[key] = Tool(function, key, category, aliases)
        return tool

    def info(self, name: str) -> dict[str, Any]:
        return self.get(name).info()

    def names(self) -> list[str]:
        return sorted({*self._tools, *self._later})

    def exists(self, name: str) -> bool:
        key = canonical(name)
        return key in self._tools or key in self._later

    def categories(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names():
            category = self._tools[name].category if name in self._tools else self._later[name][1]
            found.setdefault(category, []).append(name)
        return found
