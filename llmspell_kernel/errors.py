"""What people are meant to read. Anything that is not a UserError is a bug of ours."""

from __future__ import annotations

from typing import Any


class UserError(Exception):
    """Its text is shown as it is: what is wrong and what to do."""


class ToolError(UserError):
    """A tool could not do what it was asked. The Python error behind it is ``__cause__``.

    ``code`` is for programs: ``unknown_tool``, ``invalid_parameters``, ``not_allowed``, ``failed``.
    """

    def __init__(
        self,
        message: str,
        *,
        tool: str = "",
        code: str = "failed",
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.tool = tool
        self.code = code
        self.details = details
