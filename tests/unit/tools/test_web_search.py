"""web-searcher against services on loopback that answer in the formats of the real ones."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.network.searching import PROVIDERS, Sought, hits
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of
from tests.support.web import Asked, Server, pages, unused_port

HERE = Policy(allowed_hosts=("127.0.0.1",))
ONE = {"title": "Lua", "url": "http://lua/", "snippet": "A language"}
# What each service answers, cut down from its documentation: where it is asked, how it knows who asks.
SERVICES: dict[str, tuple[str, Any]] = {
    "duckduckgo": ("/", {"Heading": "Lua", "AbstractText": "A language", "AbstractURL": "http://lua/", "Results": [],
                         "RelatedTopics": [{"Text": "Moon", "FirstURL": "http://moon/"}, {"Name": "More", "Topics": [{"Text": "Deep", "FirstURL": "http://deep/"}]}]}),
    "google": ("/customsearch/v1", {"kind": "customsearch#search", "items": [{"title": "Lua", "link": "http://lua/", "snippet": "A language"}]}),
    "brave": ("/res/v1/web/search", {"type": "search", "web": {"results": [{"title": "Lua", "url": "http://lua/", "description": "A language"}]}}),
    "serpapi": ("/search.json", {"organic_results": [{"position": 1, "title": "Lua", "link": "http://lua/", "snippet": "A language"}]}),
    "serperdev": ("/search", {"organic": [{"title": "Lua", "link": "http://lua/", "snippet": "A language", "position": 1}]}),
    "tavily": ("/search", {"query": "lua", "results": [{"title": "Lua", "url": "http://lua/", "content": "A language", "score": 0.9}]}),
    "bing": ("/v7.0/search", {"webPages": {"value": [{"name": "Lua", "url": "http://lua/", "snippet": "A language"}]}}),
    "searxng": ("/search", {"results": [{"title": "Lua", "url": "http://lua/", "content": "A language"}]}),
}  # fmt: skip


def service(answer: Any) -> Any:
    return lambda request: request.answer(json.dumps(answer), kind="application/json")


def tools(**settings: str) -> Tools:
    return Tools.standard(HERE, Config({"tools.web-searcher": settings}))


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


def refused(tools_: Tools, **parameters: Any) -> ToolError:
    return error_of(lambda: tools_.call("web-searcher", {"input": "lua", **parameters}))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        if provider.key:
            monkeypatch.delenv(provider.key, raising=False)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_asked_and_understood(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, answer = SERVICES[name]
    monkeypatch.setenv("MY_KEY", "k3y")
    with pages({path: service(answer)}) as server:
        searcher = tools(provider=name, endpoint=server.base, api_key_env="MY_KEY", cx="engine")
        found = searcher.call("web-searcher", {"input": " lua ", "max_results": 5, "language": "de"})["result"]
    assert found["provider"] == name
    first = {"rank": 1, **ONE}
    if name == "duckduckgo":
        first["snippet"] = first["title"] = "Lua: A language"
        assert [one["url"] for one in found["results"]] == ["http://lua/", "http://moon/", "http://deep/"]
    assert found["results"][0] == first
    _asked_as_documented(name, server.asked[0])


def _asked_as_documented(name: str, asked: Asked) -> None:
    given_, headers = query(asked), {key.lower(): value for key, value in asked.headers.items()}
    body = json.loads(asked.body or b"{}")
    expected: dict[str, tuple[Any, Any]] = {
        "duckduckgo": ((given_["q"], given_["format"]) if name == "duckduckgo" else None, ("lua", "json")),
        "google": ([given_.get(n) for n in ("q", "key", "cx", "num", "safe", "lr")], ["lua", "k3y", "engine", "5", "active", "lang_de"]),
        "brave": ([given_.get(n) for n in ("q", "count", "safesearch", "search_lang")] + [headers.get("x-subscription-token")], ["lua", "5", "strict", "de", "k3y"]),
        "serpapi": ([given_.get(n) for n in ("q", "engine", "api_key", "num", "safe", "hl")], ["lua", "google", "k3y", "5", "active", "de"]),
        "serperdev": ([asked.method, body, headers.get("x-api-key")], ["POST", {"q": "lua", "num": 5, "hl": "de", "safe": "active"}, "k3y"]),
        "tavily": ([asked.method, body, headers.get("authorization")], ["POST", {"query": "lua", "max_results": 5, "topic": "general"}, "Bearer k3y"]),
        "bing": ([given_.get(n) for n in ("q", "count", "safeSearch", "setLang")] + [headers.get("ocp-apim-subscription-key")], ["lua", "5", "Strict", "de", "k3y"]),
        "searxng": ([given_.get(n) for n in ("q", "format", "language", "safesearch")], ["lua", "json", "de", "2"]),
    }  # fmt: skip
    actual, wanted = expected[name]
    assert actual == wanted


@pytest.mark.parametrize(
    ("name", "kind", "path", "answer"),
    [
        ("google", "images", "/customsearch/v1", {"items": [{"title": "Lua", "link": "http://lua/"}]}),
        ("brave", "news", "/res/v1/news/search", {"results": [{"title": "Lua", "url": "http://lua/"}]}),
        ("serpapi", "news", "/search.json", {"news_results": [{"title": "Lua", "link": "http://lua/"}]}),
        ("serperdev", "images", "/images", {"images": [{"title": "Lua", "link": "http://lua/"}]}),
        ("bing", "images", "/v7.0/images/search", {"value": [{"name": "Lua", "hostPageUrl": "http://lua/"}]}),
        ("searxng", "news", "/search", {"results": [{"title": "Lua", "url": "http://lua/"}]}),
    ],
)
def test_news_and_images(name: str, kind: str, path: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "k")
    with pages({path: service(answer)}) as server:
        searcher = tools(provider=name, endpoint=server.base, api_key_env="MY_KEY", cx="x")
        found = searcher.call("web-searcher", {"input": "lua", "search_type": kind})["result"]
        assert found["results"] == [{"rank": 1, "title": "Lua", "url": "http://lua/", "snippet": ""}]


@pytest.mark.parametrize("name", [name for name, provider in PROVIDERS.items() if provider.key])
def test_without_a_key_nobody_is_asked(name: str) -> None:
    error = refused(tools(), provider=name)
    assert f"{name} needs a key: put it into the environment as {PROVIDERS[name].key}" in str(error)
    assert f"{name}_api_key_env" in str(error)


def test_when_one_fails_the_next_is_asked() -> None:
    with pages({"/search": service(SERVICES["searxng"][1])}) as server:
        searcher = tools(
            provider="brave", fallback="duckduckgo, searxng", searxng_endpoint=server.base,
            duckduckgo_endpoint=f"http://127.0.0.1:{unused_port()}",
        )  # fmt: skip
        found = searcher.call("web-searcher", {"input": "lua"})["result"]
        assert found["provider"] == "searxng"
        assert [one["provider"] for one in found["failures"]] == ["brave", "duckduckgo"]
        wanted = searcher.call("web-searcher", {"input": "lua", "provider": "searxng"})["result"]
        assert wanted["failures"] == []
    error = refused(tools(provider="brave", fallback="tavily"))
    assert "no provider answered: brave: brave needs a key" in str(error)


def test_the_key_goes_to_its_own_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAVE_API_KEY", "secret")
    with pages({"*": b"{}"}) as other, pages({"*": lambda r: r.redirect(other.url())}) as server:
        error = refused(tools(provider="brave", endpoint=server.base))
        assert "brave answers 302" in str(error)
        assert other.asked == []
    with pages({"*": b"{}"}) as server:  # endpoint is that of the provider it stands with
        error = refused(tools(provider="searxng", endpoint=server.base), provider="tavily")
        assert "TAVILY_API_KEY" in str(error)
        assert server.asked == []


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 50_000])
def test_what_is_no_answer(body: bytes) -> None:
    with pages({"*": body}) as server:
        assert "not JSON" in str(refused(tools(provider="searxng", endpoint=server.base)))


def test_what_services_refuse() -> None:
    with pages({"*": lambda r: r.answer('{"error": "rate limited"}', 429)}) as server:
        error = refused(tools(provider="searxng", endpoint=server.base))
        assert "searxng answers 429" in str(error)
        assert "rate limited" in str(error)


@pytest.mark.parametrize(
    ("settings", "parameters", "words"),
    [
        ({"provider": "altavista"}, {}, "'altavista' is unknown; there are duckduckgo"),
        ({"brvae_endpoint": "x"}, {}, "'brvae_endpoint' is unknown"),
        ({}, {"provider": "searxng"}, "searxng_endpoint"),
        ({}, {"search_type": "images"}, "duckduckgo does not search images"),
        ({}, {"language": "german"}, "two letters"),
        ({}, {"max_results": 0}, "from 1 to 100"),
        ({"provider": "google", "api_key_env": "HOME"}, {}, "google_cx"),
        ({"provider": "searxng", "endpoint": "http://10.0.0.1"}, {}, "allowed_hosts"),
    ],
)
def test_what_is_set_wrong(settings: dict[str, str], parameters: dict[str, Any], words: str) -> None:
    assert words in str(refused(tools(**settings), **parameters))


DATA = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["results", "items", "web", "RelatedTopics", "Topics", "Results", "url", "link", "FirstURL", "AbstractURL", "title", "Text", "Heading", "AbstractText", "value"]), inner, max_size=4))  # fmt: skip


@given(st.sampled_from(sorted(PROVIDERS)), DATA)
def test_whatever_a_service_answers_it_is_hits_or_an_error(name: str, data: Any) -> None:
    try:
        found = hits(PROVIDERS[name], Sought("x", "web", 5, True, "", {}), data)
        assert all(set(one) == {"rank", "title", "url", "snippet"} for one in found)
    except ToolError as error:
        assert "not in its format" in str(error)


def test_what_is_not_in_the_format_of_the_service() -> None:
    with pages({"/": service({"AbstractURL": "http://lua/", "Heading": 5})}) as server:
        assert "not in its format" in str(refused(tools(provider="duckduckgo", endpoint=server.base)))


def test_results_are_counted_and_told_once() -> None:
    many = {
        "results": [{"title": str(n), "url": f"http://h/{n % 7}", "content": ""} for n in range(30)]
        + [{"url": "javascript:1"}, "x"]
    }
    with pages({"/search": service(many)}) as server:
        found = _found(server)
        assert [one["rank"] for one in found] == [1, 2, 3, 4, 5]
        assert len({one["url"] for one in found}) == 5


def _found(server: Server) -> list[dict[str, Any]]:
    answer = tools(provider="searxng", endpoint=server.base).call("web-searcher", {"input": "x", "max_results": 5})
    results: list[dict[str, Any]] = answer["result"]["results"]
    return results
