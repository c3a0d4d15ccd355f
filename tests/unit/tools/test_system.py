"""Programs by list and without a shell, variables without secrets, and nothing that outlives its call."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox import environment
from llmspell_kernel.tools.sandbox.policy import Policy
from llmspell_kernel.tools.sandbox.programs import require_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="programs of POSIX")


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    made = tmp_path / "inside"
    made.mkdir()
    (made / "note").write_text("mine\n")
    (tmp_path / "secret").write_text("secret\n")
    return made


def tools_for(inside: Path, **more: Any) -> Tools:
    return Tools.standard(Policy((str(inside),), **more), Config({}))


def run(tools: Tools, executable: str, *arguments: str, seconds: float | None = None, **more: Any) -> Any:
    parameters = {"executable": executable, "arguments": list(arguments), **more}
    return tools.call("process_executor", parameters, seconds=seconds)["result"]


def refused(tools: Tools, executable: str, *arguments: str, **more: Any) -> dict[str, Any]:
    with pytest.raises(ToolError) as raised:
        run(tools, executable, *arguments, **more)
    assert raised.value.code == "not_allowed", raised.value
    assert raised.value.details is not None
    return {**raised.value.details, "message": str(raised.value)}


# Which programs -----------------------------------------------------------------------------------


def test_words_are_words(inside: Path) -> None:
    words = ["$(cat note)", "`cat note`", "; cat note", "* | cat note", "$HOME", "a  b", "\udcff"]
    assert run(tools_for(inside), "echo", *words)["stdout"] == " ".join(words) + "\n"


def test_a_program_that_is_not_listed_says_which_line_lists_it(inside: Path) -> None:
    told = refused(tools_for(inside), "bash", "-c", "id")
    assert told["rule"] == "tools.allowed_programs"
    assert '"whoami", "bash"]' in told["message"]


def test_a_program_of_ours_does_not_stand_for_one_of_the_list(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the working folder, by a relative path, by PATH."""
    fake = inside / "echo"
    fake.write_text("#!/bin/sh\nprintf broken-out\n")
    fake.chmod(0o755)
    monkeypatch.chdir(inside)
    monkeypatch.setenv("PATH", f"{inside}:.::{os.environ['PATH']}")
    tools = tools_for(inside)
    assert run(tools, "echo", "hello")["stdout"] == "hello\n"
    for name in ("./echo", str(fake), "../inside/echo", "/bin/../" + str(fake)):
        refused(tools, name)


def test_programs_are_found_where_everything_is_allowed(inside: Path) -> None:
    everything = Tools.standard(Policy(("/",)), Config({}))
    assert run(everything, "cat", "note", working_directory=str(inside))["stdout"] == "mine\n"


def test_a_listed_program_by_its_path(inside: Path) -> None:
    tools = tools_for(inside, allowed_programs=(sys.executable,))
    assert run(tools, sys.executable, "-c", "print(6*7)")["stdout"] == "42\n"
    refused(tools, "python3")
    refused(tools, "echo")
    cat = shutil.which("cat")
    assert cat is not None
    assert run(tools_for(inside), cat, "note")["stdout"] == "mine\n"


def test_no_list_allows_nothing(inside: Path) -> None:
    assert "none" in refused(tools_for(inside, allowed_programs=()), "echo")["message"]


# Which words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["cat", "../secret"], ["cat", "{secret}"], ["cat", "link"], ["cat", "way/secret"], ["head", "-n1", "{secret}"],
        ["grep", "-f../secret", "note"], ["grep", "--file={secret}", "note"], ["grep", "-e.", "-rf{secret}", "note"],
        ["grep", "-R", "x"], ["grep", "-nR", "x", "."], ["grep", "--deref", "x", "."], ["ls", "-laL"], ["ls", ".."],
        ["find", "..", "-name", "secret"], ["find", ".", "-exec", "cat", "note", ";"], ["find", "-L", "."],
        ["find", ".", "-fprint", "out"], ["find", ".", "-delete"], ["sort", "--compress-prog=sh", "note"],
        ["sort", "--files0-from=note"], ["sort", "-o", "../new", "note"], ["sort", "-o../new", "note"],
        ["sort", "-olink", "note"], ["uniq", "note", "../new"], ["wc", "--files0-f=note"], ["date", "-f", "../secret"],
        ["date", "--file=../secret"], ["date", "-r../secret"], ["test", "-f", "../secret"], ["tail", "-c+1", "../secret"],
        ["sort", "-o", "llmspell.toml", "note"], ["uniq", "note", "llmspell.toml"], ["sort", "note", "-ro./LLMSPELL.toml"],
        ["sort", "-o", "way/new", "note"], ["sort", "-oway/new", "note"], ["uniq", "note", "way/new"], ["cat", "way/new"],
    ],
)  # fmt: skip
def test_no_word_leads_out(inside: Path, tmp_path: Path, words: list[str]) -> None:
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "way").symlink_to(tmp_path)
    program, *arguments = [word.replace("{secret}", str(tmp_path / "secret")) for word in words]
    told = refused(tools_for(inside), program, *arguments)
    assert told["rule"] in ("tools.allowed_paths", "options", "settings")
    assert (tmp_path / "secret").read_text() == "secret\n"
    assert sorted(os.listdir(tmp_path)) == ["inside", "secret"]


@pytest.mark.parametrize("words", [["010203042026"], ["-u", "01020304.05"], ["--", "0102030426"], ["-sx"], ["--se=x"]])
def test_no_word_sets_the_clock(words: list[str]) -> None:
    with pytest.raises(ToolError) as refusal:  # it is not even started here: it would be right
        require_words(Policy(), "/bin/date", words, os.getcwd())
    assert (refusal.value.details or {})["rule"] == "options"


def test_no_program_writes_the_settings(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(inside))
    (inside / "llmspell").mkdir()
    for words in (["sort", "note", "-ollmspell/config.toml"], ["uniq", "note", "./llmspell/config.toml"]):
        assert refused(tools_for(inside), *words)["rule"] == "settings"
    assert run(tools_for(inside), "sort", "note", "-oconfig.toml")["exit_code"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["cat", "note"], ["cat", "./note"], ["grep", "-rn", "mine", "."], ["ls", "-la"], ["sort", "-k1,1", "note"],
        ["find", ".", "-name", "n*", "-newer", "note"], ["head", "-n", "1", "note"], ["wc", "-l", "note"],
        ["date", "+%Y"], ["date", "-ud", "20260102"], ["test", "-f", "note"], ["grep", "-c", "mine/yours\\|mine", "note"], ["sort", "-o", "sorted", "note"], ["uname"], ["pwd"], ["which", "ls"],
    ],
)  # fmt: skip
def test_what_people_do_is_done(inside: Path, words: list[str]) -> None:
    assert run(tools_for(inside), *words)["exit_code"] == 0


def test_it_runs_in_an_allowed_folder(inside: Path, tmp_path: Path) -> None:
    tools = tools_for(inside)
    assert run(tools, "pwd")["stdout"] == f"{inside}\n"
    assert refused(tools, "pwd", working_directory=str(tmp_path))["rule"] == "tools.allowed_paths"


def test_the_environment_is_not_inherited(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "t0k3n")
    tools = tools_for(inside, allowed_programs=("env",))
    told = run(tools, "env", environment={"COLOUR": "red"})["stdout"]
    assert {line.partition("=")[0] for line in told.splitlines()} == {
        "PATH", "LANG", "HOME", "COLOUR", "LLMSPELL_PROGRAM"
    }  # fmt: skip
    for name in ("LD_PRELOAD", "PATH", "PYTHONSTARTUP", "ld_library_path", "BASH_ENV"):
        assert refused(tools, "env", environment={name: "x"})["rule"] == "steering"
    with pytest.raises(ToolError, match="can't be the name"):
        run(tools, "env", environment={"A=B": "x"})


# How it ends --------------------------------------------------------------------------------------


def test_a_program_that_fails_says_how(inside: Path) -> None:
    told = run(tools_for(inside), "cat", "missing")
    assert told["exit_code"] == 1 and told["success"] is False and "missing" in told["stderr"]
    python = tools_for(inside, allowed_programs=(sys.executable,))
    killed = run(python, sys.executable, "-c", "import os; os.kill(os.getpid(), 15)")
    assert killed["signal"] == "SIGTERM"


def test_output_without_end_is_cut_and_the_program_ended(inside: Path) -> None:
    tools = tools_for(inside, allowed_programs=("yes",))
    told = run(tools, "yes")
    assert told["truncated"] is True and len(told["stdout"]) == 1024 * 1024


def test_what_is_written_to_it_and_read_from_it_at_once(inside: Path) -> None:
    """More than fits into a pipe, both ways."""
    text = "line of text\n" * 50_000
    assert run(tools_for(inside), "cat", input=text)["stdout"] == text


FAMILY = """
import os, signal, sys
write = lambda: open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
if os.fork() == 0:
    write()
    signal.pause()
if os.fork() == 0:
    os.setsid()  # it leaves the process group, and its parent does not wait
    if os.fork() == 0:
        write()
        signal.pause()
    os._exit(0)
while open(sys.argv[1]).read().count("\\n") < 2:
    os.sched_yield()
if sys.argv[2] == "wait":
    signal.pause()
"""


@pytest.fixture
def family(inside: Path) -> Iterator[Any]:
    pids = inside / "pids"
    pids.write_text("")
    tools = tools_for(inside, allowed_programs=(sys.executable,))

    def start(how: str, **more: Any) -> Any:
        return run(tools, sys.executable, "-c", FAMILY, str(pids), how, **more)

    yield start
    for pid in map(int, pids.read_text().split()):
        while _alive(pid):  # the signal is on its way; else this is where the test hangs
            os.sched_yield()


def _alive(pid: int) -> bool:
    """Not only its number: what has ended may still be waited for by init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who is alive")


@linux
def test_all_that_it_has_started_ends_with_it(family: Any) -> None:
    assert family("leave")["exit_code"] == 0


@linux
def test_all_that_it_has_started_ends_at_its_own_limit(family: Any) -> None:
    with pytest.raises(ToolError, match=r"did not end within 2 s") as raised:
        family("wait", timeout_seconds=2)
    assert raised.value.code == "timeout"


@linux
def test_all_that_it_has_started_ends_at_the_calls_limit(family: Any) -> None:
    with pytest.raises(ToolError, match="longer than its limit of 2 s") as raised:
        family("wait", seconds=2)
    assert raised.value.code == "timeout"


def test_a_call_that_is_interrupted_ends_its_program(inside: Path) -> None:
    tools = tools_for(inside, allowed_programs=(sys.executable,))
    os.mkfifo(inside / "told")
    errors: list[ToolError] = []
    text = "import os, signal; open('told', 'w').write(str(os.getpid())); signal.pause()"

    def call() -> None:
        try:
            run(tools, sys.executable, "-c", text)
        except ToolError as error:
            errors.append(error)

    waiting = threading.Thread(target=call)
    waiting.start()
    pid = int((inside / "told").read_text())
    tools.interrupt()
    waiting.join()
    assert errors[0].code == "cancelled"
    while _alive(pid):  # the signal is on its way
        os.sched_yield()


WAITING = """
local told, python = ...
Tool.execute("process-executor", {
    executable = python,
    arguments = {"-c", "import os, signal, sys; open(sys.argv[1], 'w').write(str(os.getpid())); signal.pause()", told},
})
"""


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_ends_when_llmspell_is_told_to(inside: Path, number: int) -> None:
    os.mkfifo(inside / "told")
    (inside / "wait.lua").write_text(WAITING)
    words = [sys.executable, "-m", "llmspell_kernel", "run", "wait.lua", "told", sys.executable]
    allowed = {"LLMSPELL_TOOLS_ALLOWED_PROGRAMS": sys.executable}
    run = subprocess.Popen(words, cwd=inside, env={**os.environ, **allowed}, stderr=subprocess.PIPE)
    pid = int((inside / "told").read_text())
    assert _alive(pid)
    run.send_signal(number)
    run.communicate()
    while _alive(pid):  # the signal is on its way; else this is where the test hangs
        os.sched_yield()


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1, max_size=20), st.lists(st.text(max_size=20), max_size=4))
def test_whatever_is_asked_for_the_answer_is_a_result_or_a_tool_error(program: str, words: list[str]) -> None:
    tools = Tools.standard(Policy((os.path.dirname(__file__),)), Config({}))
    for name in (program, "echo"):
        try:
            run(tools, name, *words)
        except ToolError:
            continue


# Variables ----------------------------------------------------------------------------------------


def read(tools: Tools, operation: str, **more: Any) -> Any:
    return tools.call("environment_reader", {"operation": operation, **more})["result"]


SECRET = [
    "API_KEY", "GITHUB_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "PGPASSWORD", "GOOGLE_APPLICATION_CREDENTIALS",
    "MYSQL_PWD", "SENTRY_DSN", "SLACK_WEBHOOK_URL", "NPM_AUTH", "SESSION_COOKIE", "SSH_PRIVATE", "GITHUB_PAT",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_told_to_nobody_whatever_is_allowed(
    inside: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "t0p")
    tools = tools_for(inside, allowed_environment=("*", name), writable_environment=("*",))
    with pytest.raises(ToolError) as raised:
        read(tools, "get", variable_name=name)
    assert raised.value.details == {"rule": "secrets", "variable": name}
    for operation, more in (("list", {}), ("pattern", {"pattern": "*"}), ("pattern", {"pattern": name})):
        told = read(tools, operation, **more)
        assert "t0p" not in str(told) and name not in told["variables"]
        assert told["hidden"] >= 1


def test_a_password_in_an_address_is_a_secret(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:t0p@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    tools = tools_for(inside, allowed_environment=("*_PROXY",))
    assert read(tools, "pattern", pattern="*_PROXY")["variables"] == {"NO_PROXY": "localhost"}
    with pytest.raises(ToolError, match="secret"):
        read(tools, "get", variable_name="HTTP_PROXY")


def test_denied_beats_allowed(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "red")
    with pytest.raises(ToolError, match=r'allowed_environment = \["COLOUR"\]'):
        read(tools_for(inside), "get", variable_name="COLOUR")
    assert read(tools_for(inside, allowed_environment=("COL*",)), "get", variable_name="COLOUR")["value"] == "red"
    denied = tools_for(inside, allowed_environment=("COLOUR",), denied_environment=("col*",))
    with pytest.raises(ToolError, match=r"denies col\*") as raised:
        read(denied, "get", variable_name="COLOUR")
    assert raised.value.details == {"rule": "tools.denied_environment", "variable": "COLOUR", "pattern": "col*"}


def test_setting_is_refused_unless_it_is_allowed(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "red")
    with pytest.raises(ToolError, match="writable_environment"):
        read(tools_for(inside), "set", variable_name="COLOUR", value="blue")
    allowed = tools_for(inside, writable_environment=("*",))
    assert read(allowed, "set", variable_name="COLOUR", value="blue")["set"] is True
    assert os.environ["COLOUR"] == "blue"
    for name in ("PATH", "LD_PRELOAD", "LLMSPELL_TOOLS_LEVEL"):
        with pytest.raises(ToolError, match="no tool sets it"):
            read(allowed, "set", variable_name=name, value="x")
    with pytest.raises(ToolError, match="needs `value`"):
        read(allowed, "set", variable_name="COLOUR")


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_variable_is_named(name: str, pattern: str) -> None:
    tools = Tools.standard(Policy(), Config({}))
    for operation in ("get", "pattern", "set"):
        try:
            read(tools, operation, variable_name=name, pattern=pattern, value=pattern)
        except ToolError:
            continue
    assert environment.looks_secret("x" + name + "_SECRET_")
