"""What programs find of ours: Tool, JSON, Config, Debug, and names that are no longer anybody's."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.lua.loader import Chunk
from llmspell_kernel.lua.runtime import LuaRuntime, ProgramError
from llmspell_kernel.lua.values import text as text_of
from llmspell_kernel.tools.registry import Tools
from tests.support.tools_at_work import spins


def new_runtime(**settings: Any) -> LuaRuntime:
    config = Config({f"tools.{name}": value for name, value in settings.items()})
    return LuaRuntime(lambda: Tools.standard(settings=config))


def run(text: str, runtime: LuaRuntime | None = None, *arguments: str) -> list[Any]:
    runtime = runtime or new_runtime()
    values = runtime.run(runtime.load(Chunk("api", b"=api", text.encode())), arguments)
    return [text_of(value) if isinstance(value, bytes) else value for value in values]


# Tool ----------------------------------------------------------------------------------------------


def test_tools_are_found_and_described() -> None:
    text = """
    local told = Tool.info("calculator")
    return Tool.calculator:execute { expression = "2*3" }.result, Tool.nothing, told.level, told.category,
        told.schema.properties.input.type, told.examples[1].title, Tool.search("hash a file")[1].name,
        #Tool.discover { category = "filesystem" } >= 1
    """
    assert run(text) == [6, None, "safe", "utility", "string", "Add two numbers", "hash-calculator", True]


def test_a_call_can_have_a_limit_of_its_own() -> None:
    runtime = new_runtime()
    runtime.api.tools.add(spins)
    text = """
    local ok, problem = pcall(Tool.execute, "spins", {}, { timeout_ms = 100 })
    local also, wrong = pcall(Tool.execute, "calculator", { input = "1" }, { timeout_ms = "x" })
    return problem.code, tostring(wrong)
    """
    assert run(text, runtime) == ["timeout", "timeout_ms must be a number above 0"]


def test_several_calls_at_once_keep_their_order_and_their_failures() -> None:
    text = """
    local found = {}
    for _, one in ipairs(Tool.map("calculator", { { input = "1+1" }, { input = "1/0" }, {} }, { concurrency = 2 })) do
        found[#found + 1] = tostring(one.success) .. " " .. (one.error and one.error.code or one.text)
    end
    for _, one in ipairs(Tool.all { { "calculator", { input = "3" } }, { "nope" }, { "json_processor", { input = "[]" } } }) do
        found[#found + 1] = tostring(one.success) .. " " .. (one.error and one.error.code or one.text)
    end
    return table.concat(found, ", ")
    """
    assert run(text) == [
        "true 2, false failed, false invalid_parameters, true 3, false unknown_tool, true []",
    ]


def test_several_calls_may_each_take_so_long() -> None:
    text = """
    local late = Tool.map("file_watcher", { { operation = "watch", input = { "." } } }, { timeout_ms = 50 })
    local all = Tool.all({ { "file_watcher", { operation = "watch", input = { "." } } } }, { timeout_ms = 50 })
    return late[1].error.code, all[1].error.code, select(2, pcall(Tool.map, "calculator", {}, { timeout_ms = 0 })).message
    """
    assert run(text) == ["timeout", "timeout", "timeout_ms must be a number above 0"]


REGISTER = """
Tool.register("greet", {
    description = "Greet somebody.",
    parameters = { name = "string", times = { type = "integer", default = 2, minimum = 1 } },
}, function(p) return { text = ("Hello " .. p.name .. "! "):rep(p.times), n = p.times } end)
"""


def test_a_lua_function_can_be_a_tool() -> None:
    text = (
        REGISTER
        + """
    local r = Tool.greet:execute { name = "Ada" }
    return r.n, r.success, Tool.exists("greet"), Tool.info("greet").description, Tool.info("greet").metrics.calls,
        Tool.map("greet", { { name = "x", times = 1 }, {} })[2].error.code, Tool.search("greet somebody")[1].name
    """
    )
    assert run(text) == [2, True, True, "Greet somebody.", 1, "invalid_parameters", "greet"]


def test_a_lua_tool_is_called_by_the_name_that_it_was_given() -> None:
    text = """
    Tool.register("my_tool", { parameters = { n = "integer" } }, function(p) return p.n * 2 end)
    local all = Tool.all { { "my_tool", { n = 3 } }, { "my-tool", { n = 4 } } }
    return Tool.execute("my_tool", { n = 1 }).result, Tool.execute("my-tool", { n = 2 }).result, all[1].result, all[2].result,
        Tool.map("my_tool", { { n = 5 } })[1].result, Tool.my_tool:execute({ n = 6 }).result, Tool.get("my_tool").execute({ n = 7 }).result
    """
    assert run(text) == [2, 4, 6, 8, 10, 12, 14]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("Tool.register('', {}, print)", "'' can't be the name of a tool: letters, digits, - and _"),
        ("Tool.register('a b/c', {}, print)", "can't be the name of a tool"),
        (
            "Tool.register('x', {parameters={type='object', properties={a={['$ref']='#/properties/a'}}}}, print):execute{a={}}",
            "leads back to itself",
        ),
        ("Tool.greet:execute{}", "greet: name: missing"),
        ("Tool.greet:execute{name=1}", "name: expected string, not the number 1"),
        ("Tool.greet:execute{name='a', tims=2}", "tims: unknown parameter; did you mean 'times'?"),
        ("Tool.greet:execute{name='a', times=0}", "times: 0 is less than the minimum of 1"),
        ("Tool.register('calculator', {}, print)", "is a built-in tool"),
        ("Tool.register('x', {})", "the tool must be a function, not a nil"),
        ("Tool.register('x', {parameters={a='strin'}}, print)", "a: a type is one of"),
        ("Tool.register('x', {parameters={type='object', properties={a={type='strin'}}}}, print)", "not a JSON Schema"),
        ("Tool.search('hash', 'x')", "at most as a whole number"),
        ("Tool.map('greet', 5)", "Tool.map takes a list of parameters, not a number"),
        ("Tool.all{5}", "Tool.all: call 1 must be { name, parameters }"),
    ],
)
def test_mistakes_with_tools(call: str, words: str) -> None:
    with pytest.raises(ProgramError) as raised:
        run(REGISTER + call)
    assert words in str(raised.value)


def test_an_error_in_a_lua_tool_is_an_error_of_the_tool() -> None:
    text = """
    Tool.register("fails", {}, function() error({ why = "tables too" }) end)
    Tool.register("dies", {}, function() return nil + 1 end)
    local _, first = pcall(Tool.execute, "fails", {})
    local _, second = pcall(Tool.execute, "dies", {})
    return first.tool, first.code, second.message
    """
    tool, code, message = run(text)
    assert (tool, code) == ("fails", "failed")
    assert "attempt to perform arithmetic on a nil value" in message


# JSON --------------------------------------------------------------------------------------------------


def test_json_there_and_back() -> None:
    text = """
    local data = JSON.parse('{"a": [1, 2.5, null, true], "b": {"c": "ü"}}')
    return data.a[1], data.a[2], data.a[4], data.b.c, JSON.stringify({ 1, "x", { k = false } }),
        JSON.stringify({ b = 1, a = 2 }, { sort_keys = true }), JSON.stringify({}, { empty = "array" }),
        JSON.stringify({ 1 }, { pretty = true }), JSON.stringify { a = JSON.null },
        JSON.parse("[null]", { null = true })[1] == JSON.null
    """
    assert run(text) == [
        1, 2.5, True, "ü", '[1, "x", {"k": false}]', '{"a": 2, "b": 1}', "[]", "[\n  1\n]", '{"a": null}', True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("JSON.parse('{1')", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        ("JSON.parse(5)", "JSON.parse takes a string, not a number"),
        ("JSON.parse(('['):rep(1e5))", "nested too deeply"),
        ("JSON.stringify(print)", "a Lua function can't be given to Python"),
        ("JSON.stringify{1/0}", "can't be written as JSON"),
        ("local t = {} t.t = t JSON.stringify(t)", "contains itself"),
    ],
)
def test_what_is_no_json(text: str, words: str) -> None:
    with pytest.raises(ProgramError) as raised:
        run(text)
    assert words in str(raised.value)


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda x: st.lists(x, min_size=1), max_leaves=8
    )
)
def test_whatever_is_json_comes_back(value: Any) -> None:
    import json

    written = json.dumps(value)
    runtime = RUNTIME
    assert json.loads(run("return JSON.stringify(JSON.parse(...))", runtime, written)[0]) == value


RUNTIME = new_runtime()

# Config, Debug ---------------------------------------------------------------------------------------------


def test_settings_can_be_read_and_not_changed() -> None:
    text = """
    local ok, problem = pcall(function() Config.tools.timeout_seconds = 1 end)
    local names = {}
    for name in pairs(Config) do names[#names + 1] = name end
    return Config.tools.timeout_seconds, Config.get("tools.cache_size_mb"), Config.get("no.such", "x"), problem,
        #names >= 2, pcall(function() Config.x = 1 end)
    """
    seconds, size, absent, problem, there, ok, _ = run(text, new_runtime(timeout_seconds=7))
    assert (seconds, size, absent, there, ok) == (7, 64, "x", True, False)
    assert "Config is read-only; change llmspell.toml" in problem


def test_logging_has_levels(capfd: pytest.CaptureFixture[str]) -> None:
    text = """
    Debug.info("not said") Debug.warn("said", "net") Debug.setLevel("debug") Debug.debug("now")
    Debug.addModuleFilter("net", "error") Debug.warn("hidden", "net")
    Debug.setEnabled(false) Debug.error("off")
    return Debug.getLevel(), #Debug.getCapturedEntries(), pcall(Debug.setLevel, "loud")
    """
    level, count, ok, problem = run(text)
    assert (level, count, ok) == ("debug", 2, False)
    assert 'no level named "loud"; there are trace, debug, info' in problem
    assert capfd.readouterr().err == "WARN  net: said\nDEBUG now\n"


def test_values_are_dumped_without_their_metamethods() -> None:
    text = """
    local t = setmetatable({ 1, "a", { x = { y = 1 } } }, { __tostring = error, __index = error, __pairs = error })
    t.self = t
    local timer = Debug.timer("t")
    timer:lap("half")
    return Debug.dumpCompact(t), Debug.dumpWithOptions({ { {} } }, { depth = 1, compact = true }), timer:stop() >= 0,
        Debug.memoryStats().lua > 0, (Debug.stackTrace("here"):match("^here\\nstack traceback:"))
    """
    assert run(text) == [
        '{ 1, "a", { x = { y = 1 } }, self = <itself> }', "{ {…} }", True, True, "here\nstack traceback:",
    ]  # fmt: skip


# What is not there -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Workflow", "State", "Event", "Hook", "Session", "RAG", "Streaming", "Provider"])
def test_what_the_original_has_and_we_have_not_says_so(name: str) -> None:
    with pytest.raises(ProgramError, match=f"api:1: {name} is not part of this llmspell: it has Tool, Agent, JSON"):
        run(f"{name}.save('x', 1)")


def test_a_program_may_give_those_names_a_meaning_of_its_own() -> None:
    assert run("State = State or {} State.x = 1 return State.x, State.y") == [1, None]


def test_numbers_keep_their_kind() -> None:
    assert run("return math.type(JSON.parse('[1, 1.0]')[1]), math.type(JSON.parse('[1, 1.0]')[2])") == [
        "integer",
        "float",
    ]
    assert math.isinf(run("return Tool.execute('calculator', { input = 'inf' }).result")[0])
