"""The breakpoints a person has set, and how they are written: LINE, FILE:LINE, with `if CONDITION`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from llmspell_kernel.errors import UserError


@dataclass
class Point:
    """``number`` is what the person calls it (0: it is not the person's); ``id`` what the adapter does."""

    number: int
    path: str
    line: int
    condition: str | None = None
    temporary: bool = False
    id: int = 0
    verified: bool = False
    message: str = ""
    actual: int = 0

    def __str__(self) -> str:
        text = f"{self.number}: {os.path.basename(self.path)}:{self.actual or self.line}"
        if self.condition:
            text += f" if {self.condition}"
        if self.temporary:
            text += " (once)"
        if not self.verified:
            text += f" [{self.message or 'pending'}]"
        elif self.actual != self.line:
            text += f" (the first statement from line {self.line} on)"
        return text


def parse(text: str, current: str | None) -> tuple[str, int, str | None]:
    """Path, line and condition of ``[FILE:]LINE [if CONDITION]``. Raises UserError."""
    place, _, condition = text.strip().partition(" if ")
    file, _, line = place.strip().rpartition(":")
    if not line.isdigit() or int(line) < 1:
        raise UserError(f"a breakpoint is LINE or FILE:LINE, and maybe `if CONDITION`, not {text!r}")
    if file:
        return _found(file, current), int(line), condition.strip() or None
    if current is None:
        raise UserError("no file is current; write FILE:LINE")
    return current, int(line), condition.strip() or None


def _found(file: str, current: str | None) -> str:
    """A file beside the current one may be named without its folder."""
    if not os.path.exists(file) and current is not None and not os.path.isabs(file):
        beside = os.path.join(os.path.dirname(current), file)
        if os.path.exists(beside):
            return beside
    return os.path.abspath(file)


class Points:
    def __init__(self) -> None:
        self._points: list[Point] = []
        self._last = 0

    def add(self, path: str, line: int, condition: str | None, temporary: bool = False) -> Point:
        self._last += 1
        point = Point(self._last, path, line, condition, temporary)
        self._points.append(point)
        return point

    def add_passing(self, path: str, line: int) -> Point:
        """One for `until`: it has no number, and is gone when the program stops."""
        point = Point(0, path, line, temporary=True)
        self._points.append(point)
        return point

    def remove(self, point: Point) -> None:
        self._points.remove(point)

    def all(self) -> list[Point]:
        return list(self._points)

    def of(self, path: str) -> list[Point]:
        return [point for point in self._points if point.path == path]

    def numbered(self, number: int) -> Point:
        for point in self._points:
            if point.number == number:
                return point
        raise UserError(f"there is no breakpoint {number}")

    def hit(self, ids: list[int]) -> list[Point]:
        return [point for point in self._points if point.id in ids]

    def update(self, body: dict[str, Any]) -> None:
        """What the adapter says of a breakpoint."""
        for point in self._points:
            if point.id == body.get("id"):
                learn(point, body)


def learn(point: Point, body: dict[str, Any]) -> None:
    point.id = body["id"]
    point.verified = body["verified"]
    point.actual = body.get("line", point.line)
    point.message = body.get("message", "")
