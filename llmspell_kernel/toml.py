"""Reading a TOML file: the standard library's parser, or tomli on Python 3.10."""

from __future__ import annotations

import sys
from typing import Any

from llmspell_kernel.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class NotToml(UserError):
    pass


def parse(path: str) -> dict[str, Any]:
    """Raises UserError: unreadable; NotToml."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise NotToml(f"{path}: it is not UTF-8 text") from error
    except ValueError as error:
        raise NotToml(f"{path}: {error}") from error
