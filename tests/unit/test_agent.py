"""Agents of Lua programs: tools under limits, and models behind a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import Interrupted, LuaRuntime, ProgramError
from llmspell_kernel.tools.models import function_of
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.model_server import ModelServer, says, wants


def new_runtime(policy: Policy | None = None) -> LuaRuntime:
    tools = Tools.standard(policy or Policy(allowed_hosts=("127.0.0.1",)))
    tools.add(lambda: threading.Event().wait(30), name="hangs")
    return LuaRuntime(lambda: tools)


def run(text: str, runtime: LuaRuntime | None = None, *arguments: str) -> list[Any]:
    runtime = runtime or new_runtime()
    values = runtime.run(runtime.load(Chunk("agent", b"=agent", text.encode())), arguments)
    return [value.decode() if isinstance(value, bytes) else value for value in values]


@pytest.fixture
def model() -> Iterator[Callable[..., ModelServer]]:
    servers: list[ModelServer] = []

    def start(*script: Any) -> ModelServer:
        servers.append(ModelServer(*script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


AGENT = """
local url = ...
local agent = Agent.builder("clerk"):model("tiny"):base_url(url):api_key("secret"):system_prompt("Be brief.")
    :tool("calculator"):allow_tool("json_processor")
"""

AT_ONCE = {"Retry-After": "0"}

# Without a model ---------------------------------------------------------------------------------------


def test_an_agent_without_a_model_runs_tools_only() -> None:
    text = """
    local agent = Agent.builder():tool("calculator"):tool_timeout_ms(5000):build()
    local ok, problem = pcall(agent.invoke, agent, "hello")
    return agent:invokeTool("calculator", { input = "2+2" }).text, agent:invoke { input = "3*3" }.text, problem,
        agent:has_tool("calculator"), agent:has_tool("json_processor")
    """
    four, nine, problem, has, has_not = run(text)
    assert (four, nine, has, has_not) == ("4", "9", True, False)
    assert "has no model: it runs tools only" in problem


def test_it_may_use_no_other_tool() -> None:
    text = """
    local agent = Agent.builder("clerk"):tool("calculator"):build()
    local ok, problem = pcall(agent.invokeTool, agent, "file_operations", { operation = "list", path = "." })
    return problem.code, tostring(problem)
    """
    code, message = run(text)
    assert code == "not_allowed"
    assert message == "agent clerk may not use the tool file_operations; it has calculator"


def test_its_tools_have_its_limit_of_time() -> None:
    text = """
    local agent = Agent.builder():tool("hangs"):tool_timeout_ms(100):build()
    local ok, problem = pcall(agent.invokeTool, agent, "hangs", {})
    return problem.code, problem.tool, Tool.execute("calculator", { input = "1" }).text
    """
    assert run(text) == ["timeout", "hangs", "1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Agent.builder():tool('calculatr'):build()", "did you mean 'calculator'"),
        ("Agent.builder():temprature(1)", 'a builder has no "temprature"'),
        ("Agent.builder():max_tool_calls('many')", "max_tool_calls must be a number, not a string"),
        ("Agent.builder():max_tool_calls(0)", "must be above 0"),
        ("Agent.builder():provider('openai'):build()", "needs a model"),
        ("Agent.create{modle='x'}", 'an agent has no "modle"'),
        ("Agent.builder():model('x'):provider('nobody'):build():invoke('hi')", "no provider named 'nobody'"),
    ],
)
def test_mistakes_are_named_where_they_are_made(text: str, words: str) -> None:
    with pytest.raises(ProgramError) as raised:
        run(text)
    assert words in str(raised.value)


# With a model ---------------------------------------------------------------------------------------------


def test_the_model_calls_tools_until_it_has_an_answer(model: Callable[..., ModelServer]) -> None:
    server = model(wants(("calculator", {"input": "6*7"})), says("It is 42."))
    text = (
        AGENT
        + """
    local answer = agent:build():invoke("What is 6 times 7?")
    return answer.text, answer.tool_calls[1].name, answer.tool_calls[1].text, answer.metadata.turns,
        answer.metadata.usage.total_tokens
    """
    )
    assert run(text, None, server.url) == ["It is 42.", "calculator", "42", 2, 15]
    first, second = server.asked
    assert server.keys == ["Bearer secret"] * 2
    assert [one["function"]["name"] for one in first["tools"]] == ["calculator", "json-processor"]
    assert "expression" not in first["tools"][0]["function"]["parameters"]["properties"]
    assert [one["role"] for one in second["messages"]] == ["system", "user", "assistant", "tool"]
    assert second["messages"][3] == {"role": "tool", "tool_call_id": "call_1", "content": "42"}


def test_a_parameter_that_has_other_names_is_required_by_its_own() -> None:
    told = function_of(Tools.standard().info("file-operations"))["function"]["parameters"]
    assert told["required"] == ["operation", "path"]
    assert "source_path" not in told["properties"]


def test_the_answer_can_come_piece_by_piece(model: Callable[..., ModelServer]) -> None:
    server = model(wants(("calculator", {"input": "1+1"})), says("two it is"))
    text = (
        AGENT
        + """
    local pieces = {}
    local answer = agent:build():invokeStream("1+1?", function(piece) pieces[#pieces + 1] = piece end)
    return table.concat(pieces, "|"), answer.text, answer.metadata.finish_reason, answer.tool_calls[1].text
    """
    )
    assert run(text, None, server.url) == ["two |it |is ", "two it is ", "stop", "2"]
    assert server.asked[0]["stream"] is True


def test_a_model_that_makes_mistakes_is_told_of_them(model: Callable[..., ModelServer]) -> None:
    server = model(
        wants(("calculator", {"input": "1/0"}), ("calculator", "{broken"), ("file-operations", {"operation": "list"})),
        says("I give up."),
    )
    assert run(AGENT + "return agent:build():invoke('Do it').text", None, server.url) == ["I give up."]
    told = [one["content"] for one in server.asked[1]["messages"] if one["role"] == "tool"]
    assert "division by zero" in told[0]
    assert "not JSON" in told[1]
    assert "may not use the tool" in told[2]


def test_it_remembers_what_was_said(model: Callable[..., ModelServer]) -> None:
    server = model(says("one"), says("two"), says("three"))
    text = (
        AGENT
        + """
    agent = agent:max_conversation_length(4):build()
    for _, word in ipairs { "a", "b", "c" } do agent:invoke(word) end
    local n = #agent:get_history()
    agent:reset()
    return n, #agent:get_history()
    """
    )
    assert run(text, None, server.url) == [5, 0]
    assert [one["content"] for one in server.asked[2]["messages"]] == ["Be brief.", "b", "two", "c"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (":max_tool_calls(3)", "max_tool_calls = 3"),
        (":max_memory_mb(0.001):max_tool_calls(1000)", "max_memory_mb"),
        (":max_execution_time(0.3):max_tool_calls(1e9)", "max_execution_time of 0.3 s is over"),
    ],
)
def test_a_model_that_never_ends_is_stopped(model: Callable[..., ModelServer], more: str, words: str) -> None:
    server = model(wants(("calculator", {"input": "1"})))
    text = (
        AGENT
        + f"""
    local ok, problem = pcall(function() return agent{more}:build():invoke("go") end)
    return problem.code, tostring(problem)
    """
    )
    code, message = run(text, None, server.url)
    assert words in message
    assert code in ("limit", "timeout")


def test_a_model_that_does_not_answer(model: Callable[..., ModelServer]) -> None:
    server = model("hang")
    text = (
        AGENT
        + """
    local ok, problem = pcall(function() return agent:max_execution_time(0.3):build():invoke("go") end)
    return problem.code, problem.message
    """
    )
    assert run(text, None, server.url) == ["timeout", "clerk: max_execution_time of 0.3 s is over"]


def test_who_waits_for_a_model_can_be_interrupted(model: Callable[..., ModelServer]) -> None:
    server, runtime = model("hang"), new_runtime()
    threading.Timer(0.3, runtime.interrupt).start()
    with pytest.raises(Interrupted):
        run(AGENT + "agent:build():invoke('go')", runtime, server.url)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, '{"error": {"message": "Incorrect API key"}}'), "401 Unauthorized: Incorrect API key"),
        ((500, "<html>oops</html>", AT_ONCE), "500 Internal Server Error: <html>oops"),
        ((200, "<html>"), "can't be read: it is not JSON, it begins with '<html>'"),
        ((200, '{"choices": []}'), "no choices"),
        ((200, '{"error": "overloaded"}'), "overloaded"),
        ((429, "{}", {"Retry-After": "3600"}), "429 Too Many Requests"),  # longer than the answer may take
        ({**says(""), "tool_calls": [{"id": "1"}]}, "asks for a tool without saying which"),
        ({**says(""), "tool_calls": {"name": "calculator"}}, "asks for a tool without saying which"),
    ],
)
def test_what_goes_wrong_at_the_server_is_an_error(model: Callable[..., ModelServer], answer: Any, words: str) -> None:
    server = model(answer)
    text = (
        AGENT + "local ok, problem = pcall(function() return agent:build():invoke('go') end) return tostring(problem)"
    )
    assert words in run(text, None, server.url)[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again_when_it_says(model: Callable[..., ModelServer], status: int) -> None:
    server = model((status, "{}", AT_ONCE), (status, "{}", AT_ONCE), says("Here I am."))
    assert run(AGENT + "return agent:build():invoke('go').text", None, server.url) == ["Here I am."]
    assert len(server.asked) == 3


def test_what_servers_write_otherwise_is_understood(model: Callable[..., ModelServer]) -> None:
    as_table = {"id": "1", "function": {"name": "calculator", "arguments": {"input": "6*7"}}}
    without = {"id": "2", "function": {"name": "calculator", "arguments": None}}
    parts = {"role": "assistant", "content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "42."}]}
    server = model({**says(""), "tool_calls": [as_table, without]}, parts)
    text = AGENT + "local r = agent:build():invoke('go') return r.text, r.tool_calls[1].text, r.tool_calls[2].success"
    assert run(text, None, server.url) == ["It is 42.", "42", False]


def test_a_question_that_fails_leaves_no_trace_in_the_conversation(model: Callable[..., ModelServer]) -> None:
    server = model(says("first"), wants(("calculator", {"input": "1"})), (400, "{}"), says("second"))
    text = (
        AGENT
        + """
    agent = agent:build()
    agent:invoke("a")
    local ok = pcall(agent.invoke, agent, "b")
    return ok, agent:invoke("c").text, #agent:get_history()
    """
    )
    assert run(text, None, server.url) == [False, "second", 5]
    assert [one["content"] for one in server.asked[-1]["messages"]] == ["Be brief.", "a", "first", "c"]


PIECE = b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n'


def test_a_stream_is_whole_when_it_says_so(model: Callable[..., ModelServer]) -> None:
    text = AGENT + "return agent:build():invokeStream('go', function() end).text"
    assert run(text, None, model(PIECE + b"data: [DONE]\n\n").url) == ["half"]
    with pytest.raises(ProgramError, match="broke off"):
        run(text, None, model(PIECE).url)


def test_an_error_where_the_pieces_go_ends_the_answer(model: Callable[..., ModelServer]) -> None:
    runtime = new_runtime()
    with pytest.raises(ProgramError, match="enough"):
        run(AGENT + "agent:build():invokeStream('go', function() error('enough') end)", runtime, model(PIECE).url)
    assert not runtime.api._chats


def test_the_policy_holds_for_models_too(model: Callable[..., ModelServer]) -> None:
    server = model(says("hi"))
    text = AGENT + "local ok, problem = pcall(function() return agent:build():invoke('go') end) return problem.code"
    assert run(text, new_runtime(Policy()), server.url) == ["not_allowed"]
    assert server.asked == []


def test_an_agent_can_be_a_tool_of_another(model: Callable[..., ModelServer]) -> None:
    server = model(wants(("helper", {"text": "what?"})), says("from the helper"), says("done"))
    text = (
        AGENT
        + """
    local helper = Agent.builder("helper"):model("tiny"):base_url(url):build()
    helper:as_tool("helper")
    return Agent.builder("boss"):model("tiny"):base_url(url):tool("helper"):build():invoke("go").text
    """
    )
    assert run(text, None, server.url) == ["done"]
    assert server.asked[2]["messages"][-1]["content"] == "from the helper"


def test_agents_that_call_each_other_for_ever(model: Callable[..., ModelServer]) -> None:
    server = model(wants(("again", {"text": "more"})))
    text = (
        AGENT
        + """
    local boss
    Tool.register("again", { parameters = { text = "string" } }, function(p) return boss:invoke(p.text).text end)
    boss = Agent.builder("boss"):model("tiny"):base_url(url):tool("again"):max_recursion_depth(3):build()
    local ok, problem = pcall(boss.invoke, boss, "go")
    return tostring(problem)
    """
    )
    assert "max_recursion_depth = 3" in run(text, None, server.url)[0]
