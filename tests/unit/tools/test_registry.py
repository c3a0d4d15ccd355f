"""A tool is a function with annotations and a docstring."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools import catalog
from llmspell_kernel.tools.examples import played
from llmspell_kernel.tools.names import MODULES
from llmspell_kernel.tools.registry import Result, Tools
from tests.support.tool_errors import error_of


def greet(name: str, times: int = 1, tone: Literal["kind", "curt"] = "kind", tags: list[str] | None = None) -> Any:
    """Greet somebody.

    More about it.

    Args:
        name: Whom to greet.
        times: How often;
            twice is polite.
    """
    return Result({"name": name, "times": times, "tags": tags}, f"Hello {name}!" * times)


@pytest.fixture
def tools() -> Tools:
    tools = Tools.standard()
    tools.add(greet, aliases={"who": "name"})
    return tools


def problem(tools: Tools, tool: str, /, **parameters: Any) -> ToolError:
    return error_of(lambda: tools.call(tool, parameters))


def test_a_result_has_fields_and_text(tools: Tools) -> None:
    result = tools.call("greet", {"name": "Ada", "times": 2.0})
    assert result["success"] is True
    assert result["result"] == {"name": "Ada", "times": 2, "tags": None}
    assert result["text"] == "Hello Ada!Hello Ada!"
    assert result["metadata"]["duration_ms"] >= 0


def test_the_schema_says_what_the_function_says(tools: Tools) -> None:
    info = tools.info("greet")
    assert info["description"] == "Greet somebody."
    properties = info["schema"]["properties"]
    assert properties["name"] == {"type": "string", "description": "Whom to greet."}
    assert properties["times"] == {
        "type": "integer",
        "description": "How often; twice is polite.",
        "default": 1,
    }
    assert properties["tone"]["enum"] == ["kind", "curt"]
    validator = jsonschema.Draft202012Validator(info["schema"])
    assert validator.is_valid({"who": "Ada"})
    assert not validator.is_valid({})


@pytest.mark.parametrize("name", Tools.standard().names())
def test_every_schema_is_a_schema(name: str) -> None:
    schema = Tools.standard().info(name)["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert all(p.get("description") for p in schema["properties"].values())


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, ["name: missing"]),
        ({"name": 5}, ["name: expected a string, not the number 5"]),
        ({"nme": "x"}, ["nme: unknown parameter; did you mean 'name'?", "name: missing"]),
        ({"name": "x", "times": "2"}, ["times: expected a whole number, not the string '2'"]),
        ({"name": "x", "times": 1.5}, ["times: expected a whole number"]),
        ({"name": "x", "tone": "crut"}, ["did you mean 'curt'?"]),
        ({"name": "x", "tags": ["a", 1]}, ["tags: item 2: expected a string"]),
        ({"name": "x", "who": "y"}, ["given twice"]),
    ],
)
def test_wrong_parameters_are_explained_together(tools: Tools, parameters: dict, words: list[str]) -> None:
    error = problem(tools, "greet", **parameters)
    assert error.code == "invalid_parameters"
    assert error.tool == "greet"
    for word in words:
        assert word in str(error)


def test_an_unknown_tool_suggests_one(tools: Tools) -> None:
    error = problem(tools, "calculatr")
    assert error.code == "unknown_tool"
    assert "did you mean 'calculator'?" in str(error)


def test_an_empty_table_of_lua_is_an_empty_list(tools: Tools) -> None:
    assert tools.call("greet", {"name": "x", "tags": {}})["result"]["tags"] == []


def test_an_error_of_the_function_is_the_cause(tools: Tools) -> None:
    def fails() -> None:
        raise KeyError("lost")

    tools.add(fails)
    error = problem(tools, "fails")
    assert error.code == "failed"
    assert isinstance(error.__cause__, KeyError)


def test_names_with_a_dash_and_names_that_are_taken(tools: Tools) -> None:
    assert tools.exists("json-processor")
    assert tools.call("json-processor", {"input": "[1]"})["result"] == [1]
    with pytest.raises(ValueError, match="already"):
        tools.add(greet)


def test_naming_tools_imports_none_of_them() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from llmspell_kernel.tools.registry import Tools; t = Tools.standard(); t.names(); "
        "t.categories(); t.exists('calculator'); print([m for m in sys.modules if '.builtin.' in m])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(max_size=5)))
def test_whatever_is_given_the_answer_is_a_result_or_a_tool_error(given_: dict) -> None:
    tools = Tools.standard()
    for name in ("calculator", "text_manipulator", "hash_calculator"):
        try:
            assert tools.call(name, given_)["success"]
        except ToolError as error:
            assert str(error)


def test_the_catalog_says_what_the_functions_say() -> None:
    """`python -m llmspell_kernel.tools.catalog` writes it."""
    made = catalog.made()
    assert Path(catalog.FILE).read_text() == catalog.written(made)
    assert (Path(catalog.__file__).parents[2] / catalog.DOCUMENT).read_text() == catalog.document(made)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_worked_examples_work(name: str) -> None:
    tools = Tools.standard()
    tool = tools.get(name)
    results = list(played(tools, tool))
    assert len(results) >= 2, "a tool has at least two"
    assert [one for one in results if one.problem] == []
    assert all(one.text is not None or one.result is not None or one.error for one in tool.about.examples)


@pytest.mark.parametrize(
    ("words", "tool"),
    [
        ("convert csv to json", "csv-analyzer"),
        ("send email", "email-sender"),
        ("resize picture", "image-processor"),
        ("download a web page", "http-requester|web-scraper"),
        ("what time is it in tokyo", "datetime-handler"),
        ("unzip", "archive-handler"),
        ("find text in files", "file-search"),
        ("grep", "file-search"),
        ("run a command", "process-executor"),
        ("sql", "database-connector"),
        ("math", "calculator"),
        ("random id", "uuid-generator"),
        ("checksum", "hash-calculator"),
        ("md5 of a file", "hash-calculator"),
        ("compare two files", "diff-calculator"),
        ("cpu usage", "system-monitor"),
        ("is my server up", "service-checker"),
        ("google", "web-searcher"),
        ("fill in a template", "template-engine"),
        ("check json against schema", "json-processor|data-validator"),
        ("extract text from pdf", "pdf-processor"),
        ("read file", "file-operations"),
        ("delete folder", "file-operations"),
        ("timezone", "datetime-handler"),
        ("parse url", "url-analyzer"),
        ("bibtex", "citation-formatter"),
        ("mp3 to wav", "audio-processor"),
        ("frame from video", "video-processor"),
        ("environment variable", "environment-reader"),
        ("shell", "process-executor"),
        ("uppercase", "text-manipulator"),
        ("slack notification", "webhook-caller"),
        ("tar.gz", "archive-handler"),
        ("watch folder for changes", "file-watcher"),
        ("shortest path", "graph-builder"),
        ("base64", "base64-encoder"),
        ("crawl website", "sitemap-crawler"),
        ("page changed", "webpage-monitor"),
        ("utf-8 encoding", "file-converter|base64-encoder"),
        ("hash a file", "hash-calculator"),
    ],
)
def test_people_find_tools_by_their_own_words(words: str, tool: str) -> None:
    assert Tools.standard().search(words)[0]["name"] in tool.split("|")


def test_a_tool_that_comes_later_is_found_too() -> None:
    tools = Tools.standard()
    assert tools.search("zeppelin") == []
    tools.add(lambda: 1, name="zeppelins")
    assert [one["name"] for one in tools.search("a zeppelin")] == ["zeppelins"]
    assert tools.search("") == []
