"""``llmspell config``: what llmspell.toml says, whether it is right, and a new one."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from llmspell_kernel import config
from llmspell_kernel.config import SETTINGS
from llmspell_kernel.errors import UserError
from llmspell_kernel.logs import read_rules
from llmspell_kernel.toml import NotToml

DEFAULT = "default"


@click.group("config")
def command() -> None:
    """Show, check and begin llmspell.toml."""


@command.command("show", short_help="Show the settings as they hold here.")
@click.argument("name", required=False)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "pretty"]), default="text", show_default=True,
    help="How it is written: for people, as JSON in a line, as JSON in many.",
)  # fmt: skip
def show(name: str | None, output: str) -> None:
    """All settings as they hold here, and where each comes from; or those of a section, or one."""
    wanted = [key for key in SETTINGS if name is None or key == name or key.startswith(name + ".")]
    if not wanted:
        raise UserError(config.unknown(str(name)))
    values, origins = _values()
    if output != "text":
        told = {key: {"value": values[key], "from": origins.get(key, DEFAULT)} for key in wanted}
        click.echo(json.dumps(told, indent=2 if output == "pretty" else None, ensure_ascii=False))
        return
    for key in wanted:
        origin = origins.get(key, DEFAULT)
        click.echo(f"{key} = {_toml(values[key])}" + ("" if origin == DEFAULT else f"  # {origin}"))


def _values() -> tuple[dict[str, Any], dict[str, str]]:
    values = {key: setting.default for key, setting in SETTINGS.items()}
    origins: dict[str, str] = {}
    for origin, given in config.layers():
        values.update(given)
        origins.update(dict.fromkeys(given, origin))
    return values, origins


def _toml(value: Any) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


@command.command("validate", short_help="Name all that is wrong with llmspell.toml.")
@click.argument("file", required=False)
def validate(file: str | None) -> int:
    """Name all that is wrong with the files that count here, or with FILE; exit code 1 if there is anything."""
    paths = [file] if file else config.files()
    if not paths:
        click.echo(
            f"There is no {config.NAME} here or above, and no {config.user_file()}: all settings are the usual ones."
        )
        return 0
    wrong = False
    for path in paths:
        problems = _problems(path)
        for problem in problems:
            click.echo(f"{path}: {problem}", err=True)
        if not problems:
            click.echo(f"{path}: good")
        wrong = wrong or bool(problems)
    return 1 if wrong else 0


def _problems(path: str) -> list[str]:
    """Raises UserError: it can't be read."""
    try:
        values, problems = config.looked_through(path)
    except NotToml as error:
        return [str(error).removeprefix(f"{path}: ")]
    return problems + _levels(values.get("logging.level"))


def _levels(text: str | None) -> list[str]:
    """What is wrong with the levels of the log: its components are the log's affair."""
    try:
        read_rules(text or "", where="logging.level")
    except UserError as error:
        return [str(error)]
    return []


@command.command("init", short_help="Write a llmspell.toml that names every setting.")
@click.argument("file", default=config.NAME)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(file: str, force: bool) -> None:
    """Write a llmspell.toml that names every setting, each as a comment with what it is without one."""
    try:
        with open(file, "w" if force else "x", encoding="utf-8") as out:
            out.write(_template())
    except FileExistsError:
        raise UserError(f"{file} is there already; --force replaces it") from None
    except OSError as error:
        raise UserError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error
    click.echo(f"Wrote {os.path.relpath(file)}; llmspell config show tells what holds.")


def _template() -> str:
    lines = ["# Settings of llmspell for this folder and those below: llmspell config show"]
    section = ""
    for key, setting in SETTINGS.items():
        head, _, name = key.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        value = "" if setting.default is None else f" {_toml(setting.default)}"
        lines.append(f"# {name} ={value}  # {setting.about}" if value else f"# {name} = …  # {setting.about}")
    return "\n".join(lines) + "\n"
