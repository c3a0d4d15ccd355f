"""Tools on the command line."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL, PATIENCE, environment, llmspell


def test_a_tool_is_called_with_names_and_values() -> None:
    assert llmspell("tool", "invoke", "calculator", "input=2+2").stdout == "4\n"
    assert llmspell("tool", "invoke", "calculator", "input=a*b", "variables.a=2", "variables.b=2.5").stdout == "5\n"
    assert llmspell("tool", "invoke", "calculator", "--expression", "1+1").stdout == "2\n"
    assert llmspell("tool", "invoke", "hash_calculator", "input=123", "algorithm=md5").stdout.startswith("202cb962")
    assert llmspell("tool", "invoke", "json-processor", "operation=stringify", "input:=[1]").stdout == "[1]\n"


def test_or_with_json_from_wherever(tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text('{"input": "3*3"}')
    assert llmspell("tool", "invoke", "calculator", "--params", '{"input": "1"}').stdout == "1\n"
    assert llmspell("tool", "invoke", "calculator", "--params", "@given.json", cwd=tmp_path).stdout == "9\n"
    assert llmspell("tool", "invoke", "calculator", "--params=-", given='{"input": "5"}').stdout == "5\n"


def test_the_whole_answer_for_programs() -> None:
    answer = json.loads(
        llmspell("tool", "invoke", "json-processor", "operation=keys", 'input={"a":1}', "-o", "json").stdout
    )
    assert (answer["operation"], answer["success"], answer["result"]) == ("keys", True, ["a"])
    assert answer["metadata"]["duration_ms"] > 0
    failed = llmspell("tool", "invoke", "calculator", "input=1/0", "--output", "pretty")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"] == {"code": "failed", "message": "division by zero"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["calculatr", "input=1"], 2, "no tool named 'calculatr'; did you mean 'calculator'?"),
        (["calculator", "inpt=1"], 2, "unknown parameter; did you mean 'input'?"),
        (["calculator"], 2, "input: missing"),
        (["calculator", "--params", "{1"], 2, "--params: not JSON: Expecting property name"),
        (["calculator", "--params", "[1]"], 2, "parameters are a JSON object"),
        (["calculator", "--params", "@nowhere.json"], 2, "cannot read nowhere.json: no such file"),
        (["calculator", "2+2"], 2, "expected PARAMETER=VALUE, not '2+2'"),
        (["calculator", "input=1", "-o", "xml"], 2, "--output is one of text, json, pretty"),
        (["calculator", "input=1", "--time-limit", "0"], 2, "--time-limit is a number of seconds above 0"),
        (["calculator", "--input"], 2, "--input needs a value"),
        ([], 2, "which tool?"),
        (["calculator", "input=1/0"], 1, "division by zero"),
        (["file-operations", "operation=read", "path=/etc/passwd"], 1, "[tools] allowed_paths"),
    ],
)
def test_mistakes(words: list[str], code: int, message: str) -> None:
    result = llmspell("tool", "invoke", *words)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr


def test_the_level_holds_here_too(tmp_path: Path) -> None:
    (tmp_path / "llmspell.toml").write_text('[tools]\nlevel = "safe"\n')
    result = llmspell("tool", "invoke", "file-operations", "operation=list", "path=.", cwd=tmp_path)
    assert result.returncode == 1
    assert '[tools] level = "privileged"' in result.stderr


def test_what_a_tool_prints_is_not_its_result(tmp_path: Path) -> None:
    text = (
        "from llmspell_kernel.tools.spec import tool\n@tool()\ndef chatty() -> int:\n    print('noise')\n    return 5\n"
    )
    (tmp_path / "chatty_tool.py").write_text(text)
    (tmp_path / "llmspell.toml").write_text('[tools]\npaths = ["chatty_tool.py"]\n')
    result = llmspell("tool", "invoke", "chatty", cwd=tmp_path)
    assert (result.stdout, result.stderr) == ("5\n", "noise\n")


def test_tools_are_listed_by_category_and_level() -> None:
    everything = llmspell("tool", "list").stdout
    assert "utility:\n" in everything
    assert "  calculator           Evaluate an arithmetic expression.\n" in everything
    named = json.loads(
        llmspell("tool", "list", "--category", "filesystem", "--level", "privileged", "-o", "json").stdout
    )
    assert [one["name"] for one in named] == ["file-operations"]
    wrong = llmspell("tool", "list", "--category", "files")
    assert wrong.returncode == 2
    assert "no category named 'files'; there are" in wrong.stderr


def test_a_tool_is_described() -> None:
    told = llmspell("tool", "info", "calculator", "--schema", "--examples").stdout
    for words in (
        "calculator (utility, safe)",
        'input: string (also expression; default "")',
        '"type": "object"',
        "# Add two numbers",
    ):
        assert words in told
    assert "path: string (needed; also source_path)" in llmspell("tool", "info", "file-operations").stdout
    assert json.loads(llmspell("tool", "info", "calculator", "--json").stdout)["schema"]["properties"]["input"]
    assert "did you mean" in llmspell("tool", "info", "calculater").stderr


def test_a_tool_is_found_by_what_it_does() -> None:
    assert llmspell("tool", "search", "arithmetic", "expression").stdout.startswith("calculator ")
    nothing = llmspell("tool", "search", "zzzzqqq")
    assert (nothing.returncode, nothing.stdout) == (1, "")


def test_worked_examples_are_tried(tmp_path: Path) -> None:
    assert "✓ calculator: 6 of 6" in llmspell("tool", "test", "calculator").stdout
    bad = (
        "from llmspell_kernel.tools.spec import Example, tool\n"
        "@tool(examples=[Example('wrong', {}, text='2')])\n"
        "def one() -> int:\n    return 1\n"
    )
    (tmp_path / "bad_tool.py").write_text(bad)
    (tmp_path / "llmspell.toml").write_text('[tools]\npaths = ["bad_tool.py"]\n')
    result = llmspell("tool", "test", "one", cwd=tmp_path)
    assert result.returncode == 1
    assert "✗ wrong: expected the text '2', got '1'" in result.stdout


COMPLETE = """
source <(_LLMSPELL_COMPLETE=bash_source "$1")
COMP_LINE=$2 COMP_POINT=${#2}
_llmspell_completion "$1" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_names_and_parameters(tmp_path: Path) -> None:
    command = tmp_path / "llmspell"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(LLMSPELL)} "$@"\n')
    command.chmod(0o755)

    (tmp_path / "llmspell.toml").write_text('[tools.mcp.slow]\ncommand = "sleep"\nargs = ["600"]\n')  # is not started

    def complete(line: str) -> list[str]:
        bash = ["bash", "-c", COMPLETE, "bash", str(command), line]
        done = subprocess.run(bash, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout.split()

    assert complete("llmspell tool invoke calc") == ["calculator"]
    assert complete("llmspell tool invoke calculator in") == ["input="]
    assert complete("llmspell tool invoke calculator operation=") == ["evaluate", "validate", "functions"]
    assert complete("llmspell tool invoke calculator 'input=1 + 1' operation=v") == ["validate"]
    assert complete("llmspell tool invoke archive-handler format=tar.") == ["tar.gz", "tar.bz2", "tar.xz"]
    assert complete("llmspell tool invoke calculator input=1 ") == ["variables=", "operation=", "expression="]
    assert complete("llmspell tool list --category w") == ["web"]
