"""The tools that a project brings (``[tools] paths`` of llmspell.toml), read without running them.

An editor that opens a folder must not run what is in it, so the Python files are parsed: a function under ``@tool``
or ``@tool(…)`` is a tool; its annotations, defaults and docstring make the schema, as tools/schema.py would.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from llmspell_kernel import config, toml
from llmspell_kernel.errors import UserError
from llmspell_kernel.language.tools import Info, Registered, Schema, Source

SIMPLE = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}
ARGUMENT = re.compile(r"^(\w+): *(.*)$")


class Found(NamedTuple):
    info: Info
    source: Source


class WithProject:
    """The registry's tools, those of the projects around some folders, and what running kernels have besides."""

    def __init__(self) -> None:
        self._registered = Registered()
        self._project: dict[str, Found] = {}
        self._running: dict[str, Info] = {}
        self.version = 0

    def use(self, folders: list[str]) -> None:
        """Read the projects of these folders (again)."""
        self.version += 1
        self._project = {_key(one.info.name): one for folder in folders for one in project_tools(folder)}

    def use_running(self, tools: list[Info]) -> None:
        found = {_key(one.name): one for one in tools}
        if found != self._running:
            self._running = found
            self.version += 1

    def own_names(self) -> set[str]:
        """Without those of running kernels."""
        return {*(one.info.name for one in self._project.values()), *self._registered.names()}

    def names(self) -> list[str]:
        return sorted({*self.own_names(), *(one.name for one in self._running.values())})

    def info(self, name: str) -> Info | None:
        found = self._project.get(_key(name))
        return found.info if found is not None else self._registered.info(name) or self._running.get(_key(name))

    def source(self, name: str) -> Source | None:
        found = self._project.get(_key(name))
        return found.source if found is not None else self._registered.source(name)


def _key(name: str) -> str:
    return name.replace("-", "_")


def project_tools(folder: str) -> list[Found]:
    """What can't be read has none: who runs the program is told why."""
    path = config.find(folder)
    if path is None:
        return []
    try:
        listed = toml.parse(path).get("tools", {}).get("paths", [])
    except (UserError, AttributeError):
        return []
    if not isinstance(listed, list):
        return []
    base = os.path.dirname(path)
    files = [one for given in listed if isinstance(given, str) for one in _files(os.path.join(base, given))]
    return [found for file in files for found in tools_of(file)]


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(path, name) for name in os.listdir(path) if name.endswith(".py"))


def tools_of(path: str) -> Iterator[Found]:
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if _is_tool(mark):
                    yield Found(_info(node, mark), Source(path, node.lineno - 1))


def _is_tool(mark: ast.expr) -> bool:
    name = mark.func if isinstance(mark, ast.Call) else mark
    return (isinstance(name, ast.Name) and name.id == "tool") or (
        isinstance(name, ast.Attribute) and name.attr == "tool"
    )


def _info(node: ast.FunctionDef | ast.AsyncFunctionDef, mark: ast.expr) -> Info:
    said = {one.arg: one.value for one in mark.keywords if one.arg} if isinstance(mark, ast.Call) else {}
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    name = _constant(said.get("name")) or node.name
    description = " ".join(doc.partition("\n\n")[0].split())
    category, level = _constant(said.get("category")) or "user", _constant(said.get("level")) or ""
    return Info(str(name), description, str(category), _schema(node, _arguments(doc)), (), str(level))


def _arguments(doc: str) -> dict[str, str]:
    """The lines ``name: text`` under ``Args:``."""
    listed = doc.partition("Args:\n")[2].splitlines()
    found = (ARGUMENT.match(line.strip()) for line in listed)
    return {one[1]: one[2] for one in found if one is not None}


def _schema(node: ast.FunctionDef | ast.AsyncFunctionDef, said: dict[str, str]) -> Schema:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    properties, required = {}, []
    for argument, default in pairs:
        schema = _type(argument.annotation)
        if argument.arg in said:
            schema["description"] = said[argument.arg]
        value = _constant(default)
        if value is not None:
            schema["default"] = value
        if default is None:
            required.append(argument.arg)
        properties[argument.arg] = schema
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(annotation: ast.expr | None) -> dict[str, Any]:
    if isinstance(annotation, ast.Name):
        return {"type": SIMPLE[annotation.id]} if annotation.id in SIMPLE else {}
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return {"anyOf": [_type(annotation.left), _type(annotation.right)]}
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return {"type": "null"}
    if isinstance(annotation, ast.Subscript):
        return _subscript(annotation)
    return {}


def _subscript(annotation: ast.Subscript) -> dict[str, Any]:
    name, inner = ast.unparse(annotation.value).rpartition(".")[2], annotation.slice
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return {"enum": [_constant(one) for one in parts]}
    if name == "Optional":
        return {"anyOf": [_type(inner), {"type": "null"}]}
    if name in ("list", "Sequence"):
        return {"type": "array", "items": _type(parts[0])}
    if name in ("dict", "Mapping"):
        return {"type": "object", "additionalProperties": _type(parts[-1])}
    return {}


def _constant(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None
