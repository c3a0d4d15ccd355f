"""What JupyterLab shows of variables, frames and cells, by what it does with the answers it gets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebook.lab import SUM, Lab

pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter-client's own


def beside_its_name(variable: dict[str, Any]) -> str:
    """What JupyterLab's tree of variables writes there: it knows values of four types of Python's, and shows of others
    the type; numbers become JavaScript's."""
    kind, value = variable.get("type"), variable["value"]
    if kind == "int":
        return str(int(float(value)))
    if kind == "float":
        return repr(float(value)).removesuffix(".0").replace("nan", "NaN")
    return str(value if kind in (None, "bool", "str") else kind)


def test_jupyterlab_shows_values_not_their_types(lab: Lab) -> None:
    code = """yes, small, half, whole, nothing = true, -7, 0.5, 2.0, nil
large, most, text, list, huge = math.maxinteger, 1e300, "it's", { a = 1 }, math.huge
local y, s, h, w, n, l, m, t, i, e = yes, small, half, whole, nothing, large, most, text, list, huge
done = true"""
    lab.attach()
    lab.breakpoints(code, 4)
    lab.start(code)
    lab.event("stopped")
    locals = {one["name"]: beside_its_name(one) for one in lab.variables(0)}
    assert locals == {
        "y": "true", "s": "-7", "h": "0.5", "w": "2.0", "n": "nil", "l": "9223372036854775807", "m": "1e+300",
        "t": '"it\'s"', "i": "{a = 1}", "e": "inf",
    }  # fmt: skip
    assert {one["name"]: one.get("type") for one in lab.variables(0) if one["name"] in "ysht"} == {
        "y": "bool", "s": "int", "h": "float", "t": "str",
    }  # fmt: skip
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"
    assert beside_its_name(lab.globals()["large"]) == "9223372036854775807"
    assert [beside_its_name(one) for one in lab.children(lab.globals()["list"])] == ["1"]


def test_jupyterlab_calls_cells_by_their_numbers(lab: Lab) -> None:
    lab.attach()
    path = lab.breakpoints("local g = named\nreturn g", 2)
    assert "ipykernel_" in path  # JupyterLab looks for the cell of such a path alone
    number = lab.notebook.run("function named() end").reply["execution_count"]
    lab.notebook.run(tail := "function tail()\n  return 1\nend")
    tail_number = lab.notebook.run("return 1").reply["execution_count"] - 1
    lab.breakpoints(tail, 2)
    lab.start("return tail()")
    lab.event("stopped")
    assert lab.stack()[0] == (f"function <In[{tail_number}]:1>", 2)  # Lua knows no name of what was called like that
    lab.body("continue", threadId=1)
    lab.notebook.end(lab.cell)
    lab.start("local g = named\nreturn g")
    lab.event("stopped")
    known = f"function: In[{number}]:1"
    assert lab.locals() == {"g": known} and lab.globals()["named"]["value"] == known
    frame = lab.frames()[0]["id"]
    assert lab.body("evaluate", expression="g", frameId=frame, context="repl")["result"] == known
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).result == known


def test_the_globals_of_a_cell_that_is_stopped_are_the_programs_own(lab: Lab) -> None:
    lab.attach()
    code = "mine = { print = 1 }\nmine = mine"
    lab.breakpoints(code, 2)
    lab.start(code)
    lab.event("stopped")
    names = {one["name"]: one for one in lab.variables(-1)}
    assert "mine" in names and not {"print", "string", "Tool", "_G"} & set(names)
    assert [one["name"] for one in lab.children(names["mine"])] == ["print"]
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"


def test_jupyterlab_gets_frames_with_sources_alone(lab: Lab) -> None:
    """It shows no stack at all where one has none: of a function in C, or between two coroutines."""
    lab.attach()
    code = "local co = coroutine.wrap(function()\n  table.sort({ 2, 1 }, function(a, b)\n    return a < b\n  end)\nend)\nco()"
    path = lab.breakpoints(code, 3)
    lab.start(code)
    thread = lab.event("stopped")["threadId"]
    answer = lab.body("stackTrace", threadId=thread)
    assert [one["line"] for one in answer["stackFrames"]] == [3, 2, 6] and answer["totalFrames"] == 3
    assert all(one["source"]["path"] == path for one in answer["stackFrames"])
    lab.breakpoints(code)
    lab.body("continue", threadId=thread)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"


def test_after_an_evaluation_jupyterlab_shows_the_variables_again(lab: Lab) -> None:
    """It forgets them then, and asks for those of a frame anew if the frame's id is another one."""
    lab.attach()
    lab.breakpoints(SUM, 3)
    lab.start(SUM)
    lab.event("stopped")
    before, r = lab.frames()[0], "r"
    lab.body("evaluate", expression="r = 50", frameId=before["id"], context="repl")
    after = lab.frames()[0]
    assert after["id"] != before["id"] and lab.frames()[0] == after and lab.locals()[r] == "50"
    for frame in (before["id"], after["id"]):
        assert lab.body("evaluate", expression="a + r", frameId=frame, context="repl")["result"] == "50"
        assert lab.body("richInspectVariables", variableName=r, frameId=frame)["data"] == {"text/plain": "50"}
        lab.body("copyToGlobals", srcVariableName=r, dstVariableName="kept", srcFrameId=frame)
        assert lab.body("scopes", frameId=frame)["scopes"][0]["name"] == "Locals"
    assert lab.globals()["kept"]["value"] == "50"
    lab.breakpoints(SUM)
    lab.body("continue", threadId=1)
    assert lab.notebook.end(lab.cell).reply["status"] == "ok"
