"""papermill runs notebooks in Lua, with parameters: as its command, with what our installation tells it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter-client's own
REPORT = Path(__file__).parents[2] / "examples" / "report.ipynb"
VALUES: dict[str, Any] = {
    "quoted": 'say "it\'s" \\n [[x]] ]] -- no comment',
    "lines": "one\ntwo\r\n\ttab\0nul\x7f",
    "digits": "\x07123",
    "world": "grüß 日本 🌙",
    "nothing": None,
    "yes": True,
    "no": False,
    "least": -(2**63),
    "most": 2**63 - 1,
    "tenth": 0.1,
    "whole": 2.0,
    "tiny": 5e-324,
    "empty": {},
    "list": [1, [2, "three"], {"deep": {"deeper": [True]}}],
    "keys": {"plain": 1, "two words": 2, "end": 3, 'quo"ted': 4, "": 5},
    "end": "a keyword",
    "with-dash": 1,
}


def papermill(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", *map(str, words)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, env=environment)


def notebook(path: Path, *cells: str) -> Path:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    made.metadata["kernelspec"] = {"name": "llmspell", "display_name": "Lua (llmspell)", "language": "lua"}
    made.metadata["language_info"] = {"name": "lua"}
    nbformat.write(made, path)
    return path


def outputs(path: Path) -> list[Any]:
    return [one for cell in nbformat.read(path, 4).cells if cell.cell_type == "code" for one in cell.outputs]


def test_the_parameters_of_a_report_are_replaced(installed: Path, tmp_path: Path) -> None:
    done = papermill(
        REPORT, "out.ipynb", "-p", "name", "Ada", "-p", "count", "5", "-y", "weights: [1]", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said, shown = outputs(tmp_path / "out.ipynb")
    assert said["text"] == "A report for Ada\n"
    assert "<td>4</td><td>16</td><td>4</td></tr><tr><th>5</th>" in shown["data"]["text/html"]


def test_every_value_arrives_as_it_is(installed: Path, tmp_path: Path) -> None:
    names = ", ".join(f"[{json.dumps(name)}] = _G[{json.dumps(name)}]" for name in VALUES if name != "empty")
    code = f"assert(next(empty) == nil and math.type(whole) == 'float')\nreturn JSON.stringify({{ {names} }})"
    notebook(tmp_path / "in.ipynb", code)
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(VALUES))
    done = papermill("in.ipynb", "out.ipynb", "-f", "values.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (shown,) = outputs(tmp_path / "out.ipynb")
    wanted = {name: value for name, value in VALUES.items() if name not in ("empty", "nothing")}
    assert json.loads(shown["data"]["text/plain"]) == wanted


def test_numbers_that_json_does_not_know_and_dates(installed: Path, tmp_path: Path) -> None:
    notebook(tmp_path / "in.ipynb", "return a == math.huge, b == -math.huge, c ~= c, d, e[1]")
    (tmp_path / "values.yaml").write_text("a: .inf\nb: -.inf\nc: .nan\nd: 2026-11-26\ne: {1: one}\n")
    done = papermill("in.ipynb", "out.ipynb", "-f", "values.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (shown,) = outputs(tmp_path / "out.ipynb")
    assert shown["data"]["text/plain"] == "true\ttrue\ttrue\t2026-11-26\tone"


def test_an_integer_that_lua_does_not_have_is_refused(installed: Path, tmp_path: Path) -> None:
    done = papermill(REPORT, "out.ipynb", "-p", "count", 2**63, folder=tmp_path)
    assert done.returncode == 1 and "9223372036854775808 is no integer of Lua's" in done.stderr
    assert not (tmp_path / "out.ipynb").exists()


def test_it_tells_which_parameters_there_are(installed: Path, tmp_path: Path) -> None:
    done = papermill("--help-notebook", REPORT, folder=tmp_path)
    assert 'name: string (default "nobody")' in done.stdout and "who it is for" in done.stdout
    assert "count: number (default 3)" in done.stdout and "weights: number[]" in done.stdout


def test_a_failed_cell_fails_the_command_and_is_in_its_notebook(installed: Path, tmp_path: Path) -> None:
    notebook(tmp_path / "in.ipynb", "local t\nreturn t.x", "print('never')")
    done = papermill("in.ipynb", "out.ipynb", folder=tmp_path)
    assert done.returncode == 1 and "attempt to index a nil value (local 't')" in done.stderr
    (failed,) = outputs(tmp_path / "out.ipynb")
    assert failed["ename"] == "LuaError" and "In[1]:2" in failed["evalue"]
