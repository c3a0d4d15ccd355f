"""What tools refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmspell_kernel.errors import ToolError


def error_of(call: Callable[[], object]) -> ToolError:
    """The error that a call of a tool ends with."""
    with pytest.raises(ToolError) as raised:
        call()
    return raised.value
