"""uuid_generator: UUIDs (RFC 9562) and identifiers made of them. Any thread."""

from __future__ import annotations

import uuid as uuids
from datetime import datetime, timezone
from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.spec import Example, Result, tool

Version = Literal["v4", "v1", "v3", "v5"]
Format = Literal["standard", "hyphenated", "simple", "urn", "braced"]
NAMESPACES = {
    "dns": uuids.NAMESPACE_DNS, "url": uuids.NAMESPACE_URL, "oid": uuids.NAMESPACE_OID, "x500": uuids.NAMESPACE_X500,
}  # fmt: skip
VARIANTS = {uuids.RFC_4122: "RFC 9562", uuids.RESERVED_NCS: "NCS", uuids.RESERVED_MICROSOFT: "Microsoft"}
MOST = 1000


@tool(
    category="utility",
    runs="here",
    examples=[
        Example(
            "The same name, the same UUID",
            {"operation": "deterministic", "namespace": "dns", "name": "example.org"},
            text="aad03681-8b63-5304-89e0-8ca8f49461b5",
        ),
        Example(
            "Look at one",
            {"operation": "validate", "uuid": "{AAD03681-8B63-5304-89E0-8CA8F49461B5}"},
            result={"valid": True, "version": 5, "format": "braced", "uuid": "aad03681-8b63-5304-89e0-8ca8f49461b5"},
        ),
        Example("What is none", {"operation": "validate", "uuid": "12345"}, result={"valid": False}),
        Example("A name is needed", {"version": "v5"}, error="invalid_parameters"),
    ],
)
def uuid_generator(
    operation: Literal["generate", "component_id", "deterministic", "custom", "validate"] = "generate",
    version: Version = "v4",
    format: Format = "standard",
    namespace: str = "dns",
    name: str | None = None,
    prefix: str | None = None,
    suffix: str | None = None,
    short: bool = False,
    timestamp: bool = False,
    uuid: str | None = None,
    count: int = 1,
) -> Result:
    """Make UUIDs and identifiers, and look at them.

    Args:
        operation: generate; component_id (prefix_UUID); deterministic (of a name); custom (prefix, time, UUID, suffix
            joined by -); validate.
        version: v4 random; v1 of the time; v3, v5 of `namespace` and `name`.
        format: standard (with hyphens), simple (without), urn, braced.
        namespace: dns, url, oid, x500, or a UUID (v3, v5, deterministic).
        name: What a v3 or v5 UUID is of (v3, v5, deterministic).
        prefix: What stands before (component_id, custom).
        suffix: What stands after (custom).
        short: Whether only the first 8 digits are used (component_id, custom).
        timestamp: Whether the time is in it (custom).
        uuid: The text to look at (validate).
        count: How many are made.
    """
    if operation == "validate":
        return _looked_at(_needed(operation, "uuid", uuid))
    if not 1 <= count <= MOST:
        raise ToolError(f"`count` must be from 1 to {MOST}", code="invalid_parameters")
    kind = "v5" if operation == "deterministic" and version not in ("v3", "v5") else version
    start = _needed(operation, "prefix", prefix) if operation == "component_id" else prefix

    def made() -> tuple[str, str]:
        one = _made(operation, kind, namespace, name)
        if operation in ("component_id", "custom"):
            joint = "_" if operation == "component_id" else "-"
            return str(one), joint.join(_parts(one, start, suffix, short, timestamp, format, operation))
        return str(one), _written(one, format)

    found = [made() for _ in range(count)]
    texts = [text for _, text in found]
    fields: dict[str, Any] = {"uuid": found[0][0], "id": texts[0], "version": int(kind[1])}
    if operation in ("generate", "deterministic"):
        fields = {"uuid": texts[0], "version": int(kind[1]), "format": format}
    if count > 1:
        fields["uuids"] = texts
    return Result(fields, "\n".join(texts))


def _needed(operation: str, parameter: str, value: str | None) -> str:
    if value is None:
        raise ToolError(f"{operation} needs `{parameter}`", code="invalid_parameters")
    return value


def _made(operation: str, version: str, namespace: str, name: str | None) -> uuids.UUID:
    if version == "v4":
        return uuids.uuid4()
    if version == "v1":
        return uuids.uuid1()
    make = uuids.uuid3 if version == "v3" else uuids.uuid5
    try:
        return make(_namespace(namespace), _needed(version if operation == "generate" else operation, "name", name))
    except UnicodeEncodeError as error:
        raise ToolError("`name` is not Unicode text", code="invalid_parameters") from error


def _namespace(text: str) -> uuids.UUID:
    known = NAMESPACES.get(text.lower())
    if known is not None:
        return known
    try:
        return uuids.UUID(text)
    except ValueError as error:
        names = ", ".join(NAMESPACES)
        raise ToolError(f"`namespace` must be {names} or a UUID, not {text!r}", code="invalid_parameters") from error


def _parts(
    one: uuids.UUID, prefix: str | None, suffix: str | None, short: bool, timestamp: bool, format: str, operation: str
) -> list[str]:
    parts = [prefix] if prefix else []
    if operation == "custom":
        parts += [datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")] if timestamp else []
    parts.append(one.hex[:8] if short else _written(one, format))
    if operation == "custom" and suffix:
        parts.append(suffix)
    return parts


def _written(one: uuids.UUID, format: str) -> str:
    forms = {"simple": one.hex, "urn": one.urn, "braced": f"{{{one}}}"}
    return forms.get(format, str(one))


def _looked_at(text: str) -> Result:
    for form in ("standard", "simple", "urn", "braced"):
        try:
            one = uuids.UUID(text)
        except ValueError:
            break
        if _written(one, form) == text.lower():
            fields = {
                "valid": True, "uuid": str(one), "version": one.version, "format": form, "nil": one.int == 0,
                "variant": VARIANTS.get(one.variant, one.variant),
            }  # fmt: skip
            return Result(fields, f"valid, version {one.version}" if one.version else "valid, no version")
    return Result({"valid": False, "uuid": text}, "not valid")
