"""web-scraper, webpage-monitor and sitemap-crawler, against pages of a server on loopback."""

from __future__ import annotations

import gzip
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.sitemap_crawler import entries
from llmspell_kernel.tools.network.http import Answer
from llmspell_kernel.tools.network.pages import Page
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of
from tests.support.web import pages

TOOLS = Tools.standard(Policy(allowed_hosts=("127.0.0.1",)))


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Any:
    yield
    TOOLS.close()


def call(tool: str, **parameters: Any) -> dict[str, Any]:
    result: dict[str, Any] = TOOLS.call(tool, parameters)["result"]
    return result


def refused(tool: str, **parameters: Any) -> ToolError:
    return error_of(lambda: TOOLS.call(tool, parameters))


SHOP = """<!doctype html><html lang=de><head><title> A  Shop </title><base href="/shop/">
<meta name=Description content="Things"><meta property="og:title" content="OG"><link rel=canonical href="/c">
<style>p { color: red }</style></head><body><script>var x = "unseen";</script>
<ul><li class=item>One <b>thing</b><li class=item>Two<br>lines</ul><noscript>unseen</noscript>
<a href="a?b=1#c"> To <i>a</i></a><a href="a?b=1#c">again</a><a href="mailto:x@y">mail</a><a href="http://[bad">bad</a><a>none</a>
<img src=i.png alt="An image"><img src="i.png"><p>Last</p></body></html>"""


# web-scraper -------------------------------------------------------------------------------------------


def test_a_page_says_what_a_person_reads() -> None:
    with pages({"/": SHOP.encode()}) as server:
        found = call("web-scraper", input=server.url())
        assert (found["title"], found["status"], found["url"]) == ("A Shop", 200, server.url())
        assert found["content"].splitlines() == ["One thing", "Two", "lines", "To aagainmailbadnone", "Last"]
        assert "links" not in found


def test_selectors_attributes_links_images_and_meta() -> None:
    with pages({"/": SHOP.encode()}) as server:
        found = call(
            "web-scraper", input=server.url(), selector="li:first-child", extract_links=True, extract_images=True,
            extract_meta=True, selectors={"all": "li.item", "class": "li @class", "to": "a[href^=a]@href", "none": "h9"},
        )  # fmt: skip
        shop = server.url("/shop/")
        assert found["matches"] == ["One thing"]
        assert found["selected"] == {
            "all": ["One thing", "Two\nlines"], "class": ["item", "item"], "to": [f"{shop}a?b=1#c"] * 2, "none": [],
        }  # fmt: skip
        assert found["links"] == [{"url": f"{shop}a?b=1#c", "text": "To a"}, {"url": "mailto:x@y", "text": "mail"}]
        assert found["images"] == [{"url": f"{shop}i.png", "alt": "An image"}]
        assert found["meta"] == {"description": "Things", "og:title": "OG", "canonical": server.url("/c"), "lang": "de"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html; charset=iso-8859-1", b"<p>\xe4"),
        ("text/html", b'<meta charset="latin-1"><p>\xe4'),
        ("text/html", b'<meta http-equiv=content-type content="text/html; charset=windows-1252"><p>\xe4'),
        ("text/html", "<p>ä".encode()),
        ("text/html; charset=utf-8", b"<meta charset=latin-1><p>" + "ä".encode()),
    ],
)
def test_pages_in_their_charset(kind: str, body: bytes) -> None:
    with pages({"/": lambda r: r.answer(body, kind=kind)}) as server:
        assert call("web-scraper", input=server.url())["content"] == "ä"


def test_what_is_no_page_or_can_not_be() -> None:
    with pages({"/": lambda r: r.answer(b"%PDF", kind="application/pdf"), "/p": b"<p>"}) as server:
        assert "application/pdf, not a page" in str(refused("web-scraper", input=server.url()))
        assert "404" in str(refused("web-scraper", input=server.url("/missing")))
        assert refused("web-scraper", input=server.url("/p"), wait_for_js=True).code == "invalid_parameters"
        for selector in ("p[", "", ":::", "a:contains('x')", "\udcff"):
            assert refused("web-scraper", input=server.url("/p"), selector=selector).code == "invalid_parameters"
    assert refused("web-scraper", input="http://10.0.0.1/").code == "not_allowed"


def test_a_hostile_page_ends_with_its_call() -> None:
    with pages({"/": b"<div>" * 1_500_000}) as server:
        with pytest.raises(ToolError) as raised:
            TOOLS.call("web-scraper", {"input": server.url(), "selector": "div div"}, seconds=2)
        assert raised.value.code == "timeout"
        with pytest.raises(ToolError):  # and the next call is served by another process
            call("web-scraper", input=server.url("/missing"))


@settings(deadline=None)
@given(st.text(alphabet="<>/abpli=\"'& \x00ü\udcff!-", max_size=80), st.text(max_size=10))
def test_whatever_a_page_is_it_has_a_text(html: str, selector: str) -> None:
    page = Page(html, "http://h/")
    assert isinstance(page.text(), str)
    assert isinstance(page.links() + page.images(), list)
    assert isinstance(page.meta(), dict)
    try:
        page.select(selector)
    except ToolError as error:
        assert error.code == "invalid_parameters"


# webpage-monitor ---------------------------------------------------------------------------------------


def test_a_page_that_changes() -> None:
    now = ["<h1>News</h1><p>One</p>"]
    with pages({"/": lambda r: r.answer(now[0], kind="text/html")}) as server:
        first = call("webpage-monitor", input=server.url())
        assert (first["changed"], first["content"]) == (None, "News\nOne")
        same = call("webpage-monitor", input=server.url(), previous_content=first["content"])
        assert (same["changed"], same["hash"]) == (False, first["hash"])
        now[0] = "<h1>News</h1><p>Two</p>"
        other = call("webpage-monitor", input=server.url(), previous_content=first["content"])
        assert (other["changed"], other["added"], other["removed"]) == (True, ["Two"], ["One"])
        assert other["diff"].splitlines() == ["@@ -1,2 +1,2 @@", " News", "-One", "+Two"]
        part = call("webpage-monitor", input=server.url(), selector="h1", previous_content="News")
        assert part["changed"] is False


def test_blanks_count_if_they_are_to() -> None:
    with pages({"/": b"<p>a b</p>"}) as server:
        assert call("webpage-monitor", input=server.url(), previous_content="a   b\n\n")["changed"] is False
        assert call("webpage-monitor", input=server.url(), previous_content="a   b", ignore_whitespace=False)["changed"]
        assert call("webpage-monitor", input=server.url(), previous_content="")["added"] == ["a b"]


def test_lines_that_begin_with_a_sign_and_long_pages() -> None:
    with pages({"/": b"<p>+1<p>-2", "/long": b"".join(b"<p>%d" % n for n in range(4000))}) as server:
        found = call("webpage-monitor", input=server.url(), previous_content="-2")
        assert (found["added"], found["removed"]) == (["+1"], [])
        before = "\n".join(str(n) for n in range(1, 4001))
        found = call("webpage-monitor", input=server.url("/long"), previous_content=before)
        assert (found["added"], found["removed"]) == (["0"], ["4000"])


# sitemap-crawler ---------------------------------------------------------------------------------------

NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*locs: str) -> bytes:
    return f"<?xml version='1.0'?><urlset {NS}>{''.join(f'<url><loc> {one} </loc></url>' for one in locs)}</urlset>".encode()


def index(*locs: str) -> bytes:
    return (
        f"<sitemapindex {NS}>{''.join(f'<sitemap><loc>{one}</loc></sitemap>' for one in locs)}</sitemapindex>".encode()
    )


def test_a_site_by_its_robots_index_and_packed_sitemaps() -> None:
    with pages({
        "/robots.txt": lambda r: r.answer(f"User-agent: *\nSITEMAP: {server.url('/index.xml')}\nsitemap: /more.txt"),
        "/index.xml": lambda r: r.answer(index(server.url("/a.xml.gz"), server.url("/b.xml"), server.url("/index.xml"))),
        "/a.xml.gz": gzip.compress(urlset("http://h/1", "http://h/2")),
        "/b.xml": lambda r: r.answer(b"\xef\xbb\xbf" + urlset("http://h/2", "/3"), Content_Encoding="identity"),
        "/more.txt": b"http://h/4\nhttp://h/5\n",
    }) as server:  # fmt: skip
        found = call("sitemap-crawler", input=server.base)
        assert [one["loc"] for one in found["urls"]] == [
            "http://h/4",
            "http://h/5",
            "http://h/1",
            "http://h/2",
            server.url("/3"),
        ]
        assert (found["errors"], found["truncated"]) == ([], False)
        assert len(found["sitemaps"]) == 4
        listed = call("sitemap-crawler", input=server.url("/index.xml"), follow_sitemaps=False)
        assert listed["listed"][0] == server.url("/a.xml.gz")
        assert listed["urls"] == []


def test_a_site_without_robots_and_what_else_is_told() -> None:
    body = f"<urlset {NS}><url><loc>http://h/</loc><lastmod>2024-01-01</lastmod><priority>0.5</priority><x/></url></urlset>"
    with pages({"/sitemap.xml": body.encode()}) as server:
        assert call("sitemap-crawler", input=server.url())["urls"] == [
            {"loc": "http://h/", "lastmod": "2024-01-01", "priority": "0.5"}
        ]


def test_as_many_as_are_wanted() -> None:
    with pages(
        {"/s.xml": urlset(*(f"http://h/{n}" for n in range(50))), "/exactly.xml": urlset("http://h/1")}
    ) as server:
        found = call("sitemap-crawler", input=server.url("/s.xml"), max_urls=7)
        assert (found["count"], found["truncated"]) == (7, True)
        assert call("sitemap-crawler", input=server.url("/exactly.xml"), max_urls=1)["truncated"] is False
    assert refused("sitemap-crawler", input="http://127.0.0.1/", max_urls=0).code == "invalid_parameters"


def test_one_bad_sitemap_does_not_lose_the_others() -> None:
    with pages({
        "/index.xml": lambda r: r.answer(index(*map(server.url, ("/bad.xml", "/gone.xml", "/good.xml")), "http://10.0.0.1/s.xml")),
        "/bad.xml": b"<urlset><url>", "/good.xml": urlset("http://h/1"),
    }) as server:  # fmt: skip
        found = call("sitemap-crawler", input=server.url("/index.xml"))
        assert found["count"] == 1
        assert [one["sitemap"] for one in found["errors"]] == [
            server.url("/bad.xml"),
            server.url("/gone.xml"),
            "http://10.0.0.1/s.xml",
        ]
        assert "404" in found["errors"][1]["error"]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"{BOMB}<urlset><url><loc>http://h/&i;</loc></url></urlset>", "document type"),
        (
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>http://h/&a;</loc></url></urlset>',
            "document type",
        ),
        ('<!DOCTYPE x SYSTEM "http://10.0.0.1/x.dtd"><urlset/>', "document type"),
        ("<rss><channel/></rss>", "begins with <rss>"),
        ("<html>", "begins with <html>"),
        ("hello", "not a sitemap"),
        ("<urlset>&nbsp;</urlset>", "not well-formed"),
        ("<urlset>" + "<url>" * 20_000, "more than 10000 elements"),
        ("<urlset><url>" + "<x/>" * 20_000, "more than 10000 elements"),
    ],
)
def test_what_is_no_sitemap(body: str, words: str) -> None:
    with pages({"/s.xml": body.encode()}) as server:
        assert words in str(refused("sitemap-crawler", input=server.url("/s.xml")))


def test_a_packed_bomb() -> None:
    with pages({"/s.xml.gz": gzip.compress(b"<urlset>" + b" " * 60_000_000)}) as server:
        assert "more than 52428800 bytes" in str(refused("sitemap-crawler", input=server.url("/s.xml.gz")))


def test_sitemaps_without_end_end() -> None:
    """Each leads to two others, which nobody has seen."""

    def page(request: Any) -> None:
        request.answer(index(server.url(request.path + "0"), server.url(request.path + "1")))

    with pages({"*": page}) as server:
        found = call("sitemap-crawler", input=server.url("/s"))
        assert (len(found["sitemaps"]), found["truncated"]) == (500, True)


def test_what_was_found_when_time_is_over_is_given() -> None:
    over = threading.Event()
    with pages({
        "/index.xml": lambda r: r.answer(index(server.url("/a.xml"), server.url("/slow.xml"))),
        "/a.xml": urlset("http://h/1"), "/slow.xml": lambda _: over.wait(20),
    }) as server:  # fmt: skip
        found = call("sitemap-crawler", input=server.url("/index.xml"), timeout=0.5)
        assert (found["count"], found["truncated"]) == (1, True)
        over.set()


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet="<>/urlsetco &;x!?[]", max_size=80).map(str.encode))
def test_whatever_a_sitemap_is_it_lists_or_says_why_not(data: bytes) -> None:
    try:
        assert isinstance(list(entries(Answer(200, "OK", {}, data, "http://h/", [], {}, ""))), list)
    except ToolError as error:
        assert "http://h/" in str(error)
