"""What must be blanked in a broken text so that the rest can be understood. Pure; any thread.

Somebody who types leaves the line at hand unfinished, so that one goes first. Else the text is cut into *segments*,
which begin with a word in the first column (mostly they are functions), and in each that can't be read alone the
fewest lines go that help. Where a text is not written so, Lua's own complaints say which lines go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node, Tree

from llmspell_kernel.language.text import Span, Text
from llmspell_kernel.language.trees import parsed
from llmspell_kernel.lua.check import syntax_problem

TRIES = 12
NEAREST = 40  # lines of a segment that are tried
LARGEST = 20_000  # bytes of a segment in which tree-sitter is asked for the place of a mistake
MOST = 8  # broken segments; where there are more the text is not written so
BOUNDARY = re.compile(rb"^(?!(?:end|else|elseif|until|then|do|in|and|or|not)\b)[A-Za-z_]", re.M)
CHAIN = re.compile(rb"[\w.:]+\Z")
KEYWORD_FIELD = re.compile(
    rb"[.:]\s*(and|break|do|else|elseif|end|false|for|function|goto|if|in|local|nil|not|or|repeat|return|then|true|until"
    rb"|while)\b"
)
NOT_BLANK = re.compile(rb"[^\r\n]")


def sound(text: Text, edited: int | None, known: tuple[bytes, Tree] | None) -> tuple[bytes, Tree]:
    """The text with what does not fit blanked, and its tree; that still has errors where nothing helps."""
    data = shebang_blanked(text.data)
    place = None if edited is None else min(edited, len(data))
    for attempt in (_as_it_is, chain_blanked, line_blanked, _segment_blanked, _segments_blanked):
        tried = attempt(text, data, place)
        if may_be_lua(tried):
            tree = parsed(tried, None if known is None else (known[0], known[1].copy()))
            if is_sound(tried, tree):
                return tried, tree
    tree = parsed(data)
    for _ in range(TRIES):
        if is_sound(data, tree):
            break
        data, tree = _next(text, data, tree)
    return data, tree


def _as_it_is(text: Text, data: bytes, edited: int | None) -> bytes:
    return data


def may_be_lua(data: bytes) -> bool:
    """Lua says it in a millisecond; tree-sitter would look for a way out of a large broken text for half a second."""
    problem = syntax_problem(data)
    return problem is None or not problem.is_grammar


def is_sound(data: bytes, tree: Tree) -> bool:
    """Whether it is Lua, but for what only Lua's compiler finds. The grammar takes a keyword for a field's name, as in
    ``local z = v.`` with ``end`` on the next line."""
    root = tree.root_node
    if root.has_error:
        return False
    fields = (root.descendant_for_byte_range(*one.span(1)) for one in KEYWORD_FIELD.finditer(data))
    return not any(node is not None and node.type == "identifier" for node in fields)


def shebang_blanked(data: bytes) -> bytes:
    if data.startswith(b"\xef\xbb\xbf"):
        data = b"   " + data[3:]
    if data.lstrip(b" ").startswith(b"#"):
        end = data.find(b"\n")
        data = blanked(data, Span(0, len(data) if end < 0 else end))
    return data


def blanked(data: bytes, span: Span) -> bytes:
    return data[: span.start] + NOT_BLANK.sub(b" ", data[span.start : span.end]) + data[span.end :]


def chain_blanked(text: Text, data: bytes, edited: int | None) -> bytes:
    """Without the name that is typed, and what stands before its dots: ``self.``"""
    chain = None if edited is None else CHAIN.search(data, text.starts[text.line_of(edited)], edited)
    return data if chain is None else blanked(data, Span(*chain.span()))


def line_blanked(text: Text, data: bytes, edited: int | None) -> bytes:
    return data if edited is None else blanked(data, text.line_span(text.line_of(edited)))


# Segments ---------------------------------------------------------------------------------------------


def _segment_blanked(text: Text, data: bytes, edited: int | None) -> bytes:
    """The one that is edited; the others were fine before."""
    if edited is None:
        return data
    at = text.starts[text.line_of(edited)]
    start, end = next(span for span in segments(data, at) if span.start <= at < span.end or span.end == len(data))
    return data[:start] + mended(data[start:end], at - start) + data[end:]


def _segments_blanked(text: Text, data: bytes, edited: int | None) -> bytes:
    at = None if edited is None else text.starts[text.line_of(edited)]
    broken = [span for span in segments(data, at) if not stands(data[span.start : span.end])]
    if len(broken) > MOST:
        return data
    for start, end in broken:
        inside = at - start if at is not None and start <= at < end else None
        data = data[:start] + mended(data[start:end], inside) + data[end:]
    return data


@lru_cache(maxsize=4096)  # at the next keystroke most segments are the same
def stands(segment: bytes) -> bool:
    return may_be_lua(segment) and is_sound(segment, parsed(segment))


def segments(data: bytes, edited: int | None) -> Iterator[Span]:
    """``edited``: the line that is typed in may begin anywhere, and begins none."""
    start = 0
    for match in BOUNDARY.finditer(data):
        if match.start() > start and match.start() != edited:
            yield Span(start, match.start())
            start = match.start()
    yield Span(start, len(data))


def mended(segment: bytes, edited: int | None) -> bytes:
    """With the fewest lines blanked that make it readable; all where none help."""
    text = Text(segment)
    problem = syntax_problem(segment)
    wrong = len(text.starts) - 1 if problem is None or problem.line == 0 else problem.line - 1
    line = text.line_of(edited) if edited is not None else min(wrong, len(text.starts) - 1)
    for span in _candidates(text, line):
        tried = blanked(segment, span)
        if tried != segment and stands(tried):
            return tried
    return blanked(segment, Span(0, len(segment)))


def _candidates(text: Text, line: int) -> Iterator[Span]:
    """One line, the nearest first; then what ends with the line at hand."""
    lines = sorted(range(len(text.starts)), key=lambda other: (abs(other - line), other))[:NEAREST]
    yield from (text.line_span(one) for one in lines if one <= line or one == line + 1)
    for first in range(line - 1, max(line - 6, -1), -1):
        yield Span(text.starts[first], text.line_span(line).end)
    yield from (text.line_span(one) for one in lines if one > line + 1)


# Whatever else ----------------------------------------------------------------------------------------


def _next(text: Text, data: bytes, tree: Tree) -> tuple[bytes, Tree]:
    """One more attempt: the line that Lua complains of, the one before, all from there to the end."""
    line = _wrong_line(text, data, tree)
    reach = max(_reach(data), line + 1)
    for span in _lines_before(text, data, line):
        tried = blanked(data, span)
        new = parsed(tried, (data, tree.copy()))
        if is_sound(tried, new) or _reach(tried) > reach:
            return tried, new
    tried = blanked(data, Span(text.starts[line], len(data)))
    return tried, parsed(tried, (data, tree))


def _reach(data: bytes) -> float:
    problem = syntax_problem(data)
    return float("inf") if problem is None else problem.line


def _lines_before(text: Text, data: bytes, line: int) -> Iterator[Span]:
    found = 0
    while line >= 0 and found < 3:
        span = text.line_span(line)
        if data[span.start : span.end].strip():
            found += 1
            yield span
        line -= 1


def _wrong_line(text: Text, data: bytes, tree: Tree) -> int:
    problem = syntax_problem(data)
    if problem is not None and problem.line > 0:
        return min(problem.line - 1, len(text.starts) - 1)
    error = first_error(tree.root_node)
    return text.line_of(error.start_byte if error is not None else 0)


def error_place(text: Text, line: int) -> int | None:
    """Where tree-sitter gives up in the segment around a line."""
    at = text.starts[line]
    start, end = next(
        span for span in segments(text.data, None) if span.start <= at < span.end or span.end == len(text.data)
    )
    error = first_error(parsed(text.data[start:end]).root_node) if end - start < LARGEST else None
    return None if error is None else start + error.start_byte


def first_error(node: Node) -> Node | None:
    """The first thing the grammar does not know, or that it misses."""
    pending = [node]
    while pending:
        node = pending.pop()
        if node.type == "ERROR" or node.is_missing:
            return node
        pending.extend(one for one in reversed(node.children) if one.has_error or one.is_missing)
    return None
