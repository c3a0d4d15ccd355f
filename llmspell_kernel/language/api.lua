---@meta
-- What every program that llmspell runs finds defined, in the annotations that lua-language-server reads (LuaCATS).
-- This is the one description of it: the language server shows it, and `llmspell stubs` writes it for others.

-- Tool -----------------------------------------------------------------------------------------

---What a tool gives back.
---@class llmspell.Result
---@field success boolean Whether it worked; a tool that fails raises an error.
---@field operation? string What was done.
---@field result any The answer.
---@field text string The answer as a person reads it.
---@field metadata table `duration_ms` and more.

---A tool, as `Tool.get` gives it.
---@class llmspell.Handle
---@field name string The tool's name.
---@field description string What it does.
---@field category string What kind of tool it is.
---@field schema table The JSON Schema of its parameters.
local Handle = {}

---Run the tool.
---@param params? table The parameters by name.
---@return llmspell.Result
function Handle:execute(params) end

---What to run, for `Tool.all`: `{ name, params }`.
---@class llmspell.Call
---@field [1] string The tool's name.
---@field [2] table Its parameters.

---How a Lua function that becomes a tool is described.
---@class llmspell.Description
---@field description string What it does.
---@field parameters table A JSON Schema.

---How many calls run at once.
---@class llmspell.MapOptions
---@field concurrency? integer At most so many at once; 8 unless given.

---Tools: Python functions that a program calls by name.
---@class llmspell.Tool
Tool = {}

---The tool of that name. An unknown one is an error.
---@param name llmspell.ToolName
---@return llmspell.Handle
function Tool.get(name) end

---Run a tool.
---@param name llmspell.ToolName
---@param params? table The parameters by name.
---@return llmspell.Result
function Tool.execute(name, params) end

---Run a tool: another name of `Tool.execute`.
---@param name llmspell.ToolName
---@param params? table The parameters by name.
---@return llmspell.Result
function Tool.invoke(name, params) end

---The names of all tools.
---@return string[]
function Tool.list() end

---Whether there is a tool of that name.
---@param name string
---@return boolean
function Tool.exists(name) end

---The names of the tools, by category.
---@return table<string, string[]>
function Tool.categories() end

---The tools that fit some words best, in their names, descriptions and parameters.
---@param words string
---@return llmspell.Handle[]
function Tool.search(words) end

---What is known of a tool: name, description, category, schema.
---@param name llmspell.ToolName
---@return table
function Tool.info(name) end

---Run a tool once for each table of parameters, several at once. The results come in order; a call that fails
---gives its error and does not lose the others.
---@param name llmspell.ToolName
---@param list table[] The parameters of each call.
---@param options? llmspell.MapOptions
---@return llmspell.Result[]
function Tool.map(name, list, options) end

---Run several tools at once: `Tool.all{ {"calculator", {input = "1+1"}}, … }`. The results come in order.
---@param calls llmspell.Call[]
---@return llmspell.Result[]
function Tool.all(calls) end

---Make a Lua function a tool.
---@param name string
---@param about llmspell.Description
---@param run fun(params: table): any
function Tool.register(name, about, run) end

-- Agent ----------------------------------------------------------------------------------------

---Agents: a model, or none, with tools.
---@class llmspell.Agents
Agent = {}

---Begin to describe an agent; `:build()` makes it.
---@return llmspell.AgentBuilder
function Agent.builder() end

---@class llmspell.AgentBuilder
local Builder = {}

---The agent's name.
---@param name string
---@return llmspell.AgentBuilder
function Builder:name(name) end

---What it is for.
---@param text string
---@return llmspell.AgentBuilder
function Builder:description(text) end

---The model it talks to.
---@param name string
---@return llmspell.AgentBuilder
function Builder:model(name) end

---Whose endpoint that is.
---@param name string
---@return llmspell.AgentBuilder
function Builder:provider(name) end

---What the model is told first.
---@param text string
---@return llmspell.AgentBuilder
function Builder:system_prompt(text) end

---How freely the model chooses its words.
---@param value number
---@return llmspell.AgentBuilder
function Builder:temperature(value) end

---How long an answer may be.
---@param count integer
---@return llmspell.AgentBuilder
function Builder:max_tokens(count) end

---How many messages are remembered.
---@param count integer
---@return llmspell.AgentBuilder
function Builder:max_conversation_length(count) end

---Where an OpenAI-compatible endpoint is.
---@param url string
---@return llmspell.AgentBuilder
function Builder:base_url(url) end

---The key for it; better left to the environment.
---@param key string
---@return llmspell.AgentBuilder
function Builder:api_key(key) end

---Give it a tool.
---@param name llmspell.ToolName
---@return llmspell.AgentBuilder
function Builder:tool(name) end

---Let it use a tool.
---@param name llmspell.ToolName
---@return llmspell.AgentBuilder
function Builder:allow_tool(name) end

---Which tools it may use.
---@param names llmspell.ToolName[]
---@return llmspell.AgentBuilder
function Builder:allowed_tools(names) end

---How long a tool may take, in milliseconds.
---@param milliseconds integer
---@return llmspell.AgentBuilder
function Builder:tool_timeout_ms(milliseconds) end

---How long an answer may take, in seconds.
---@param seconds number
---@return llmspell.AgentBuilder
function Builder:max_execution_time(seconds) end

---How much memory it may take, in megabytes.
---@param megabytes integer
---@return llmspell.AgentBuilder
function Builder:max_memory_mb(megabytes) end

---How many tools it may call for one answer.
---@param count integer
---@return llmspell.AgentBuilder
function Builder:max_tool_calls(count) end

---How deep calls may be nested.
---@param count integer
---@return llmspell.AgentBuilder
function Builder:max_recursion_depth(count) end

---What is called with each piece of an answer as it comes.
---@param listen fun(text: string)
---@return llmspell.AgentBuilder
function Builder:on_chunk(listen) end

---Make the agent.
---@return llmspell.Agent
function Builder:build() end

---@class llmspell.Agent
local An = {}

---Ask it.
---@param prompt string|table What to answer, or `{ text = …, … }`.
---@return table
function An:invoke(prompt) end

---Ask it: another name of `invoke`.
---@param prompt string|table What to answer, or `{ text = …, … }`.
---@return table
function An:execute(prompt) end

---Run one of its tools.
---@param name llmspell.ToolName
---@param params? table The parameters by name.
---@return llmspell.Result
function An:invokeTool(name, params) end

---How it was built.
---@return table
function An:get_config() end

---The names of its tools.
---@return string[]
function An:discover_tools() end

---Whether it has a tool.
---@param name llmspell.ToolName
---@return boolean
function An:has_tool(name) end

---What it has done: calls, times, errors.
---@return table
function An:get_metrics() end

-- JSON -----------------------------------------------------------------------------------------

---JSON texts and Lua values.
---@class llmspell.JSON
JSON = {}

---The value that a JSON text says. What is no JSON is an error that names the place.
---@param text string
---@return any
function JSON.parse(text) end

---A value as JSON.
---@param value any
---@return string
function JSON.stringify(value) end

-- Debug ----------------------------------------------------------------------------------------

---@alias llmspell.Level "trace"|"debug"|"info"|"warn"|"error"

---Logging, timers and dumps. (Lua's own `debug` is another table.)
---@class llmspell.Debug
Debug = {}

---Log what is only of interest in the smallest detail.
---@param message string
---@param module? string Who says so.
function Debug.trace(message, module) end

---Log what helps to find a mistake.
---@param message string
---@param module? string Who says so.
function Debug.debug(message, module) end

---Log what has happened.
---@param message string
---@param module? string Who says so.
function Debug.info(message, module) end

---Log what is not as it should be.
---@param message string
---@param module? string Who says so.
function Debug.warn(message, module) end

---Log what has gone wrong.
---@param message string
---@param module? string Who says so.
function Debug.error(message, module) end

---Log at a level.
---@param level llmspell.Level
---@param message string
---@param module? string Who says so.
function Debug.log(level, message, module) end

---Log from this level up.
---@param level llmspell.Level
function Debug.setLevel(level) end

---From which level up is logged.
---@return llmspell.Level
function Debug.getLevel() end

---Start a timer.
---@param name? string
---@return llmspell.Timer
function Debug.timer(name) end

---A value with all that is in it, as a text of several lines.
---@param value any
---@param label? string
---@return string
function Debug.dump(value, label) end

---A value with all that is in it, on one line.
---@param value any
---@return string
function Debug.dumpCompact(value) end

---The calls that are open.
---@return string
function Debug.stackTrace() end

---How much memory Lua uses.
---@return table
function Debug.memoryStats() end

---@class llmspell.Timer
local Timer = {}

---Stop it; gives the milliseconds.
---@return number
function Timer:stop() end

---Take a lap; gives the milliseconds so far.
---@param name? string
---@return number
function Timer:lap(name) end

---The milliseconds so far.
---@return number
function Timer:elapsed() end

-- The rest -------------------------------------------------------------------------------------

---The settings of llmspell.toml; they can't be changed from here.
---@type table
Config = {}

---The arguments of the script: `ARGS[1]`, `ARGS.name` for `--name value`.
---@type table<string|integer, string>
ARGS = {}

---The arguments of the script, as Lua's own interpreter gives them; `arg[0]` is the script.
---@type table<integer, string>
arg = {}

---In a notebook: show a value, or `{ ["text/html"] = … }` and other kinds of it.
---@param value any
function display(value) end
