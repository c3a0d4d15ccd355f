"""JSON for Lua programs: bytes ↔ Python data, with errors that people understand. Any thread."""

from __future__ import annotations

import json
from typing import Any

from llmspell_kernel.errors import UserError


def parsed(source: bytes) -> Any:
    """Raises UserError that says where it is no JSON."""
    try:
        return json.loads(source.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise UserError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise UserError("not JSON that can be read: it is nested too deeply") from error


def written(data: Any, pretty: Any, sort_keys: bool) -> bytes:
    """``pretty``: true, or how many spaces. Raises UserError for what JSON has no form for (inf, nan)."""
    indent = 2 if pretty is True else pretty if isinstance(pretty, int) and pretty else None
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent, sort_keys=sort_keys)
    except (ValueError, TypeError) as error:
        raise UserError(f"this can't be written as JSON: {error}") from error
    return text.encode("utf-8", "surrogateescape")
