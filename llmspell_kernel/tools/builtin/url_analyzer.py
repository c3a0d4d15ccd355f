"""url_analyzer: the parts of an address, and what a server says of it. Any thread."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import idna

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import fetch
from llmspell_kernel.tools.sandbox.hosts import kind, literal
from llmspell_kernel.tools.spec import Example, Result, tool

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ssh": 22, "sftp": 22, "smtp": 25, "ldap": 389}
MAX_LENGTH = 64 * 1024
TOLD = ("content-type", "content-length", "content-language", "last-modified", "etag", "server", "cache-control")


@tool(
    category="web",
    aliases={"url": "input"},
    examples=[
        Example(
            "Take one apart",
            {"input": "https://ada@Example.org:8443/a%20b/c?q=x&q=y&n=1#top"},
            result={
                "scheme": "https", "username": "ada", "host": "example.org", "port": 8443, "segments": ["a b", "c"],
                "params": {"q": ["x", "y"], "n": "1"}, "fragment": "top", "origin": "https://example.org:8443",
            },
        ),
        Example(
            "Ask what is there",
            {"input": "{http}/json", "fetch_metadata": True},
            result={"metadata": {"status": 200, "content_type": "application/json"}},
        ),
        Example("No address", {"input": "not an address"}, error="failed"),
    ],
)  # fmt: skip
def url_analyzer(
    call: Call, input: str, fetch_metadata: bool = False, decode_params: bool = True, timeout: float = 30
) -> Result:
    """Take an address (URL) apart.

    Args:
        input: The address.
        fetch_metadata: Whether to ask the server what is there: status, type, length, where it leads.
        decode_params: Whether %20 and + in parameters become what they stand for.
        timeout: Seconds that asking may take.
    """
    text = input.strip()
    value = _parts(text, decode_params)
    if fetch_metadata:
        value["metadata"] = _metadata(call, text, timeout)
    return Result(value, value["normalized"])


def _parts(text: str, decode: bool) -> dict[str, Any]:
    parts, port = _split(text)
    host = _host(parts)
    segments = [unquote(one, errors="surrogateescape") for one in parts.path.split("/") if one]
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != PORTS.get(parts.scheme):
        authority += f":{port}"
    path = parts.path or ("/" if host else "")
    credentials = f"{parts.username}@" if parts.username else ""
    head = f"{parts.scheme}:{'//' if host or text.partition(':')[2].startswith('//') else ''}"
    query, fragment = parts.query and "?" + parts.query, parts.fragment and "#" + parts.fragment
    return {
        "scheme": parts.scheme, "username": parts.username, "has_password": parts.password is not None, "host": host,
        **_of_host(host), "port": port if port is not None else PORTS.get(parts.scheme), "path": path,
        "segments": segments, "query": parts.query, "params": _params(parts.query, decode),
        "fragment": parts.fragment, "origin": f"{parts.scheme}://{authority}" if host else None,
        "normalized": f"{head}{credentials}{authority}{path}{query}{fragment}",
    }  # fmt: skip


def _split(text: str) -> tuple[SplitResult, int | None]:
    if len(text) > MAX_LENGTH:
        raise ToolError(f"an address of {len(text)} characters; at most {MAX_LENGTH} are read")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ToolError(f"not an address: {error}") from error
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ToolError("not an address: it begins with a scheme, as in https://example.org")
    if any(c.isspace() or c < " " for c in parts.netloc):
        raise ToolError("not an address: there is a blank in its host")
    return parts, port


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise ToolError(f"{host!r} can't be the name of a host: {error}") from error


def _of_host(host: str) -> dict[str, Any]:
    """What its name tells. ``host_kind``: of an address public, loopback, private …"""
    address = literal(host)
    if address is not None:
        return {"host_unicode": host, "host_kind": kind(address) or "public", "domain_labels": []}
    try:
        shown = idna.decode(host) if "xn--" in host else host
    except (idna.IDNAError, UnicodeError):
        shown = host
    return {
        "host_unicode": shown,
        "host_kind": "name" if host else None,
        "domain_labels": list(filter(None, host.split("."))),
    }


def _params(query: str, decode: bool) -> dict[str, Any]:
    """A parameter that is there several times has a list."""
    if decode:
        pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    else:
        pairs = [(name, value) for name, _, value in (one.partition("=") for one in query.split("&") if one)]
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _metadata(call: Call, url: str, seconds: float) -> dict[str, Any]:
    """By HEAD; of a server that does not know it, by GET."""
    answer = fetch(call, "HEAD", url, seconds=seconds)
    if answer.status in (405, 501):
        answer = fetch(call, "GET", url, seconds=seconds)
    told = {name.replace("-", "_"): answer.headers.get(name) for name in TOLD}
    return {
        "status": answer.status, "reason": answer.reason, "url": answer.url, "redirects": answer.redirects,
        "elapsed_ms": answer.spent["total"] * 1000, **{name: value for name, value in told.items() if value},
    }  # fmt: skip
