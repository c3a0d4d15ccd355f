"""What search services are asked and how they answer: one entry each. Pure; any thread.

An entry makes a request of what is searched, and hits of the answer. Where a service is reached and with which key is
the caller's (web_searcher.py): ``base`` is only the usual address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jmespath

from llmspell_kernel.errors import ToolError


class Sought(NamedTuple):
    words: str
    kind: str  # web, news, images
    most: int
    safe: bool
    language: str  # two letters, or ""
    more: Mapping[str, str]  # settings of the provider


class Asking(NamedTuple):
    path: str
    query: dict[str, str | int]
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None  # then it is a POST


class Provider(NamedTuple):
    """``key``: the variable that usually holds it; "" for one that wants none."""

    base: str
    key: str
    ask: Callable[[Sought, str], Asking]
    hits: Mapping[str, str]  # kind → JMESPath of the list of hits in the answer
    title: str = "title"
    url: str = "url"
    snippet: str = "snippet || description || content || ''"


def _given(query: Mapping[str, Any]) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value not in ("", None)}


def _duckduckgo(sought: Sought, _: str) -> Asking:
    safe = "" if sought.safe else "-1"
    return Asking("/", _given({"q": sought.words, "format": "json", "no_html": 1, "skip_disambig": 1, "kp": safe}))


def _google(sought: Sought, key: str) -> Asking:
    kind = "image" if sought.kind == "images" else ""
    return Asking("/customsearch/v1", _given({
        "key": key, "cx": sought.more.get("cx", ""), "q": sought.words, "num": min(sought.most, 10),
        "safe": "active" if sought.safe else "off", "searchType": kind,
        "lr": sought.language and f"lang_{sought.language}",
    }))  # fmt: skip


def _brave(sought: Sought, key: str) -> Asking:
    query = {
        "q": sought.words, "count": min(sought.most, 20), "search_lang": sought.language,
        "safesearch": "strict" if sought.safe else "off",
    }  # fmt: skip
    return Asking(f"/res/v1/{sought.kind}/search", _given(query), {"X-Subscription-Token": key})


def _serpapi(sought: Sought, key: str) -> Asking:
    kind = {"news": "nws", "images": "isch"}.get(sought.kind, "")
    return Asking("/search.json", _given({
        "engine": "google", "api_key": key, "q": sought.words, "num": sought.most, "hl": sought.language, "tbm": kind,
        "safe": "active" if sought.safe else "off",
    }))  # fmt: skip


def _serperdev(sought: Sought, key: str) -> Asking:
    path = {"news": "/news", "images": "/images"}.get(sought.kind, "/search")
    body = {"q": sought.words, "num": sought.most, "hl": sought.language, "safe": "active" if sought.safe else "off"}
    return Asking(path, {}, {"X-API-KEY": key}, _given(body))


def _tavily(sought: Sought, key: str) -> Asking:
    topic = "news" if sought.kind == "news" else "general"
    body = {"query": sought.words, "max_results": min(sought.most, 20), "topic": topic}
    return Asking("/search", {}, {"Authorization": f"Bearer {key}"}, body)


def _bing(sought: Sought, key: str) -> Asking:
    path = {"news": "/v7.0/news/search", "images": "/v7.0/images/search"}.get(sought.kind, "/v7.0/search")
    query = {
        "q": sought.words, "count": min(sought.most, 50), "setLang": sought.language,
        "safeSearch": "Strict" if sought.safe else "Off",
    }  # fmt: skip
    return Asking(path, _given(query), {"Ocp-Apim-Subscription-Key": key})


def _searxng(sought: Sought, key: str) -> Asking:
    query = {
        "q": sought.words, "format": "json", "categories": {"web": "general"}.get(sought.kind, sought.kind),
        "language": sought.language, "safesearch": 2 if sought.safe else 0,
    }  # fmt: skip
    return Asking("/search", _given(query), {"Authorization": f"Bearer {key}"} if key else {})


# The instant answers that it gives: an abstract, results, topics (also in groups), all in one list.
_DUCKDUCKGO = (
    "[[@][?AbstractURL].{FirstURL: AbstractURL, Text: join(': ', [Heading, AbstractText])}, Results || `[]`, "
    "RelatedTopics[?FirstURL] || `[]`, RelatedTopics[?Topics].Topics[] || `[]`][]"
)
PROVIDERS: dict[str, Provider] = {
    "duckduckgo": Provider(
        "https://api.duckduckgo.com", "", _duckduckgo, {"web": _DUCKDUCKGO}, "Text", "FirstURL", "Text"
    ),
    "google": Provider(
        "https://www.googleapis.com", "GOOGLE_API_KEY", _google, {"web": "items", "images": "items"}, url="link"
    ),
    "brave": Provider(
        "https://api.search.brave.com", "BRAVE_API_KEY", _brave,
        {"web": "web.results", "news": "results", "images": "results"},
    ),
    "serpapi": Provider(
        "https://serpapi.com", "SERPAPI_API_KEY", _serpapi,
        {"web": "organic_results", "news": "news_results", "images": "images_results"}, url="link",
    ),
    "serperdev": Provider(
        "https://google.serper.dev", "SERPER_API_KEY", _serperdev,
        {"web": "organic", "news": "news", "images": "images"}, url="link",
    ),
    "tavily": Provider(
        "https://api.tavily.com", "TAVILY_API_KEY", _tavily, {"web": "results", "news": "results"}
    ),
    "bing": Provider(
        "https://api.bing.microsoft.com", "BING_API_KEY", _bing,
        {"web": "webPages.value", "news": "value", "images": "value"}, "name", "url || hostPageUrl",
    ),
    "searxng": Provider("", "", _searxng, {"web": "results", "news": "results", "images": "results"}),
}  # fmt: skip


def hits(provider: Provider, sought: Sought, data: Any) -> list[dict[str, Any]]:
    """``{rank, title, url, snippet}`` of an answer, each address once. Raises ToolError."""
    try:
        found = jmespath.search(provider.hits[sought.kind], data) or []
    except jmespath.exceptions.JMESPathError as error:
        raise ToolError(f"the answer is not in its format: {str(error).splitlines()[0]}") from error
    read: dict[str, dict[str, Any]] = {}
    for one in _tables(found):
        url = jmespath.search(provider.url, one)
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            snippet = str(jmespath.search(provider.snippet, one) or "")
            read.setdefault(
                url, {"title": str(jmespath.search(provider.title, one) or url), "url": url, "snippet": snippet}
            )
    return [{"rank": n, **one} for n, one in enumerate(list(read.values())[: sought.most], 1)]


def _tables(found: Any) -> Iterator[dict[str, Any]]:
    items: Iterable[Any] = found if isinstance(found, list) else []
    return (one for one in items if isinstance(one, dict))
