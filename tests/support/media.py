"""Calls of a tool that makes one file of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools


class Converter:
    def __init__(self, tool: str) -> None:
        self._tool = tool

    def do(self, tools: Tools, operation: str, source: Path, target: Path | None = None, **more: Any) -> Any:
        parameters = {"operation": operation, "source_path": str(source), **more}
        if target is not None:
            parameters["target_path"] = str(target)
        return tools.call(self._tool, parameters)["result"]

    def refused(self, tools: Tools, *how: Any, **more: Any) -> ToolError:
        with pytest.raises(ToolError) as raised:
            self.do(tools, *how, **more)
        return raised.value
