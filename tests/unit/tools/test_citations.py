"""citation-formatter: what people write in a bibliography, as each style wants it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of

TOOLS = Tools.standard()
BIBTEX = r"""
@string{cj = "The Computer Journal"}
@article{knuth84, author = {Donald E. Knuth}, title = {Literate {P}rogramming}, journal = cj,
  year = 1984, month = may, volume = 27, number = 2, pages = {97--111}, doi = {10.1093/comjnl/27.2.97}}
@book{goedel, author = {G{\"o}del, Kurt and van der Berg, Jan}, title = {Truth \& Proof},
  publisher = {Springer}, address = {Wien}, date = {1931-05-06}}
@online{acme, author = {{ACME Inc.}}, title = {A 100% page}, url = {https://example.org/a_b}, urldate = {2024-01-02}}
"""
HAYAGRIVA = """
harry:
  type: Article
  title: Mechanics of things
  author: ["Dinklage, Harry", "Doe, Jane"]
  date: 2021-03
  page-range: 1-12
  serial-number: {doi: 10.1000/abc}
  parent: {type: Periodical, title: Journal of Things, volume: 4, issue: 2}
site:
  type: Web
  title: A site
  author: {name: Humboldt, prefix: von, given-name: Alexander}
  url: {value: "https://example.org", date: 2024-05-06}
"""
CSL = '[{"id": "b", "type": "book", "title": "Cities", "author": [{"family": "Doe", "given": "Jane Mary"}], "publisher": "X", "issued": {"date-parts": [["2001"]]}}]'


def cite(input: str, style: str = "apa", **more: Any) -> Any:
    return TOOLS.call("citation-formatter", {"input": input, "style": style, **more})["result"]


def refused(input: str, **more: Any) -> str:
    return str(error_of(lambda: TOOLS.call("citation-formatter", {"input": input, **more})))


@pytest.mark.parametrize(
    ("style", "entry"),
    [
        (
            "apa",
            "Knuth, D. E. (1984). Literate Programming. The Computer Journal, 27(2), 97–111. https://doi.org/10.1093/comjnl/27.2.97",
        ),
        (
            "mla",
            "Knuth, Donald E. “Literate Programming”. The Computer Journal, vol. 27, no. 2, May 1984, pp. 97–111, https://doi.org/10.1093/comjnl/27.2.97.",
        ),
        (
            "ieee",
            "[1] D. E. Knuth, “Literate Programming”, The Computer Journal, vol. 27, no. 2, pp. 97–111, May 1984, doi: 10.1093/comjnl/27.2.97.",
        ),
        ("nature", "1. Knuth, D. E. Literate Programming. The Computer Journal 27, 97–111 (1984)."),
    ],
)
def test_an_article_in_the_great_styles(style: str, entry: str) -> None:
    assert cite(BIBTEX, style, cite_keys=["knuth84"])["bibliography"] == [entry]


def test_bibtex_with_its_names_and_its_latex() -> None:
    told = cite(BIBTEX)
    assert told["format"] == "bibtex" and told["problems"] == []
    entries = {one["key"]: one for one in told["citations"]}
    assert entries["goedel"]["entry"] == "Gödel, K., & van der Berg, J. (1931). Truth & Proof. Springer."
    assert entries["goedel"]["in_text"] == "(Gödel & van der Berg, 1931)"
    assert (
        entries["acme"]["entry"]
        == "ACME Inc. (n.d.). A 100% page. Retrieved January 2, 2024, from https://example.org/a_b"
    )
    assert [one["key"] for one in told["citations"]] == ["acme", "goedel", "knuth84"]  # the style's order


def test_yaml_of_hayagriva() -> None:
    entries = {one["key"]: one["entry"] for one in cite(HAYAGRIVA)["citations"]}
    assert (
        entries["harry"]
        == "Dinklage, H., & Doe, J. (2021). Mechanics of things. Journal of Things, 4(2), 1–12. https://doi.org/10.1000/abc"
    )
    assert entries["site"].startswith("von Humboldt, A. (n.d.). A site. Retrieved May 6, 2024")


def test_csl_as_json_and_as_yaml() -> None:
    assert cite(CSL, "chicago")["bibliography"] == ["Doe, Jane Mary. 2001. Cities. X."]
    yaml = "references:\n- id: b\n  type: book\n  title: Cities\n  author: [{family: Doe, given: Jane}]\n  issued: [{year: 2001}]\n"
    told = cite(yaml)
    assert told["format"] == "yaml" and told["bibliography"] == ["Doe, J. (2001). Cities."]


def test_html_and_other_languages() -> None:
    assert "<i>Cities</i>" in cite(CSL, output="html")["bibliography"][0]
    risky = CSL.replace("Cities", "<script>")
    assert "<script>" not in cite(risky, output="html")["bibliography"][0]
    assert "Truth &amp; Proof" in cite(BIBTEX, output="html", cite_keys=["goedel"])["bibliography"][0]
    assert "und van der Berg" in cite(BIBTEX, "harvard", locale="de-DE", cite_keys=["goedel"])["bibliography"][0]
    for locale in ("xx-XX", "../../x", "de"):
        assert "locale: there is none" in refused(BIBTEX, locale=locale)


def test_styles_are_found_by_their_names() -> None:
    told = TOOLS.call("citation-formatter", {"operation": "list_styles"})["result"]
    names = {one["name"]: one["title"] for one in told["styles"]}
    assert {"apa", "mla", "chicago", "harvard", "ieee", "vancouver"} <= set(names)
    assert names["apa"].startswith("APA Style") and names["mla"].startswith("MLA Handbook")
    assert told["total"] > 2000
    found = TOOLS.call("citation-formatter", {"operation": "list_styles", "input": "springer basic"})["result"]
    assert "springer-basic-author-date" in [one["name"] for one in found["styles"]]
    assert cite(CSL, "Nature_Physics")["bibliography"] == cite(CSL, "nature")["bibliography"]  # one by another name
    assert "did you mean 'harvard'" in refused(CSL, style="harvad")
    for style in ("../../apa", "/etc/passwd", "", "a\0b"):
        assert "there is no citation style" in refused(CSL, style=style)


def test_every_style_that_has_a_name_works() -> None:
    for style in TOOLS.call("citation_formatter", {"operation": "list_styles"})["result"]["styles"]:
        assert all(one["entry"] for one in cite(BIBTEX, style["name"])["citations"]), style["name"]


def check(input: str) -> Any:
    return TOOLS.call("citation-formatter", {"operation": "validate_bibliography", "input": input})["result"]


def test_all_that_is_wrong_with_a_bibliography() -> None:
    told = check(BIBTEX)
    assert (told["valid"], told["entry_count"], told["errors"], told["warnings"]) == (True, 3, [], [])
    told = check(
        "@book{a, title={A}, doi={x}}\n@book{a, title={B}}\n@misc{b, title={open\n@article{c, year=2001, month=13, url={no}}\n"
    )
    assert not told["valid"]
    assert [(one["key"], one["line"]) for one in told["errors"][:2]] == [("a", 2), (None, 3)]
    messages = " ".join(one["message"] for one in told["errors"])
    assert "'x' is not a DOI" in messages and "'no' is not a URL" in messages and "2001-13 is not a date" in messages
    assert {"key": "a", "message": "book lacks author or editor"} in told["warnings"]
    assert (
        check("- {id: x, title: A}\n- {title: B}\n- {id: x}\n")["errors"][0]["message"]
        == "entry 2 is not a table with an `id`"
    )


def test_what_is_no_bibliography_is_said() -> None:
    assert "input: missing" in refused(" ")
    assert "not YAML" in refused("a: [", format="yaml")
    assert "not JSON" in refused("[{]")
    assert "expected entries by their keys" in refused("just words")
    assert "no entry that can be read" in refused("@book{a, title={open")
    assert "no entry has the key 'knuth'; did you mean 'knuth84'" in refused(BIBTEX, cite_keys=["knuth"])
    assert refused("!!python/object/apply:os.system ['echo']", format="yaml").startswith("not YAML")


def test_latex_reads_no_files(tmp_path: Any) -> None:
    (tmp_path / "secret.tex").write_text("secret")
    told = cite(rf"@book{{a, title={{T \input{{{tmp_path}/secret}} x}}, year=2000}}")
    assert "secret" not in told["bibliography"][0].replace(str(tmp_path), "")


PARTS = st.sampled_from(
    [
        "@book{",
        "a,",
        "title=",
        "{",
        "}",
        '"',
        "year=2000",
        "author={A and B}",
        "@string{x=",
        "- id: x\n",
        "a:\n  type: book\n",
        "  author: [x]\n",
        '{"id":',
        "1",
        "]",
        "[",
        "date: ",
        ",",
        "\\",
        "$",
        "%",
    ]
)


@settings(deadline=None)
@given(
    st.lists(PARTS, max_size=9).map("".join) | st.text(max_size=20),
    st.sampled_from([None, "yaml", "bibtex", "csl-json"]),
)
def test_whatever_is_given_the_answer_is_a_result_or_a_tool_error(text: str, format: str | None) -> None:
    for operation in ("format_citation", "validate_bibliography"):
        try:
            TOOLS.call("citation-formatter", {"operation": operation, "input": text, "format": format})
        except ToolError as error:
            assert str(error) and "NoneType" not in str(error)
