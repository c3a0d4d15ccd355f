"""Reading what a client sends: null and missing are the same, a wrong type is a clear error. No thread."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeVar

from llmspell_kernel.errors import UserError

Json = dict[str, Any]
T = TypeVar("T")
MAX_NUMBER = 2**53  # what every client can count to; Lua could not take one of more than 63 bits


class Arguments:
    """The ``arguments`` of a request (or an object inside of them)."""

    def __init__(self, values: Any, where: str) -> None:
        if values is None:
            values = {}
        if not isinstance(values, dict):
            raise UserError(f"{where}: arguments must be an object")
        self.values: Json = values
        self.where = where

    def text(self, name: str, default: str = "") -> str:
        value = self._typed(name, str, "a string")
        return default if value is None else value

    def maybe_text(self, name: str) -> str | None:
        value: str | None = self._typed(name, str, "a string")
        return value

    def maybe_path(self, name: str) -> str | None:
        """Text that the operating system can be given."""
        value = self.maybe_text(name)
        if value and "\0" in value:
            raise UserError(f"{self.where}: `{name}` must not have a zero byte")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._typed(name, bool, "true or false")
        return default if value is None else value

    def number(self, name: str, default: int = 0) -> int:
        value = self.maybe_number(name)
        return default if value is None else value

    def maybe_number(self, name: str) -> int | None:
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or (type(value) is int and abs(value) <= MAX_NUMBER):
            return value
        raise UserError(
            f"{self.where}: `{name}` must be a whole number" + (" up to 2^53" if type(value) is int else "")
        )

    def maybe_amount(self, name: str) -> float | None:
        """A number greater than 0, such as a limit."""
        value = self.values.get(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf):
            return value
        raise UserError(f"{self.where}: `{name}` must be a number greater than 0")

    def needed_number(self, name: str) -> int:
        return self.needed(name, self.maybe_number(name))

    def needed_text(self, name: str) -> str:
        return self.needed(name, self.maybe_text(name))

    def items(self, name: str) -> list[Any]:
        value = self._typed(name, list, "a list")
        return [] if value is None else value

    def texts(self, name: str) -> list[str]:
        """A list of strings; a single string is a list of one."""
        value = self.values.get(name)
        items = [value] if isinstance(value, str) else self.items(name)
        if not all(isinstance(item, str) and _is_unicode(item) for item in items):
            raise UserError(f"{self.where}: `{name}` must be a list of strings")
        return items

    def objects(self, name: str) -> list[Arguments]:
        return [Arguments(item, f"{self.where}: {name}") for item in self.items(name)]

    def object(self, name: str) -> Arguments:
        return Arguments(self.values.get(name), f"{self.where}: {name}")

    def needed(self, name: str, value: T | None) -> T:
        if value is None:
            raise UserError(f"{self.where}: `{name}` is missing")
        return value

    def _typed(self, name: str, kind: type, what: str) -> Any:
        value = self.values.get(name)
        if isinstance(value, str) and not _is_unicode(value):
            raise UserError(f"{self.where}: `{name}` is not Unicode text: it has half of a surrogate pair")
        if value is None or isinstance(value, kind):
            return value
        raise UserError(f"{self.where}: `{name}` must be {what}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


class Request(NamedTuple):
    seq: int
    command: str
    arguments: Any


def read_request(message: Json) -> Request | None:
    """A request; None for other messages. A request without a proper seq is given 0."""
    if message.get("type") != "request":
        return None
    seq = message.get("seq")
    command = message.get("command")
    return Request(
        seq if type(seq) is int else 0,
        command if isinstance(command, str) else "",
        message.get("arguments"),
    )
