"""sitemap_crawler: the pages that a site lists, through all its sitemaps. Any thread."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network
from llmspell_kernel.tools.network.http import Answer, fetch, unpacked
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_SITEMAP = 50 * 1024 * 1024  # what the protocol allows, unpacked
MAX_SITEMAPS = 500
MAX_URLS = 50_000
MAX_ELEMENTS = 10_000  # of one entry
FIELDS = ("lastmod", "changefreq", "priority")


class Found(NamedTuple):
    """``is_sitemap``: it leads to a sitemap, not to a page."""

    loc: str
    is_sitemap: bool
    more: dict[str, str]


@tool(
    category="web",
    aliases={"url": "input"},
    examples=[
        Example(
            "The pages of a site",
            {"input": "{http}/sitemap.xml"},
            text="{http}/\n{http}/about",
            result={"count": 2, "truncated": False, "errors": []},
        ),
        Example("Not all", {"input": "{http}/sitemap.xml", "max_urls": 1}, result={"count": 1, "truncated": True}),
        Example("No sitemap", {"input": "{http}/json"}, error="failed"),
    ],
)
def sitemap_crawler(
    call: Call, input: str, follow_sitemaps: bool = True, max_urls: int = 1000, timeout: float = 30
) -> Result:
    """List the pages of a site, as its sitemaps tell them.

    Args:
        input: The address of a sitemap (XML or text, also packed with gzip) or of a sitemap index; of a site, its
            robots.txt is asked for them.
        follow_sitemaps: Whether an index is followed; else the sitemaps that it lists are told.
        max_urls: How many pages at most.
        timeout: Seconds for all of it. What was found by then is given.
    """
    if not 0 < max_urls <= MAX_URLS:
        raise ToolError(f"max_urls is a number from 1 to {MAX_URLS}", code="invalid_parameters")
    crawl = _Crawl(call, max_urls, follow_sitemaps, timeout)
    crawl.run(input.strip())
    return Result(crawl.value(), "\n".join(one["loc"] for one in crawl.urls))


class _Crawl:
    def __init__(self, call: Call, most: int, follow: bool, seconds: float) -> None:
        self.urls: list[dict[str, str]] = []
        self._call, self._most, self._follow = call, most, follow
        self._clock = Network(call, seconds)
        self._seen: set[str] = set()
        self._visited: list[str] = []
        self._listed: list[str] = []
        self._errors: list[dict[str, str]] = []
        self._truncated = False

    def value(self) -> dict[str, Any]:
        told = {"urls": self.urls, "count": len(self.urls), "sitemaps": self._visited, "errors": self._errors}
        return {**told, "truncated": self._truncated, **({} if self._follow else {"listed": self._listed})}

    def run(self, start: str) -> None:
        """Raises ToolError when nothing could be read at all."""
        waiting, problem = deque(self._starts(start)), None
        while waiting and not self._full():
            url = waiting.popleft()
            if url in self._visited:
                continue
            self._visited.append(url)
            try:
                waiting.extend(self._one(url)[: MAX_SITEMAPS + 1])
            except ToolError as error:
                problem = problem or error
                self._errors.append({"sitemap": url, "error": str(error)})
                if error.code in ("timeout", "cancelled"):
                    self._truncated = True
                    break
        self._truncated = self._truncated or bool(waiting)
        if problem is not None and not self.urls and len(self._errors) == len(self._visited):
            raise problem

    def _full(self) -> bool:
        return len(self.urls) >= self._most or len(self._visited) >= MAX_SITEMAPS

    def _starts(self, start: str) -> list[str]:
        """A site has them in robots.txt, or where everybody has them."""
        if urlsplit(start).path.strip("/") or urlsplit(start).query:
            return [start]
        robots = self._get(urljoin(start, "/robots.txt"))
        lines = robots.text().splitlines() if robots.status < 400 else []
        told = [line.partition(":")[2].strip() for line in lines if line.lower().lstrip().startswith("sitemap:")]
        return [urljoin(start, one) for one in told[:MAX_SITEMAPS]] or [urljoin(start, "/sitemap.xml")]

    def _get(self, url: str) -> Answer:
        return fetch(self._call, "GET", url, seconds=self._clock.left(), max_bytes=MAX_SITEMAP)

    def _one(self, url: str) -> list[str]:
        """Take the pages of one sitemap; gives the sitemaps that it leads to."""
        answer = self._get(url)
        if answer.status >= 400:
            raise ToolError(f"{url} answers {answer.status} {answer.reason}", details={"status": answer.status})
        further: list[str] = []
        for found in entries(answer):
            if self._full() or len(further) + len(self._listed) >= MAX_URLS:
                self._truncated = True
                break
            if found.is_sitemap:
                (further if self._follow else self._listed).append(found.loc)
            elif found.loc not in self._seen:
                self._seen.add(found.loc)
                self.urls.append({"loc": found.loc, **found.more})
        self._call.progress(min(len(self.urls) / self._most, 1), f"{len(self.urls)} pages")
        return further


def entries(answer: Answer) -> Iterator[Found]:
    """What a sitemap lists. Raises ToolError: it is none."""
    data = answer.body
    if data.startswith(b"\x1f\x8b"):
        data = _unzipped(data, answer.url)
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        yield from _of_xml(data if start.startswith(b"\xff") else start, answer.url)
    else:
        yield from _of_text(data.decode("utf-8-sig", "replace"), answer.url)


def _unzipped(data: bytes, url: str) -> bytes:
    parts, left = [], MAX_SITEMAP
    for part in unpacked([data], 16 + zlib.MAX_WBITS, url):
        left -= len(part)
        if left < 0:
            raise ToolError(f"{url} unpacks to more than {MAX_SITEMAP} bytes", details={"kind": "size"})
        parts.append(part)
    return b"".join(parts)


def _of_text(text: str, url: str) -> Iterator[Found]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not all(line.startswith(("http://", "https://")) for line in lines):
        raise ToolError(f"{url} is not a sitemap: neither XML nor a list of addresses")
    for line in lines:
        yield Found(line, False, {})


def _of_xml(data: bytes, url: str) -> Iterator[Found]:
    """Piece by piece; a document type (which entities and bombs need) is refused."""
    try:
        for element in _parts(data, url):
            if _local(element.tag) in ("url", "sitemap"):
                found = _found(element, url)
                if found:
                    yield found
    except DefusedXmlException as error:
        raise ToolError(f"{url} has a document type, which a sitemap has not; it is not read further") from error
    except (ParseError, ValueError, LookupError) as error:
        raise ToolError(f"{url} is not well-formed XML: {error}") from error


def _parts(data: bytes, url: str) -> Iterator[Any]:
    """The elements right below the root. Each is forgotten before the next: a sitemap may be large."""
    root, depth, size = None, 0, 0
    for event, element in iterparse(BytesIO(data), ("start", "end"), forbid_dtd=True):
        if event == "start":
            if root is None:
                root = element
                if _local(root.tag) not in ("urlset", "sitemapindex"):
                    raise ToolError(f"{url} is not a sitemap: it begins with <{_local(root.tag)[:40]}>")
            depth, size = depth + 1, size + 1
            if size > MAX_ELEMENTS:
                raise ToolError(f"{url} is not a sitemap: an entry has more than {MAX_ELEMENTS} elements")
            continue
        depth -= 1
        if depth == 1 and root is not None:
            yield element
            root.clear()
            size = 0


def _found(element: Any, base: str) -> Found | None:
    texts = {_local(child.tag): (child.text or "").strip() for child in element if isinstance(child.tag, str)}
    try:
        loc = urljoin(base, texts.get("loc", ""))
    except ValueError:
        return None
    if not texts.get("loc") or not loc.startswith(("http://", "https://")):
        return None
    return Found(loc, _local(element.tag) == "sitemap", {name: texts[name] for name in FIELDS if texts.get(name)})


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]
