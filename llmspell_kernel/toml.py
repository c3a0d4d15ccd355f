"""Reading a TOML file: the standard library's parser, or tomli on Python 3.10."""

from __future__ import annotations

import sys
from typing import Any

from llmspell_kernel.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse(path: str) -> dict[str, Any]:
    """Raises UserError: unreadable, not TOML."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
