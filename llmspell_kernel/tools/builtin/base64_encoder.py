"""base64_encoder: base64 (RFC 4648) of texts, bytes and files, and back. Any thread."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.content import either, from_hex, require_files
from llmspell_kernel.tools.spec import Example, Result, tool

Variant = Literal["standard", "url-safe", "url_safe", "standard-no-pad", "url-safe-no-pad"]


@tool(
    category="utility",
    examples=[
        Example("Encode a text", {"operation": "encode", "input": "Hello, world!"}, text="SGVsbG8sIHdvcmxkIQ=="),
        Example("Decode it", {"operation": "decode", "input": "SGVsbG8sIHdvcmxkIQ=="}, text="Hello, world!"),
        Example(
            "Encode bytes for an address",
            {"operation": "encode", "input": "fbff", "binary_input": True, "variant": "url-safe-no-pad"},
            text="-_8",
        ),
        Example(
            "Encode a file",
            {"operation": "encode", "input_file": "{folder}/hello.txt", "output_file": "{folder}/hello.b64"},
            result={"output_file": "{folder}/hello.b64", "bytes": 20},
        ),
        Example("What is no base64", {"operation": "decode", "input": "SGVsbG8*"}, error="invalid_parameters"),
    ],
)
def base64_encoder(
    call: Call,
    operation: Literal["encode", "decode"],
    input: str | None = None,
    input_file: str | None = None,
    output_file: str | None = None,
    variant: Variant = "standard",
    binary_input: bool = False,
    binary_output: bool = False,
) -> Result:
    """Encode texts, bytes and files as base64, and decode it.

    Args:
        operation: encode or decode.
        input: The text.
        input_file: A file instead.
        output_file: Where the outcome is written, if it should be.
        variant: The alphabet (+ and /, or - and _ for url-safe), and whether = fills up the end.
        binary_input: Whether `input` is bytes, given as hexadecimal digits (encode).
        binary_output: Whether the outcome is given as hexadecimal digits (decode).
    """
    if input_file is not None or output_file is not None:
        require_files(call.policy, "base64-encoder")
    if binary_input and input is not None and operation == "encode":
        if input_file is not None:
            raise ToolError("give either `input` or `input_file`", code="invalid_parameters")
        given = from_hex(input)
    else:
        given = either(call.policy, input, input_file, ("input", "input_file"))
    made = _encoded(given, variant) if operation == "encode" else _decoded(given, variant)
    if output_file is not None:
        path = call.policy.resolve(output_file)
        call.policy.write(output_file, made)
        return Result({"output_file": path, "bytes": len(made)}, f"{len(made)} bytes to {path}")
    text = made.hex() if binary_output and operation == "decode" else made.decode("utf-8", "surrogateescape")
    fields: dict[str, Any] = {"output": text, "bytes": len(made), "variant": variant}
    if operation == "decode":
        fields["is_text"] = _is_text(made)
    return Result(fields, text)


def _encoded(data: bytes, variant: str) -> bytes:
    url = variant.startswith("url")
    made = base64.urlsafe_b64encode(data) if url else base64.b64encode(data)
    return made.rstrip(b"=") if variant.endswith("no-pad") else made


def _decoded(data: bytes, variant: str) -> bytes:
    """Line breaks count for nothing, and the = at the end may be missing; all else must be as it should."""
    text = b"".join(data.split())
    url = variant.startswith("url")
    _require_alphabet(text, url)
    text = text.rstrip(b"=") if text.count(b"=") <= 2 else text
    if len(text) % 4 == 1:
        raise ToolError(f"no base64 has {len(text)} digits: some are missing at the end", code="invalid_parameters")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), b"-_" if url else None, validate=True)
    except binascii.Error as error:
        raise ToolError(f"not base64: {error}", code="invalid_parameters") from error


def _require_alphabet(text: bytes, url: bool) -> None:
    alphabet = base64.urlsafe_b64encode(_EVERY) if url else base64.b64encode(_EVERY)
    wrong = text.translate(None, alphabet + b"=")
    if not wrong:
        return
    place = text.index(wrong[:1])
    hint = ""
    if wrong[:1] in b"+/-_":
        hint = f"; it belongs to the variant {'standard' if url else 'url-safe'}"
    shown = wrong[:1].decode("ascii", "backslashreplace")
    raise ToolError(f"not base64: {shown!r} at position {place + 1}{hint}", code="invalid_parameters")


_EVERY = base64.b64decode("".join(map(chr, [*range(65, 91), *range(97, 123), *range(48, 58), 43, 47])))


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
