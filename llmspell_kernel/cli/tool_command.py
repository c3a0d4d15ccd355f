"""``llmspell tool list|info|run``."""

from __future__ import annotations

import json
from typing import Any

import click

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools


@click.group("tool")
def command() -> None:
    """List, describe and run tools."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_tools(as_json: bool) -> None:
    """Name all tools."""
    tools = Tools.standard()
    if as_json:
        click.echo(json.dumps([tools.info(name) for name in tools.names()], indent=2))
        return
    for category, names in sorted(tools.categories().items()):
        click.echo(f"{category}:")
        for name in names:
            click.echo(f"  {name:<20} {tools.get(name).description}")


@command.command("info")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with the schema.")
def info(name: str, as_json: bool) -> None:
    """Say what a tool takes."""
    about = Tools.standard().info(name)
    if as_json:
        click.echo(json.dumps(about, indent=2))
        return
    click.echo(f"{about['name']} ({about['category']})\n{about['description']}\n")
    required = about["schema"].get("required", [])
    for parameter, schema in about["schema"]["properties"].items():
        needed = " (needed)" if parameter in required else ""
        click.echo(f"  {parameter}: {_kind(schema)}{needed}  {schema.get('description', '')}".rstrip())


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    return str(schema.get("type", "anything"))


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("parameters", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run(ctx: click.Context, name: str, parameters: tuple[str, ...]) -> int:
    """Run a tool: --PARAMETER VALUE …, or one JSON object.

    A value is read as JSON where the parameter takes what it says (numbers, true, lists), else it is a text.
    """
    try:
        tools = Tools.standard()
        tool = tools.get(name)
        result = tools.call(name, read_parameters(ctx, list(parameters), tool.schema()["properties"]))
    except ToolError as error:
        click.echo(f"llmspell: {error}", err=True)
        return 2 if error.code in ("unknown_tool", "invalid_parameters") else 1
    click.echo(result["text"].encode("utf-8", "surrogateescape"))
    return 0


def read_parameters(ctx: click.Context, words: list[str], schemas: dict[str, Any]) -> dict[str, Any]:
    if len(words) == 1 and not words[0].startswith("--"):
        try:
            data = json.loads(words[0])
        except ValueError as error:
            ctx.fail(f"parameters are --NAME VALUE or one JSON object: {error}")
        if isinstance(data, dict):
            return data
        ctx.fail("parameters are --NAME VALUE or one JSON object")
    found: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            ctx.fail(f"expected --NAME, not {word!r}")
        key, equals, value = word[2:].partition("=")
        if not equals:
            if not words:
                ctx.fail(f"--{key} needs a value")
            value = words.pop(0)
        key = key.replace("-", "_")
        found[key] = _plain(value, schemas.get(key, {}))
    return found


def _plain(text: str, schema: dict[str, Any]) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    kinds = [one.get("type") for one in schema.get("anyOf", [schema])]
    takes_text = "string" in kinds or "enum" in schema
    return text if takes_text and _kind_of(value) not in kinds else value


def _kind_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", list: "array", dict: "object", str: "string"}
    return kinds.get(type(value), "null")
