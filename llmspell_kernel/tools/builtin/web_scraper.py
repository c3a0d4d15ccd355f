"""web_scraper: what a page says, and what selectors find in it. In a process of its own: pages may be hostile."""

from __future__ import annotations

import json
from typing import Any

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import MAX_BYTES, fetch
from llmspell_kernel.tools.network.pages import Page, page_of
from llmspell_kernel.tools.spec import Example, Result, tool

NO_BROWSER = "there is no browser here that would run the page's JavaScript; only what the server sends is read"


@tool(
    category="web",
    level="restricted",
    runs="process",
    extra="web",
    needs=("selectolax",),
    aliases={"url": "input"},
    examples=[
        Example("What a page says", {"input": "{http}/"}, text="Welcome\nHello from loopback.\nAbout"),
        Example(
            "What selectors find",
            {
                "input": "{http}/",
                "selectors": {"h": "h1", "to": "a@href"},
                "extract_images": True,
                "extract_meta": True,
            },
            result={
                "selected": {"h": ["Welcome"], "to": ["{http}/about"]},
                "images": [{"url": "{http}/logo.png", "alt": "Logo"}],
                "meta": {"description": "A page.", "lang": "en"},
            },
        ),
        Example("No selector", {"input": "{http}/", "selector": "p["}, error="invalid_parameters"),
    ],
)
def web_scraper(
    call: Call,
    input: str,
    selectors: dict[str, str] | None = None,
    selector: str | None = None,
    extract_links: bool = False,
    extract_images: bool = False,
    extract_meta: bool = False,
    wait_for_js: bool = False,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
    max_bytes: int = MAX_BYTES,
) -> Result:
    """Read a web page.

    Args:
        input: The address of the page.
        selectors: CSS selectors by names of yours; each gives a list of texts. a@href gives an attribute.
        selector: One CSS selector; what it finds is the text of the result.
        extract_links: Whether to list where the page leads.
        extract_images: Whether to list its images.
        extract_meta: Whether to tell what the page says of itself (description, og:title, canonical, lang).
        wait_for_js: Only false: no JavaScript is run here.
        headers: Headers to send.
        timeout: Seconds that fetching may take.
        max_bytes: How long the page may be.
    """
    if wait_for_js:
        raise ToolError(NO_BROWSER, code="invalid_parameters")
    answer = fetch(call, "GET", input, headers=headers, seconds=timeout, max_bytes=max_bytes)
    page = page_of(answer)
    text = page.text()
    value: dict[str, Any] = {"url": answer.url, "status": answer.status, "title": page.title, "content": text}
    if selector is not None:
        value["matches"] = page.select(selector)
        text = "\n".join(value["matches"])
    if selectors is not None:
        value["selected"] = {name: page.select(one) for name, one in selectors.items()}
        text = text if selector is not None else json.dumps(value["selected"], ensure_ascii=False)
    return Result({**value, **_lists(page, extract_links, extract_images, extract_meta)}, text)


def _lists(page: Page, links: bool, images: bool, meta: bool) -> dict[str, Any]:
    wanted = {"links": links and page.links, "images": images and page.images, "meta": meta and page.meta}
    return {name: read() for name, read in wanted.items() if read}
