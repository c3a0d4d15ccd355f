"""HTML as tools read it: selectolax, whose parser is that of the HTML standard. Any thread; slow for hostile pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.network.http import Answer

UNSEEN = frozenset({"head", "noscript", "script", "style", "template", "title"})
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "li", "main",
    "nav", "ol", "option", "p", "pre", "section", "summary", "table", "td", "th", "tr", "ul",
})  # fmt: skip
CHARSET = re.compile(rb"<meta[^>]{1,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
ATTRIBUTE = re.compile(r"(.*\S)\s*@([\w:-]+)", re.S)


class Page:
    """``url``: where links start."""

    def __init__(self, html: str, url: str) -> None:
        self._tree = LexborHTMLParser(html.encode("utf-8", "replace").decode())
        base = self._tree.css_first("base[href]")
        self.url = joined(url, (base.attributes.get("href") if base else "") or "") or url

    @property
    def title(self) -> str:
        title = self._tree.css_first("title")
        return tidy(title.text()) if title else ""

    def text(self) -> str:
        """What a person reads, block by block."""
        return "\n".join(seen(self._tree.root))

    def select(self, selector: str) -> list[str]:
        """The texts of what a CSS selector finds; ``a@href``: an attribute of it. Raises ToolError: not a selector."""
        path, attribute = selector, None
        found = ATTRIBUTE.fullmatch(selector)
        if found:
            path, attribute = found[1], found[2].lower()
        nodes = self._css(path)
        if attribute is None:
            return ["\n".join(seen(node)) for node in nodes]
        values = (node.attributes.get(attribute) for node in nodes if attribute in node.attributes)
        return [joined(self.url, value or "") if attribute in ("href", "src") else value or "" for value in values]

    def links(self) -> list[dict[str, str]]:
        """Where the page leads: absolute addresses, each once."""
        found: dict[str, dict[str, str]] = {}
        for node in self._css("a[href], area[href]"):
            url = joined(self.url, node.attributes.get("href") or "")
            if url:
                found.setdefault(url, {"url": url, "text": tidy(node.text())})
        return list(found.values())

    def images(self) -> list[dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for node in self._css("img[src]"):
            url = joined(self.url, node.attributes.get("src") or "")
            if url:
                found.setdefault(url, {"url": url, "alt": node.attributes.get("alt") or ""})
        return list(found.values())

    def meta(self) -> dict[str, str]:
        """What the page says of itself: description, og:title … canonical, lang."""
        found: dict[str, str] = {}
        for node in self._css("meta[content]"):
            name = node.attributes.get("name") or node.attributes.get("property") or node.attributes.get("http-equiv")
            if name:
                found.setdefault(name.lower(), node.attributes.get("content") or "")
        for node in self._css("link[rel~=canonical][href]"):
            found.setdefault("canonical", joined(self.url, node.attributes.get("href") or ""))
        for node in self._css("html[lang]"):
            found.setdefault("lang", node.attributes.get("lang") or "")
        return found

    def _css(self, selector: str) -> list[Any]:
        try:
            return list(self._tree.css(selector))
        except (SelectolaxError, ValueError, UnicodeError) as error:
            raise ToolError(f"{selector!r} is not a CSS selector", code="invalid_parameters") from error


def page_of(answer: Answer) -> Page:
    """The page of an answer. Raises ToolError: it is none."""
    kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if answer.status >= 400:
        raise ToolError(f"{answer.url} answers {answer.status} {answer.reason}", details={"status": answer.status})
    if kind not in ("text/html", "application/xhtml+xml", "text/plain", "text/xml", "application/xml", ""):
        raise ToolError(f"{answer.url} is {kind}, not a page", details={"content_type": kind})
    return Page(decoded(answer), answer.url)


def decoded(answer: Answer) -> str:
    """By the header, else by what the page says, else UTF-8."""
    if "charset=" not in answer.headers.get("content-type", "").lower():
        declared = CHARSET.search(answer.body[:2048])
        if declared:
            answer = answer._replace(headers={"content-type": f"text/html; charset={declared[1].decode()}"})
    return answer.text()


def seen(root: Any) -> Iterator[str]:
    """The lines of a part of a page, without what no one sees."""
    line: list[str] = []
    block = None
    for node in root.traverse(include_text=True) if root is not None else ():
        if node.tag in ("br", "hr"):
            yield from _line(line)
            line = []
        elif node.tag == "-text" and (node.parent is None or node.parent.tag not in UNSEEN):
            now = _block(node)
            if now != block:
                yield from _line(line)
                line, block = [], now
            line.append(node.text_content or "")
    yield from _line(line)


def _block(node: Any) -> int | None:
    """Which block a text stands in."""
    while node is not None and node.tag not in BLOCKS:
        node = node.parent
    return None if node is None else int(node.mem_id)


def _line(parts: list[str]) -> Iterator[str]:
    text = tidy("".join(parts))
    if text:
        yield text


def tidy(text: str) -> str:
    return " ".join(text.split())


def joined(base: str, link: str) -> str:
    """An absolute address, or "" where a link is none."""
    try:
        url = urljoin(base, link.strip())
        return url if urlsplit(url).scheme else ""
    except ValueError:
        return ""
