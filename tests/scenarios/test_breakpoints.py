"""Breakpoints: where they stand, when they hold, what they say."""

from __future__ import annotations

import pytest

from tests.support.client import Refused
from tests.support.editor import Editor, mark_line

LOOP = """\
-- a comment

local sum = 0
for i = 1, 10 do
  sum = sum + i -- @body
end

-- the end
print(sum) -- @print
"""


def test_moves_to_the_next_statement_and_says_so(editor: Editor) -> None:
    editor.initialize()
    request = editor.client.send("launch", {"program": str(editor.write(LOOP))})
    editor.text = LOOP
    states = editor.break_at(1, 8, 99)
    assert [state["line"] for state in states[:2]] == [3, 9]
    assert states[2]["verified"] is False
    assert "no statement" in states[2]["message"]
    assert states[2]["reason"] == "failed"
    editor.client.request("configurationDone")
    editor.client.response(request)
    editor.stopped()
    assert editor.line() == 3


def test_a_condition(editor: Editor) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "body", "condition": "i % 4 == 0 and sum > 0"}])
    editor.stopped()
    assert editor.locals() == {"i": "4", "sum": "6"}
    editor.go()
    editor.stopped()
    assert editor.evaluate("i") == "8"
    editor.go()
    assert editor.ended() == 0


@pytest.mark.parametrize(
    ("condition", "stops"),
    [("3", [3]), ("== 3", [3]), (">= 9", [9, 10]), ("% 4", [4, 8]), ("> 9", [10]), ("< 2", [1])],
)
def test_hit_conditions(editor: Editor, condition: str, stops: list[int]) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "body", "hitCondition": condition}])
    seen = []
    for _ in stops:
        assert editor.stopped() == "breakpoint"
        seen.append(int(editor.evaluate("i")))
        editor.go()
    assert seen == stops
    assert editor.ended() == 0


def test_a_log_point_writes_and_goes_on(editor: Editor) -> None:
    message = "i is {i}, {{braces}}, {({i, 's'})}, {nil + 1}"
    editor.launch(LOOP, breakpoints=[{"at": "body", "logMessage": message, "condition": "i < 3"}])
    assert editor.ended() == 0
    lines = editor.output("console").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('i is 1, {braces}, {1, "s"}, {')
    assert "arithmetic on a nil value" in lines[0]


def test_wrong_conditions_fail_with_the_parsers_message(editor: Editor) -> None:
    editor.initialize()
    editor.text = LOOP
    editor.path = editor.write(LOOP)
    states = editor.break_at(
        {"at": "body", "condition": "i ="},
        {"at": "body", "hitCondition": "often"},
        {"at": "body", "logMessage": "{i"},
        {"at": "body", "logMessage": "{i +}"},
    )
    assert [state["verified"] for state in states] == [False] * 4
    assert [state["reason"] for state in states] == ["failed"] * 4
    assert "near" in states[0]["message"]
    assert "a hit condition is" in states[1]["message"]
    assert "brace" in states[2]["message"]
    assert "near" in states[3]["message"]


@pytest.mark.parametrize("hits", ["0", "= 0", "<= 0", "< 1", "% 0"])
def test_a_hit_condition_that_no_hit_can_meet_fails(editor: Editor, hits: str) -> None:
    editor.initialize()
    editor.text = LOOP
    editor.path = editor.write(LOOP)
    (state,) = editor.break_at({"at": "body", "hitCondition": hits})
    assert state["message"].endswith("no hit is like that, they are counted from 1")


@pytest.mark.lua54("it tells of errors in other words")
def test_a_condition_that_raises_is_reported_once_and_the_program_goes_on(editor: Editor) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "body", "condition": "i.x.y"}])
    assert editor.ended() == 0
    told = editor.output("important")
    assert told.count("raised an error") == 1
    assert "attempt to index a number value" in told
    assert editor.output() == "55\n"


@pytest.mark.parametrize("body", ["while true do end", "while true do pcall(function() while true do end end) end"])
def test_a_condition_that_never_ends_gives_way_to_a_pause(editor: Editor, body: str) -> None:
    condition = f"(function() print('asked') {body} end)()"
    editor.launch("print('here') -- @here\n", breakpoints=[{"at": "here", "condition": condition}])
    editor.client.wait_for("output", lambda output: "asked" in output["output"])
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() in ("pause", "breakpoint")
    assert editor.at("here")
    editor.go()
    assert editor.ended() == 0


def test_set_while_the_program_runs(editor: Editor) -> None:
    text = "print('ready')\nlocal n = 0\nwhile true do\n  n = n + 1 -- @tick\nend\n"
    editor.launch(text)
    editor.client.wait_for("output", lambda body: "ready" in body["output"])
    (state,) = editor.break_at("tick")
    assert state["verified"] is True
    assert editor.stopped() == "breakpoint"
    assert editor.last_stop["hitBreakpointIds"] == [state["id"]]
    editor.break_at()
    editor.go()
    editor.client.request("pause", {"threadId": 1})
    assert editor.stopped() == "pause"


MODULE = """\
local module = {}
-- nothing here
function module.twice(n)
  return n * 2 -- @double
end
return module
"""
MAIN = "local module = require('module')\nprint(module.twice(21))\n"


def test_in_a_file_that_is_loaded_later(editor: Editor) -> None:
    path = editor.write(MODULE, "module.lua")
    editor.initialize()
    request = editor.client.send("launch", {"program": str(editor.write(MAIN))})
    (state,) = editor.break_at("double", path=path, text=MODULE)
    assert state["verified"] is False
    assert state["reason"] == "pending"
    assert state["line"] == mark_line(MODULE, "double")
    editor.client.request("configurationDone")
    editor.client.response(request)
    changed = editor.client.wait_for("breakpoint")
    assert changed["reason"] == "changed"
    assert changed["breakpoint"]["id"] == state["id"]
    assert changed["breakpoint"]["verified"] is True
    assert editor.stopped() == "breakpoint"
    assert editor.top()["source"]["path"] == str(path)
    sources = editor.client.request("loadedSources")["sources"]
    assert [source["name"] for source in sources] == ["program.lua", "module.lua"]


def test_in_a_file_that_does_not_exist_or_is_not_lua(editor: Editor) -> None:
    editor.launch("print(1) -- @a\n", breakpoints=["a"])
    editor.stopped()
    (missing,) = editor.break_at(1, path=editor.folder / "nowhere.lua")
    assert missing["verified"] is False
    assert missing["reason"] == "pending"
    (text,) = editor.break_at(1, path=editor.write("This is no Lua.\n", "notes.txt"))
    assert text["verified"] is False
    assert text["reason"] == "failed"
    assert "not Lua" in text["message"]


def test_inside_a_coroutine(editor: Editor) -> None:
    text = "local co = coroutine.wrap(function()\n  print('in') -- @in\nend)\nco()\n"
    editor.launch(text, breakpoints=["in"])
    assert editor.stopped() == "breakpoint"
    names = [frame["name"] for frame in editor.frames()]
    assert names == ["function <program.lua:1>", "resumed by main", "co", "main chunk"]
    threads = editor.client.request("threads")["threads"]
    assert threads[0] == {"id": 1, "name": "main"}
    assert threads[1]["name"] == f"coroutine {editor.thread} (program.lua:1)"


def test_a_breakpoint_asked_for_again_keeps_its_id_and_its_hits(editor: Editor) -> None:
    editor.launch(LOOP, breakpoints=[{"at": "body", "hitCondition": ">= 3"}])
    editor.stopped()
    first = editor.last_stop["hitBreakpointIds"]
    editor.break_at({"at": "body", "hitCondition": ">= 3"}, "print")
    editor.go()
    editor.stopped()
    assert editor.last_stop["hitBreakpointIds"] == first
    assert editor.evaluate("i") == "4"


def test_locations_where_a_breakpoint_may_stand(editor: Editor) -> None:
    editor.initialize()
    source = {"path": str(editor.write(LOOP))}
    body = editor.client.request("breakpointLocations", {"source": source, "line": 1, "endLine": 9})
    assert [place["line"] for place in body["breakpoints"]] == [3, 4, 5, 9]


def test_a_source_without_path_is_refused(editor: Editor) -> None:
    editor.initialize()
    with pytest.raises(Refused, match="path"):
        editor.client.request("setBreakpoints", {"source": {}, "breakpoints": [{"line": 1}]})


def test_a_breakpoint_in_a_directory_fails(editor: Editor) -> None:
    editor.initialize()
    (state,) = editor.break_at(1, path=editor.folder)
    assert (state["reason"], state["verified"]) == ("failed", False)
    assert state["message"] == f"cannot read {editor.folder}: Is a directory"


@pytest.mark.lua54("its hook does not know the line that the program comes from")
def test_a_call_over_several_lines_stops_once(editor: Editor) -> None:
    text = """\
local function id(x)
  return x
end
for i = 1, 2 do
  print( -- @call
    id(1),
    id(2)
  )
end
local function down(n) -- @down
  return n > 0 and id( -- @back
    down(n - 1)
  ) or n
end
print(down(2))
"""
    editor.launch(text, breakpoints=["call", "back"])
    for mark in ("call", "call", "back", "back", "back"):
        assert editor.stopped() == "breakpoint"
        assert editor.at(mark)
        editor.go()
    assert editor.ended() == 0


PARTS = """\
local function same(...) return ... end
local a, b = 1, 2
for i = 1, 2 do
  local sum = same( -- @statement
    same( -- @inside
      a,
      same(b)
    ),
    same(i, -- @two
      b), i
  )
end
local function count(n)
  return n == 0 and 0 or same(
    count( -- @again
      n - 1
    ),
    n
  )
end
count(2)
local n = 0
while n < 2 do n = n + 1 local x =
  same( -- @loop
    n) end
local t = {
  f = function() return 1 end,
  g = same( -- @field
    "g"
  ),
}
"""


@pytest.mark.parametrize(("mark", "times"), [("statement", 2), ("inside", 2), ("two", 2), ("again", 2), ("field", 1)])
def test_a_line_that_lua_comes_back_to_for_a_call_stops_once(editor: Editor, mark: str, times: int) -> None:
    editor.launch(PARTS, breakpoints=[mark])
    for _ in range(times):
        assert editor.stopped() == "breakpoint"
        assert editor.at(mark)
        editor.go()
    assert editor.ended() == 0


def test_where_a_jump_may_come_from_no_stop_is_left_out(editor: Editor) -> None:
    """The end of this loop stands behind the statement, so that its lines may be a new turn."""
    editor.launch(PARTS, breakpoints=["loop"])
    seen = []
    while editor.client.wait_for_either("stopped", "exited") == "stopped":
        editor.stopped()
        seen.append(editor.evaluate("n"))
        editor.go()
    assert editor.ended() == 0
    assert sorted(set(seen)) == ["1", "2"]


def test_a_line_where_one_part_ends_and_another_begins_stops_for_both(editor: Editor) -> None:
    text = "local function f(...) return ... end\nlocal x = f(\n  f(\n    1), f( -- @both\n    2)\n)\n"
    editor.launch(text, breakpoints=["both"])
    for _ in range(2):
        assert editor.stopped() == "breakpoint"
        assert editor.at("both")
        editor.go()
    assert editor.ended() == 0
