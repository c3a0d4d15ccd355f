"""Services of the system: what systemd and launchd are given, and what a kernel tells them."""

from __future__ import annotations

import getpass
import os
import plistlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from llmspell_kernel.service.units import Plan, systemd
from tests.service.kernels import SECONDS, Kernels

UNIT = Path("systemd") / "user" / "llmspell-kernel.service"


def verified(path: Path, *more: str) -> tuple[int, list[str]]:
    """The exit code, and what it says of this unit; it says much of the machine's own."""
    done = subprocess.run(
        ["systemd-analyze", *more, "verify", str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(path.parent)},  # which it insists on
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return done.returncode, [line for line in done.stderr.splitlines() if path.name in line]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_that_is_written_is_good(kernels: Kernels, tmp_path: Path) -> None:
    strange = kernels.folder / 'a "b" 100% $HOME'
    strange.mkdir()
    done = kernels.command("install-service", "--folder", str(strange), "--metrics-port", "9100", "--max-clients", "3")
    path = tmp_path / "config" / UNIT
    assert done.returncode == 0 and f"wrote {path}" in done.stdout and "systemctl --user enable --now" in done.stdout
    assert "--id llmspell-kernel" in path.read_text() and "--metrics-port 9100 --max-clients 3" in path.read_text()
    assert verified(path, "--user") == (0, [])
    again = kernels.command("install-service")
    assert again.returncode == 2 and "is there already; --force replaces it" in again.stderr
    assert kernels.command("install-service", "--force").returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_for_the_machine_is_good(kernels: Kernels, tmp_path: Path) -> None:
    printed = kernels.command(
        "install-service", "--system", "--run-as", getpass.getuser(), "--type", "systemd", "--print"
    ).stdout
    assert f"User={getpass.getuser()}" in printed and "WantedBy=multi-user.target" in printed
    path = tmp_path / "llmspell-kernel.service"
    path.write_text(printed)
    assert verified(path) == (0, [])
    path.write_text(printed.replace("Type=notify", "Type=notfy"))
    assert verified(path)[1] != []  # it would have said so
    alone = kernels.command("install-service", "--system", "--print")
    assert alone.returncode == 2 and "--system and --run-as USER go together" in alone.stderr


def test_words_reach_the_kernel_as_they_are_written() -> None:
    unit = systemd(Plan("x", ["/bin/echo", "plain", 'say "hi"', "100%", "$HOME", "back\\slash", ""], "/a b%", "/log"))
    assert r'ExecStart=/bin/echo plain "say \"hi\"" "100%%" "$$HOME" "back\\slash" ""' in unit
    assert "WorkingDirectory=/a b%%" in unit


def test_the_property_list_starts_the_same(kernels: Kernels) -> None:
    text = kernels.command("install-service", "--type", "launchd", "--name", "work", "--id", "w", "--print").stdout
    told = plistlib.loads(text.encode())
    words = told["ProgramArguments"]
    assert told["Label"] == "llmspell.work" and told["WorkingDirectory"] == os.getcwd()
    assert words[words.index("kernel") :][:4] == ["kernel", "start", "--id", "w"]
    done = subprocess.run([*words, "--idle-timeout", "0.1"], cwd=kernels.folder, timeout=SECONDS)  # it starts, and ends
    assert done.returncode == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")
def test_systemd_is_told_when_the_kernel_serves_and_when_it_ends(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(SECONDS)
        listening.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        kernel = kernels.foreground("--id", "one")
        assert listening.recv(100) == b"READY=1"
        kernel.signal(signal.SIGTERM)
        assert listening.recv(100) == b"STOPPING=1"
        assert kernel.process is not None and kernel.process.wait(SECONDS) == 0
