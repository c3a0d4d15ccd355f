"""Variables as JupyterLab shows them.

Beside a name it writes the value if the type is one of four of Python's (numbers as JavaScript has them), any other
type instead of the value, and the value where there is no type. So Lua's types are called by Python's names where that
shows the value as it is, and not at all elsewhere. Of the globals it gets the program's own, as while nothing is
stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from llmspell_dap.protocol import Arguments, Json
from llmspell_kernel.errors import UserError

NAME = "jupyterlab"  # how it introduces itself
ROUND = 1_000_000  # more than there are frames at a stop
TYPES = {
    "string": (("str", re.compile(r"(?s).*")),),
    "boolean": (("bool", re.compile(r".*")),),
    "number": (("int", re.compile(r"-?\d{1,15}")), ("float", re.compile(r"-?(\d+\.\d*[1-9]|inf)"))),
}


class JupyterLab:
    def __init__(self, given: frozenset[str], renamed: Callable[[str], str]) -> None:
        """``given``: the globals that are not the program's own; ``renamed`` has In[3] where the path of a cell is."""
        self._given = given
        self._renamed = renamed
        self._globals: set[int] = set()  # references
        self._evaluations = 0  # at this stop

    def forget(self) -> None:
        """The program has gone on: what it was referred to by means something else from now on."""
        self._globals.clear()
        self._evaluations = 0

    def back(self, arguments: Any) -> Any:
        """The arguments of a request of JupyterLab's, as the session takes them."""
        if not isinstance(arguments, dict):
            return arguments
        frames = {key: arguments[key] % ROUND for key in ("frameId", "srcFrameId") if type(arguments.get(key)) is int}
        return {**arguments, **frames}

    def out(self, response: Json, asked: Json) -> Json:
        """A response of the session, as JupyterLab gets it."""
        change = CHANGES.get(response["command"])
        if change is None or not response["success"]:
            return response
        return {**response, "body": change(self, response["body"], asked)}

    def _scopes(self, body: Json, asked: Json) -> Json:
        self._globals.update(one["variablesReference"] for one in body["scopes"] if one["name"] == "Globals")
        return body

    def _variables(self, body: Json, asked: Json) -> Json:
        found = body["variables"]
        if _reference(asked) in self._globals:
            found = [one for one in found if one["name"] not in self._given]
        return {**body, "variables": self.variables(found)}

    def _frames(self, body: Json, asked: Json) -> Json:
        """Those without a source would keep it from showing any. After an evaluation it has forgotten variables, and
        asks for them only if the frames are others than before."""
        frames = [one for one in body["stackFrames"] if "source" in one]
        left_out = len(body["stackFrames"]) - len(frames)
        moved = self._evaluations * ROUND
        shown = [{**one, "id": one["id"] + moved, "name": self._renamed(one["name"])} for one in frames]
        return {**body, "stackFrames": shown, "totalFrames": body["totalFrames"] - left_out}

    def _result(self, body: Json, asked: Json) -> Json:
        self._evaluations = (self._evaluations + 1) % 1000  # an id has 31 bits
        return {**body, "result": self._renamed(body["result"])}

    def variables(self, found: Iterable[Json]) -> list[Json]:
        return [_typed({**one, "value": self._renamed(one["value"])}) for one in found]


def _reference(asked: Json) -> int:
    try:
        return Arguments(asked.get("arguments"), "variables").number("variablesReference")
    except UserError:
        return 0


def _typed(variable: Json) -> Json:
    kind = variable.pop("type", "")
    for name, values in TYPES.get(kind, ()):
        if values.fullmatch(variable["value"]):
            return {**variable, "type": name}
    return variable


CHANGES = {
    "scopes": JupyterLab._scopes,
    "variables": JupyterLab._variables,
    "stackTrace": JupyterLab._frames,
    "evaluate": JupyterLab._result,
}
