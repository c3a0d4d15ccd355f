"""Forms that a text is brought into: cases of names, clean characters, lengths, lines. Any thread."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable

import regex

from llmspell_kernel.tools.data.patterns import found

# HTTPServer is two words, and so is parseJSON; digits stay with what they follow. A title case letter (ǅ) is a capital.
CAPITAL, SMALL = r"[\p{Lu}\p{Lt}]", r"[\p{Ll}\p{Lo}\p{Lm}\p{M}]"
WORDS = regex.compile(rf"{CAPITAL}+(?={CAPITAL}{SMALL})|{CAPITAL}?{SMALL}++\p{{N}}*+|{CAPITAL}++\p{{N}}*+|\p{{N}}++")
TITLE_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*+(?:['’]\p{L}[\p{L}\p{M}]*+)*+|(?s:.)")
GRAPHEME = regex.compile(r"\X")
LONGEST_GRAPHEME = 256  # characters: what is longer may be cut
# What shows nothing and may deceive: the order of writing, breaks and joins of width zero. Joiners (U+200C, U+200D)
# stay: Persian and emoji are spelt with them.
INVISIBLE = frozenset(
    "\u200b\u2060\ufeff\u00ad\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
KEPT = frozenset("\n\t")


def words(name: str) -> list[str]:
    """``parseHTTPResponse2``: parse, HTTP, Response2."""
    return [match.group(0) for match in found(WORDS, name)]


def titled(text: str) -> str:
    """``it's o'neil``: It's O'neil, where Python says It'S O'Neil."""
    return "".join(match.group(0).capitalize() for match in found(TITLE_WORD, text))


def reversed_text(text: str) -> str:
    """An accent stays on its letter, a family together."""
    return text[::-1] if text.isascii() else "".join([match.group(0) for match in found(GRAPHEME, text)][::-1])


def snake_case(text: str) -> str:
    return "_".join(word.lower() for word in words(text))


def pascal_case(text: str) -> str:
    return "".join(word.capitalize() for word in words(text))


def camel_case(text: str) -> str:
    first, *others = words(text) or [""]
    return first.lower() + "".join(word.capitalize() for word in others)


def sanitize(text: str) -> str:
    """Without control characters, bytes that are no text, and what can't be seen; composed (NFC), lines ended by LF."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    clean = "".join(one for one in lines if one in KEPT or (_visible(one) and one not in INVISIBLE))
    return unicodedata.normalize("NFC", clean)


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs")


def truncate(text: str, length: int, suffix: str) -> str:
    """At most `length` characters, the suffix among them; what is written as one character is not cut in two."""
    if len(text) <= length:
        return text
    room = length - len(suffix)
    if room <= 0:
        return suffix[: max(length, 0)]
    end = 0
    for match in found(GRAPHEME, text[: room + LONGEST_GRAPHEME]):
        if match.end() > room:
            break
        end = match.end()
    return text[:end] + suffix


def indent(text: str, prefix: str) -> str:
    """Lines that hold nothing stay as they are."""
    return textwrap.indent(text, prefix)


def word_wrap(text: str, width: int) -> str:
    """Each line is wrapped for itself: the breaks that are there stay."""
    return "\n".join(wrapped for line in text.split("\n") for wrapped in textwrap.wrap(line, width) or [""])


PLAIN: dict[str, Callable[[str], str]] = {
    "snake_case": snake_case, "camel_case": camel_case, "pascal_case": pascal_case, "sanitize": sanitize,
    "dedent": textwrap.dedent, "normalize_whitespace": lambda text: " ".join(text.split()),
}  # fmt: skip
