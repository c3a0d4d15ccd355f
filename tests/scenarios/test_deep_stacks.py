"""Stacks too deep to be counted at each stop: paged, their total a bound until the end has been seen."""

from __future__ import annotations

import pytest

from tests.support.editor import Editor

pytestmark = [
    pytest.mark.lua54("its stacks end at 65,500 slots"),
    pytest.mark.parametrize("client", ["in-process", "stdio"], indirect=True),  # who watches changes no stack
]

DEEP = """\
local function deep(n)
  if n == 0 then
    return 0 -- @bottom
  end
  return 1 + deep(n - 1) -- @call
end
print(deep({depth}))
"""
IN_A_COROUTINE = """\
local function deep(n)
  if n == 0 then return 0 end -- @bottom
  return 1 + deep(n - 1)
end
local function waits(n, co)
  if n == 0 then return coroutine.resume(co, {depth}) end
  return (waits(n - 1, co))
end
waits(30, coroutine.create(deep))
"""


def page(editor: Editor, start: int, levels: int) -> tuple[list[str], int]:
    arguments = {"threadId": editor.thread, "startFrame": start, "levels": levels}
    body = editor.client.request("stackTrace", arguments)
    return [frame["name"] for frame in body["stackFrames"]], body["totalFrames"]


def read_to_the_end(editor: Editor, levels: int) -> tuple[list[str], list[int]]:
    """As DAP tells a client: until a page is shorter than asked for."""
    names: list[str] = []
    totals: list[int] = []
    while len(names) % levels == 0:
        found, total = page(editor, len(names), levels)
        names += found
        totals.append(total)
    return names, totals


@pytest.fixture
def hundred_thousand(editor: Editor) -> Editor:
    editor.launch(DEEP.replace("{depth}", "100000"), breakpoints=["bottom"])
    editor.stopped()
    return editor


def test_the_top_of_a_hundred_thousand_frames_says_that_there_are_more(hundred_thousand: Editor) -> None:
    names, total = page(hundred_thousand, 0, 20)
    assert len(names) == 20
    assert 20 < total < 100_002
    _, further = page(hundred_thousand, 50_000, 20)
    assert 50_020 < further < 100_002
    _, again = page(hundred_thousand, 0, 20)
    assert again == further, "the total never shrinks"


def test_the_end_of_a_hundred_thousand_frames_tells_the_total(hundred_thousand: Editor) -> None:
    names, total = page(hundred_thousand, 99_990, 20)
    assert (len(names), names[-1], total) == (12, "main chunk", 100_002)
    hundred_thousand.evaluate("n")
    assert page(hundred_thousand, 0, 20)[1] == 100_002, "what has been seen is not forgotten"


def test_beyond_the_end_there_is_nothing_but_the_total(hundred_thousand: Editor) -> None:
    assert page(hundred_thousand, 2**31 - 1, 20) == ([], 100_002)


def test_a_client_that_does_not_page_gets_the_top(hundred_thousand: Editor) -> None:
    names, total = page(hundred_thousand, 0, 0)
    assert len(names) == 5000
    assert 5000 < total < 100_002


@pytest.mark.parametrize("depth", [10, 3990, 4000, 4010, 9000])
def test_every_frame_is_read_once(editor: Editor, depth: int) -> None:
    editor.launch(DEEP.replace("{depth}", str(depth)), breakpoints=["bottom"])
    editor.stopped()
    names, totals = read_to_the_end(editor, 700)
    assert names[-1] == "main chunk"
    assert len(names) == depth + 2 == totals[-1]
    assert totals == sorted(totals)


@pytest.mark.parametrize("depth", [3, 9000])
def test_those_that_wait_follow_the_end_of_a_coroutine(editor: Editor, depth: int) -> None:
    text = IN_A_COROUTINE.replace("{depth}", str(depth))
    editor.launch(text, breakpoints=[{"at": "bottom", "condition": "n == 0"}])
    editor.stopped()
    names, totals = read_to_the_end(editor, 20)
    own, label, waiting = names[: depth + 1], names[depth + 1], names[depth + 2 :]
    assert not {"main chunk", "waits"} & set(own)
    assert label == "resumed by main"
    assert [waiting[0], waiting[-1], len(waiting)] == ["coroutine.resume", "main chunk", 33]
    assert totals[-1] == len(names)
    assert totals == sorted(totals)
    threads = editor.client.request("threads")["threads"]
    assert threads[1]["name"] == f"coroutine {editor.thread} (program.lua:1)"
