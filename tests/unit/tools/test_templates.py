"""template-engine: Jinja2 and Handlebars, told apart; nothing but the data is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.template_engine import detected, template_engine
from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    tools = Tools.standard(settings=Config({}))
    yield tools
    tools.close()


def filled(template: str, context: dict[str, Any] | None = None, **more: Any) -> str:
    """Here, not in a process: the same function."""
    return template_engine(template, context, **more).text


def refused(template: str, context: dict[str, Any] | None = None, **more: Any) -> str:
    return str(error_of(lambda: filled(template, context, **more)))


@pytest.mark.parametrize(
    ("template", "engine"),
    [
        ("Hello {{ name }}", "tera"),
        ("{{ name | upper }}", "tera"),
        ("{% if a %}{{ a }}{% endif %}", "tera"),
        ("{# a comment #}{{a}}", "tera"),
        ("{{ a if b else c }}", "tera"),
        ("{{ a and b }}", "tera"),
        ("{{ not a }}", "tera"),
        ("plain", "tera"),
        ("{{#each items}}{{this}}{{/each}}", "handlebars"),
        ("{{{raw}}}", "handlebars"),
        ("{{! a comment }}", "handlebars"),
        ("{{lookup table 'key'}}", "handlebars"),
        ("{{#if a}}x{{else}}y{{/if}}", "handlebars"),
    ],
)
def test_the_template_tells_whose_it_is(template: str, engine: str) -> None:
    assert detected(template) == engine


def test_the_engine_that_is_named_counts(tools: Tools) -> None:
    one = {"input": "{{{a}}}", "context": {"a": "<b>"}}
    assert tools.call("template_engine", one)["result"] == {"rendered": "<b>", "engine": "handlebars"}
    assert tools.call("template-engine", {**one, "input": "{{a}}", "engine": "handlebars"})["text"] == "&lt;b&gt;"
    assert tools.call("template-engine", {"input": "{{ a }}", "context": {"a": "<b>"}})["text"] == "<b>"
    assert filled("{{ a }}", {"a": "<b>"}, escape=True) == "&lt;b&gt;"
    assert "template" in refused("{{{a}}}", {"a": 1}, auto_detect=False)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ when | date(format='%d.%m.%Y') }}", "06.05.2024"),
        ("{{ list | join(sep='/') }} {{ list | first }} {{ list | nth(n=1) }}", "1/2 1 2"),
        (
            "{{ word | replace(from='e', to='a') }} {{ word | slugify }} {{ word | truncate(length=4) }}",
            "Hallo! hello Hell…",
        ),
        ("{{ table | json_encode }} {{ table | get(key='z', default=0) }} {{ table.items }}", '{"items": 3} 0 3'),
        ("{{ missing | default(value='none') }}{% if missing %}x{% endif %}", "none"),
        ("{{ yes }} {{ nothing }}|", "true |"),
        ("{% if word is starting_with('He') and word is matching('l+') %}yes{% endif %}", "yes"),
        (
            "{% for name, group in people | group_by(attribute='city') | dictsort %}{{ name }}{{ group | length }}{% endfor %}",
            "B1L2",
        ),
        ("{{ people | filter(attribute='city', value='L') | length }}{{ 1 | pluralize }}{{ 2 | pluralize }}", "2s"),
    ],
)
def test_the_filters_of_tera(template: str, text: str) -> None:
    context = {
        "when": "2024-05-06T10:00:00Z", "list": [1, 2], "word": "Hello!", "table": {"items": 3}, "yes": True,
        "nothing": None, "people": [{"city": "L"}, {"city": "B"}, {"city": "L"}],
    }  # fmt: skip
    assert filled(template, context) == text


def test_handlebars() -> None:
    context = {"people": [{"name": "Ada", "tags": ["x", "y"]}, {"name": "Alan", "tags": []}], "title": "T"}
    template = (
        "{{#each people}}{{name}}:{{#each tags}}{{this}}{{../name}}{{else}}none{{/each}} {{@root.title}};{{/each}}"
    )
    assert filled(template, context) == "Ada:xAdayAda T;Alan:none T;"
    assert filled("{{#unless a}}no {{/unless}}{{missing}}{{#with b}}{{c}}{{/with}}", {"b": {"c": 1}}) == "no 1"
    assert "Unclosed block" in refused("{{#if a}}x{{else}}y")


def test_what_is_wrong_is_said_with_its_line() -> None:
    assert "line 2: No filter named 'nope'" in refused("\n{{ a | nope }}")
    assert "line 3: division by zero" in refused("\n\n{{ 1 / 0 }}")
    assert "'nmae' is undefined" in refused("{{ nmae }}", {"name": 1})
    assert filled("{{ nmae }}", strict=False) == ""
    assert "line 1" in refused("{% for %}")
    assert refused("{{ throw(message='not so') }}") == "the template says: not so"


@pytest.mark.parametrize(
    "way",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}", "{{ ''|attr('__class__') }}", "{{ '{0.__class__}'.format(1) }}",
        "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{{ list.append(1) }}", "{{ (1).__class__ }}",
        "{{ namespace.__init__ }}", "{{ lipsum.__globals__ }}", "{{ joiner()['__init__']['__globals__'] }}",
    ],
)  # fmt: skip
def test_a_template_reaches_nothing_but_its_data(way: str) -> None:
    assert refused(way, {"list": []}) and "root:" not in refused(way, {"list": []})


def test_what_a_template_writes_is_bounded(tools: Tools) -> None:
    assert "longer than" in refused("{{ 'x' * 10**9 }}")
    assert "too large" in refused("{{ 9 ** 99999 }}")
    assert "longer than" in refused("{% for a in range(9999) %}{{ x }}{% endfor %}", {"x": "x" * 9999})
    assert "size" in refused("{{#each l}}{{@root.x}}{{/each}}", {"l": [1] * 9999, "x": "x" * 9999}).lower()
    with pytest.raises(ToolError, match="memory"):
        tools.call("template-engine", {"input": "{{ 'x'.ljust(10**11) }}"})
    with pytest.raises(ToolError, match="nested too deeply"):
        tools.call("template-engine", {"input": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"})


def test_a_template_without_end_is_killed(tools: Tools) -> None:
    loops = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    with pytest.raises(ToolError) as raised:
        tools.call("template-engine", {"input": loops}, seconds=0.5)
    assert raised.value.code == "timeout"
    assert tools.call("template-engine", {"input": "{{ 1 + 1 }}"})["text"] == "2"
