"""What cells do and show: a kernel without sockets."""

from __future__ import annotations

import pytest

from llmspell_kernel.jupyter.in_process import Answer, InProcess
from llmspell_kernel.lua.runtime import Options
from llmspell_kernel.tools.registry import Tools


def shown(answer: Answer) -> dict[str, str]:
    (result,) = answer.of("execute_result")
    return dict(result["data"])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("6 * 7", "42"),
        ("1.0, 'two', nil", "1.0\ttwo\tnil"),
        ("return 1, 2", "1\t2"),
        ("nil", "nil"),
        ("-- a comment\n'text'", "text"),
        ("{ 1, { 'a' }, k = true }", '{ 1, { "a" }, k = true }'),
        ("string.rep('x', 3);", "xxx"),
        ("setmetatable({}, { __tostring = function() return 'mine' end })", "mine"),
        ("print", "function: print"),
        ("function f() end return f", "function: In[1]:1"),
        ("'\\255'", "\ufffd"),
        ("{ '\\255\\0' }", '{ "\\xff\\x00" }'),
    ],
)
def test_the_value_of_a_cell_is_shown(kernel: InProcess, code: str, text: str) -> None:
    assert shown(kernel.execute(code)) == {"text/plain": text}


@pytest.mark.parametrize("code", ["", "-- nothing", "x = 1", "print()", "local function f() end f()", "local y = 1"])
def test_a_cell_without_a_value_shows_none(kernel: InProcess, code: str) -> None:
    answer = kernel.execute(code)
    assert answer.content["status"] == "ok" and answer.of("execute_result") == []


def test_globals_stay_and_locals_end_with_their_cell(kernel: InProcess) -> None:
    kernel.execute("a = 1 local b = 2")
    assert shown(kernel.execute("a, b"))["text/plain"] == "1\tnil"


def test_a_table_that_contains_itself_is_shown(kernel: InProcess) -> None:
    assert shown(kernel.execute("t = {} t.t = t return t"))["text/plain"] == "{ t = { itself } }"


def test_messages_of_a_cell_come_in_the_order_of_the_protocol(kernel: InProcess) -> None:
    answer = kernel.execute("io.write('a') io.stderr:write('b') print('c') display('d') print('e') return 1")
    kinds = [(one.type, one.content.get("name") or one.content.get("execution_state")) for one in answer.broadcasts]
    assert kinds == [
        ("status", "busy"), ("execute_input", None), ("stream", "stdout"), ("stream", "stderr"), ("stream", "stdout"),
        ("display_data", None), ("stream", "stdout"), ("execute_result", None), ("status", "idle"),
    ]  # fmt: skip
    assert len({one.parent["msg_id"] for one in answer.broadcasts}) == 1


def test_a_flood_of_output_comes_whole_in_few_messages(kernel: InProcess) -> None:
    answer = kernel.execute("for i = 1, 20000 do print(i) end")
    assert answer.output == "".join(f"{n}\n" for n in range(1, 20001))
    assert len(answer.of("stream")) < 500


def test_a_character_that_is_written_in_pieces_comes_whole(kernel: InProcess) -> None:
    assert kernel.execute(r"io.write('\xc3') io.write('\xa4') io.write('\xc3')").output == "ä\ufffd"


def test_an_error_tells_where_in_the_cell_and_shows_the_lines(kernel: InProcess) -> None:
    kernel.execute("function f(x) return x.y.z end")
    answer = kernel.execute("local a = {}\nf(a)\n")
    (error,) = answer.of("error")
    assert error["ename"] == "LuaError"
    assert error["evalue"] == "In[1]:1: attempt to index a nil value (field 'y')"
    trace = "\n".join(error["traceback"])
    assert "\x1b[36mIn[2]:2\x1b[0m: in main chunk" in trace and "in function 'f'" in trace and "llmspell" not in trace
    assert answer.content == {"status": "error", **error, "execution_count": 2}
    syntax = kernel.execute("x = 1\nx y").of("error")[0]
    assert (syntax["ename"], syntax["evalue"]) == ("SyntaxError", "In[3]:2: syntax error near 'y'")
    assert any("---> " in line and "x y" in line for line in syntax["traceback"])


def test_errors_that_are_no_texts_have_one(kernel: InProcess) -> None:
    assert kernel.execute("error({})").content["evalue"] == "(error object is a table value)"
    assert (
        kernel.execute("error(setmetatable({}, {__tostring = function() return 'mine' end}))").content["evalue"]
        == "mine"
    )
    tool = kernel.execute("Tool.execute('calculator', { input = '1 +' })").content
    assert tool["status"] == "error" and tool["evalue"]


def test_os_exit_ends_the_cell_alone(kernel: InProcess) -> None:
    assert kernel.execute("os.exit(3) x = 1").content["ename"] == "Exit"
    assert shown(kernel.execute("x"))["text/plain"] == "nil"


def test_a_cell_that_needs_too_much_memory_is_an_error_and_the_kernel_lives() -> None:
    kernel = InProcess(Tools.standard, Options(memory_mb=20))
    answer = kernel.execute("t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end")
    assert answer.content["ename"] == "MemoryError"
    assert shown(kernel.execute("t = nil collectgarbage() return 1"))["text/plain"] == "1"
    kernel.close()


def test_numbers_count_what_is_stored(kernel: InProcess) -> None:
    counts = [
        kernel.execute("1", **more).content["execution_count"]
        for more in ({}, {"store_history": False}, {"silent": True}, {})
    ]
    assert counts == [1, 1, 1, 2]


def test_a_silent_cell_is_not_heard(kernel: InProcess) -> None:
    answer = kernel.execute("print(1) display('x') return 2", silent=True)
    assert {one.type for one in answer.broadcasts} == {"status"}
    assert answer.content["status"] == "ok"
    assert kernel.execute("print(3)").output == "3\n"


def test_user_expressions_have_values_or_errors_of_their_own(kernel: InProcess) -> None:
    answer = kernel.execute("x = 20", user_expressions={"sum": "x + 1", "wrong": "x.y.z", "bad": "x x"})
    found = answer.content["user_expressions"]
    assert found["sum"] == {"status": "ok", "data": {"text/plain": "21"}, "metadata": {}}
    assert found["wrong"]["status"] == found["bad"]["status"] == "error"
    assert found["bad"]["ename"] == "SyntaxError" and found["wrong"]["evalue"].startswith("cell:1: ")


def test_requests_that_lack_something_are_refused_by_name(kernel: InProcess) -> None:
    for content, problem in (
        ({}, "`code` is missing"),
        ({"code": 1}, "`code` must be a string"),
        ({"code": "", "silent": "yes"}, "`silent` must be true or false"),
        ({"code": "", "user_expressions": {"a": 1}}, "`user_expressions` must be strings"),
    ):
        answer = kernel.request("execute_request", content)
        assert answer.content["status"] == "error" and problem in answer.content["evalue"]
    assert kernel.request("no_request", {}).content["evalue"] == "this kernel knows no no_request"
    assert (
        kernel.request("execute_request", {"code": "1"}, "control").content["evalue"]
        == "execute_request goes over the shell channel"
    )
    assert kernel.request("noise", {}).content == {}


def test_rich_output(kernel: InProcess) -> None:
    kernel.execute("display{ ['text/html'] = '<b>x</b>', ['application/json'] = { a = 1 } }")
    answer = kernel.execute(
        "h = display('one', { id = 'here' }) h:update({ ['text/html'] = 'two' }) update_display('three', 'here')"
    )
    assert [one.content["data"] for one in answer.broadcasts if "display" in one.type] == [
        {"text/plain": "one"}, {"text/html": "two"}, {"text/plain": "three"},
    ]  # fmt: skip
    assert {one["transient"]["display_id"] for one in answer.of("update_display_data")} == {"here"}
    assert kernel.execute("clear_output(true)").of("clear_output") == [{"wait": True}]


def test_bytes_of_an_image_are_an_image(kernel: InProcess) -> None:
    assert shown(kernel.execute(r"'\137PNG\r\n\26\n' .. 'data'"))["image/png"] == "iVBORw0KGgpkYXRh"
    answer = kernel.execute(r"display{ ['image/jpeg'] = '\255\216\255', ['image/svg+xml'] = '<svg/>' }")
    assert answer.of("display_data")[0]["data"] == {"image/jpeg": "/9j/", "image/svg+xml": "<svg/>"}


def test_a_list_of_tables_is_an_html_table(kernel: InProcess) -> None:
    html = shown(kernel.execute("{ { name = 'a<b', n = 1 }, { name = 'c', extra = { 1 } } }"))["text/html"]
    assert "<th>extra</th><th>n</th><th>name</th>" in html
    assert "<td></td><td>1</td><td>a&lt;b</td>" in html and "<td>{ 1 }</td><td></td><td>c</td>" in html
    assert "text/html" not in shown(kernel.execute("{ 1, 2 }"))
    long = shown(kernel.execute("t = {} for i = 1, 1000 do t[i] = { i } end return t"))["text/html"]
    assert "… 800 more" in long


def test_a_type_shows_itself(kernel: InProcess) -> None:
    code = "setmetatable({}, { __display = function() return %s end })"
    assert shown(kernel.execute(code % "{ ['text/latex'] = '$x$' }")) == {"text/latex": "$x$"}
    assert "MIME types" in kernel.execute(code % "1").content["evalue"]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("display({ ['text/html'] = 'x' }, 5)", "options are a table"),
        ("display('x', { id = 1 })", "id of a display is a string"),
        ("update_display('x')", "give the id"),
        ("display({ ['application/json'] = print })", "can't be given to Python"),
        ("Comm.open(1)", "name of a target is a string"),
    ],
)
def test_mistakes_in_what_is_displayed_are_errors_of_the_cell(kernel: InProcess, code: str, problem: str) -> None:
    assert problem in kernel.execute(code).content["evalue"]


def test_input_is_read_as_lua_reads_it() -> None:
    lines = iter(["first", "12 0x10 word", "rest", "last"])
    kernel = InProcess(Tools.standard, read_line=lambda prompt: next(lines))
    answer = kernel.execute(
        "return io.read(), io.read('n', 'n', 'l'), io.stdin:read('L'), io.read(2)", allow_stdin=True
    )
    assert shown(answer)["text/plain"] == "first\t12\trest\n\tla"
    kernel.close()


def test_a_client_that_gives_no_input_makes_reading_an_error(kernel: InProcess) -> None:
    refused = kernel.execute("-- a line\nlocal line = io.read('n')").content["evalue"]
    assert refused == "In[1]:2: io.read: this client gives no input (its request says allow_stdin: false)"
    assert shown(kernel.execute("io.read()", allow_stdin=True))["text/plain"] == "typed"


def test_reading_files_is_as_ever(kernel: InProcess) -> None:
    code = "local f = io.tmpfile() f:write('a\\nb') f:seek('set') io.input(f) local x = io.read() io.input(io.stdin) return x"
    assert shown(kernel.execute(code))["text/plain"] == "a"


def test_comms_go_both_ways(kernel: InProcess) -> None:
    kernel.execute(
        "Comm.register('echo', function(comm, data) comm:on_msg(function(c, d) c:send({ got = d }) end) print('open', data.n) end)"
    )
    opened = kernel.request("comm_open", {"comm_id": "c1", "target_name": "echo", "data": {"n": 5}})
    assert opened.output == "open\t5\n" and opened.content == {}
    assert kernel.request("comm_info_request", {}).content["comms"] == {"c1": {"target_name": "echo"}}
    assert kernel.request("comm_msg", {"comm_id": "c1", "data": {"x": [1]}}).of("comm_msg") == [
        {"comm_id": "c1", "data": {"got": {"x": [1]}}}
    ]
    kernel.request("comm_close", {"comm_id": "c1", "data": {}})
    assert kernel.request("comm_info_request", {"target_name": "echo"}).content["comms"] == {}
    unknown = kernel.request("comm_open", {"comm_id": "c2", "target_name": "nobody", "data": {}})
    assert unknown.of("comm_close") == [{"comm_id": "c2", "data": {}}]
    ours = kernel.execute("c = Comm.open('front', { a = 1 }) c:close()")
    assert ours.of("comm_open")[0]["target_name"] == "front" and len(ours.of("comm_close")) == 1


def test_an_error_in_a_comm_is_told(kernel: InProcess) -> None:
    kernel.execute("Comm.register('bad', function() error('in a comm', 0) end)")
    answer = kernel.request("comm_open", {"comm_id": "c", "target_name": "bad", "data": {}})
    assert answer.of("error")[0]["evalue"] == "in a comm"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("file = io.tmpfile() file:close()\nfile:read()", "attempt to use a closed file"),
        ("file = io.tmpfile() file:close()\nfile:lines()", "attempt to use a closed file"),
        ("file = io.tmpfile() file:close()\nfile:write('x')", "attempt to use a closed file"),
        ("file = io.tmpfile()\nlocal line = file:read('x')", "bad argument #1 to 'read' (invalid format)"),
        ("file = io.tmpfile()\nfile:write('x', {})", "bad argument #2 to 'write' (string expected, got table)"),
        ("local x = 1\nfor line in io.lines('none') do end", "cannot open file 'none' (No such file or directory)"),
        ("local x = 1\nio.lines({})", "bad argument #1 to 'lines' (string expected, got table)"),
        ("local x = 1\nlocal line = io.read('x')", "bad argument to 'read' (invalid format)"),
        ("local x = 1\nos.exit('x')", "bad argument #1 to 'exit' (number expected, got string)"),
        ("local x = 1\nos.exit(1.5)", "bad argument #1 to 'exit' (number has no integer representation)"),
    ],
)
def test_an_error_of_lua_s_own_names_the_line_of_the_program(kernel: InProcess, code: str, problem: str) -> None:
    assert kernel.execute(code, allow_stdin=True).content["evalue"] == f"In[1]:2: {problem}"


def test_an_exit_code_is_what_lua_takes_for_a_whole_number(kernel: InProcess) -> None:
    for code, number in (("'3'", 3), ("4.0", 4), ("false", 1), ("", 0)):
        assert kernel.execute(f"os.exit({code})").content["exit_code"] == number


STRICT = "setmetatable(_ENV, { __index = function(_, name) error('no ' .. name) end })"


def test_a_program_that_replaces_what_we_use_harms_nothing(kernel: InProcess) -> None:
    kernel.execute("string.format, table.concat, tostring, type, pcall, next = nil, nil, nil, nil, nil, nil")
    assert shown(kernel.execute("{ 1, a = { 'b' } }"))["text/plain"] == '{ 1, a = { "b" } }'
    assert kernel.execute("error('x', 0)").content["evalue"] == "x"


@pytest.mark.parametrize("code", ["_G = nil", "_G = { other = 1 }", STRICT, f"_G = nil {STRICT}"])
def test_names_are_known_whatever_a_program_makes_of_its_globals(kernel: InProcess, code: str) -> None:
    kernel.execute(f"mine = 1 {code}")
    assert kernel.request("complete_request", {"code": "min", "cursor_pos": 3}).content["matches"] == ["mine"]
    assert kernel.request("inspect_request", {"code": "mine", "cursor_pos": 3}).content["found"]
    assert not kernel.request("inspect_request", {"code": "other", "cursor_pos": 3}).content["found"]
    assert [name for name, *_ in kernel.kernel.cells.globals()] == ["mine"]
