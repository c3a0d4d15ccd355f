-- Agent: tools and their limits under one name; with a model, the loop in which it calls them.
-- Arguments: the table `Agent`, exports of prelude.lua, the host's function that raises, the one that does not.
-- The loop runs here, so that a program can be stopped and stepped between two calls of tools.

local Agent, exports, ask, host = ...
local error, type, tostring, pairs, ipairs, pcall = error, type, tostring, pairs, ipairs, pcall
local setmetatable, collectgarbage, rawget = setmetatable, collectgarbage, rawget
local format, concat, floor, min, huge = string.format, table.concat, math.floor, math.min, math.huge
local move, unpack, insert = table.move, table.unpack, table.insert
local checked, execute = exports.checked, exports.execute

local function raise(agent, code, text, ...)
    checked(false, { tool = "", agent = agent, message = format(text, ...), code = code })
end

local OVER = "%s: max_execution_time of %g s is over"

-- What an agent is told: name → type; the methods of a builder have these names.
local FIELDS = {
    name = "string", description = "string", model = "string", provider = "string", system_prompt = "string",
    temperature = "number", max_tokens = "number", max_conversation_length = "number", base_url = "string",
    api_key = "string", tool_timeout_ms = "number", max_execution_time = "number", max_memory_mb = "number",
    max_tool_calls = "number", max_recursion_depth = "number", type = "string", on_chunk = "function",
    allowed_tools = "table", tools = "table", custom_config = "table", resource_limits = "table",
}
local LIMITS = { -- and the names that they have in resource_limits
    tool_timeout_ms = true, max_execution_time = true, max_memory_mb = true, max_tool_calls = true,
    max_recursion_depth = true, max_tokens = true,
}
local DEFAULTS = { max_tool_calls = 25, max_execution_time = 300, max_recursion_depth = 10, max_conversation_length = 100 }
local ANY_SIGN = { temperature = true }

local function known_fields()
    local names = {}
    for name in pairs(FIELDS) do names[#names + 1] = name end
    table.sort(names)
    return concat(names, ", ")
end

-- Raises two levels above: in the program's call.
local function check_field(name, value)
    local kind = FIELDS[name]
    if not kind then error(format("an agent has no %q; there are %s", tostring(name), known_fields()), 3) end
    if type(value) ~= kind then error(format("%s must be a %s, not a %s", name, kind, type(value)), 3) end
    if kind == "number" and not (value > 0 or ANY_SIGN[name]) then error(format("%s must be above 0", name), 3) end
    return value
end

-- Agents -----------------------------------------------------------------------------------------------

local agents = {} -- name → agent
local methods = {}
local depth = 0 -- of agents that call agents

local function new_agent(spec)
    local agent = { name = spec.name or "agent-" .. tostring(#Agent.list() + 1), spec = spec, messages = {} }
    agent.metrics = { invocations = 0, tool_calls = 0, errors = 0, prompt_tokens = 0, completion_tokens = 0 }
    agent.allowed = {}
    for _, list in ipairs { spec.tools or {}, spec.allowed_tools or {} } do
        for _, name in ipairs(list) do
            name = ask("info", name).name
            if not agent.allowed[name] then
                agent.allowed[name] = true
                insert(agent.allowed, name)
            end
        end
    end
    agents[agent.name] = agent
    return setmetatable(agent, { __index = methods, __name = "Agent" })
end

local function deadline_of(agent)
    return ask("now") + agent.spec.max_execution_time * 1000
end

-- Milliseconds that a call of a tool may take.
local function time_for_tool(agent, deadline)
    local left = deadline - ask("now")
    if left <= 0 then
        raise(agent.name, "limit", OVER, agent.name, agent.spec.max_execution_time)
    end
    return min(left, agent.spec.tool_timeout_ms or huge)
end

local function call_tool(agent, name, params, deadline)
    local known = ask("exists", name) and ask("info", name).name or name
    if not agent.allowed[known] then
        local has = #agent.allowed > 0 and "it has " .. concat(agent.allowed, ", ") or "it has none"
        raise(agent.name, "not_allowed", "agent %s may not use the tool %s; %s", agent.name, tostring(name), has)
    end
    agent.metrics.tool_calls = agent.metrics.tool_calls + 1
    local limit = time_for_tool(agent, deadline)
    return execute(known, params, limit < huge and { timeout_ms = limit } or nil)
end

function methods:invokeTool(name, params) return call_tool(self, name, params, deadline_of(self)) end

-- The model ------------------------------------------------------------------------------------------------

local function complete(agent, deadline, on_chunk)
    local spec = agent.spec
    local request = ask("chat", {
        provider = spec.provider, model = spec.model, base_url = spec.base_url, api_key = spec.api_key,
        temperature = spec.temperature, max_tokens = spec.max_tokens, custom = spec.custom_config,
        messages = agent.messages, tools = methods.discover_tools(agent), stream = on_chunk ~= nil,
        seconds = time_for_tool({ name = agent.name, spec = { max_execution_time = spec.max_execution_time } }, deadline) / 1000,
    })
    while true do
        local ok, event = host("chat_next", request)
        if not ok and event.code == "timeout" then
            raise(agent.name, "timeout", OVER, agent.name, spec.max_execution_time)
        end
        checked(ok, event)
        if event.message then return event end
        local heard, problem = pcall(on_chunk, event.delta)
        if not heard then
            host("chat_end", request)
            error(problem, 0)
        end
    end
end

-- The oldest messages go; an answer of a tool does not stay without its question.
local function shorten(agent)
    local messages, most = agent.messages, agent.spec.max_conversation_length
    local first = messages[1] and messages[1].role == "system" and 2 or 1
    while #messages > most or (messages[first] and messages[first].role == "tool") do
        if #messages <= first then return end
        table.remove(messages, first)
    end
end

local function say(agent, message)
    local messages = agent.messages
    if #messages == 0 and agent.spec.system_prompt then
        messages[1] = { role = "system", content = agent.spec.system_prompt }
    end
    messages[#messages + 1] = message
end

local function text_of_call(agent, call, deadline)
    local ok, arguments = host("parse", call["function"].arguments ~= "" and call["function"].arguments or "{}")
    if not ok then return false, "the arguments are " .. arguments.message end
    local done, result = pcall(call_tool, agent, call["function"].name, arguments, deadline)
    if done then return true, result.text end
    if type(result) == "table" and (result.code == "limit" or result.code == "cancelled") then error(result, 0) end
    return false, "error: " .. tostring(result)
end

local function answer_calls(agent, run, calls)
    for _, call in ipairs(calls) do
        run.count = run.count + 1
        if run.count > agent.spec.max_tool_calls then
            raise(agent.name, "limit", "%s: the model wants more than max_tool_calls = %d calls of tools", agent.name,
                agent.spec.max_tool_calls)
        end
        local ok, text = text_of_call(agent, call, run.deadline)
        run.calls[#run.calls + 1] =
            { name = call["function"].name, arguments = call["function"].arguments, success = ok, text = text }
        say(agent, { role = "tool", tool_call_id = call.id, content = text })
    end
end

local function check_memory(agent, before)
    local most = agent.spec.max_memory_mb
    if most and collectgarbage("count") - before > most * 1024 then
        collectgarbage()
        if collectgarbage("count") - before > most * 1024 then
            raise(agent.name, "limit", "%s: Lua's memory has grown by more than max_memory_mb = %g", agent.name, most)
        end
    end
end

local function count_tokens(agent, usage)
    for _, name in ipairs { "prompt_tokens", "completion_tokens" } do
        agent.metrics[name] = agent.metrics[name] + (usage and usage[name] or 0)
    end
end

local function converse(agent, prompt, on_chunk)
    local start, memory = ask("now"), collectgarbage("count")
    local run = { count = 0, calls = {}, deadline = deadline_of(agent) }
    say(agent, { role = "user", content = prompt })
    local turns = 0
    while true do
        shorten(agent)
        local event = complete(agent, run.deadline, on_chunk)
        turns = turns + 1
        count_tokens(agent, event.usage)
        local message = event.message
        message.role = message.role or "assistant"
        say(agent, message)
        if not message.tool_calls or #message.tool_calls == 0 then
            local metadata = {
                model = event.model or agent.spec.model, duration_ms = ask("now") - start, turns = turns,
                usage = event.usage, finish_reason = event.finish_reason,
            }
            return { success = true, text = message.content or "", tool_calls = run.calls, metadata = metadata }
        end
        answer_calls(agent, run, message.tool_calls)
        check_memory(agent, memory)
    end
end

-- A call that fails leaves no trace in the conversation: it may end with a question that nobody has answered.
local function nested(agent, f, ...)
    agent.metrics.invocations = agent.metrics.invocations + 1
    if depth >= agent.spec.max_recursion_depth then
        raise(agent.name, "limit", "%s: agents call agents deeper than max_recursion_depth = %d", agent.name,
            agent.spec.max_recursion_depth)
    end
    local before = move(agent.messages, 1, #agent.messages, 1, {})
    depth = depth + 1
    local ok, result = pcall(f, agent, ...)
    depth = depth - 1
    if ok then return result end
    agent.messages = before
    agent.metrics.errors = agent.metrics.errors + 1
    error(result, 0)
end

-- Without a model: { tool = name, … its parameters }; the name may be left out where there is one tool.
local function run_tool(agent, input)
    local params, name = {}, nil
    for key, value in pairs(input) do params[key] = value end
    if #agent.allowed == 1 and (not params.tool or not agent.allowed[params.tool]) then
        name = agent.allowed[1]
    else
        name, params.tool = params.tool, nil
    end
    if not name then
        error(format("agent %s: which tool? agent:invoke { tool = NAME, … }", agent.name), 4)
    end
    return call_tool(agent, name, params.params or params.parameters or params, deadline_of(agent))
end

function methods:invoke(input, options)
    if not self.spec.model then
        if type(input) == "table" then return nested(self, run_tool, input) end
        error(format("agent %s has no model: it runs tools only, as agent:invokeTool(NAME, {…}); give it one with " ..
            ":model(NAME):base_url(ADDRESS)", self.name), 2)
    end
    local prompt = type(input) == "table" and (input.text or input.prompt or input.input) or input
    if type(prompt) ~= "string" then error("what an agent is asked must be a string, or { text = … }", 2) end
    local on_chunk = options and options.on_chunk or self.spec.on_chunk
    return nested(self, converse, prompt, on_chunk)
end

methods.execute = methods.invoke

function methods:invokeStream(input, on_chunk)
    if type(on_chunk) ~= "function" then error("invokeStream takes a function that is given each piece of text", 2) end
    return self:invoke(input, { on_chunk = on_chunk })
end

methods.execute_streaming = methods.invokeStream

function methods:reset() self.messages = {} end
function methods:get_history() return self.messages end
function methods:discover_tools() return move(self.allowed, 1, #self.allowed, 1, {}) end

function methods:has_tool(name)
    return self.allowed[ask("exists", name) and ask("info", name).name or name] == true
end

function methods:get_tool_metadata(name) return ask("info", name) end

function methods:get_all_tool_metadata()
    local found = {}
    for _, name in ipairs(self.allowed) do found[name] = ask("info", name) end
    return found
end

function methods:get_config()
    local copy = {}
    for key, value in pairs(self.spec) do copy[key] = value end
    copy.api_key = copy.api_key and "(given)" or nil
    copy.tools, copy.allowed_tools, copy.name = self:discover_tools(), nil, self.name
    return copy
end

function methods:get_metrics()
    local copy = {}
    for key, value in pairs(self.metrics) do copy[key] = value end
    return copy
end

function methods:destroy() agents[self.name] = nil end

-- An agent as a tool of others: { text = what it is asked }.
function methods:as_tool(name, description)
    local agent = self
    return Tool.register(name or agent.name, {
        description = description or agent.spec.description or "Ask the agent " .. agent.name,
        parameters = { text = { type = "string", description = "What it is asked." } },
    }, function(params) return agent:invoke(params.text).text end)
end

-- Builders -----------------------------------------------------------------------------------------------

local building = {}

for name in pairs(FIELDS) do
    building[name] = function(self, value)
        self.spec[name] = check_field(name, value)
        return self
    end
end

function building:tool(name)
    if type(name) ~= "string" then error("tool takes the name of a tool, not a " .. type(name), 2) end
    self.spec.tools = self.spec.tools or {}
    insert(self.spec.tools, name)
    return self
end

building.allow_tool = building.tool

function building:build()
    local spec = self.spec
    for name, value in pairs(spec.resource_limits or {}) do
        if not LIMITS[name] then error(format("resource_limits has no %q", tostring(name)), 2) end
        spec[name] = spec[name] or check_field(name, value)
    end
    for name, value in pairs(DEFAULTS) do spec[name] = spec[name] or value end
    if spec.provider and not spec.model then error("an agent with a provider needs a model: :model(NAME)", 2) end
    return new_agent(spec)
end

local builder_meta = {
    __index = function(_, name)
        return building[name]
            or error(format("a builder has no %q; there are %s, tool, allow_tool, build", tostring(name), known_fields()), 2)
    end,
}

function Agent.builder(name)
    return setmetatable({ spec = { name = name } }, builder_meta)
end

function Agent.create(spec)
    local builder = Agent.builder()
    for name, value in pairs(spec or {}) do builder.spec[name] = check_field(name, value) end
    return builder:build()
end

function Agent.list()
    local names = {}
    for name in pairs(agents) do names[#names + 1] = name end
    table.sort(names)
    return names
end

function Agent.get(name) return agents[name] end
Agent.register = Agent.create

function Agent.wrap_as_tool(agent, name)
    if type(agent) == "string" then agent = agents[agent] or error("no agent named " .. agent, 2) end
    return agent:as_tool(name)
end
