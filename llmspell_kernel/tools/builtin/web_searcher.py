"""web_searcher: the web, through the search service that is configured, and others where it fails. Any thread.

[tools.web-searcher]
provider = "brave"                 # the first one that is asked
api_key_env = "MY_BRAVE_KEY"       # its key; usually BRAVE_API_KEY
endpoint = "https://…"             # its address, where it is not the usual one
fallback = "searxng, duckduckgo"   # who is asked when it fails
searxng_endpoint = "http://…"      # of another provider: NAME_endpoint, NAME_api_key_env
google_cx = "…"                    # Google's id of the search engine
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import httpx

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import fetch
from llmspell_kernel.tools.network.searching import PROVIDERS, Provider, Sought, hits
from llmspell_kernel.tools.spec import Example, Result, tool

if TYPE_CHECKING:
    from llmspell_kernel.tools.stage import Stage

Name = Literal["duckduckgo", "google", "brave", "serpapi", "serperdev", "tavily", "bing", "searxng"]
OWN = ("provider", "endpoint", "api_key_env", "cx", "fallback")
FIELDS = ("endpoint", "api_key_env", "cx")
MAX_RESULTS = 100


def _service(stage: Stage) -> None:
    """A search service that knows one page, for the examples."""
    page = {"title": "Lua", "url": "https://www.lua.org/", "content": "The language"}
    stage.pages["/search"] = lambda _: {"results": [page]}
    stage.settings["tools.web-searcher"] = {"provider": "searxng", "endpoint": stage.http}


@tool(
    category="web",
    aliases={"query": "input"},
    prepare=_service,
    examples=[
        Example(
            "Search",
            {"input": "lua"},
            text="1. Lua\n   https://www.lua.org/\n   The language",
            result={"provider": "searxng", "count": 1},
        ),
        Example("Nothing is nothing to search", {"input": " "}, error="invalid_parameters"),
    ],
)
def web_searcher(
    call: Call,
    input: str,
    provider: Name | None = None,
    max_results: int = 10,
    search_type: Literal["web", "news", "images"] = "web",
    safe_search: bool = True,
    language: str = "",
    timeout: float = 10,
) -> Result:
    """Search the web.

    Args:
        input: What to search for.
        provider: Who is asked; else the one that llmspell.toml names, or else duckduckgo, and those it names after it.
        max_results: How many results at most.
        search_type: What to look for.
        safe_search: Whether what is not for everybody is left out.
        language: Two letters, as in de: prefer pages in this language.
        timeout: Seconds that one provider may take.
    """
    if not input.strip() or not 0 < max_results <= MAX_RESULTS:
        raise ToolError(f"give words to search for, and max_results from 1 to {MAX_RESULTS}", code="invalid_parameters")
    if language and not (language.isascii() and language.isalpha() and len(language) == 2):
        raise ToolError(f"language is two letters, as in de, not {language!r}", code="invalid_parameters")
    chain = _chain(call.settings, provider)
    failures: list[dict[str, str]] = []
    for name in chain:
        sought = Sought(input.strip(), search_type, max_results, safe_search, language, _own(call.settings, name))
        try:
            return _result(name, _searched(call, name, sought, timeout), failures)
        except ToolError as error:
            if len(chain) == 1 or error.code == "cancelled":
                raise
            failures.append({"provider": name, "error": str(error), "code": error.code})
    told = "; ".join(f"{one['provider']}: {one['error']}" for one in failures)
    raise ToolError(f"no provider answered: {told}", details={"providers": failures})


def _chain(settings: Mapping[str, str], wanted: str | None) -> list[str]:
    """Who is asked, in turn. Raises ToolError: llmspell.toml names one that is unknown."""
    first = wanted or settings.get("provider") or "duckduckgo"
    others = [name.strip() for name in settings.get("fallback", "").split(",")]
    chain = [*dict.fromkeys([first, *filter(None, others)])]
    unknown = [name for name in chain if name not in PROVIDERS]
    unknown += [key for key in settings if key not in OWN and not _names_provider(key)]
    if unknown:
        raise ToolError(
            f"[tools.web-searcher] of llmspell.toml: {unknown[0]!r} is unknown; there are {', '.join(PROVIDERS)}, "
            f"the settings {', '.join(OWN)}, and NAME_endpoint, NAME_api_key_env, NAME_cx"
        )
    return chain


def _names_provider(key: str) -> bool:
    name, _, field = key.partition("_")
    return name in PROVIDERS and field in FIELDS


def _own(settings: Mapping[str, str], name: str) -> dict[str, str]:
    """What is set for one provider: ``endpoint`` alone is that of the one that ``provider`` names."""
    own = {field: settings[f"{name}_{field}"] for field in FIELDS if f"{name}_{field}" in settings}
    plain = {field: settings[field] for field in FIELDS if field in settings}
    return {**plain, **own} if settings.get("provider", "duckduckgo") == name else own


def _searched(call: Call, name: str, sought: Sought, seconds: float) -> list[dict[str, Any]]:
    provider = PROVIDERS[name]
    if sought.kind not in provider.hits:
        raise ToolError(f"{name} does not search {sought.kind}; it has {', '.join(provider.hits)}")
    asking = provider.ask(sought, _key(name, provider, sought.more))
    url = httpx.URL(_endpoint(name, provider, sought.more).rstrip("/") + asking.path)
    if asking.query:
        url = url.copy_merge_params(httpx.QueryParams(asking.query))
    headers = {"Accept": "application/json", **asking.headers}
    body = None
    if asking.body is not None:
        headers["Content-Type"], body = "application/json", json.dumps(asking.body)
    # Not where it points to: the key is for this server alone.
    answer = fetch(call, "POST" if body else "GET", str(url), headers=headers, body=body, seconds=seconds, redirects=0)
    if answer.status != 200:
        details = {"status": answer.status, "body": answer.text()[:500]}
        raise ToolError(f"{name} answers {answer.status} {answer.reason}: {answer.text()[:200]!r}", details=details)
    try:
        return hits(provider, sought, json.loads(answer.body))
    except (ValueError, RecursionError) as error:
        raise ToolError(f"{name} answers with what is not JSON: {answer.text()[:200]!r}") from error


def _key(name: str, provider: Provider, own: Mapping[str, str]) -> str:
    variable = own.get("api_key_env", provider.key)
    key = os.environ.get(variable, "") if variable else ""
    if variable and not key:
        raise ToolError(
            f"{name} needs a key: put it into the environment as {variable}, or name another variable in "
            f'llmspell.toml: [tools.web-searcher] {name}_api_key_env = "…"',
            details={"provider": name, "variable": variable},
        )
    if name == "google" and not own.get("cx"):
        raise ToolError('google needs the id of a search engine in llmspell.toml: [tools.web-searcher] google_cx = "…"')
    return key


def _endpoint(name: str, provider: Provider, own: Mapping[str, str]) -> str:
    base = own.get("endpoint", provider.base)
    if not base:
        raise ToolError(
            f'{name} needs its address in llmspell.toml: [tools.web-searcher] {name}_endpoint = "https://…"'
        )
    return base


def _result(name: str, found: list[dict[str, Any]], failures: list[dict[str, str]]) -> Result:
    lines = [f"{one['rank']}. {one['title']}\n   {one['url']}\n   {one['snippet']}".rstrip() for one in found]
    value = {"provider": name, "results": found, "count": len(found), "failures": failures}
    return Result(value, "\n".join(lines) or "nothing was found")
