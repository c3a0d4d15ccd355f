"""Variables as JupyterLab shows them.

Beside a name it writes the value if the type is one of four of Python's (numbers as JavaScript has them), any other
type instead of the value, and the value where there is no type. So Lua's types are called by Python's names where that
shows the value as it is, and not at all elsewhere. Of the globals it gets the program's own, as while nothing is
stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from llmspell_dap.protocol import Arguments, Json
from llmspell_kernel.errors import UserError

NAME = "jupyterlab"  # how it introduces itself
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

    def forget(self) -> None:
        """The program has gone on: what it was referred to by means something else from now on."""
        self._globals.clear()

    def out(self, response: Json, asked: Json) -> Json:
        """A response of the session, as JupyterLab gets it."""
        change = CHANGES.get(response["command"])
        if response["command"] == "evaluate" and not response["success"] and response["message"] != "notStopped":
            return self._problem(response)
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
        """Those without a source would keep it from showing any. (Other ids after an evaluation would have it show the
        variables again, which it has forgotten then; but it takes the focus from the console for new frames.)"""
        frames = [one for one in body["stackFrames"] if "source" in one]
        left_out = len(body["stackFrames"]) - len(frames)
        shown = [{**one, "name": self._renamed(one["name"])} for one in frames]
        return {**body, "stackFrames": shown, "totalFrames": body["totalFrames"] - left_out}

    def _problem(self, response: Json) -> Json:
        """Of an evaluation that has failed it would say that it has, and nothing of why."""
        said = {"result": response["message"], "variablesReference": 0}
        return {**response, "success": True, "body": self._result(said, {})}

    def _result(self, body: Json, asked: Json) -> Json:
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
