"""The sound text after a keystroke: only the statements around it are read again. Pure; any thread.

Statements of a block are Lua by themselves, and others that are can stand in their place. So what has changed is
looked at together with the statement before and the one after; what does not fit there is blanked. Where that does not
help the block around is tried, and where that is large, `blanking` reads all of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node, Tree

from llmspell_kernel.language.blanking import (
    LARGEST,
    chain_blanked,
    line_blanked,
    may_be_lua,
    mended,
    shebang_blanked,
    sound,
    stands,
)
from llmspell_kernel.language.text import Span, Text
from llmspell_kernel.language.trees import difference, parents, parsed


class Sound(NamedTuple):
    """``data``: the sound form of ``given``, byte for byte at its place."""

    given: bytes
    data: bytes
    tree: Tree


class Change(NamedTuple):
    """Bytes of the text before that are not there any more, and how much longer the text is now. ``edited``: where
    somebody types, in the text of now."""

    old: Span
    shift: int
    edited: int


def sounded(text: Text, edited: int | None, before: Sound | None) -> Sound:
    """``edited``: where somebody types. ``before``: the text before that."""
    given = shebang_blanked(text.data)
    found = None if before is None or edited is None else _after_edit(given, edited, before)
    if found is not None:
        return found
    data, tree = sound(text, edited, None if before is None else (before.data, before.tree))
    return Sound(given, data, tree)


def _after_edit(given: bytes, edited: int, before: Sound) -> Sound | None:
    if before.tree.root_node.has_error:
        return None
    data = _with_change(given, _change(before.given, given, edited), before)
    if data is None or (data != given and may_be_lua(given)):
        return None  # what is broken in parts can be whole: a comment that goes on in the next
    tree = parsed(data, (before.data, before.tree.copy()))
    return None if tree.root_node.has_error else Sound(given, data, tree)


def _change(old: bytes, new: bytes, edited: int) -> Change:
    """A letter that is typed beside one that is the same could be either: it is where somebody types."""
    start, old_end, new_end = difference(old, new)
    shift = new_end - old_end
    return Change(Span(min(start, edited), max(old_end, edited - shift)), shift, edited)


def _with_change(given: bytes, change: Change, before: Sound) -> bytes | None:
    """The sound text before, with what has changed read anew."""
    last = None
    for begin, end in _runs(before, change.old):
        if end + change.shift - begin > LARGEST:
            break
        last = begin, end, Text(given[begin : end + change.shift])
        for attempt in (_as_it_is, chain_blanked, line_blanked):
            tried = attempt(last[2], last[2].data, change.edited - begin)
            if _stand(tried):
                return before.data[:begin] + tried + before.data[end:]
    if last is None:
        return None
    begin, end, text = last
    tried = mended(text.data, text.starts[text.line_of(change.edited - begin)])
    return before.data[:begin] + tried + before.data[end:]


def _runs(before: Sound, old: Span) -> Iterator[Span]:
    """Statements that follow each other and hold a place: in the block around it, in the one around that …"""
    for node in parents(before.tree.root_node.descendant_for_byte_range(old.start, old.end)):
        if node.type == "chunk":
            yield _run(node.children, old, Span(0, len(before.data)))
        elif node.type == "block":
            yield _run(node.children, old, Span(node.start_byte, node.end_byte))


def _run(statements: list[Node], old: Span, within: Span) -> Span:
    """From the beginning of the statement before to the end of the one after."""
    begin = max((one.start_byte for one in statements if one.start_byte < old.start), default=within.start)
    end = min((one.end_byte for one in statements if one.end_byte > old.end), default=within.end)
    return Span(begin, end)


def _as_it_is(text: Text, data: bytes, edited: int) -> bytes:
    return data


def _stand(statements: bytes) -> bool:
    """A shebang and a byte order mark are nothing in the first line, and wrong in all others."""
    return not statements.lstrip(b" ").startswith((b"#", b"\xef\xbb\xbf")) and stands(statements)
