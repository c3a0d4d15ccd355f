"""`jupyter console` at a real terminal. Not among the default tests: it is in the environment that install.sh makes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_run import LLMSPELL
from tests.support.person import CTRL_C, CTRL_D, Person, people

JUPYTER = Path(os.environ.get("LLMSPELL_EDITORS", "build/editors")).absolute() / "jupyter" / "bin" / "jupyter"


class Guest(Person):
    program = (str(JUPYTER), "console")
    command = ()

    def runs(self, number: int, code: str) -> None:
        """Type a cell when it is asked for."""
        self.sees(f"In [{number}]:")
        self.types(f"{code}\r")

    def goes(self) -> int:
        self.types(CTRL_D)
        self.sees("Do you really want to exit")
        self.types("y\r")
        return self.leaves()


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Jupyter's own, with our kernel installed."""
    names = {"JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_CONFIG_DIR": "config", "HOME": "."}
    found = {"JUPYTER_PLATFORM_DIRS": "1", **{name: str(tmp_path / folder) for name, folder in names.items()}}
    command = [*LLMSPELL, "kernel", "install"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **found})
    return found


def test_a_person_at_a_console_of_jupyter(tmp_path: Path, folders: dict[str, str]) -> None:
    with people() as sits:
        person = sits(Guest(tmp_path, "--kernel", "llmspell", **folders))
        person.runs(1, "6 * 7")
        person.sees("Out[1]: 42")
        person.runs(2, "print(6 * 7) while true do end")
        person.sees("42\r\n")  # what is typed before belongs to the prompt
        person.types(CTRL_C)
        person.sees("Interrupted: the cell was interrupted")
        person.runs(3, "print(7 * 7) return io.read()")
        person.sees("49\r\n")
        person.types("hello\r")
        person.sees("Out[3]: hello")
        person.runs(4, "nil + 1")
        person.sees("LuaError: In[4]:1: attempt to perform arithmetic on a nil value")
        person.sees("In [5]:")
        person.types("string.for\t")
        person.sees("string.format")
        person.types("\r")
        person.sees("Out[5]: function: string.format")
        person.sees("In [6]:")
        assert person.goes() == 0


def test_consoles_come_to_a_kernel_that_runs_and_go(tmp_path: Path, folders: dict[str, str]) -> None:
    def llmspell(*words: str) -> str:
        environment = {**os.environ, **folders, "XDG_STATE_HOME": str(tmp_path)}
        done = subprocess.run([*LLMSPELL, *words], capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    llmspell("kernel", "start", "--daemon", "--id", "night")
    try:
        with people() as sits:
            first = sits(Guest(tmp_path, "--existing", "kernel-night.json", **folders))
            first.runs(1, "kept = 41")
            first.sees("In [2]:")
            assert first.goes() == 0
            second = sits(Guest(tmp_path, "--existing", "kernel-night.json", **folders))
            second.runs(1, "kept + 1")  # it counts from its own beginning until it has an answer
            second.sees("Out[2]: 42")
            second.sees("In [3]:")
            assert second.goes() == 0
        assert "night" in llmspell("kernel", "status")
    finally:
        llmspell("kernel", "stop", "night")
