"""What `--help` lists is what there is."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from llmspell_kernel.cli.main import llmspell


def groups(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    if isinstance(command, click.Group):
        yield words, command
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from groups(found, (*words, name))


GROUPS = dict(groups(llmspell))


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_every_command_is_listed_and_explained(words: tuple[str, ...]) -> None:
    group = GROUPS[words]
    told = CliRunner().invoke(llmspell, [*words, "--help"]).output
    listed = set(group.list_commands(click.Context(group)))
    assert set(group.commands) <= listed
    for name in listed:
        assert f"  {name} " in told
        assert CliRunner().invoke(llmspell, [*words, name, "--help"]).output.lower().startswith("usage: ")
