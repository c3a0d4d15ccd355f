"""The sound text after a keystroke: of a text cut into segments that stand alone, one is read again. Pure; any thread.

A segment stands alone where it is Lua by itself: put together such segments are Lua (but for a ``return`` in the
middle, which the grammar finds), and one that is replaced by another that stands alone leaves them so. Where a text
can't be cut like that, `blanking` reads all of it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from tree_sitter import Tree

from llmspell_kernel.language.blanking import (
    LARGEST,
    chain_blanked,
    line_blanked,
    may_be_lua,
    mended,
    segments,
    shebang_blanked,
    sound,
    stands,
)
from llmspell_kernel.language.text import Text
from llmspell_kernel.language.trees import difference, parsed

MOST_JOINED = 60  # segments that are taken together until they stand alone


class Sound(NamedTuple):
    """``data``: the sound form of ``given``, byte for byte at its place. ``cuts``: where its segments begin; None
    where it has none that stand alone."""

    given: bytes
    data: bytes
    tree: Tree
    cuts: list[int] | None


def sounded(text: Text, edited: int | None, before: Sound | None) -> Sound:
    """``edited``: where somebody types. ``before``: the text before that."""
    given = shebang_blanked(text.data)
    found = None if before is None or edited is None else _after_edit(given, edited, before)
    if found is not None:
        return found
    known = None if before is None else (before.data, before.tree)
    data, tree = sound(text, edited, known)
    return Sound(given, data, tree, None if tree.root_node.has_error else _cuts(data))


def _after_edit(given: bytes, edited: int, before: Sound) -> Sound | None:
    if before.cuts is None:
        return None
    cuts, (start, old_end, new_end) = before.cuts, difference(before.given, given)
    shift = new_end - old_end  # and where a letter is one of several that are the same, it is the one that is typed
    first, last = bisect_right(cuts, min(start, edited)) - 1, bisect_right(cuts, max(old_end, edited - shift))
    begin, end = cuts[first], cuts[last] if last < len(cuts) else len(before.given)
    segment = _readable(given[begin : end + shift], edited - begin)
    if segment is None:
        return None
    data = b"".join((before.data[:begin], segment, before.data[end:]))
    if data != given and may_be_lua(given):
        return None  # what is broken in parts can be whole: a comment that goes on in the next
    tree = parsed(data, (before.data, before.tree.copy()))
    if tree.root_node.has_error:
        return None
    inside = [begin + one for one in _cuts(segment) or [0]] if len(segment) > LARGEST else [begin]
    after = [one + shift for one in cuts[last:]] if shift else cuts[last:]
    return Sound(given, data, tree, [*cuts[:first], *inside, *after])


def _readable(segment: bytes, edited: int) -> bytes | None:
    """With as little blanked as makes it stand alone."""
    text = Text(segment)
    for attempt in (_as_it_is, chain_blanked, line_blanked, _mended):
        tried = attempt(text, segment, edited)
        if _stands_alone(tried):
            return tried
    return None


def _as_it_is(text: Text, segment: bytes, edited: int) -> bytes:
    return segment


def _mended(text: Text, segment: bytes, edited: int) -> bytes:
    return mended(segment, text.starts[text.line_of(edited)])


def _stands_alone(segment: bytes) -> bool:
    """A shebang and a byte order mark are nothing in the first line, and wrong in all others."""
    return not segment.lstrip(b" ").startswith((b"#", b"\xef\xbb\xbf")) and stands(segment)


def _cuts(data: bytes) -> list[int] | None:
    """Where segments begin that stand alone; None where there are no such."""
    found, pending = [0], 0
    ends = [one.end for one in segments(data, None)]
    for end in ends:
        if _stands_alone(data[found[-1] : end]):
            found.append(end)
            pending = 0
        elif (pending := pending + 1) > MOST_JOINED:
            return None
    return found[:-1] if found[-1] == len(data) and len(found) > 1 else None
