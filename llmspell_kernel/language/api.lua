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
---@field timeout_ms? number How long each may take, if that is less than the settings say.

---How a call is run.
---@class llmspell.CallOptions
---@field timeout_ms? number How long it may take, if that is less than the settings say.

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
---@param options? llmspell.CallOptions
---@return llmspell.Result
function Tool.execute(name, params, options) end

---Run a tool: another name of `Tool.execute`.
---@param name llmspell.ToolName
---@param params? table The parameters by name.
---@param options? llmspell.CallOptions
---@return llmspell.Result
function Tool.invoke(name, params, options) end

---The names of all tools.
---@return string[]
function Tool.list() end

---Whether there is a tool of that name.
---@param name llmspell.ToolName|string
---@return boolean
function Tool.exists(name) end

---The names of the tools, by category.
---@return table<string, string[]>
function Tool.categories() end

---The tools that fit some words best, in their names, descriptions and parameters.
---@param words string
---@param most? integer How many; 10 unless given.
---@return llmspell.Handle[]
function Tool.search(words, most) end

---The tools whose fields are these, such as `{ category = "web" }`.
---@param filter table
---@return llmspell.Handle[]
function Tool.discover(filter) end

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
---@param options? llmspell.MapOptions
---@return llmspell.Result[]
function Tool.all(calls, options) end

---Make a Lua function a tool.
---@param name string
---@param about llmspell.Description
---@param run fun(params: table): any
---@return llmspell.Handle
function Tool.register(name, about, run) end

-- JSON -----------------------------------------------------------------------------------------

---JSON texts and Lua values.
---@class llmspell.JSON
JSON = {}

---The value that a JSON text says. What is no JSON is an error that names the place.
---@param text string
---@param options? table `null = true` keeps nulls as `JSON.null`.
---@return any
function JSON.parse(text, options) end

---A value as JSON.
---@param value any
---@param options? table `pretty`, `sort_keys`, `empty = "array"`.
---@return string
function JSON.stringify(value, options) end

---What stands for a null.
JSON.null = nil

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

---Log a message with some data.
---@param level llmspell.Level
---@param message string
---@param data any
---@param module? string Who says so.
function Debug.logWithData(level, message, data, module) end

---Whether anything is logged.
---@param on boolean
function Debug.setEnabled(on) end

---Whether anything is logged.
---@return boolean
function Debug.isEnabled() end

---Log what a module says from this level up.
---@param module string
---@param level llmspell.Level
function Debug.addModuleFilter(module, level) end

---Log a module as the others again.
---@param module string
function Debug.removeModuleFilter(module) end

---Log all modules alike again.
function Debug.clearModuleFilters() end

---The last messages that were logged.
---@param most? integer
---@return table[]
function Debug.getCapturedEntries(most) end

---Forget them.
function Debug.clearCaptured() end

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

---A value to any depth, with all that is in it.
---@param value any
---@return string
function Debug.dumpVerbose(value) end

---A value as the options say: `depth`, `max_items`, `compact`.
---@param value any
---@param options? table
---@return string
function Debug.dumpWithOptions(value, options) end

---The calls that are open.
---@param message? string What stands above them.
---@return string
function Debug.stackTrace(message) end

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
