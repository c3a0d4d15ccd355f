---@meta
-- What programs find of agents: see api.lua.

-- Agent ----------------------------------------------------------------------------------------

---Agents: a model, or none, with tools.
---@class llmspell.Agents
Agent = {}

---Begin to describe an agent; `:build()` makes it.
---@param name? string
---@return llmspell.AgentBuilder
function Agent.builder(name) end

---Make an agent of a table: its keys are the methods of a builder.
---@param about table
---@return llmspell.Agent
function Agent.create(about) end

---Another name of `Agent.create`.
---@param about table
---@return llmspell.Agent
function Agent.register(about) end

---The names of all agents.
---@return string[]
function Agent.list() end

---The agent of that name.
---@param name string
---@return llmspell.Agent?
function Agent.get(name) end

---Make an agent a tool of others.
---@param agent llmspell.Agent|string
---@param name? string The tool's name; the agent's unless given.
---@return llmspell.Handle
function Agent.wrap_as_tool(agent, name) end

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

---What kind of agent it is, in your own words.
---@param kind string
---@return llmspell.AgentBuilder
function Builder:type(kind) end

---The names of tools that it may use.
---@param names llmspell.ToolName[]
---@return llmspell.AgentBuilder
function Builder:tools(names) end

---More fields of what the model is asked.
---@param fields table
---@return llmspell.AgentBuilder
function Builder:custom_config(fields) end

---The limits as one table.
---@param limits table
---@return llmspell.AgentBuilder
function Builder:resource_limits(limits) end

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
---@param options? table `on_chunk`: what is called with each piece of the answer.
---@return table
function An:invoke(prompt, options) end

---Ask it: another name of `invoke`.
---@param prompt string|table What to answer, or `{ text = …, … }`.
---@param options? table `on_chunk`: what is called with each piece of the answer.
---@return table
function An:execute(prompt, options) end

---Ask it, and be given each piece of the answer as it comes.
---@param prompt string|table
---@param on_chunk fun(text: string)
---@return table
function An:invokeStream(prompt, on_chunk) end

---Another name of `invokeStream`.
---@param prompt string|table
---@param on_chunk fun(text: string)
---@return table
function An:execute_streaming(prompt, on_chunk) end

---Forget what was said.
function An:reset() end

---What was said, as the model is told.
---@return table[]
function An:get_history() end

---What is known of a tool.
---@param name llmspell.ToolName
---@return table
function An:get_tool_metadata(name) end

---What is known of all its tools, by name.
---@return table<string, table>
function An:get_all_tool_metadata() end

---Make it a tool of others.
---@param name? string The tool's name; the agent's unless given.
---@param description? string
---@return llmspell.Handle
function An:as_tool(name, description) end

---Take it off the list of agents.
function An:destroy() end

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
---@param name llmspell.ToolName|string
---@return boolean
function An:has_tool(name) end

---What it has done: calls, times, errors.
---@return table
function An:get_metrics() end
