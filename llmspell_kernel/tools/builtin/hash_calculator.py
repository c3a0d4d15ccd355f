"""hash_calculator: digests of texts and files, and checking them. Any thread."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.content import encoded
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.spec import Example, Result, tool

Algorithm = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s", "crc32"]
Format = Literal["hex", "base64"]


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


@tool(
    category="utility",
    level="restricted",
    aliases={"expected_hash": "expected"},
    examples=[
        Example("Hash a text", {"input": "hello", "algorithm": "md5"}, text="5d41402abc4b2a76b9719d911017c592"),
        Example(
            "Check a hash",
            {"operation": "verify", "input": "hello", "algorithm": "crc32", "expected": "3610a686"},
            result={"valid": True},
        ),
        Example(
            "Hash a file",
            {"algorithm": "sha1", "input_type": "file", "file": "{folder}/hello.txt"},
            text="09fac8dbfd27bd9b4d23a00eb648aa751789536d",
        ),
    ],
)
def hash_calculator(
    call: Call,
    operation: Literal["hash", "verify"] = "hash",
    algorithm: Algorithm = "sha256",
    input: str | None = None,
    file: str | None = None,
    expected: str | None = None,
    format: Format = "hex",
    input_type: Literal["string", "file"] | None = None,
    expected_format: Format | None = None,
) -> Result:
    """Calculate or check the hash of a text or a file.

    Args:
        operation: hash, or verify against `expected`.
        algorithm: The hash function.
        input: The text (its bytes are hashed as they are).
        file: The path of a file to hash instead.
        expected: The hash to compare with (verify).
        format: How the hash is written.
        input_type: Whether a text or a file is meant; with file, `input` may be the path.
        expected_format: How `expected` is written, if not as `format` says.
    """
    if input_type == "file" and file is None:
        input, file = None, input
    if (input is None) == (file is None) or (input_type == "string" and input is None):
        raise ToolError("give either `input` or `file`", code="invalid_parameters")
    digest = _of_file(call, file, algorithm) if file is not None else _of_text(input or "", algorithm)
    written = digest.hex() if format == "hex" else base64.b64encode(digest).decode()
    if operation == "hash":
        return Result({"hash": written, "algorithm": algorithm, "format": format}, written)
    if expected is None:
        raise ToolError("verify needs `expected`", code="invalid_parameters")
    valid = hmac.compare_digest(_read(expected, expected_format or format), digest)
    return Result(
        {"valid": valid, "hash": written, "algorithm": algorithm},
        "valid" if valid else "not valid",
    )


def _new(algorithm: str) -> Any:
    return _Crc32() if algorithm == "crc32" else hashlib.new(algorithm)


def _read(expected: str, format: str) -> bytes:
    try:
        if format == "hex":
            return bytes.fromhex(expected)
        return base64.b64decode(expected.strip(), validate=True)
    except ValueError as error:
        digits = "hexadecimal digits, two for each byte" if format == "hex" else "base64"
        raise ToolError(f"`expected` is no hash: it must be {digits}", code="invalid_parameters") from error


def _of_text(text: str, algorithm: str) -> bytes:
    state = _new(algorithm)
    state.update(encoded(text))
    return bytes(state.digest())


def _of_file(call: Call, path: str, algorithm: str) -> bytes:
    """However large it is: no more than a block is held."""
    state = _new(algorithm)
    with files.told("read", path), call.policy.open(path) as file:
        while block := file.read(files.BLOCK):
            call.check()
            state.update(block)
    return bytes(state.digest())
