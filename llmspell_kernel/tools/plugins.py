"""Tools that others bring: files of a project, installed packages. Any thread.

``[tools] paths``: Python files, or folders of them; each function there that is marked with ``@tool`` (spec.py) is one.
An installed package names a module of such functions, or one function, under the entry point group ``llmspell.tools``.
What can't be imported is a problem that is told of, not an error.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from llmspell_kernel.tools.spec import About

if TYPE_CHECKING:
    from llmspell_kernel.tools.registry import Tools

GROUP = "llmspell.tools"


def add_files(tools: Tools, paths: Sequence[str]) -> None:
    for path in paths:
        files = _files(path)
        if not files:
            tools.problems.append(f"{path}: no Python file there (tools.paths)")
        for file in files:
            _add(tools, file, lambda file=file: _module(file))  # type: ignore[misc]


def _files(path: str) -> list[str]:
    if os.path.isfile(path):
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return []
    return [os.path.join(path, name) for name in names if name.endswith(".py") and not name.startswith("_")]


def _module(path: str) -> ModuleType:
    """Imported by its own name, so that a worker process finds it as well. Raises ImportError."""
    folder, file = os.path.split(os.path.realpath(path))
    name = file.removesuffix(".py")
    if folder not in sys.path:
        sys.path.append(folder)
        importlib.invalidate_caches()
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None or os.path.realpath(spec.origin) != os.path.join(folder, file):
        raise ImportError(f"there is another module named {name}; rename the file")
    return importlib.import_module(name)


def add_installed(tools: Tools) -> None:
    from importlib.metadata import entry_points  # costs more than starting Lua

    for point in entry_points(group=GROUP):
        _add(tools, f"{point.name} = {point.value}", point.load)


def _add(tools: Tools, origin: str, load: Callable[[], Any]) -> None:
    """Whatever its code does when it is imported, we go on."""
    try:
        found = _functions(load())
        if not found:
            tools.problems.append(f"{origin}: no function is marked with @tool")
        for function in found:
            tools.add(function)
    except (Exception, SystemExit) as error:
        tools.problems.append(f"{origin}: {type(error).__name__}: {error}")


def _functions(found: Any) -> list[Callable[..., Any]]:
    if not isinstance(found, ModuleType):
        return [found]
    return [
        value
        for value in vars(found).values()
        if isinstance(getattr(value, "about", None), About) and getattr(value, "__module__", "") == found.__name__
    ]
