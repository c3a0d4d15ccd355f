-- Tool, JSON and Config, and what loads Agent and Debug when they are first used.
-- Arguments: `exports` of prelude.lua, the host's function (name, …) → ok, value; one that loads a file of ours.

local exports, host, load_ours = ...
local error, type, pairs, ipairs, select, pcall, tostring = error, type, pairs, ipairs, select, pcall, tostring
local setmetatable, rawequal, next, rawget, rawset = setmetatable, rawequal, next, rawget, rawset
local format, floor, clock, gsub = string.format, math.floor, os.clock, string.gsub

local function wrong(text, ...) error(format(text, ...), 3) end

-- Tools ---------------------------------------------------------------------------------------------

local tool_error = { __name = "ToolError" }
function tool_error.__tostring(e) return e.message end

local on_tool_error -- the debugger's, called before the error is raised; `checked` is the last frame of ours

function exports.watch_tools(f) on_tool_error = f end

local function checked(ok, result)
    if ok then
        return result
    end
    setmetatable(result, tool_error)
    if on_tool_error then
        on_tool_error(result)
    end
    error(result, 0)
end

exports.checked = checked

local function ask(...) return checked(host(...)) end
exports.ask = ask

local registered = {} -- name → Lua function

-- "my_tool" is "my-tool", as everywhere; most programs register nothing, and pay nothing.
local either_spelling = {
    __index = function(this, name)
        return type(name) == "string" and rawget(this, (gsub(name, "_", "-"))) or nil
    end,
}

local function flattened(answer)
    local result = answer.result
    if type(result) == "table" then
        for key, value in pairs(result) do
            if answer[key] == nil then answer[key] = value end
        end
    end
    return answer
end

local function text_form(value)
    if type(value) ~= "table" then return value == nil and "" or tostring(value) end
    local ok, text = host("stringify", value)
    return ok and text or tostring(value)
end

-- A Lua function that is a tool: it runs here, where it can be debugged.
local function run_registered(name, f, params)
    local arguments = checked(host("check", name, params))
    local start = clock()
    local ok, value = pcall(f, arguments)
    host("ran", name, ok, clock() - start)
    if not ok then
        if type(value) == "table" and value.code then return checked(false, value) end
        local message = exports.message_of(value)
        return checked(false, { tool = name, message = message, code = "failed", cause = message })
    end
    local metadata = { duration_ms = (clock() - start) * 1000 }
    return flattened { success = true, result = value, text = text_form(value), metadata = metadata }
end

Tool = {}

function Tool.execute(name, params, options)
    exports.before_host()
    local f = registered[name]
    local result
    if f then
        result = run_registered(name, f, params)
    else
        result = checked(host("invoke", name, params, options)) -- no tail call: it is a frame in a stack trace
        exports.after_host()
    end
    return result
end

exports.execute = Tool.execute
Tool.invoke = Tool.execute

function Tool.get(name)
    local tool = ask("info", name)
    local execute = exports.execute
    function tool.execute(first, second, third)
        if rawequal(first, tool) then
            return execute(name, second, third)
        end
        return execute(name, first, second)
    end
    tool.invoke = tool.execute
    function tool.getSchema() return tool.schema end
    return tool
end

function Tool.list() return ask("list") end
function Tool.info(name) return ask("info", name) end
function Tool.exists(name) return ask("exists", name) end
function Tool.categories() return ask("categories") end
function Tool.search(words, most) return ask("search", words, most) end

-- Tools that a filter { category = …, level = …, tag = … } describes, as `info` tells of them.
function Tool.discover(filter)
    local found = {}
    for _, name in ipairs(Tool.list()) do
        local told, fits = Tool.info(name), true
        for key, value in pairs(filter or {}) do
            if key == "tag" then key = "category" end
            if told[key] ~= value then fits = false end
        end
        if fits then found[#found + 1] = told end
    end
    return found
end

local function failure(problem)
    if type(problem) ~= "table" then problem = { message = tostring(problem), code = "failed" } end
    local about = { code = problem.code, message = problem.message, details = problem.details }
    return { success = false, text = problem.message, error = about, metadata = {} }
end

local function attempt(name, params, options)
    local ok, answer = pcall(exports.execute, name, params, options)
    return ok and answer or failure(answer)
end

-- Several calls at once; answers in their order, a failure is one of them ({ success = false, error = … }).
function Tool.all(calls, options)
    if type(calls) ~= "table" then wrong("Tool.all takes a list of { name, parameters }, not a %s", type(calls)) end
    local answers, ours, places = {}, {}, {}
    for n, call in ipairs(calls) do
        local name = type(call) == "table" and (call[1] or call.name)
        if type(name) ~= "string" then wrong("Tool.all: call %d must be { name, parameters }", n) end
        local params = call[2] or call.params or call.parameters or {}
        if registered[name] then
            answers[n] = attempt(name, params, options)
        else
            ours[#ours + 1], places[#places + 1] = { name, params }, n
        end
    end
    if #ours > 0 then
        exports.before_host()
        for n, answer in ipairs(ask("all", ours, options)) do answers[places[n]] = answer end
        exports.after_host()
    end
    return answers
end

function Tool.map(name, list, options)
    if type(list) ~= "table" then wrong("Tool.map takes a list of parameters, not a %s", type(list)) end
    if not registered[name] then
        exports.before_host()
        local answers = ask("map", name, list, options)
        exports.after_host()
        return answers
    end
    local answers = {}
    for n, params in ipairs(list) do answers[n] = attempt(name, params, options) end
    return answers
end

-- Make a Lua function a tool. `about`: { description = …, parameters = a JSON Schema, or { name = "string", … } }.
function Tool.register(name, about, f)
    if type(about) == "function" then about, f = {}, about end
    if type(name) ~= "string" then wrong("Tool.register: the name must be a string, not a %s", type(name)) end
    if type(f) ~= "function" then wrong("Tool.register: the tool must be a function, not a %s", type(f)) end
    name = ask("register", name, about)
    setmetatable(registered, either_spelling)[name] = f
    return Tool.get(name)
end

setmetatable(Tool, {
    __index = function(_, name) -- Tool.calculator is Tool.get("calculator")
        if type(name) == "string" and ask("exists", name) then return Tool.get(name) end
    end,
})

-- JSON ------------------------------------------------------------------------------------------------

JSON = { null = exports.null }

function JSON.parse(text, options)
    if type(text) ~= "string" then wrong("JSON.parse takes a string, not a %s", type(text)) end
    local ok, value = host("parse", text, options)
    if not ok then error(value.message, 2) end
    return value
end

function JSON.stringify(value, options)
    local ok, text = host("stringify", value, options)
    if not ok then error(text.message, 2) end
    return text
end

-- Config: llmspell.toml as it holds here ------------------------------------------------------------

local function read_only(values, name)
    return setmetatable({}, {
        __index = function(_, key)
            local value = values[key]
            return type(value) == "table" and read_only(value, name .. "." .. tostring(key)) or value
        end,
        __newindex = function(_, key)
            error(format("%s.%s can't be set: Config is read-only; change llmspell.toml", name, tostring(key)), 2)
        end,
        __pairs = function() return next, values, nil end,
        __len = function() return #values end,
    })
end

local settings
local function config()
    settings = settings or ask("config")
    return settings
end

local reading = {}

-- "tools.timeout_seconds" → its value; the second value is given when nothing is set.
function reading.get(key, default)
    local value = config()
    for part in string.gmatch(tostring(key), "[^.]+") do
        if type(value) ~= "table" then return default end
        value = value[part]
    end
    if value == nil then return default end
    return value
end

function reading.list() return config() end

Config = setmetatable({}, {
    __index = function(_, key)
        if reading[key] then return reading[key] end
        local value = config()[key]
        return type(value) == "table" and read_only(value, "Config." .. tostring(key)) or value
    end,
    __newindex = function(_, key) error("Config." .. tostring(key) .. " can't be set: Config is read-only", 2) end,
    __pairs = function() return next, config(), nil end,
})

-- What is loaded when it is used --------------------------------------------------------------------

local function later(file)
    local made
    return setmetatable({}, {
        __index = function(this, key)
            if not made then
                made = true
                load_ours(file)(this, exports, ask, host)
            end
            return rawget(this, key)
        end,
    })
end

Agent = later("agent.lua")
Debug = later("logging.lua")

-- What the original has and we have not: using it says so. Who gives such a name a meaning of his own may.
local function absent(name)
    local meta = {}
    local function refuse()
        error(name .. " is not part of this llmspell: it has Tool, Agent, JSON, Debug and Config", 3)
    end
    meta.__index = function() refuse() end
    meta.__call = function() refuse() end
    meta.__newindex = function(this, key, value)
        setmetatable(this, nil)
        rawset(this, key, value)
    end
    return setmetatable({}, meta)
end

for _, name in ipairs {
    "Workflow", "State", "Event", "Hook", "Session", "Artifact", "Streaming", "RAG", "Provider", "Replay", "LocalLLM",
} do
    _G[name] = absent(name)
end

-- No Python object may be called while Lua closes the state: see `finish` of prelude.lua.
function exports.finish_host()
    host = function(command)
        if command == "exists" then return true, false end
        if command == "list" or command == "categories" or command == "search" then return true, {} end
        return false, { tool = "", message = "the program has ended", code = "failed" }
    end
    load_ours = function() return function() end end
end
