"""``llmspell tool``: list, describe, find, call and try tools."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.options import connect_options
from llmspell_kernel.cli.tool import invoke as tool_invoke
from llmspell_kernel.cli.tool.invoke import prints_to_stderr
from llmspell_kernel.config import Config
from llmspell_kernel.config import read as read_settings
from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.tools.catalog import install_line, missing
from llmspell_kernel.tools.registry import Tools

if TYPE_CHECKING:
    from llmspell_kernel.cli.connecting import RemoteTools

Told = dict[str, Any]
OUTPUT = click.option(
    "-o", "--output", type=click.Choice(["text", "json", "pretty"]), default="text", show_default=True,
    help="How it is written: for people, as JSON in a line, as JSON in many.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="The same as --output json.")


@click.group("tool")
def command() -> None:
    """List, describe, find, call and try tools."""


@contextmanager
def _tools(connect: str | None = None, key: str | None = None) -> Iterator[Tools | RemoteTools]:
    """All of them, ours or a kernel's; what could not be had is told."""
    if connect is not None:
        from llmspell_kernel.cli.connecting import RemoteTools, remote

        tools: Tools | RemoteTools = RemoteTools(remote(connect, key))
    else:
        tools = Tools.standard()
    try:
        yield tools
        for problem in tools.problems:
            click.echo(f"llmspell: {problem}", err=True)
    finally:
        tools.close()


def _lacks(told: Told) -> list[str]:
    """Where the tool runs."""
    return list(told["missing"]) if "missing" in told else missing(told)


def _json(data: Any, output: str) -> None:
    click.echo(json.dumps(data, indent=2 if output == "pretty" else None, ensure_ascii=False))


def _at_hand() -> Tools:
    """For a shell that completes: all but those of servers, which would have to be started."""
    return Tools.standard(settings=Config({**read_settings().given(), "tools.mcp": {}}))


def names_of_tools(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _at_hand().names() if name.startswith(incomplete.replace("_", "-"))]


def words_of_tools(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The name, then ``parameter=`` and its choices."""
    given = ctx.params.get("words") or ()
    if not given:
        return names_of_tools(ctx, parameter, incomplete)
    try:
        properties = _at_hand().info(given[0])["schema"]["properties"]
    except ToolError:
        return []
    name, equals, start = incomplete.partition("=")
    if equals:
        return [f"{name}={one}" for one in _choices(properties.get(name, {})) if one.startswith(start)]
    taken = {word.partition("=")[0] for word in given[1:]}
    return [f"{one}=" for one in properties if one.startswith(incomplete) and one not in taken]


def _choices(schema: Told) -> list[str]:
    if schema.get("type") == "boolean":
        return ["true", "false"]
    return [str(one) for part in [schema, *schema.get("anyOf", ())] for one in part.get("enum", ())]


def names_of_categories(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _at_hand().categories() if name.startswith(incomplete)]


@command.command("list")
@click.option("--category", metavar="CATEGORY", shell_complete=names_of_categories, help="Only those of a category.")
@click.option("--level", type=click.Choice(["safe", "restricted", "privileged"]), help="Only those of a level.")
@OUTPUT
@JSON
@connect_options
def list_tools(
    category: str | None, level: str | None, output: str, as_json: bool, connect: str | None, key: str | None
) -> int:
    """Name all tools, or those of a category or a level."""
    with _tools(connect, key) as tools:
        every = tools.every()
    categories = sorted({one["category"] for one in every})
    if category is not None and category not in categories:
        raise click.UsageError(f"no category named {category!r}; there are {', '.join(categories)}")
    told = [one for one in every if category in (None, one["category"]) and level in (None, one["level"])]
    if as_json or output != "text":
        _json(told, "json" if as_json else output)
        return 0
    for group in categories:
        _list_group(group, [one for one in told if one["category"] == group])
    return 0


def _list_group(category: str, told: list[Told]) -> None:
    if not told:
        return
    click.echo(f"{category}:")
    for one in told:
        needs = f"  (needs {install_line(one)})" if _lacks(one) else ""
        click.echo(f"  {one['name']:<20} {one['description']}{needs}")


@command.command("info")
@click.argument("name", shell_complete=names_of_tools)
@click.option("--schema", "--show-schema", is_flag=True, help="Also the JSON Schema of its parameters.")
@click.option("--examples", is_flag=True, help="Also its worked examples.")
@OUTPUT
@JSON
@connect_options
def info(
    name: str, schema: bool, examples: bool, output: str, as_json: bool, connect: str | None, key: str | None
) -> int:
    """Say what a tool does and takes."""
    with _tools(connect, key) as tools:
        told = tools.info(name)
    if as_json or output != "text":
        _json(told, "json" if as_json else output)
        return 0
    click.echo(f"{told['name']} ({told['category']}, {told['level']})\n{told['description']}\n")
    if lacking := _lacks(told):
        click.echo(f"It needs {', '.join(lacking)}: {install_line(told)}\n")
    _parameters(told)
    if told["aliases"]:
        click.echo(f"\nAlso called {', '.join(told['aliases'])}.")
    if schema:
        click.echo("\n" + json.dumps(told["schema"], indent=2, ensure_ascii=False))
    if examples:
        _examples(told)
    return 0


def _parameters(told: Told) -> None:
    aliases = told["parameter_aliases"]
    required = needed(told["schema"])
    for parameter, schema in told["schema"]["properties"].items():
        if parameter in aliases:
            continue
        also = [alias for alias, name in aliases.items() if name == parameter]
        notes = ["needed"] * (parameter in required) + [f"also {', '.join(also)}"] * bool(also)
        if "default" in schema:
            notes.append(f"default {json.dumps(schema['default'], ensure_ascii=False)}")
        noted = f" ({'; '.join(notes)})" if notes else ""
        click.echo(f"  {parameter}: {_kind(schema)}{noted}")
        if schema.get("description"):
            click.echo(f"      {schema['description']}")


def needed(schema: Told) -> set[str]:
    """The parameters that must be given, by their first names."""
    either = {one["anyOf"][0]["required"][0] for one in schema.get("allOf", ())}
    return {*schema.get("required", ()), *either}


def _kind(schema: Told) -> str:
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array" and schema.get("items"):
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("type", "anything"))


def _examples(told: Told) -> None:
    for one in told["examples"]:
        click.echo(f"\n# {one['title']}")
        click.echo(
            f"llmspell tool invoke {told['name']} --params '{json.dumps(one['parameters'], ensure_ascii=False)}'"
        )
        expected = one["text"] if "text" in one else json.dumps(one.get("result"), ensure_ascii=False)
        click.echo(f"  error: {one['error']}" if "error" in one else f"  {expected}")


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--most", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="How many at most.")
@OUTPUT
@JSON
@connect_options
def search(words: tuple[str, ...], most: int, output: str, as_json: bool, connect: str | None, key: str | None) -> int:
    """Find tools by what they do; exit code 1 if there is none."""
    with _tools(connect, key) as tools:
        found = tools.search(" ".join(words), most)
    if as_json or output != "text":
        _json(found, "json" if as_json else output)
    for one in found if output == "text" and not as_json else ():
        click.echo(f"{one['name']:<20} {one['description']}")
    if not found:
        click.echo(f"llmspell: no tool is about {' '.join(words)!r}; llmspell tool list names all", err=True)
    return 0 if found else 1


@command.command("invoke", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, shell_complete=words_of_tools)
def invoke(words: tuple[str, ...]) -> int:
    """Call a tool: NAME PARAMETER=VALUE …"""
    return tool_invoke.main(list(words))


first_name = copy(invoke)
first_name.help = "The same as invoke: its first name."
command.add_command(first_name, "run")


@command.command("test")
@click.argument("names", nargs=-1, shell_complete=names_of_tools)
@click.option("--all", "every", is_flag=True, help="Try all tools.")
@click.option("--verbose", is_flag=True, help="Name the examples that work, too.")
@connect_options
def test(names: tuple[str, ...], every: bool, verbose: bool, connect: str | None, key: str | None) -> int:
    """Run the worked examples of tools; exit code 1 if one fails."""
    if not names and not every:
        raise click.UsageError("which tools? Name some, or --all")
    with _tools(connect, key) as tools, prints_to_stderr():
        results = [_try(tools, name, verbose) for name in (tools.names() if every else names)]
    return 0 if all(results) else 1


@command.command("serve")
@click.option("--mcp", is_flag=True, required=True, help="Speak the Model Context Protocol, over stdin and stdout.")
def serve(mcp: bool) -> None:
    """Offer the tools to other programs."""
    try:
        from llmspell_kernel.cli.tool.serve import serve as serve_mcp
    except ModuleNotFoundError as error:
        raise UserError(f"this needs the Python module {error.name}: pip install 'llmspell[mcp]'") from error
    with _tools() as tools:
        assert isinstance(tools, Tools)
        tools.names()
        serve_mcp(tools)


def _try(tools: Tools | RemoteTools, name: str, verbose: bool) -> bool:
    told = tools.info(name)
    if lacking := _lacks(told):
        _line(f"- {told['name']}: not tried, it needs {', '.join(lacking)}: {install_line(told)}")
        return True
    results = _played(tools, told["name"])
    problems = [problem for _, problem in results if problem]
    _line(f"{'✗' if problems else '✓'} {told['name']}: {len(results) - len(problems)} of {len(results)}")
    for title, problem in results:
        if problem:
            _line(f"    ✗ {title}: {problem}")
        elif verbose:
            _line(f"    ✓ {title}")
    return not problems


def _line(text: str) -> None:
    """What is printed meanwhile is not ours."""
    click.echo(text, file=sys.__stdout__)


def _played(tools: Tools | RemoteTools, name: str) -> list[tuple[str, str]]:
    """Examples by their titles, each with its problem or \"\"."""
    if not isinstance(tools, Tools):
        return [(one["title"], one["problem"]) for one in tools.test(name)["details"]["examples"]]
    from llmspell_kernel.tools.examples import played  # a web server, for some

    return list(played(tools, tools.get(name)))
