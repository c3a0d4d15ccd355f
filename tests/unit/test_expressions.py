"""Which conditions are compiled in as they are, which under protection, which not at all."""

from __future__ import annotations

import pytest

from llmspell_kernel.lua.expressions import read
from llmspell_kernel.lua.syntax import Name

SEEN = {"i": Name("i", number=True), "t": Name("t"), "s": Name("s"), "type": Name("type"), "global": Name("global")}


@pytest.mark.parametrize(
    "text",
    [
        "i == 5",
        "t == nil",
        "not t",
        "i % 7 == 3",
        "i * 2 + 1 > 10 and s ~= 'x'",
        "(t or s) == 1",
        "-i < 3",
        "i // 2 <= 4",
        "(global) == 1",  # a word of the grammar, not of Lua's
    ],
)
def test_what_can_not_raise_stands_inline(text: str) -> None:
    found = read(text, SEEN, False)
    assert (found.kind, found.text) == ("inline", text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("t.x == 1", ("t",)),
        ("global.x == 1", ("global",)),
        ("t == s", ("t", "s")),  # a metamethod may run
        ("t > 5", ("t",)),
        ("i % 0 == 1", ("i",)),
        ("i % s == 1", ("i", "s")),
        ("glob == 1", ()),  # the globals may have a metatable
        ("#t > 3", ("t",)),
        ("t[i].x['y']", ("t", "i")),
        ("{ t = 1, [s] = 2 }", ("s",)),
        ("math.max(i, 3) > 2", ("i",)),
        ("... == 1", ()),
    ],
)
def test_what_may_raise_is_guarded(text: str, names: tuple[str, ...]) -> None:
    found = read(text, SEEN, True)
    assert (found.kind, found.names) == ("guarded", names)


def test_methods_of_strings_are_called_on_strings_only() -> None:
    found = read("s:find('a') ~= nil", SEEN, False)
    assert (found.kind, found.text) == ("guarded", "__llmspell_string(s):find('a') ~= nil")


@pytest.mark.parametrize(
    "text",
    [
        "f(i)",
        "type(t) == 'table'",  # a local here, who knows what it does
        "t:check()",
        "(function() return 1 end)()",
        "coroutine.yield()",
        "_ENV.x",
        "i == 1 -- and so on",
        "i\n== 1",
        "i == 1, 2",
        "i = 1",
        "__llmspell",
    ],
)
def test_what_may_do_anything_is_left_to_the_evaluator(text: str) -> None:
    assert read(text, SEEN, False).kind == "free"
