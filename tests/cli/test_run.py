"""``llmspell run`` as a person meets it: real processes, exit codes, words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client import PATIENCE, environment

LLMSPELL = [sys.executable, "-m", "llmspell_kernel"]


def llmspell(*words: str, given: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LLMSPELL, *words],
        input=given,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture
def script(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(text: str, name: str = "script.lua") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_output_arguments_and_stdin(script) -> None:  # type: ignore[no-untyped-def]
    path = script("#!/usr/bin/env llmspell\nprint(arg[1], ARGS.key, io.read())\nio.stderr:write('err\\n')\n")
    result = llmspell("run", path, "--", "a", "--key", "v", given="typed\n")
    assert (result.returncode, result.stdout, result.stderr) == (0, "a\tv\ttyped\n", "err\n")


def test_the_arguments_before_the_first_one(script) -> None:  # type: ignore[no-untyped-def]
    path = script("print(arg[-1], arg[0] == ..., arg[-2])")
    assert llmspell("run", path, path).stdout == "llmspell\ttrue\tnil\n"


def test_a_program_from_stdin() -> None:
    assert llmspell("run", "-", given="print(6 * 7)").stdout == "42\n"


def test_an_error_with_its_traceback(script) -> None:  # type: ignore[no-untyped-def]
    path = script("local function f() error('boom') end\nf()\n")
    result = llmspell("run", path)
    assert result.returncode == 1
    lines = [line.replace(path, "script.lua") for line in result.stderr.splitlines()]
    shortened = [line.partition("...")[0] + line.partition("...")[2].rpartition("/")[2] or line for line in lines]
    assert [line if "..." not in line else shortened[n] for n, line in enumerate(lines)] == [
        "llmspell: script.lua:1: boom",
        "stack traceback:",
        "\t[C]: in function 'error'",
        "\tscript.lua:1: in local 'f'",
        "\tscript.lua:2: in main chunk",
    ]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["run"], 2, "give a script"),
        (["run", "missing.lua"], 2, "cannot open missing.lua: no such file"),
        (["run", "."], 2, "it is a directory"),
        (["run", "--bogus", "x"], 2, "unknown option --bogus"),
        (["run", "--memory", "much", "x"], 2, "above 0"),
        (["run", "--timeout"], 2, "--timeout needs a value"),
        (["rnu"], 2, "did you mean 'run'?"),
        (["tool", "run", "calculatr"], 2, "did you mean 'calculator'?"),
        (["tool", "run", "calculator", "--input", "1/0"], 1, "division by zero"),
        (["debug", "missing.lua"], 2, "no such file"),
        (["debug", "-b", "1x:", __file__], 2, "a breakpoint is LINE, FILE:LINE or FUNCTION"),
        (["dap", "--bogus"], 2, "--bogus"),
    ],
)
def test_wrong_usage_is_told_in_words(words: list[str], code: int, told: str) -> None:
    result = llmspell(*words)
    assert result.returncode == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("x = = 1", 1, "script.lua:1: unexpected symbol near '='"),
        ("os.exit(7)", 7, ""),
        ("error({})", 1, "error object is a table value"),
        ("\0\0", 2, "binary data"),
    ],
)
def test_exit_codes(script, text: str, code: int, told: str) -> None:  # type: ignore[no-untyped-def]
    result = llmspell("run", script(text))
    assert result.returncode == code
    assert told in result.stderr


def test_limits(script) -> None:  # type: ignore[no-untyped-def]
    result = llmspell("run", "--timeout", "0.2", script("while true do end"))
    assert (result.returncode, result.stderr) == (
        1,
        "llmspell: the program ran longer than its limit of 0.2 s\n",
    )
    closing = (  # what runs in the end is a coroutine that nobody resumed
        "local co = coroutine.create(function() "
        "local held <close> = setmetatable({}, {__close = function() while true do end end}) coroutine.yield() end) "
        "coroutine.resume(co) coroutine.close(co)"
    )
    assert "ran longer" in llmspell("run", "--timeout", "0.2", script(closing)).stderr
    result = llmspell("run", "--memory", "20", script("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(999) end"))
    assert result.returncode == 1
    assert "its limit of 20 MB" in result.stderr


@pytest.mark.parametrize(
    "body",
    [
        "while true do end",
        "coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()",
        "io.read()",
        "while true do os.execute('sleep 0.1') end",
        "io.popen('cat'):read()",
    ],
)
def test_ctrl_c(script, body: str) -> None:  # type: ignore[no-untyped-def]
    process = subprocess.Popen(
        [*LLMSPELL, "run", script(f"io.write('ready\\n') io.flush() {body}")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,  # a terminal's Ctrl-C goes to the program and to what it has started
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    process.communicate()


def test_a_reader_that_has_seen_enough(script) -> None:  # type: ignore[no-untyped-def]
    path = script("for i = 1, 1e9 do print(i) end")
    process = subprocess.Popen(
        [*LLMSPELL, "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == b"1\n"
    process.stdout.close()
    assert process.wait(PATIENCE) == -signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_run_imports_neither_asyncio_nor_zmq_nor_click(script) -> None:  # type: ignore[no-untyped-def]
    code = (
        "import sys; sys.argv = ['llmspell', 'run', sys.argv[1]]; from llmspell_kernel.__main__ import main; main(); "
        "print([m for m in ('asyncio', 'zmq', 'click', 'json', 'dataclasses', 'logging') if m in sys.modules])"
    )
    path = script("print('x')")
    result = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert "[]" in result.stdout


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "words", "lines"),
    [
        ("hello.lua", ["Ada"], ["Hello, Ada!", "6 * 7 = 42"]),
        ("pipeline.lua", [], ["1 9 25 49 81", "sum: 165"]),
        ("retry.lua", [], ["result: 2.5", "attempt 1: division by zero"]),
        ("ledger/main.lua", [], ["Ledger of 2024", "=============="]),
    ],
)
def test_the_examples_run(name: str, words: list[str], lines: list[str]) -> None:
    result = llmspell("run", str(EXAMPLES / name), "--", *words)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[:2] == lines


def test_the_word_count_reads_stdin() -> None:
    result = llmspell("run", str(EXAMPLES / "wordcount.lua"), "--", "--top", "1", given="a b a\n")
    assert result.stdout == "    2  a\n"


def test_the_planted_bug_is_there_for_the_tutorial() -> None:
    result = llmspell("run", str(EXAMPLES / "ledger" / "main.lua"))
    assert result.stdout.splitlines()[-1].split() == ["DIFFERENT,", "by", "207.50"]


def test_c_modules_of_debian_where_they_are_installed(script) -> None:  # type: ignore[no-untyped-def]
    """lua-lpeg and lua-socket; .ci/run installs them."""
    if not any(os.path.exists(f"/usr/lib/{arch}-linux-gnu/lua/5.4/lpeg.so") for arch in ("x86_64", "aarch64")):
        assert "CI" not in os.environ, "lua-lpeg is missing"
        return
    result = llmspell("run", script("print(require('lpeg').match(require('lpeg').P('a'), 'a'))"))
    assert (result.stdout, result.stderr) == ("2\n", "")


def test_a_tool_on_the_command_line_takes_a_number_as_text_where_it_takes_text() -> None:
    digest = "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3"
    assert llmspell("tool", "run", "hash_calculator", "--input", "123").stdout == digest + "\n"
    assert llmspell("tool", "run", "text_manipulator", "--operation", "join", "--input", '["a","b"]').stdout == "ab\n"
    assert llmspell("tool", "run", "json_processor", "--input", '{"a":1}').stdout == '{"a": 1}\n'


@pytest.mark.parametrize("megabytes", ["0.000001", "0.01"])
def test_a_limit_of_memory_in_which_nothing_fits(script, megabytes: str) -> None:  # type: ignore[no-untyped-def]
    result = llmspell("run", "--memory", megabytes, script("local t = { 'x' }"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("llmspell: not enough memory")


def test_a_tool_that_gives_more_than_fits(script) -> None:  # type: ignore[no-untyped-def]
    text = """
    local big = { operation = "repeat", input = "x", count = 50000000 }
    for _ = 1, 3 do print(pcall(Tool.execute, "text_manipulator", big)) end
    print(Tool.execute("calculator", { input = "6*7" }).text)
    """
    result = llmspell("run", "--memory", "5", script(text))
    assert (result.returncode, result.stdout) == (0, "false\tnot enough memory\n" * 3 + "42\n")


def test_limits_that_no_machine_has(script) -> None:  # type: ignore[no-untyped-def]
    result = llmspell("run", "--memory", "1e30", "--timeout", "1e300", script("print('x')"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "x\n", "")


def test_a_time_limit_ends_a_program_that_waits(script) -> None:  # type: ignore[no-untyped-def]
    process = subprocess.Popen(
        [*LLMSPELL, "run", "--timeout", "0.2", script("io.write('before') io.read()")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.wait(PATIENCE) == 1
    assert process.communicate() == (b"before", b"llmspell: the program ran longer than its limit of 0.2 s\n")


def test_a_finalizer_that_calls_a_tool_at_the_very_end(script) -> None:  # type: ignore[no-untyped-def]
    text = "X = setmetatable({}, { __gc = function() print(pcall(Tool.execute, 'calculator', { input = '1' })) end })"
    result = llmspell("run", script(text))
    assert (result.returncode, result.stdout) == (0, "false\tthe program has ended\n")


def test_programs_are_started_as_lua_starts_them(script) -> None:  # type: ignore[no-untyped-def]
    text = """
    print(os.execute("exit 4")) print(os.execute("kill -9 $$")) print(os.execute("true"))
    local reader = io.popen("echo hi; exit 3")
    print(reader:read(), reader:close())
    print(pcall(reader.read, reader))
    io.write("before, ")
    local writer = io.popen("cat; exit 2", "w") writer:write("written\\n")
    print(io.close(writer))
    print(pcall(io.popen, "x", "rw"))
    io.popen("sort", "w"):write("left b\\nleft a\\n")
    """
    result = llmspell("run", script(text))
    assert result.stdout.splitlines() == [
        "nil\texit\t4", "nil\tsignal\t9", "true\texit\t0",
        "hi\tnil\texit\t3",
        "false\tattempt to use a closed file",
        "before, written", "nil\texit\t2",
        "false\tbad argument #2 to 'popen' (invalid mode)",
        "left a", "left b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("print(1+1)", "2\n"),
        ("1+1", "2\n"),
        ("'a', nil, 2", "a\tnil\t2\n"),
        ("x = 5 print(x, ...)", "5\tone\n"),
        ("Tool.calculator:execute{input='6*7'}.text", "42\n"),
        ("#'abc'", "3\n"),
        ("do end", ""),
    ],
)
def test_code_on_the_command_line(code: str, output: str) -> None:
    result = llmspell("exec", code, "one")
    assert (result.returncode, result.stdout, result.stderr) == (0, output, "")


def test_mistakes_in_code_on_the_command_line() -> None:
    result = llmspell("exec", "x = = 1")
    assert result.returncode == 1
    assert "llmspell: (command line):1: unexpected symbol near '='" in result.stderr
    assert "(command line):1: boom" in llmspell("exec", "error('boom')").stderr
    assert llmspell("exec").returncode == 2
    assert "give some code: llmspell exec CODE" in llmspell("exec").stderr
    assert llmspell("exec", "-", given="print('from stdin')").stdout == "from stdin\n"


def test_a_safe_program_calls_safe_tools_only_unless_the_settings_allow_more(tmp_path: Path) -> None:
    program = "print(Tool.calculator:execute{input='1'}.text) print(pcall(Tool.execute, 'file-operations', {operation='list', path='.'}))"
    refused = llmspell("run", "--safe", "-", given=program, cwd=tmp_path).stdout
    assert refused.startswith(
        "1\nfalse\tfile-operations is a privileged tool, and only tools up to safe may be called here"
    )
    assert llmspell("run", "-", given=program, cwd=tmp_path).stdout.startswith("1\ntrue")
    (tmp_path / "llmspell.toml").write_text('[tools]\nlevel = "privileged"\n')
    assert llmspell("run", "--safe", "-", given=program, cwd=tmp_path).stdout.startswith("1\ntrue")
