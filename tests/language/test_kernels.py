"""What a running kernel knows is known in the editor: a real kernel, a real server, pygls' own client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from lsprotocol import types

from llmspell_kernel.cli.kernel.names import RunningKernels
from tests.cli.test_run import LLMSPELL
from tests.support.client import PATIENCE, environment
from tests.support.language import LspEditor, Place, project

DEFINED = """
ledger = { total = function(list) return #list end, name = "mine", nested = {} }
function settle(account, amount) return amount end
limit = setmetatable({}, { __index = function() error("asked") end, __tostring = function() error("shown") end })
Tool.register("settle-all", { description = "Settles.", parameters = { type = "object", properties = { who = { type = "string" } },
  required = { "who" } } }, function(given) return given.who end)
"""


class Kernel:
    """Started by hand in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [*LLMSPELL, "kernel", "start"], cwd=folder, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env=environment(),
        )  # fmt: skip
        assert self.process.stderr is not None
        self.id = Path(self.process.stderr.readline().split()[-1]).stem.removeprefix("kernel-")

    def runs(self, code: str) -> subprocess.Popen[str]:
        command = [*LLMSPELL, "exec", "--connect", self.id, code]
        return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, code: str) -> str:
        out, err = self.runs(code).communicate(timeout=PATIENCE)
        assert err == ""
        return out

    def close(self) -> None:
        assert self.process.stderr is not None
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a Jupyter runtime folder of the test's own."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "work").mkdir()
    return project(tmp_path / "work")


@pytest.fixture
def kernel(folder: Path) -> Iterator[Kernel]:
    kernel = Kernel(folder)
    kernel.run(DEFINED)
    yield kernel
    kernel.close()


@pytest.fixture
def editor(folder: Path, request: pytest.FixtureRequest) -> Iterator[LspEditor]:
    editor = LspEditor(folder, options=getattr(request, "param", None)).start_stdio()
    yield editor
    editor.close()


def items(place: Place) -> dict[str, types.CompletionItem]:
    found = place.ask("textDocument/completion", types.CompletionParams)
    return {one.label: one for one in found.items}


def asked_until(holds: Callable[[], bool]) -> None:
    """Each question may be what makes the server ask its kernels again."""
    end = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < end, "it did not become so"


def hover(place: Place, until: Callable[[str], bool]) -> str:
    """What is shown once the kernel has answered in time: a machine may be busy."""
    shown: list[str] = []

    def asked() -> bool:
        shown.append(place.ask("textDocument/hover", types.HoverParams).contents.value)
        return until(shown[-1])

    asked_until(asked)
    return shown[-1]


def codes(editor: LspEditor, place: Place, until: Callable[[list[Any]], bool]) -> list[Any]:
    """What is published, from the first that is as it should be."""
    while not until(found := [one.code for one in editor.problems(place.uri)]):
        pass
    return found


def test_its_globals_and_what_is_in_them_are_known(kernel: Kernel, editor: LspEditor) -> None:
    at = editor.open("a.lua", "print(ledger.name, settle(1), unheard, led¦)")
    assert codes(editor, at, lambda found: len(found) == 2) == ["undefined-global", "undefined-global"]  # led, unheard
    found = items(at)["ledger"]
    assert (found.detail, found.kind) == (f"table, in kernel {kernel.id}", types.CompletionItemKind.Class)
    at = editor.open("b.lua", "ledger.¦")
    assert {"total", "name", "nested"} <= set(items(at))
    at = editor.open("c.lua", "ledger:¦")
    assert "total" in items(at) and "name" not in items(at)
    at = editor.open("d.lua", "local ledger = 1\nledger.¦")
    assert "total" not in items(at)


def test_what_it_says_of_a_name_is_shown(kernel: Kernel, editor: LspEditor) -> None:
    at = editor.open("a.lua", "settle¦(1)\nlimit()\n")
    assert codes(editor, at, lambda found: not found) == []
    shown = hover(at, lambda shown: "account" in shown)
    assert "function settle(account, amount)" in shown and shown.endswith(f"In kernel {kernel.id}")
    at = editor.open("b.lua", "print(ledger.na¦me)")
    assert "ledger.name: string\nmine\n" in hover(at, lambda shown: "mine" in shown)
    assert kernel.run("'alive'") == "alive\n", "nothing of it was run"


def test_tools_that_it_has_registered_are_known(kernel: Kernel, editor: LspEditor) -> None:
    at = editor.open("a.lua", 'Tool.get("settle-all"):execute{ whom = 1 }\n')
    assert codes(editor, at, lambda found: "unknown-tool" not in found) == ["missing-parameter"]
    at = editor.open("b.lua", 'Tool.get("settle-¦")')
    assert "settle-all" in items(at)


def test_a_kernel_that_computes_is_not_waited_for(kernel: Kernel, editor: LspEditor) -> None:
    at = editor.open("a.lua", "settle(settl¦)")
    codes(editor, at, lambda found: found == ["undefined-global"])
    running = kernel.runs("print('begun') io.stdout:flush() while true do end")
    assert running.stdout is not None and running.stdout.readline() == "begun\n"
    other = editor.open("b.lua", "settle(settl¦)")
    assert "settle" in items(other), "as it was said before"
    kernel.close()
    running.communicate(timeout=PATIENCE)


def test_names_go_when_their_kernel_does(kernel: Kernel, editor: LspEditor) -> None:
    at = editor.open("a.lua", "settle(settl¦)")
    codes(editor, at, lambda found: found == ["undefined-global"])
    kernel.close()
    asked_until(lambda: "function, in kernel" not in str(items(at).get("settle")))
    assert codes(editor, at, lambda found: len(found) == 2) == ["undefined-global", "undefined-global"]


@pytest.mark.parametrize("editor", [{"kernels": False}], indirect=True)
def test_kernels_are_left_alone_if_that_is_wanted(kernel: Kernel, editor: LspEditor) -> None:
    at = editor.open("a.lua", "settle()\n")
    assert codes(editor, at, bool) == ["undefined-global"]
    assert "settle" not in {name for name, one in items(at).items() if "kernel" in str(one.detail)}
    settings = types.DidChangeConfigurationParams({"llmspell": {"kernels": True}})
    editor.client.workspace_did_change_configuration(settings)
    assert codes(editor, at, lambda found: not found) == []
    settings = types.DidChangeConfigurationParams({"llmspell": {"kernels": False}})
    editor.client.workspace_did_change_configuration(settings)
    assert codes(editor, at, bool) == ["undefined-global"]


def test_kernels_of_other_folders_have_nothing_to_do_with_it(kernel: Kernel, tmp_path: Path) -> None:
    kernels = RunningKernels()
    assert kernels.look([str(tmp_path / "elsewhere")], (), set) == []
    (known,) = kernels.look([str(tmp_path)], (), set)
    assert known.kernel == kernel.id and known.names[""]["settle"] == "function"
    assert known.names["ledger"] == {"total": "function", "name": "string", "nested": "table"}


def test_without_a_kernel_nobody_pays_for_zeromq(folder: Path) -> None:
    code = (
        "import sys; from llmspell_kernel.cli.kernel.names import RunningKernels; "
        f"assert RunningKernels().look([{str(folder)!r}], (), set) == []; assert 'zmq' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())
