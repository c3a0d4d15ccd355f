"""Notebooks as people run them, and the kernelspec as Jupyter finds it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter-client's own
EXAMPLES = Path(__file__).parents[2] / "examples"


def run(notebook: nbformat.NotebookNode, **options: object) -> nbformat.NotebookNode:
    return NotebookClient(notebook, timeout=30, kernel_name="llmspell", **options).execute()


def output_of(cell: nbformat.NotebookNode) -> str:
    return "".join(one.get("text", "") or one.get("data", {}).get("text/plain", "") for one in cell.outputs)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.name)
def test_an_example_runs(path: Path) -> None:
    notebook = run(nbformat.read(path, 4))
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_the_tour_shows_what_it_says() -> None:
    notebook = run(nbformat.read(EXAMPLES / "tour.ipynb", 4))
    cells = {cell.source: cell for cell in notebook.cells if cell.cell_type == "code"}
    assert output_of(cells["6 * 7"]) == "42"
    kinds = {kind for cell in cells.values() for one in cell.outputs for kind in one.get("data", {})}
    assert kinds >= {"text/plain", "text/html", "text/latex", "image/svg+xml", "image/png"}
    (progress,) = [cell for source, cell in cells.items() if "progress" in source]
    assert output_of(progress) == "100 %"
    assert any("0 1 1 2 3 5 8 13 21 34 55 89" in output_of(cell) for cell in cells.values())
    (said, failed) = notebook.cells[-1].outputs
    assert said.text == "2.0\n" and "arithmetic on a table value" in failed.evalue


def test_a_cell_that_fails_ends_the_notebook_with_its_error() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("error('wrong')"), nbformat.v4.new_code_cell("x = 1")]
    )
    with pytest.raises(CellExecutionError, match="wrong"):
        run(notebook)
    assert notebook.cells[1].execution_count is None
    again = run(notebook, allow_errors=True)
    assert again.cells[1].execution_count == 2


def test_jupyter_run_runs_a_file(tmp_path: Path, installed: Path) -> None:
    (tmp_path / "program.lua").write_text("print('from a file')\nreturn 6 * 7")
    command = [sys.executable, "-m", "jupyter_client.runapp", "--kernel", "llmspell", str(tmp_path / "program.lua")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40)
    assert "from a file" in done.stdout, done.stderr


def test_jupyter_execute_runs_a_notebook(tmp_path: Path, installed: Path) -> None:
    notebook = str(EXAMPLES / "report.ipynb")
    command = [sys.executable, "-c", "from nbclient.cli import main; main()", notebook, f"--output={tmp_path / 'out'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said, shown = nbformat.read(tmp_path / "out.ipynb", 4).cells[2].outputs
    assert said.text == "A report for nobody\n" and "<td>9</td>" in shown.data["text/html"]


def test_jupyter_finds_the_kernel(installed: Path) -> None:
    spec = KernelSpecManager().get_kernel_spec("llmspell")
    assert spec.display_name == "Lua (llmspell)" and spec.language == "lua" and spec.interrupt_mode == "message"
    assert spec.metadata == {"debugger": True} and spec.argv[-1] == "{connection_file}"
    folder = Path(spec.resource_dir)
    assert folder == installed / "kernels" / "llmspell"
    assert (folder / "logo-64x64.png").read_bytes().startswith(b"\x89PNG") and (folder / "logo-svg.svg").exists()


def install(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmspell_kernel", "kernel", "install", *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_it_is_installed_where_it_is_wanted(tmp_path: Path) -> None:
    done = install("--prefix", str(tmp_path), "--name", "mine")
    folder = tmp_path / "share" / "jupyter" / "kernels" / "mine"
    assert done.returncode == 0 and str(folder) in done.stdout
    assert json.loads((folder / "kernel.json").read_text())["argv"][0] == sys.executable
    assert install("--prefix", str(tmp_path), "--name", "mine").returncode == 0
    bad = install("--prefix", str(tmp_path), "--name", "../evil")
    assert bad.returncode == 2 and "letters, digits" in bad.stderr
    (tmp_path / "file").write_text("")
    bad = install("--prefix", str(tmp_path / "file"))
    assert bad.returncode == 2 and "cannot install the kernelspec" in bad.stderr


def test_a_kernel_without_sockets_imports_neither_asyncio_nor_zmq() -> None:
    code = (
        "from llmspell_kernel.jupyter.in_process import InProcess\n"
        "kernel = InProcess(lambda: None)\n"
        "assert kernel.execute('6 * 7').of('execute_result')[0]['data']['text/plain'] == '42'\n"
        "import sys; assert not {'asyncio', 'zmq', 'llmspell_dap'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
