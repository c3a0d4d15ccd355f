"""template_engine: texts from templates, Jinja2 (and Tera's filters) or Handlebars. In a process of its own.

A template is given data only and reaches nothing else: Jinja2 runs in its sandbox, Handlebars knows no code. What it
writes is bounded by `MAX_OUTPUT`; a loop without end is killed with its process when the call's time is over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic_handlebars import HandlebarsEnvironment, HandlebarsError

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.template_filters import FILTERS, TESTS, throw
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_OUTPUT = 10_000_000  # characters
MAX_BITS = 13_000
Engine = Literal["tera", "jinja2", "handlebars"]
BLOCKS_OF_JINJA = re.compile(r"\{%|\{#|\{\{[^{}]*\|")
SIGNS_OF_HANDLEBARS = re.compile(
    r"\{\{\{|\{\{~?\s*[#/^>!&@]|\{\{~?\s*(?:else|this|\.\./|\.)[\s.}]"  # blocks, partials, comments, paths
    r"|\{\{~?\s*(?!not\b)[\w-]+\s+(?!if\b|in\b|is\b|and\b|or\b|not\b|else\b)[\w\"'@][^{}|]*\}\}"  # {{helper argument}}
)


@tool(
    category="utility",
    level="restricted",
    pure=True,
    runs="process",
    extra="templates",
    needs=["jinja2", "pydantic_handlebars"],
    aliases={"template": "input", "variables": "context"},
    examples=[
        Example(
            "A list, as Tera and Jinja2 write it",
            {"input": "{% for x in l %}{{ loop.index }}. {{ x | upper }}\n{% endfor %}", "context": {"l": ["a", "b"]}},
            text="1. A\n2. B\n",
            result={"engine": "tera"},
        ),
        Example(
            "The same with Handlebars",
            {"input": "{{#each names}}{{@index}} {{this}}; {{/each}}", "context": {"names": ["a", "<b>"]}},
            text="0 a; 1 &lt;b&gt;; ",
            result={"engine": "handlebars"},
        ),
        Example("A name that is not given", {"input": "{{ nmae }}", "context": {"name": "Ada"}}, error="failed"),
    ],
)  # fmt: skip
def template_engine(
    input: str,
    context: dict[str, Any] | None = None,
    engine: Engine | None = None,
    auto_detect: bool = True,
    escape: bool | None = None,
    strict: bool | None = None,
) -> Result:
    """Fill a template with data.

    Args:
        input: The template.
        context: The data, by name.
        engine: Whose syntax it is in: tera is Jinja2's with Tera's filters and tests.
        auto_detect: Without `engine`, tell by the template which it is; else it is tera.
        escape: Whether what is filled in is escaped for HTML; usually in handlebars only.
        strict: Whether a name that is not given is an error; usually in tera and jinja2 only.
    """
    chosen = engine or (detected(input) if auto_detect else "tera")
    data = context or {}
    if chosen == "handlebars":
        text = _handlebars(input, data, escape is not False, bool(strict))
    else:
        text = _jinja(input, data, bool(escape), strict is not False, chosen == "tera")
    return Result({"rendered": text, "engine": chosen}, text)


def detected(template: str) -> Engine:
    """By what only one of them writes; a template that is both is Tera's."""
    if BLOCKS_OF_JINJA.search(template.replace("{{#", "")):
        return "tera"
    return "handlebars" if SIGNS_OF_HANDLEBARS.search(template) else "tera"


# Jinja2 ---------------------------------------------------------------------------------------------


class Missing(StrictUndefined):
    """A name that is not given: an error where it is written, false where it is asked for, as in Tera."""

    __slots__ = ()
    __bool__ = Undefined.__bool__  # type: ignore[assignment]


class Sandbox(ImmutableSandboxedEnvironment):
    """Its own, and products and powers that don't fill the memory."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() * right > MAX_BITS:
                raise ToolError(f"{left} ** {right} is too large")
        elif operator == "*":
            for many, times in ((left, right), (right, left)):
                if isinstance(many, str | list | tuple) and isinstance(times, int):
                    _bounded(len(many) * times)
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``table.items`` is the field of that name, if there is one."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _as_tera(value: Any) -> Any:
    """What is written of a value."""
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else value


def _bounded(size: int) -> int:
    if size > MAX_OUTPUT:
        raise ToolError(f"the text would be longer than {MAX_OUTPUT} characters")
    return size


def _jinja(template: str, data: Mapping[str, Any], escape: bool, strict: bool, tera: bool) -> str:
    environment = Sandbox(autoescape=escape, undefined=Missing if strict else Undefined, keep_trailing_newline=True)
    if tera:
        environment.filters.update(FILTERS)
        environment.tests.update(TESTS)
        environment.globals["throw"] = throw
        environment.finalize = _as_tera
    try:
        return _written(environment, template, data)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise ToolError(f"template{f', line {line}' if line else ''}: {error.message}") from error
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ToolError(f"template{_line(error)}: {error}") from error


def _written(environment: Sandbox, template: str, data: Mapping[str, Any]) -> str:
    parts, size = [], 0
    for part in environment.from_string(template).generate(**_named(data)):
        size = _bounded(size + len(part))
        parts.append(part)
    return "".join(parts)


def _named(data: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in data.items()}


def _line(error: Exception) -> str:
    """Where in the template: its frames are named so by Jinja2."""
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == "<template>":
            lines.append(at.tb_lineno)
        at = at.tb_next
    return f", line {lines[-1]}" if lines else ""


# Handlebars -----------------------------------------------------------------------------------------


def _handlebars(template: str, data: Mapping[str, Any], escape: bool, strict: bool) -> str:
    environment = HandlebarsEnvironment(auto_escape=escape, strict=strict, max_output_size=MAX_OUTPUT)
    try:
        return str(environment.render(template, _named(data)))
    except HandlebarsError as error:
        raise ToolError(f"template: {error}") from error
