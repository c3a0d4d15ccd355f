"""The breakpoints a person has set, and how they are written: LINE, FILE:LINE or FUNCTION, with `if CONDITION`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from llmspell_kernel.errors import UserError


@dataclass
class Point:
    """``number`` is what the person calls it (0: it is not the person's); ``id`` what the adapter does. One on a
    ``function`` has no path, and a line when the function is there."""

    number: int
    path: str
    line: int
    condition: str | None = None
    function: str = ""
    temporary: bool = False
    id: int = 0
    verified: bool = False
    message: str = ""
    actual: int = 0
    file: str = ""  # where the function is

    def __str__(self) -> str:
        place = f"{self.file or os.path.basename(self.path)}:{self.actual or self.line}"
        at = f" at {place}" if self.verified else ""
        text = f"{self.number}: {self.function}{at}" if self.function else f"{self.number}: {place}"
        if self.condition:
            text += f" if {self.condition}"
        if self.temporary:
            text += " (once)"
        if not self.verified:
            text += f" [{self.message or 'pending'}]"
        elif self.actual != self.line and not self.function:
            text += f" (the first statement from line {self.line} on)"
        return text


FUNCTION = re.compile(r"[^\W\d]\w*(?:[.:][^\W\d]\w*)*")


def parse(text: str, current: str | None) -> tuple[str, int, str | None, str]:
    """Path, line, condition and function of ``[FILE:]LINE|FUNCTION [if CONDITION]``. Raises UserError."""
    place, _, condition = text.strip().partition(" if ")
    place, asked = place.strip(), condition.strip() or None
    if FUNCTION.fullmatch(place) and ".lua:" not in place:
        return "", 0, asked, place
    file, _, line = place.rpartition(":")
    if not line.isdigit() or int(line) < 1:
        raise UserError(f"a breakpoint is LINE, FILE:LINE or FUNCTION, and maybe `if CONDITION`, not {text!r}")
    if file:
        return _found(file, current), int(line), asked, ""
    if current is None:
        raise UserError("no file is current; write FILE:LINE")
    return current, int(line), asked, ""


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

    def add(self, path: str, line: int, condition: str | None, function: str = "", temporary: bool = False) -> Point:
        self._last += 1
        point = Point(self._last, path, line, condition, function, temporary)
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
    point.file = body.get("source", {}).get("name", "") if point.function else ""
