"""What a tool is given as text, as hexadecimal digits, or as a file; and where its bytes go. Any thread."""

from __future__ import annotations

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox.policy import Policy


def encoded(text: str, name: str = "input") -> bytes:
    """The bytes of a text. Raises ToolError."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ToolError(
            f"`{name}` is not Unicode text: it has half of a surrogate pair", code="invalid_parameters"
        ) from error


def from_hex(text: str, name: str = "input") -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ToolError(
            f"`{name}` must be hexadecimal digits, two for each byte: {error}", code="invalid_parameters"
        ) from error


def require_files(policy: Policy, tool: str) -> None:
    """Raises ToolError where only safe tools may be called: those that take files as well are safe without."""
    policy.require_level(f"{tool} with files", "restricted")


def either(policy: Policy, text: str | None, file: str | None, names: tuple[str, str]) -> bytes:
    """What one of the two parameters gives. Raises ToolError for none and for both."""
    if (text is None) == (file is None):
        raise ToolError(f"give either `{names[0]}` or `{names[1]}`", code="invalid_parameters")
    return encoded(text, names[0]) if text is not None else policy.read(file or "")
