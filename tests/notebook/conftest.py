"""Kernels as processes: installed as people install them, found and started by jupyter-client."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmspell_kernel.jupyter.in_process import InProcess
from llmspell_kernel.tools.registry import Tools
from tests.notebook.lab import Lab
from tests.notebook.notebook import Notebook


@pytest.fixture(scope="session", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kernelspec, in a Jupyter folder of the tests' own."""
    folder = tmp_path_factory.mktemp("jupyter")
    before = {
        name: os.environ.get(name) for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_PLATFORM_DIRS")
    }
    os.environ.update(
        JUPYTER_DATA_DIR=str(folder), JUPYTER_RUNTIME_DIR=str(folder / "runtime"), JUPYTER_PLATFORM_DIRS="1"
    )
    subprocess.run([sys.executable, "-m", "llmspell_kernel", "kernel", "install"], check=True, capture_output=True)
    yield folder
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture
def kernel() -> Iterator[InProcess]:
    """A kernel without sockets; what is typed for it is always the same."""
    kernel = InProcess(Tools.standard, read_line=lambda prompt: "typed")
    yield kernel
    kernel.close()


@pytest.fixture(scope="module")
def shared_notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    yield notebook
    notebook.close()


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    """A kernel process that the tests of a file share, with nothing under way."""
    shared_notebook.settle()
    return shared_notebook


@pytest.fixture
def lab(notebook: Notebook) -> Iterator[Lab]:
    lab = Lab(notebook)
    yield lab
    if lab.body("debugInfo")["isStarted"]:
        for known in lab.body("debugInfo")["breakpoints"]:
            lab.body("setBreakpoints", source={"path": known["source"]}, breakpoints=[])
        lab.detach()


@pytest.fixture
def fresh() -> Iterator[Lab]:
    """A kernel of its own, in which nobody has debugged yet."""
    notebook = Notebook()
    yield Lab(notebook)
    notebook.close()
