"""What front ends ask while a person types: a kernel without sockets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.jupyter.in_process import InProcess
from llmspell_kernel.tools.registry import Tools


def completed(kernel: InProcess, typed: str) -> list[str]:
    """The texts that a front end would make of ``typed``, whose cursor is at |."""
    code = typed.replace("|", "")
    at = typed.index("|")
    content = kernel.request("complete_request", {"code": code, "cursor_pos": at}).content
    return [code[: content["cursor_start"]] + one + code[content["cursor_end"] :] for one in content["matches"]]


def test_names_are_completed(kernel: InProcess) -> None:
    kernel.execute("config = { server = { port = 1, path = 'x' } } list = { { name = 1 } }")
    assert completed(kernel, "conf|") == ["config"]
    assert completed(kernel, "config.server.p|") == ["config.server.path", "config.server.port"]
    assert completed(kernel, 'config["server"].po| + 1') == ['config["server"].port + 1']
    assert completed(kernel, "list[1].n|") == ["list[1].name"]
    assert completed(kernel, "x = ('é'):up|") == []
    assert completed(kernel, "é = 1 conf|") == ["é = 1 config"]
    assert completed(kernel, "local counter = 1\ncoun|") == ["local counter = 1\ncounter"]
    assert completed(kernel, "function f(argument) return arg|")[-1] == "function f(argument) return argument"
    assert completed(kernel, "whi|") == ["while"]
    assert completed(kernel, "nothing.x|") == []
    assert completed(kernel, "io.stdout:wri|") == ["io.stdout:write"]
    assert completed(kernel, 'Tool.execute("calc|') == ['Tool.execute("calculator']


def test_what_is_offered_can_be_written_there(kernel: InProcess) -> None:
    kernel.execute("odd = { ['with space'] = 1, ['end'] = 2, plain = 3, ['a-b'] = 4 } _G['no name'] = 5 f = print")
    assert completed(kernel, "odd.|") == ["odd.plain"]
    assert completed(kernel, 'odd["|') == ['odd["a-b', 'odd["end', 'odd["plain', 'odd["with space']
    assert completed(kernel, "odd['with s|']") == ["odd['with space']"]
    assert completed(kernel, "no|") == ["not"]


@pytest.mark.parametrize(
    "code", ['x = "pri|', "x = 'it \\'s pri|", "f() -- pri|", "x = [[ a\npri|", "--[==[ ]] \n pri|"]
)
def test_texts_and_comments_are_no_code(kernel: InProcess, code: str) -> None:
    assert completed(kernel, code) == []


@pytest.mark.parametrize(
    "code", ['x = "a" .. pri|', "-- a\npri|", "x = [[ a ]] pri|", "x = a - pri|", "--[[ a ]] pri|"]
)
def test_what_comes_after_them_is(kernel: InProcess, code: str) -> None:
    assert completed(kernel, code) == [code.replace("pri|", "print")]


def test_nobody_waits_for_names_in_a_very_large_cell(kernel: InProcess) -> None:
    """Minutes, if what stands far away were looked through for the beginning of a name."""
    large = "a" * 60_000 + " = 1\nprin"
    assert completed(kernel, large + "|") == [large + "t"]
    assert inspected(kernel, "a" * 60_000 + "(|") == ""


def test_completion_runs_no_code_of_the_program(kernel: InProcess) -> None:
    kernel.execute("calls = 0 t = setmetatable({}, { __index = function() calls = calls + 1 return {} end })")
    completed(kernel, "t.field.more|")
    kernel.request("inspect_request", {"code": "t.field", "cursor_pos": 7})
    assert kernel.execute("calls").of("execute_result")[0]["data"]["text/plain"] == "0"


def test_fields_of_a_class_are_offered_for_its_objects(kernel: InProcess) -> None:
    kernel.execute(
        "Class = { method = function() end, field = 1 } Class.__index = Class object = setmetatable({}, Class)"
    )
    assert completed(kernel, "object:|") == ["object:method"]


def inspected(kernel: InProcess, code: str) -> str:
    at = code.index("|")
    content = kernel.request(
        "inspect_request", {"code": code.replace("|", ""), "cursor_pos": at, "detail_level": 0}
    ).content
    assert content["status"] == "ok" and content["found"] == bool(content["data"])
    return str(content["data"].get("text/plain", ""))


def test_a_name_is_explained(kernel: InProcess) -> None:
    kernel.execute("-- Adds two numbers.\nfunction add(a, b, ...)\n  return a + b\nend\nversion = 'x1'")
    text = inspected(kernel, "add|")
    assert text.startswith("function add(a, b, ...)\ndefined in In[1], line 2")
    assert "-- Adds two numbers." in text and "return a + b" in text
    assert inspected(kernel, "add(1, |") == text == inspected(kernel, "print(a|dd)")
    assert (
        text
        == inspected(kernel, "add(1, 2|")
        == inspected(kernel, "add(add(1), ')', { 2|")
        == inspected(kernel, "add(unknown|)")
    )
    assert "x1" in inspected(kernel, "ver|sion")
    assert "function" in inspected(kernel, "string.for|mat")
    assert inspected(kernel, "unknown|") == "" == inspected(kernel, "|")
    assert inspected(kernel, "calculator|").startswith("tool calculator (utility)")


def test_a_question_mark_explains_too(kernel: InProcess) -> None:
    for code in ("print?", "?print"):
        (page,) = kernel.execute(code).content["payload"]
        assert page["source"] == "page" and "print" in page["data"]["text/plain"]
    assert kernel.execute("nothing_at_all?").content["ename"] == "NameError"


@pytest.mark.parametrize(
    ("code", "status", "indent"),
    [
        ("1 + 1", "complete", None),
        ("for i = 1, 2 do print(i) end", "complete", None),
        ("", "complete", None),
        ("for i = 1, 2 do", "incomplete", "    "),
        ("if a then\n    b()\nelse", "incomplete", "    "),
        ("if a then\n    b()\nelseif c then", "incomplete", "    "),
        ("function f()\n    return {", "incomplete", "        "),
        ("function f()\n    g()", "incomplete", "    "),
        ("x = [[ a\n", "incomplete", ""),
        ("--[[ a", "incomplete", ""),
        ("f(function()", "incomplete", "    "),
        ("x = -- do", "incomplete", ""),
        ("end", "invalid", None),
        ("x y", "invalid", None),
        ("x = 'open", "invalid", None),
        ("x = 'open\\", "incomplete", ""),
        ("x = 'open\\z\n", "incomplete", ""),
        ("1 +", "incomplete", ""),
        ("{ 1,", "incomplete", "    "),
        ("#list ==", "incomplete", ""),
        ("{ 1 2", "invalid", None),
        ("print?", "complete", None),
        ("? print", "complete", None),
    ],
)
def test_whether_a_cell_is_complete(kernel: InProcess, code: str, status: str, indent: str | None) -> None:
    content = kernel.request("is_complete_request", {"code": code}).content
    assert content == {"status": status, **({} if indent is None else {"indent": indent})}


def history(kernel: InProcess, **content: object) -> list[list[object]]:
    found = kernel.request("history_request", {"raw": True, "output": False, **content}).content
    return list(found["history"])


def test_history(kernel: InProcess) -> None:
    for code in ("a = 1", "b = 2", "a = 1", "a + b"):
        kernel.execute(code)
    kernel.execute("hidden", store_history=False)
    assert history(kernel, hist_access_type="tail", n=2) == [[1, 3, "a = 1"], [1, 4, "a + b"]]
    assert history(kernel, hist_access_type="tail", n=1, output=True) == [[1, 4, ["a + b", "3"]]]
    assert history(kernel, hist_access_type="range", session=0, start=2, stop=4) == [[1, 2, "b = 2"], [1, 3, "a = 1"]]
    assert history(kernel, hist_access_type="range", session=-1, start=1) == []
    assert history(kernel, hist_access_type="search", pattern="a*", unique=True) == [[1, 3, "a = 1"], [1, 4, "a + b"]]
    assert history(kernel, hist_access_type="search", pattern="a*", n=1) == [[1, 4, "a + b"]]
    assert kernel.request("history_request", {"hist_access_type": "x"}).content["status"] == "error"


def test_history_is_bounded(kernel: InProcess) -> None:
    for _ in range(1100):
        kernel.execute("1")
    assert len(history(kernel, hist_access_type="tail", n=5000)) == 1000
    kernel.execute("-- " + "x" * 999_000)
    assert len(history(kernel, hist_access_type="tail", n=5000)) < 1000
    kernel.execute("-- " + "x" * 1_999_000)
    assert history(kernel, hist_access_type="tail", n=5000) == []


def test_tools_by_message(kernel: InProcess) -> None:
    def ask(**content: object) -> dict[str, object]:
        return kernel.request("tool_request", content).content

    everything = ask(command="list")
    assert everything["count"] == len(everything["tools"]) and "calculator" in everything["tools"]  # type: ignore[arg-type,operator]
    utilities = ask(command="list", category="utility")["tools"]
    assert "calculator" in utilities and "file-search" not in utilities  # type: ignore[operator]
    assert ask(command="list", category="nothing")["tools"] == []
    assert "properties" in ask(command="info", name="calculator")["schema"]  # type: ignore[operator]
    done = ask(command="invoke", name="calculator", params={"input": "6 * 7"})
    assert done["status"] == "ok" and done["result"]["result"] == 42  # type: ignore[index]
    wrong = ask(command="invoke", name="calculator", params={"nonsense": 1})
    assert (wrong["status"], wrong["error_type"]) == ("error", "validation_error")
    assert ask(command="invoke", name="calculater", params={})["error_type"] == "not_found"
    found = ask(command="search", query=["hash", "text"], most=2)
    assert "hash-calculator" in found["matches"] and len(found["details"]) == 2  # type: ignore[operator,arg-type]
    tested = ask(command="test", name="calculator")
    assert tested["success"] is True and len(tested["details"]["examples"]) > 1  # type: ignore[index]
    assert "`timeout` is a number" in ask(command="invoke", name="calculator", timeout="x")["evalue"]  # type: ignore[operator]
    assert ask(command="test", name="nothing")["success"] is False
    assert "`command` is one of list" in ask(command="x")["evalue"]  # type: ignore[operator]


def test_kernel_info_is_true_to_fact(kernel: InProcess) -> None:
    info = kernel.request("kernel_info_request", {}, "control").content
    assert info["language_info"]["name"] == "lua" and info["protocol_version"] == "5.4"
    assert info["supported_features"] == [] and info["debugger"] is False  # nobody has plugged one in
    kernel.kernel.handlers["debug_request"] = lambda request: {}
    assert kernel.request("kernel_info_request", {}).content["supported_features"] == ["debugger"]


KINDS = {
    "execute_request": ("code", "silent", "store_history", "user_expressions", "allow_stdin", "stop_on_error"),
    "complete_request": ("code", "cursor_pos"),
    "inspect_request": ("code", "cursor_pos", "detail_level"),
    "is_complete_request": ("code",),
    "history_request": ("hist_access_type", "n", "start", "stop", "session", "pattern", "unique", "output"),
    "comm_info_request": ("target_name",),
    "comm_open": ("comm_id", "target_name", "data"),
    "comm_msg": ("comm_id", "data"),
    "tool_request": ("command", "name", "params", "query", "category"),
    "kernel_info_request": (),
    "interrupt_request": (),
}
texts = st.text() | st.sampled_from(
    ["tail", "range", "search", "list", "info", "test", "calculator", "x = 1", "x.y:z(", "("]
)
values = (
    texts
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.lists(texts, max_size=2)
    | st.dictionaries(texts, texts, max_size=2)
)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_a_client_says_is_answered_and_nothing_breaks(data: st.DataObject) -> None:
    kernel = FUZZED
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    content = {name: data.draw(values) for name in KINDS[kind] if data.draw(st.booleans())}
    answer = kernel.request(kind, content)
    assert answer.broadcasts[-1].content == {"execution_state": "idle"}
    if kind.endswith("_request"):
        assert answer.content["status"] in ("ok", "error", "complete", "incomplete", "invalid")
        assert answer.content.get("ename") != "InternalError", answer.content


FUZZED = InProcess(Tools.standard)
