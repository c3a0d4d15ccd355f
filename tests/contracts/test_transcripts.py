"""What the documents show is what happens: their sessions are typed, their programs run.

In a document a line `…` stands for any lines, and … in a line for any text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell_kernel.lua.lines import Compiler
from tests.cli.test_run import llmspell
from tests.contracts.test_docs import DOCS
from tests.support.client import PATIENCE, environment

ROOT = Path(__file__).parents[2]
PROMPT = "(llmspell) "
LEDGER = "examples/ledger/main.lua"
CURE = ("date < month.last", "date <= month.last")


def blocks(name: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / name).read_text(), re.M | re.S)


def shown(documented: str, actual: str) -> bool:
    lines = [line.rstrip() for line in documented.strip("\n").split("\n")]
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n" for line in lines
    )
    tidy = "".join(line.rstrip() + "\n" for line in actual.splitlines())
    return re.fullmatch(pattern, tidy) is not None


def test_a_document_may_leave_out_but_not_invent() -> None:
    assert shown("a\n…\nd …", "a\nb\nc\nd e\n")
    assert not shown("a\nd", "a\nb\nd\n")
    assert not shown("a", "a\nb\n")


def shell(command: str) -> str:
    bin_folder = os.path.dirname(sys.executable)
    env = {**environment(), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    result = subprocess.run(
        command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("name", ["README.md", "docs/getting-started.md"])
def test_commands_print_what_is_shown(name: str) -> None:
    found = [block for block in blocks(name) if block.startswith("$ ")]
    assert found
    for block in found:
        command, _, output = block[2:].partition("\n")
        assert shown(output, shell(command)), f"{command}\n{shell(command)}"


def session(name: str) -> list[tuple[str, str]]:
    """Commands and what they answer, of all the sessions in a document."""
    text = "".join(block for block in blocks(name) if block.startswith(PROMPT))
    pairs = [part.partition("\n") for part in text.split(PROMPT)[1:]]
    return [(command, answer) for command, _, answer in pairs]


def test_the_hunt_goes_as_the_tutorial_tells_it() -> None:
    wanted = session("docs/getting-started.md")
    assert len(wanted) > 8
    typed = "".join(f"{command}\n:{n}\n" for n, (command, _) in enumerate(wanted))
    rest = llmspell("debug", LEDGER, given=":start\n" + typed, cwd=ROOT).stdout
    _, _, rest = rest.partition("no command named ':start'; `help` lists them\n")
    for n, (command, answer) in enumerate(wanted):
        actual, mark, rest = rest.partition(f"no command named ':{n}'; `help` lists them\n")
        assert mark, f"no answer to {command}"
        assert shown(answer, actual) if answer else actual == "", f"{command}: {actual}"


def test_the_cure_of_the_tutorial_cures(tmp_path: Path) -> None:
    shell(f"cp -r examples/ledger {tmp_path}")
    (cure,) = blocks("docs/getting-started.md", "lua")
    periods = tmp_path / "ledger" / "lib" / "periods.lua"
    text = periods.read_text()
    periods.write_text(text.replace(*CURE))
    assert cure.strip() in periods.read_text()
    assert text.splitlines()[36].strip() == cure.strip().replace(*reversed(CURE)), "it is line 37"
    result = llmspell("run", str(tmp_path / "ledger" / "main.lua"))
    assert "DIFFERENT" not in result.stdout
    assert result.returncode == 0


def test_the_tour_is_the_hunt(tmp_path: Path) -> None:
    tour = (ROOT / "examples/ledger/tour.txt").read_text()
    result = llmspell("debug", LEDGER, given=tour, cwd=ROOT)
    assert result.returncode == 0
    assert result.stderr == ""
    assert '"is its date before the last day?", false\n' in result.stdout
    assert '"lost:", "207.50"\n' in result.stdout
    for trouble in ("no command", "expected", "has ended; `run`"):
        assert trouble not in result.stdout


@pytest.mark.parametrize("name", ["README.md", "docs/lua-api.md"])
def test_lua_in_the_documents_gives_what_its_comments_say(name: str, tmp_path: Path) -> None:
    for n, block in enumerate(blocks(name, "lua")):
        promised = re.findall(r"--> (.*)", block)
        if promised:
            path = tmp_path / f"{n}.lua"
            path.write_text(block)
            result = llmspell("run", str(path))
            assert result.stdout.splitlines() == promised, result


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_lua_in_the_documents_is_lua(path: Path) -> None:
    for block in blocks(str(path), "lua"):
        assert Compiler().check(block.encode()) is None, block


def test_the_lua_of_the_tools_runs(tmp_path: Path) -> None:
    for n, block in enumerate(blocks("docs/lua-api.md", "lua")):
        (tmp_path / f"{n}.lua").write_text(block)
        result = llmspell("run", f"{n}.lua", cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, ""), block


def test_the_configuration_that_is_shown_is_accepted(tmp_path: Path) -> None:
    (block,) = blocks("docs/command-line.md", "toml")
    (tmp_path / "llmspell.toml").write_text(block)
    (tmp_path / "x.lua").write_text("print(io.open)")
    assert llmspell("run", "x.lua", cwd=tmp_path).stdout == "nil\n"
