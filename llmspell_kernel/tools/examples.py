"""Running the worked examples of tools. The caller's thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tool, Tools
from llmspell_kernel.tools.spec import Example
from llmspell_kernel.tools.stage import Stage


class Played(NamedTuple):
    """``problem``: "" when the example gave what it promises."""

    title: str
    problem: str


def played(tools: Tools, tool: Tool) -> Iterator[Played]:
    """Run the examples of a tool, on a stage of their own."""
    with Stage() as stage:
        if tool.about.prepare is not None:
            tool.about.prepare(stage)
        stand_in = Tools(stage.policy(), Config({**tools.settings.given(), **stage.settings}))
        stand_in.add(tool.function, said=tool.about._replace(name=tool.name))
        try:
            for example in tool.about.examples:
                yield Played(example.title, _problem(stand_in, tool.name, example, stage))
        finally:
            stand_in.close()


def _problem(tools: Tools, name: str, example: Example, stage: Stage) -> str:
    try:
        given = tools.call(name, stage.fill(example.parameters))
    except ToolError as error:
        return "" if example.error == error.code else f"{error.code}: {error}"
    if example.error is not None:
        return f"expected the error {example.error}, got {given['text']!r}"
    if example.text is not None and given["text"] != stage.fill(example.text):
        return f"expected the text {stage.fill(example.text)!r}, got {given['text']!r}"
    if example.result is not None:
        return difference(stage.fill(example.result), given["result"], "result")
    return ""


def difference(expected: Any, given: Any, place: str) -> str:
    """Of a table the fields that are expected count, all else as a whole."""
    if isinstance(expected, Mapping) and isinstance(given, Mapping):
        for key, one in expected.items():
            if key not in given:
                return f"{place}.{key}: missing"
            problem = difference(one, given[key], f"{place}.{key}")
            if problem:
                return problem
        return ""
    return "" if expected == given else f"{place}: expected {expected!r}, got {given!r}"
