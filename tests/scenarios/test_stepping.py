"""Steps go where a person expects: recursion, tail calls, errors, coroutines, metamethods, C functions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.editor import Editor, mark_line

FACTORIAL = """\
local function factorial(n)
  if n <= 1 then -- @test
    return 1
  end
  local rest = factorial(n - 1) -- @deeper
  return n * rest -- @result
end
local x = factorial(4) -- @call
print(x) -- @after
"""


def walk(editor: Editor, *steps: tuple[str, str]) -> None:
    """Each step by name, and the mark where it ends."""
    commands = {"over": editor.next, "into": editor.step_in, "out": editor.step_out}
    for number, (step, mark) in enumerate(steps, 1):
        commands[step]()
        line = editor.line()
        assert line == mark_line(editor.text, mark), f"step {number} ({step}) is at line {line}, not @{mark}"


def start(editor: Editor, text: str, mark: str, **launch: Any) -> None:
    editor.launch(text, breakpoints=[mark], **launch)
    editor.stopped()
    editor.at(mark)
    editor.break_at()


def test_over_a_recursive_call_stays_in_its_frame(editor: Editor) -> None:
    start(editor, FACTORIAL, "test")
    walk(editor, ("over", "deeper"), ("over", "result"))
    assert editor.locals() == {"n": "4", "rest": "6"}


def test_into_a_call_and_out_of_it_again(editor: Editor) -> None:
    start(editor, FACTORIAL, "call")
    walk(editor, ("into", "test"), ("into", "deeper"), ("into", "test"), ("out", "result"))
    assert editor.variables("Return Value") == {"[1]": "6"}
    walk(editor, ("over", "after"))


CALLS = """\
local function id(x) return x end
local function work(n)
  local sum = 0 -- @start
  sum = sum + 1
  for i = 1, 3 do sum = sum + id(i) + #tostring(i) end
  if n > 0 then sum = sum + work(n - 1) end
  return id(sum)
end
print(work(2)) -- @call
print() -- @after
local ok = pcall(function()
  local t = nil
  return id(1) + t.x -- @error
end)
print(ok) -- @caught
"""


@pytest.mark.parametrize("also", [[], ["after"]])
def test_out_of_a_function_that_goes_on_calling(editor: Editor, also: list[str]) -> None:
    start(editor, CALLS, "start")
    editor.break_at(*also)
    walk(editor, ("out", "call"))
    assert editor.variables("Return Value") == {"[1]": "30"}
    walk(editor, ("over", "after"))


@pytest.mark.parametrize("step", ["over", "into", "out"])
def test_a_step_from_an_error_ends_where_it_is_caught(editor: Editor, step: str) -> None:
    editor.launch(CALLS, filters=["raised"])
    editor.stopped()
    editor.at("error")
    walk(editor, (step, "caught"))


def test_a_breakpoint_stops_a_step_on_its_way(editor: Editor) -> None:
    editor.launch(FACTORIAL, breakpoints=["call", "result"])
    editor.stopped()
    assert editor.next() == "breakpoint"
    assert editor.at("result")
    assert editor.locals()["n"] == "2"


def test_over_the_rest_of_a_line_after_stepping_out_of_a_call_on_it(editor: Editor) -> None:
    text = """\
local function id(x)
  return x -- @inside
end
local y = id(1) + id(2) -- @line
print(y) -- @after
"""
    start(editor, text, "line")
    walk(editor, ("into", "inside"), ("out", "line"), ("over", "after"))


def test_a_breakpoint_on_a_line_is_not_hit_again_after_stepping_out_of_a_call_on_it(editor: Editor) -> None:
    text = """\
local function id(x)
  return x -- @inside
end
for i = 1, 2 do
  local y = id(i) + id(i) -- @line
end
"""
    editor.launch(text, breakpoints=["line"])
    editor.stopped()
    walk(editor, ("into", "inside"), ("out", "line"))
    editor.go()
    assert editor.stopped() == "breakpoint"
    assert editor.locals()["i"] == "2"


TAIL = """\
local function g(x)
  local y = x -- @inside
  return y
end
local function f(x)
  return g(x) -- @tail
end
local r = f(1) -- @call
print(r) -- @after
"""


def test_over_a_tail_call_ends_in_the_caller(editor: Editor) -> None:
    start(editor, TAIL, "tail")
    walk(editor, ("over", "after"))


def test_into_a_tail_call(editor: Editor) -> None:
    start(editor, TAIL, "tail")
    walk(editor, ("into", "inside"), ("out", "after"))


@pytest.mark.parametrize("late", [False, True])
def test_a_breakpoint_after_a_call_stops_a_step_out(editor: Editor, late: bool) -> None:
    """``late``: it is set when its chunk has been loaded, so that the hook watches for it."""
    text = """\
local function id(x) return x end
local function work()
  local a = 1 -- @start
  a = id(a) + id(a)
  return a -- @return
end
work() -- @call
print() -- @after
"""
    editor.launch(text, breakpoints=["start"] if late else ["start", "return"])
    editor.stopped()
    editor.break_at("return")
    assert editor.step_out() == "breakpoint"
    editor.at("return")


PCALL = """\
local function f()
  local x = 1 -- @first
  error("boom") -- @raise
end
local ok, problem = pcall(f) -- @pcall
print(ok, problem) -- @after
"""


def test_over_an_error_ends_behind_the_pcall(editor: Editor) -> None:
    start(editor, PCALL, "first")
    walk(editor, ("over", "raise"), ("over", "after"))
    assert editor.locals()["ok"] == "false"


def test_into_what_pcall_calls(editor: Editor) -> None:
    start(editor, PCALL, "pcall")
    walk(editor, ("into", "first"))
    assert [frame["name"] for frame in editor.frames()][1:] == ["pcall", "main chunk"]


COROUTINE = """\
local co = coroutine.create(function(a)
  local b = coroutine.yield(a + 1) -- @yield
  local c = b * 2 -- @resumed
  return c -- @last
end)
local _, one = coroutine.resume(co, 1) -- @first
print(one) -- @between
local _, two = coroutine.resume(co, 10) -- @second
print(two) -- @after
"""


def test_into_resume_and_into_yield_both_ways(editor: Editor) -> None:
    start(editor, COROUTINE, "first")
    walk(editor, ("into", "yield"), ("into", "between"), ("over", "second"), ("into", "resumed"))
    assert editor.locals() == {"a": "1", "b": "10"}
    walk(editor, ("over", "last"), ("over", "after"))


def test_over_a_resume_stays_with_the_resumer(editor: Editor) -> None:
    start(editor, COROUTINE, "first")
    walk(editor, ("over", "between"), ("over", "second"), ("over", "after"))


def test_over_a_yield_stays_with_the_coroutine(editor: Editor) -> None:
    start(editor, COROUTINE, "yield")
    walk(editor, ("over", "resumed"), ("over", "last"), ("over", "after"))


def test_out_of_a_coroutine_ends_in_its_resumer(editor: Editor) -> None:
    start(editor, COROUTINE, "resumed")
    walk(editor, ("out", "after"))


CLOSING = """\
local co = coroutine.create(function()
  local guard <close> = setmetatable({}, { __close = function()
    print("closing") -- @closing
  end }) -- @end
  coroutine.yield() -- @yield
end)
coroutine.resume(co)
coroutine.close(co) -- @close
print("closed") -- @after
"""


@pytest.mark.lua54("there is no <close>")
def test_into_what_closing_a_coroutine_runs(editor: Editor) -> None:
    start(editor, CLOSING, "close")
    walk(editor, ("into", "closing"), ("over", "end"), ("over", "after"))


@pytest.mark.lua54("there is no <close>")
def test_what_closing_a_coroutine_runs_is_resumed_by_the_one_that_closes(editor: Editor) -> None:
    editor.launch(CLOSING, breakpoints=["closing"])
    editor.stopped()
    names = [frame["name"] for frame in editor.frames()]
    assert names[-3:] == ["resumed by main", "coroutine.close", "main chunk"]


WRAPPED = """\
local function numbers()
  for i = 1, 2 do
    coroutine.yield(i) -- @yield
  end
end -- @end
for n in coroutine.wrap(numbers) do -- @loop
  print(n) -- @body
end
print("done") -- @after
"""


def test_into_an_iterator_that_is_a_coroutine(editor: Editor) -> None:
    start(editor, WRAPPED, "body")
    walk(editor, ("over", "loop"))
    editor.step_in()
    assert editor.thread != 1


def test_a_coroutine_that_dies_of_an_error_gives_the_step_to_its_resumer(editor: Editor) -> None:
    text = """\
local co = coroutine.create(function()
  local x = 1 -- @inside
  error("dead") -- @raise
end)
local ok = coroutine.resume(co)
print(ok) -- @after
"""
    start(editor, text, "inside")
    walk(editor, ("over", "raise"), ("over", "after"))


def test_into_metamethods(editor: Editor) -> None:
    text = """\
local meta = {
  __add = function(a, b)
    return 42 -- @add
  end,
  __index = function(t, key)
    return key -- @index
  end,
}
local t = setmetatable({}, meta)
local x = t + 1 -- @start
local y = t.foo -- @field
print(x, y) -- @after
"""
    start(editor, text, "start")
    walk(editor, ("into", "add"), ("out", "field"), ("into", "index"), ("out", "after"))


def test_into_a_function_that_c_calls(editor: Editor) -> None:
    text = """\
local t = { 2, 1 }
table.sort(t, function(a, b) -- @sort
  return a < b -- @compare
end)
print(t[1]) -- @after
"""
    editor.launch(text, breakpoints=["compare"])
    editor.stopped()
    assert [frame["name"] for frame in editor.frames()][1] == "table.sort"
    editor.break_at()
    walk(editor, ("over", "after"))


def test_into_a_tool_call_steps_over_it(editor: Editor) -> None:
    text = """\
local r = Tool.execute("calculator", { input = "1 + 1" }) -- @tool
print(r.text) -- @after
"""
    start(editor, text, "tool")
    walk(editor, ("into", "after"))


def test_the_end_of_the_program_ends_a_step(editor: Editor) -> None:
    start(editor, "print('last') -- @last\n", "last")
    editor.client.request("next", {"threadId": 1})
    assert editor.ended() == 0


@pytest.mark.parametrize("command", ["next", "stepIn", "stepOut"])
def test_stepping_in_another_thread(editor: Editor, command: str) -> None:
    """The step is done where the client asks for it: here in the coroutine that waits."""
    start(editor, COROUTINE, "second")
    other = next(t["id"] for t in editor.client.request("threads")["threads"] if t["id"] != 1)
    editor.client.request(command, {"threadId": other})
    assert editor.stopped() == "step"
    editor.at("after" if command == "stepOut" else "resumed")


def test_one_line_loops_are_left_at_last(editor: Editor) -> None:
    start(editor, "local s = 0 -- @a\nfor i = 1, 3 do s = s + i end\nprint(s) -- @after\n", "a")
    for _ in range(10):
        editor.next()
        if editor.line() == 3:
            break
    assert editor.at("after")
    assert editor.locals() == {"s": "6"}


def test_steps_are_not_lost_while_breakpoints_are_set(editor: Editor) -> None:
    """Seen over lua-argparse: after a return, lines of a function without a breakpoint were not seen."""
    text = """\
local function one() return 1 end -- @one
local a = one()
local b = tostring(a) -- @first
local c = tostring(b) -- @second
print(c) -- @third
"""
    editor.launch(text, breakpoints=["one"])
    editor.stopped()
    for _ in range(10):
        editor.step_in()
        if editor.line() == mark_line(text, "third"):
            return
    raise AssertionError("the third line never came")


BUSY = {
    "callbacks of C": "local s = string.rep('abc', 1000)\nwhile true do s:gsub('%w', function(c) return c end) end\n",
    "handlers": "while true do xpcall(error, debug.traceback, 'x') end\n",
    "tools": "while true do Tool.execute('calculator', { input = '1+1' }) end\n",
    "sorting": "while true do table.sort({ 3, 1, 2 }, function(a, b) return a < b end) end\n",
    "lines with a breakpoint": "local n = 0\nwhile true do\n  n = n + 1 n = n - 1\n  if n > 1 then\n    print(n)\n  end\nend\n",
    "closing": "while true do local x <close> = setmetatable({}, { __close = function() end }) end\n",
}


BUSY_PROGRAMS = [
    pytest.param(text, id=name, marks=[pytest.mark.lua54("there is no <close>")] if "<close>" in text else [])
    for name, text in BUSY.items()
]


@pytest.mark.parametrize("program", BUSY_PROGRAMS)
def test_a_pause_lands_between_calls(editor: Editor, program: str) -> None:
    editor.launch("print('ready')\n" + program, breakpoints=[6])
    editor.client.wait_for("output", lambda output: "ready" in output["output"])
    for _ in range(5):
        editor.client.request("pause", {"threadId": 1})
        assert editor.stopped() == "pause"
        assert "source" in editor.top()
        editor.go()


HOOKED = """\
local seen, levels = {}, {}
local function note(event, line)
  seen[#seen + 1] = line or event
  levels[debug.getinfo(2, "S").short_src:match("[^/]*$")] = true
end
print(debug.gethook()) debug.sethook(note, %(mask)s)
local f, mask, count = debug.gethook()
print(f == note, mask, count)
io.write("x", "\\n")
coroutine.wrap(function() end)()
load("return 1")()
debug.sethook()
print(table.concat(seen, " "), (next(levels)), (next(levels, (next(levels)))))
print(debug.gethook())
print(pcall(debug.sethook, note))
"""


@pytest.mark.lua54("a line comes again after a call in it")
def test_a_hook_of_the_programs_sees_the_program_and_nothing_of_ours(editor: Editor) -> None:
    editor.launch(HOOKED % {"mask": "'l'"})
    assert editor.ended() == 0
    told = editor.output().splitlines()
    assert told[:3] == ["nil", "true\tl\t0", "x"]
    lines, *places = told[3].split("\t")
    assert lines == "7 8 9 10 11 1 12"
    assert sorted(places) == ['[string "return 1"]', "program.lua"]
    assert told[4:] == ["nil", "false\tbad argument #2 to 'debug.sethook' (string expected, got no value)"]


def test_a_hook_that_counts_is_given_back_as_it_was_set(editor: Editor) -> None:
    editor.launch(HOOKED % {"mask": "'crl', 1000"})
    assert editor.ended() == 0
    assert editor.output().splitlines()[1] == "true\tcrl\t1000"


def test_a_hook_for_no_event_is_none(editor: Editor) -> None:
    editor.launch("debug.sethook(print, '')\nprint(debug.gethook()) -- @here\n", ["here"])
    assert editor.stopped() == "breakpoint"
    editor.go()
    assert editor.ended() == 0
    assert editor.output() == "nil\n"
