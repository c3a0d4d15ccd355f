"""At which errors a program is to stop. No thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llmspell_kernel.debug.model import ExceptionFilter, ExceptionFilterState


class Filters:
    def __init__(self) -> None:
        self._ids: dict[ExceptionFilter, int] = {}

    def set(
        self, wanted: Sequence[ExceptionFilter], check: Callable[[str], str | None], next_id: Callable[[], int]
    ) -> list[ExceptionFilterState]:
        """Replace them. ``check`` gives the parser's message about an expression, or None."""
        states = []
        self._ids = {}
        for one in wanted:
            problem = check(one.condition) if one.condition else None
            id = next_id()
            states.append(ExceptionFilterState(id, problem is None, problem and f"condition: {problem}"))
            if problem is None:
                self._ids[one] = id
        return states

    def records(self) -> list[dict[str, Any]]:
        """What the hook needs to know of them."""
        return [{"name": one.name, "id": id, "condition": one.condition or None} for one, id in self._ids.items()]
