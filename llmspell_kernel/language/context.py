"""Where in a text the cursor stands: in a string, after a dot, in which call. Pure; any thread.

What is being typed is mostly broken, so this reads words, not trees: from the beginning of the statement around
(at most `WINDOW` lines) to the cursor.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from tree_sitter import Node

from llmspell_kernel.language.text import Span, Text, decoded
from llmspell_kernel.language.trees import at, parents
from llmspell_kernel.lua import keywords

WINDOW = 400
TOKEN = re.compile(
    rb"""(?P<comment>--\[(?P<c>=*)\[.*?(?:\](?P=c)\]|\Z)|--[^\r\n]*)
    |(?P<string>\[(?P<s>=*)\[.*?(?:\](?P=s)\]|\Z)
        |"(?:[^"\\\r\n]|\\(?:\r\n|.)|\\\Z)*(?:"|(?=[\r\n])|\Z) | '(?:[^'\\\r\n]|\\(?:\r\n|.)|\\\Z)*(?:'|(?=[\r\n])|\Z))
    |(?P<name>[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*)
    |(?P<number>\.?[0-9](?:[eEpP][+-]|[0-9A-Za-z.])*)
    |(?P<mark>\.\.\.|\.\.|::|==|~=|<=|>=|//|<<|>>|[^\s])""",
    re.S | re.X,
)
BEGIN = re.compile(rb"^(?!(?:end|else|elseif|until|then|do|in|and|or|not)\b)[A-Za-z_]", re.M)
KEYWORDS = frozenset(word.encode() for word in keywords.KEYWORDS)
PAIRS = {b"(": b")", b"{": b"}", b"[": b"]"}
CLOSING = frozenset(PAIRS.values())


class Token(NamedTuple):
    kind: str
    start: int
    end: int
    text: bytes


class Open(NamedTuple):
    """A bracket that is open at the cursor. ``callee``: what is called with it, or indexed. ``argument``: how
    many commas are before the cursor; ``keys``: the fields that are given; ``key``: the field whose value is written;
    ``first``: the text that stands first in it."""

    bracket: str
    start: int
    callee: Span | None
    argument: int
    keys: tuple[str, ...]
    key: str | None
    first: str | None = None


class Context(NamedTuple):
    """``nothing``: in a comment or a number. ``word``: what is typed of a name or a text, and the rest of it.
    ``owner``: the expression before ``.`` or ``:`` (``mark``). ``opens``: the brackets around, the innermost last; a
    string without bracket is a call's too. ``before``: the token before the word."""

    where: Literal["code", "string", "nothing"]
    word: Span
    mark: str
    owner: Span | None
    opens: tuple[Open, ...]
    before: str

    @property
    def inner(self) -> Open | None:
        return self.opens[-1] if self.opens else None


def context(text: Text, root: Node, offset: int) -> Context:
    start = _beginning(text, root, offset)
    tokens, match = _tokens(text.data, start, offset)
    where: Literal["code", "string"] = "code"
    word = text.word(offset)
    last = tokens[-1] if tokens else None
    if last is not None and last.end >= offset and last.kind == "comment" and not _is_closed(last):
        return Context("nothing", word, "", None, (), "")
    if last is not None and last.end >= offset and last.kind == "number":
        return Context("nothing", word, "", None, (), "")
    if last is not None and last.end >= offset and last.kind == "string" and not _is_closed(last):
        where, word = "string", _content(text.data, last, offset)
        tokens.pop()
    elif last is not None and last.kind == "name" and last.end >= offset:
        tokens.pop()
    opens = _opens(tokens, match)
    if where == "string" and tokens and _ends_expression(tokens[-1]):
        callee = Span(tokens[_begin(tokens, match, len(tokens) - 1)].start, tokens[-1].end)
        opens = (*opens, Open("(", tokens[-1].end, callee, 0, (), None))
    mark, owner = "", None
    if where == "code" and tokens and tokens[-1].text in (b".", b":") and len(tokens) > 1:
        mark = decoded(tokens[-1].text)
        if _ends_expression(tokens[-2]):
            owner = Span(tokens[_begin(tokens, match, len(tokens) - 2)].start, tokens[-2].end)
    return Context(where, word, mark, owner, opens, decoded(tokens[-1].text) if tokens else "")


def _beginning(text: Text, root: Node, offset: int) -> int:
    """A place before the cursor where a statement begins, or the window; never in a string or a comment."""
    line = text.line_of(offset)
    first = text.starts[max(line - WINDOW, 0)]
    found = [match.start() for match in BEGIN.finditer(text.data, first, max(text.starts[line], first))]
    if text.data[text.starts[line] : text.starts[line] + 1].strip() and BEGIN.match(text.data, text.starts[line]):
        found.append(text.starts[line])
    for start in (*reversed(found[-3:]), first):
        if not any(one.type in ("string", "comment") and one.start_byte < start for one in parents(at(root, start))):
            return start
    return next((one.start_byte for one in parents(at(root, first)) if one.type in ("string", "comment")), first)


def _tokens(data: bytes, start: int, end: int) -> tuple[list[Token], dict[int, int]]:
    """The tokens, and for each closing bracket the index of its opening one."""
    found: list[Token] = []
    match: dict[int, int] = {}
    opened: list[int] = []
    for one in TOKEN.finditer(data, start, end):
        kind = one.lastgroup or ""
        if kind == "comment" and one.end() < end:
            continue
        text = one.group()
        if kind in ("c", "s"):
            kind = "comment" if text.startswith(b"--") else "string"
        if kind == "comment" and _is_closed(Token(kind, one.start(), one.end(), text)):
            continue
        if text in PAIRS:
            opened.append(len(found))
        elif text in CLOSING:
            while opened and PAIRS[found[opened[-1]].text] != text:
                opened.pop()
            if opened:
                match[len(found)] = opened.pop()
        found.append(Token(kind, one.start(), one.end(), text))
    return found, match


def _is_closed(token: Token) -> bool:
    text = token.text
    if token.kind == "comment":
        return bool(re.match(rb"--\[(=*)\[.*\]\1\]\Z", text, re.S))
    if text.startswith(b"["):
        return bool(re.match(rb"\[(=*)\[.*\]\1\]\Z", text, re.S))
    body = re.sub(rb"\\.", b"", text, flags=re.S)
    return len(body) > 1 and body[-1:] == text[:1]


def _content(data: bytes, string: Token, offset: int) -> Span:
    """From the quote to the end of the string, on this line."""
    quote = re.match(rb"\[=*\[|.", string.text, re.S)
    start = string.start + (quote.end() if quote else 1)
    rest = re.compile(rb"[^\r\n" + re.escape(string.text[:1]) + rb"]*").match(data, offset)
    end = rest.end() if rest is not None and data[rest.end() : rest.end() + 1] == string.text[:1] else offset
    return Span(start, end)


def _ends_expression(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in KEYWORDS
    return token.kind == "string" or token.text in CLOSING


def _begin(tokens: list[Token], match: dict[int, int], index: int) -> int:
    """Where the expression begins that ends with a token: ``Agent.builder():name("x")``."""
    while True:
        token = tokens[index]
        if token.text in CLOSING and index in match:
            opened = match[index]
            if opened == 0 or not _ends_expression(tokens[opened - 1]):
                return opened
            index = opened - 1
        elif token.kind == "string":
            if index == 0 or not _ends_expression(tokens[index - 1]):
                return index
            index -= 1
        elif token.kind == "name" and index > 1 and tokens[index - 1].text in (b".", b":"):
            index -= 2
            if not _ends_expression(tokens[index]):
                return index + 2
        else:
            return index


def _opens(tokens: list[Token], match: dict[int, int]) -> tuple[Open, ...]:
    closed = set(match.values())
    opened = [i for i, one in enumerate(tokens) if one.text in PAIRS and one.kind == "mark" and i not in closed]
    found = []
    for place, index in enumerate(opened):
        callee = None
        if index > 0 and _ends_expression(tokens[index - 1]):
            begin = _begin(tokens, match, index - 1)
            if begin == 0 or tokens[begin - 1].text != b"function":
                callee = Span(tokens[begin].start, tokens[index - 1].end)
        until = opened[place + 1] if place + 1 < len(opened) else len(tokens)
        first = _literal(tokens[index + 1]) if index + 1 < len(tokens) else None
        commas, keys, key = _fields(tokens, index + 1, until, match)
        found.append(Open(decoded(tokens[index].text), tokens[index].start, callee, commas, keys, key, first))
    return tuple(found)


def _literal(token: Token) -> str | None:
    return decoded(token.text[1:-1]) if token.kind == "string" and token.text[:1] in (b'"', b"'") else None


def _fields(
    tokens: list[Token], first: int, until: int, match: dict[int, int]
) -> tuple[int, tuple[str, ...], str | None]:
    """How many commas, which keys and whose value it is at the end, on one level of brackets."""
    commas, keys, key, depth = 0, [], None, 0
    inside = {i for close, i in match.items() if first <= i and close < until}
    ends = {close for close, i in match.items() if first <= i and close < until}
    for index in range(first, until):
        token = tokens[index]
        if index in inside:
            depth += 1
        elif index in ends:
            depth -= 1
        elif depth == 0 and token.text in (b",", b";"):
            commas, key = commas + 1, None
        elif depth == 0 and token.text == b"=" and tokens[index - 1].kind == "name":
            key = decoded(tokens[index - 1].text)
            keys.append(key)
    return commas, tuple(keys), key
