"""What is logged, how it looks, and what becomes of a log file."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from llmspell_kernel.errors import UserError
from llmspell_kernel.logs import LEVELS, Rules, read_rules
from tests.service.kernels import COMMAND, SECONDS, Kernels


def test_levels_by_component() -> None:
    rules = read_rules("warn,llmspell_kernel=info, llmspell_kernel.transport=off")
    names = ["llmspell_dap", "llmspell_kernel.service", "llmspell_kernel.transport", "llmspell_kernel.transport.x"]
    assert [rules.level(name) for name in names] == [LEVELS[one] for one in ("warn", "info", "off", "off")]
    assert read_rules("") == Rules(LEVELS["warn"]) and read_rules("TRACE").usual == LEVELS["trace"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("loud", "LLMSPELL_LOG: 'loud' is neither a level nor component=level; levels are off, error, warn"),
        ("llmspell_kernel=", "'llmspell_kernel=' is neither a level nor component=level"),
        ("=off", "'=off' is neither"),
        ("kernel=off", "components are llmspell_kernel, llmspell_dap and what is below them, not 'kernel'"),
    ],
)
def test_mistakes_in_them(text: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        read_rules(text)


WRITES = """
import sys
from llmspell_kernel import config, logs
logs.set_up(*logs.by_settings(config.Config(dict(eval(sys.argv[1])))))
log = logs.Log("llmspell_kernel.service")
log.debug("hidden")
log.info("one\\x1b[1m\\nWARN forged: line", number=1)
logs.Log("llmspell_kernel.transport").error("two")
print("logging" in sys.modules)
"""


def written(settings: dict[str, object], **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("LLMSPELL_LOG", "LOG_FORMAT")}
    return subprocess.run(
        [sys.executable, "-c", WRITES, repr(settings)], env={**env, **environment}, capture_output=True, text=True
    )


def test_what_is_off_costs_not_even_the_import_of_logging() -> None:
    done = written({}, LLMSPELL_LOG="off")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_looks() -> None:
    level = {"logging.level": "info"}
    assert written(level).stderr.splitlines() == [
        "INFO service: one\\x1b[1m\\nWARN forged: line number=1",
        "ERROR transport: two",
    ]
    text = written(level, LOG_FORMAT="text").stderr.splitlines()[1]
    assert text.endswith("Z ERROR llmspell_kernel.transport: two") and text[4] == "-"
    lines = [json.loads(line) for line in written(level, LOG_FORMAT="json").stderr.splitlines()]
    assert lines[0]["message"] == "one\x1b[1m\nWARN forged: line" and lines[0]["number"] == 1
    assert [(one["level"], one["component"]) for one in lines][1] == ("error", "llmspell_kernel.transport")
    pretty = written({**level, "logging.format": "pretty"}).stderr.splitlines()
    assert [line.strip() for line in pretty[1:4]] == ["one\\x1b[1m", "WARN forged: line", "number: 1"]
    assert "must be compact, text, json or pretty, not 'xml'" in written(level, LOG_FORMAT="xml").stderr


def test_the_environment_is_stronger_than_the_settings() -> None:
    done = written({"logging.level": "info", "logging.format": "json"}, LLMSPELL_LOG="warn", LOG_FORMAT="compact")
    assert done.stderr == "ERROR transport: two\n"
    done = written({"logging.level": "info"}, LLMSPELL_LOG="info,llmspell_kernel.transport=off")
    assert done.stderr.count("\n") == 1


def test_a_log_file_is_begun_anew_and_old_ones_are_kept_compressed(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "kernel.log"
    settings = {"logging.file": str(path), "logging.rotate_size_mb": 0.0001, "logging.rotate_count": 2}
    for _ in range(6):
        assert written(settings).stderr == ""
    assert sorted(one.name for one in path.parent.iterdir()) == ["kernel.log", "kernel.log.1.gz", "kernel.log.2.gz"]
    old = gzip.decompress((path.parent / "kernel.log.1.gz").read_bytes()).decode()
    assert "llmspell_kernel" in old and {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}
    assert max(one.stat().st_size for one in path.parent.iterdir()) < 300
    settings["logging.rotate_count"] = 0
    for one in path.parent.glob("*.gz"):
        one.unlink()
    written(settings)
    assert sorted(one.name for one in path.parent.iterdir()) == ["kernel.log"]
    assert path.stat().st_size < 300


SHARES = """
import sys
from llmspell_kernel import config, logs
settings = {"logging.file": sys.argv[1], "logging.rotate_size_mb": 0.002, "logging.rotate_count": 500}
logs.set_up(*logs.by_settings(config.Config(settings)))
for n in range(300):
    logs.Log("llmspell_kernel.service").info(f"line {sys.argv[2]}/{n}.")
"""


def test_a_log_that_kernels_share_loses_nothing_when_it_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "shared.log"
    writers = [subprocess.Popen([sys.executable, "-c", SHARES, str(path), str(n)]) for n in range(2)]
    assert [writer.wait(SECONDS) for writer in writers] == [0, 0]
    old = [gzip.decompress(one.read_bytes()).decode() for one in tmp_path.glob("*.gz")]
    text = "".join([*old, path.read_text()])
    assert len(old) > 10
    assert {f"{writer}/{n}" for writer in range(2) for n in range(300)} == {
        line.partition(": line ")[2].rstrip(".") for line in text.splitlines()
    }


def test_what_tools_and_requests_take_is_told_if_asked_for(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSPELL_LOG", "debug")
    kernel = kernels.daemon("one")
    kernel.client().execute("Tool.execute('calculator', {input = '1'})")
    log = kernel.logged("execute_request took")
    assert "DEBUG llmspell_kernel.tools: calculator took " in log and " ms outcome=ok" in log
    done = subprocess.run(
        [sys.executable, "-m", "llmspell_kernel", "tool", "invoke", "calculator", "--input", "1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "DEBUG tools: calculator took " in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_costs_lines_and_nothing_else(kernels: Kernels) -> None:
    kernel = kernels.daemon("one", "--log-file", "/dev/full")
    assert kernel.client().execute("return 1").reply["status"] == "ok"
    assert kernels.command("stop", "one").returncode == 0


def test_a_log_is_followed_through_its_rotation_to_the_end_of_its_kernel(kernels: Kernels) -> None:
    kernels.settings("[logging]\nrotate_size_mb = 0.0005\n")
    kernel = kernels.daemon("one")
    client = kernel.client()
    with subprocess.Popen([*COMMAND, "logs", "-f", "one"], stdout=subprocess.PIPE, text=True) as follow:
        assert follow.stdout is not None and "serves" in follow.stdout.readline()
        for n in range(8):
            client.send("control", f"nonsense_{n}_request", {})
            assert f"nonsense_{n}_request" in follow.stdout.readline()
        assert len(list(Path(kernel.told["log_file"]).parent.glob("one.log.*.gz"))) >= 2
        assert kernels.command("stop", "one").returncode == 0
        assert "kernel one has ended" in follow.stdout.read().splitlines()[-1]
        assert follow.wait(SECONDS) == 0
    last = kernels.command("logs", "one", "-n", "1").stdout
    assert last.count("\n") == 1 and "kernel one has ended" in last


@pytest.mark.skipif(sys.platform != "linux", reason="who follows a log is woken on Linux only")
def test_who_follows_a_log_sleeps_while_nothing_happens_and_hears_the_end_of_a_kernel_that_is_killed(
    kernels: Kernels,
) -> None:
    kernel = kernels.daemon("one")
    with subprocess.Popen([*COMMAND, "logs", "-f", "one"], stdout=subprocess.PIPE, text=True) as follow:
        assert follow.stdout is not None and "serves" in follow.stdout.readline()
        process = psutil.Process(follow.pid)
        woken = process.num_ctx_switches().voluntary
        assert kernel.client().execute("os.execute('sleep 1')").reply["status"] == "ok"  # in which nothing is logged
        assert process.num_ctx_switches().voluntary - woken < 4  # looking five times a second would be 5
        kernel.signal(signal.SIGKILL)
        assert follow.wait(SECONDS) == 0


def test_a_start_that_is_refused_leaves_the_log_alone(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    assert kernels.command("start", "--daemon", "--id", "one").returncode == 2
    assert "running already" not in Path(kernel.told["log_file"]).read_text()


def test_what_a_client_sends_does_not_fill_the_log(kernels: Kernels) -> None:
    kernel = kernels.daemon("one")
    client = kernel.client()
    client.send("control", "x" * 10_000_000, {})
    assert client.request("kernel_info_request", {}, "control")["status"] == "ok"
    assert "characters more" in kernel.logged("a message of the unknown type")
    assert Path(kernel.told["log_file"]).stat().st_size < 100_000


def test_a_kernel_logs_what_it_refuses(kernels: Kernels) -> None:
    kernels.settings('[logging]\nfile = "work.log"\nformat = "json"\nlevel = "warn"\n')
    kernel = kernels.daemon("one")
    assert kernel.told["log_file"] == str(kernels.folder / "work.log")
    kernel.client().send("control", "nonsense_request", {})
    line = json.loads(kernel.logged("nonsense").splitlines()[-1])
    assert (line["level"], line["component"], line["pid"]) == ("error", "llmspell_kernel.messages", kernel.pid)
