"""file_converter: encodings, ends of lines and indentation of text files. Any thread.

What a file is encoded in is told by its byte order mark, else it is UTF-8 if it can be read so, else charset-normalizer
judges. A conversion that would lose characters is an error unless the caller says what becomes of them.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, Literal, NamedTuple

from charset_normalizer import from_bytes

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.spec import Example, Result, tool

Ending = Literal["lf", "crlf", "cr", "unix", "windows", "mac"]
ENDINGS = {"lf": "\n", "unix": "\n", "crlf": "\r\n", "windows": "\r\n", "cr": "\r", "mac": "\r"}
MARKS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
OWN_MARK = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}  # encodings that always write one
SAMPLE = 1024 * 1024  # bytes that are judged by, to the end of a line: half a character would spoil it


@tool(
    category="filesystem",
    level="restricted",
    examples=[
        Example(
            "To another encoding",
            {
                "operation": "encoding", "path": "{folder}/hello.txt", "target_path": "{folder}/wide.txt",
                "to_encoding": "utf-16",
            },
            result={"from_encoding": "utf-8", "to_encoding": "utf-16", "bytes": 30},
        ),
        Example(
            "To the line ends of Windows",
            {
                "operation": "line_endings", "path": "{folder}/hello.txt", "target_path": "{folder}/dos.txt",
                "line_ending": "crlf",
            },
            result={"changed": 1, "bytes": 15},
        ),
        Example("What is it?", {"operation": "detect", "path": "{folder}/hello.txt"}, result={"encoding": "utf-8"}),
        Example("An encoding that there is not", {
            "operation": "encoding", "path": "{folder}/hello.txt", "to_encoding": "utf-9"}, error="invalid_parameters"),
    ],
)  # fmt: skip
def file_converter(
    call: Call,
    operation: Literal["encoding", "line_endings", "indentation", "detect"],
    path: str,
    target_path: str | None = None,
    from_encoding: str | None = None,
    to_encoding: str = "utf-8",
    line_ending: Ending = "lf",
    convert_to_spaces: bool = True,
    tab_size: int = 4,
    on_error: Literal["strict", "replace", "ignore"] = "strict",
    add_bom: bool = False,
) -> Result:
    """Convert a text file to another encoding, other line ends or another indentation.

    Args:
        operation: What is converted; detect only tells encoding and line ends.
        path: The file.
        target_path: Where the outcome is written; the file itself if it is not given.
        from_encoding: How it is encoded (utf-8, latin-1, shift_jis …); detected if it is not given.
        to_encoding: How it shall be encoded (encoding).
        line_ending: How lines shall end: lf (unix), crlf (windows), cr (mac) (line_endings).
        convert_to_spaces: Whether tabs become spaces, or spaces tabs (indentation).
        tab_size: How wide a tab is.
        on_error: What becomes of characters that can't be converted: an error, a ?, nothing (encoding).
        add_bom: Whether a byte order mark is written (encoding).
    """
    if not 1 <= tab_size <= 16:
        raise ToolError("`tab_size` must be from 1 to 16", code="invalid_parameters")
    raw = call.policy.read(path)
    read = _read(raw, path, from_encoding, on_error if operation == "encoding" else "strict")
    if operation == "detect":
        return _detected(call.policy.resolve(path), read)
    if operation == "encoding":
        made, fields = _encoded(read, to_encoding, on_error, add_bom)
    elif operation == "line_endings":
        text, changed = _with_endings(read.text, ENDINGS[line_ending])
        made, fields = _as_it_was(read, text), {"line_ending": line_ending, "changed": changed}
    else:
        text, changed = _indented(call, read.text, convert_to_spaces, tab_size)
        made, fields = _as_it_was(read, text), {"to": "spaces" if convert_to_spaces else "tabs", "changed": changed}
    target = path if target_path is None else target_path
    call.policy.write(target, made)
    told = {"path": call.policy.resolve(path), "target_path": call.policy.resolve(target), **fields, "bytes": len(made)}
    return Result(told, f"{len(made)} bytes to {told['target_path']}")


class _Read(NamedTuple):
    """A file as text: in which encoding it is, how sure that is, which other ones it could be as well, and the byte
    order mark that it began with."""

    text: str
    encoding: str
    confidence: float
    others: list[str]
    mark: bytes


def _read(raw: bytes, path: str, encoding: str | None, on_error: str) -> _Read:
    mark, marked = next(((mark, name) for mark, name in MARKS if raw.startswith(mark)), (b"", ""))
    if encoding is None:
        encoding, confidence, others = (marked, 1.0, []) if marked else _judged(raw, path)
    else:
        encoding, confidence, others = _known(encoding, "from_encoding"), 1.0, []
        encoding = OWN_MARK.get(encoding, encoding) if not mark else encoding
        if mark and OWN_MARK.get(encoding, encoding)[:6].rstrip("-") == marked[:6].rstrip("-"):
            encoding = marked
        elif encoding == "utf-8-sig":
            encoding = "utf-8"
        else:
            mark = mark if encoding == marked else b""
    try:
        return _Read(raw[len(mark) :].decode(encoding, on_error), encoding, confidence, others, mark)
    except UnicodeDecodeError as error:
        raise ToolError(
            f"{path} is not {encoding}: byte {error.object[error.start]:#04x} at {len(mark) + error.start}; "
            "leave `from_encoding` out to have it detected, or say `on_error`",
            details={"encoding": encoding, "position": len(mark) + error.start},
        ) from error


def _judged(raw: bytes, path: str) -> tuple[str, float, list[str]]:
    """One in which nothing looks broken is sure only if the text looks like a language, too."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        matches = from_bytes(raw if len(raw) <= SAMPLE else raw[: raw.rfind(b"\n", 0, SAMPLE) + 1 or SAMPLE])
        best = matches.best()
        if best is None:
            raise ToolError(f"{path} is no text in any known encoding; give `from_encoding`") from None
        if not best.coherence and _mostly_ascii(raw):
            return "cp1252", 0.5, [one.encoding for one in matches if one.encoding != "cp1252"][:5]
        sure = (1 - best.chaos) * (1 + best.coherence) / 2
        others = [one.encoding for one in matches if one is not best and str(one) != str(best)]
        return _known(best.encoding, "from_encoding"), round(sure, 3), others[:5]
    return "utf-8", 1.0, []


def _mostly_ascii(raw: bytes) -> bool:
    """Of too few other letters no language is known; among Latin ones they are what browsers take them for."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw and sum(byte > 127 for byte in raw[:SAMPLE]) * 4 <= len(raw[:SAMPLE])


def _known(encoding: str, parameter: str) -> str:
    """The usual name of an encoding. Raises ToolError."""
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise ToolError(
            f"`{parameter}`: there is no encoding {encoding!r}; some are utf-8, utf-16, latin-1, cp1252, shift_jis",
            code="invalid_parameters",
        ) from error
    if not found._is_text_encoding:
        raise ToolError(f"`{parameter}`: {encoding} is no encoding of texts", code="invalid_parameters")
    return found.name


def _encoded(read: _Read, to: str, on_error: str, add_mark: bool) -> tuple[bytes, dict[str, Any]]:
    name = _known(to, "to_encoding")
    try:
        body = read.text.encode(name, on_error)
    except UnicodeEncodeError as error:
        line = read.text.count("\n", 0, error.start) + 1
        raise ToolError(
            f"{name} has no {error.object[error.start]!r} (line {line}); say what becomes of it: "
            "on_error = replace or ignore",
            details={"encoding": name, "line": line},
        ) from error
    mark = next((mark for mark, marked in MARKS if marked == name), b"") if add_mark else b""
    return mark + body, {"from_encoding": read.encoding, "to_encoding": name, "confidence": read.confidence}


def _as_it_was(read: _Read, text: str) -> bytes:
    return read.mark + text.encode(read.encoding)


def _with_endings(text: str, ending: str) -> tuple[str, int]:
    """How many were not so before, too."""
    there = re.findall(r"\r\n|\r|\n", text)
    return re.sub(r"\r\n|\r|\n", ending, text), sum(one != ending for one in there)


def _indented(call: Call, text: str, spaces: bool, size: int) -> tuple[str, int]:
    """Only what lines begin with; what is in them stays."""
    made, changed = [], 0
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text):
        call.check()
        start = line[: len(line) - len(line.lstrip(" \t"))]
        width = len(start.expandtabs(size))
        wanted = " " * width if spaces else "\t" * (width // size) + " " * (width % size)
        changed += wanted != start
        made.append(wanted + line[len(start) :])
    return "".join(made), changed


def _detected(path: str, read: _Read) -> Result:
    found = {name: len(re.findall(pattern, read.text)) for name, pattern in (
        ("crlf", r"\r\n"), ("lf", r"(?<!\r)\n"), ("cr", r"\r(?!\n)"))}  # fmt: skip
    fields = {
        "path": path, "encoding": read.encoding, "confidence": read.confidence, "others": read.others,
        "bom": bool(read.mark),
        "line_endings": found, "lines": len(read.text.splitlines()),
    }  # fmt: skip
    return Result(fields, f"{read.encoding}, {' '.join(f'{n} {name}' for name, n in found.items() if n) or 'one line'}")
