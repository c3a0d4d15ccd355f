-- What a paused program is made of, as flat lists of values that Python can take: frames, scopes,
-- children. Nothing here runs the program's code, but `__tostring` when it is asked for by name.
-- Arguments: the exports of the prelude, evaluate.lua, hook.lua, watch.lua and variables.lua.
-- Everything runs in the dispatcher: levels of all threads count from the thread's top.

local prelude, evaluator, hook, watch, variables = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getmetatable = debug.getinfo, debug.getlocal, debug.getmetatable
local status, xpcall, load, type, rawget, next = coroutine.status, xpcall, load, type, rawget, next
local tostring, error, ipairs, pairs, select = tostring, error, ipairs, pairs, select
local find, concat, unpack, pack, move = string.find, table.concat, table.unpack, table.pack, table.move
local min, max, sub, match, tonumber = math.min, math.max, string.sub, string.match, tonumber
local base, depth, each_upvalue = evaluator.base, evaluator.depth, evaluator.each_upvalue
local builtin, place, show, describe = variables.builtin, variables.place, variables.show, variables.describe
local type_name, reference, find_reference = variables.type_name, variables.reference, variables.find_reference
local level_of, each_local, locals_of = variables.level_of, variables.each_local, variables.locals_of
local setters, LIMIT = variables.setters, variables.LIMIT
local SHORT = 40 -- characters of a string in a list of parameters

local exports = {}

-- Frames ------------------------------------------------------------------------------------------------

local function thread_of(id)
    return hook.thread_of(id) or error("this thread is gone", 0)
end

local function name_of(info)
    if info.what == "main" then return "main chunk" end
    if builtin[info.func] then return builtin[info.func] end
    if info.name then return info.name end
    if info.what == "C" or info.source == "=[llmspell]" then return "C function" end
    return "function <" .. place(info) .. ">"
end

-- Below the main chunk is the host's own protected call.
local function program_part(thread, top, total)
    for n = total - 1, 1, -1 do
        if getinfo(thread, top + n, "f").func == xpcall then return n end
    end
    return total
end

-- What is known of the threads' stacks while nothing runs: the level of the top, the frames that have
-- been asked for, and how many there are: the total, or the number known so far.
-- On a deep stack each look costs (evaluate.lua, levels): 20 frames must not wait for the total of 100,000.
local stacks = {}
local PAGE = 2000 -- so many frames are there beyond those known: the host's at the bottom are never among them

-- Knows of the frames before `last` and of a page more, or else of all.
local function stack_of(thread, first, last)
    local stack = stacks[thread] or { top = base(thread), known = 0 }
    stacks[thread] = stack
    if stack.total then return stack end
    if getinfo(thread, stack.top + last + 2 * PAGE, "l") then
        stack.known = max(stack.known, last + PAGE)
    else
        local is_near = getinfo(thread, stack.top + first, "l")
        stack.total = depth(thread, is_near and stack.top + last)
        if hook.id_of(thread) == 1 then stack.total = program_part(thread, stack.top, stack.total) end
    end
    return stack
end

function exports.forget()
    variables.forget()
    stacks = {}
end

-- What the program's code changes when a person lets it run: it can resume or close coroutines.
local function forget_suspended()
    for thread in pairs(stacks) do
        if status(thread) ~= "normal" then stacks[thread] = nil end
    end
end

local function run(...)
    forget_suspended()
    return evaluator.run(...)
end

function exports.children(...)
    forget_suspended() -- a `__tostring` can run
    return variables.children(...)
end

-- Of a function in which a coroutine has died LuaJIT knows no line, but the error does.
local function line_of(info)
    local problem = info.currentline < 0 and info.what ~= "C" and hook.stopped().problem
    local text = problem and problem.value
    if type(text) ~= "string" or sub(text, 1, #info.short_src + 1) ~= info.short_src .. ":" then return info.currentline end
    return tonumber(match(text, "^%d+", #info.short_src + 2)) or info.currentline
end

local function frame_of(thread, stack, at)
    local frame = stack[at]
    if frame then return frame end
    local info = getinfo(thread, stack.top + at, "nSlf")
    if not info then return nil end
    local kind, name = info.what == "C" and "c" or "lua", nil
    if info.source == "=[llmspell]" then -- it stands for a function of Lua's, or is the call of a tool
        kind = "c"
        if info.func == prelude.execute then
            kind, name = "tool", "tool " .. tostring((select(2, getlocal(thread, stack.top + at, 1))))
        end
    end
    frame = { name or name_of(info), kind, info.source, info.short_src, line_of(info) }
    stack[at] = frame
    return frame
end

-- Gives how many there are, and whether this is all or a bound that grows as more are asked for (it is
-- beyond these frames, then); per frame: its place in the stack, name, kind, source, short name, line.
function exports.frames(id, first, count)
    local thread = thread_of(id)
    local stack = stack_of(thread, first, first + count)
    local total = stack.total or stack.known
    local found, n = { total, stack.total ~= nil }, 2
    for at = first, min(first + count, total) - 1 do
        local frame = frame_of(thread, stack, at)
        if not frame then break end
        found[n + 1] = at
        move(frame, 1, 5, n + 2, found)
        n = n + 6
    end
    return unpack(found, 1, n)
end

-- Where the function was written that a coroutine runs. One of before the debugger came tells only by its bottom.
local function origin(thread)
    local body, info = hook.bodies[thread], nil
    if body then
        info = getinfo(body, "S")
    elseif hook.id_of(thread) ~= 1 then
        local stack = stack_of(thread, 0, 0)
        info = stack.total and getinfo(thread, stack.top + stack.total - 1, "S")
    end
    return info and info.what ~= "C" and place(info) or ""
end

-- Per parameter of a frame: name, type, value as it is now.
function exports.parameters(id, at, hex)
    local thread = thread_of(id)
    local level, found = level_of(thread, at), {}
    for index = 1, getinfo(thread, level, "u").nparams do
        local name, value = getlocal(thread, level, index)
        found[#found + 1] = name
        found[#found + 1] = type_name(value) or type(value)
        found[#found + 1] = show(value, SHORT, false, hex)
    end
    return unpack(found)
end

-- Ids and names of the live threads; the chain of those that wait for one another is always among them.
function exports.threads(limit)
    local found, listed = {}, {}
    local function add(thread)
        if listed[thread] or #found >= 3 * limit then return end
        listed[thread] = true
        found[#found + 1] = hook.id_of(thread)
        found[#found + 1] = origin(thread)
        found[#found + 1] = status(thread)
    end
    for _, thread in ipairs(prelude.chain()) do add(thread) end
    add(hook.stopped().thread)
    for thread in pairs(hook.ids) do
        if status(thread) ~= "dead" then add(thread) end
    end
    return unpack(found)
end

-- The threads that wait for this one, nearest first.
function exports.resumers(id)
    local thread, found = thread_of(id), {}
    local chain = prelude.chain()
    local dead = status(thread) == "dead"
    for i = #chain, 1, -1 do
        if dead then found[#found + 1] = hook.id_of(chain[i]) end
        dead = dead or chain[i] == thread
    end
    return unpack(found)
end

-- Scopes --------------------------------------------------------------------------------------------------

local function count_varargs(thread, level)
    local n = 0
    while getlocal(thread, level, -(n + 1)) do n = n + 1 end
    return n
end

local function count_upvalues(f) -- the globals have a scope of their own
    local n = 0
    for _, name in each_upvalue(f) do
        if name ~= "_ENV" then n = n + 1 end
    end
    return n
end

local function local_names(thread, level)
    local names = {}
    for _, name in each_local(thread, level) do names[name] = true end
    return names
end

-- Per scope: kind, reference, named, indexed.
function exports.scopes(id, at)
    local thread = thread_of(id)
    local level = level_of(thread, at)
    local info = getinfo(thread, level, "fS") or error("this frame is gone: the program has gone on since", 0)
    local found = { "locals", reference { kind = "locals", thread = thread, at = at }, #locals_of(thread, level), 0 }
    local function add(...)
        for i = 1, 4 do found[#found + 1] = (select(i, ...)) end
    end
    local stopped = hook.stopped()
    local extra = count_varargs(thread, level)
    if extra > 0 then add("varargs", reference { kind = "varargs", thread = thread, at = at }, 0, extra) end
    if info.what ~= "C" then
        local n = count_upvalues(info.func)
        if n > 0 then add("upvalues", reference { kind = "upvalues", value = info.func, hidden = local_names(thread, level) }, n, 0) end
    end
    if stopped.values and stopped.values.n > 0 and thread == stopped.thread and at == evaluator.above_lua(thread) then
        add("returnValue", reference { kind = "returned", values = stopped.values }, 0, stopped.values.n)
    end
    local globals = evaluator.globals_of(thread, level, info.func)
    if type(globals) == "table" then
        local hidden = local_names(thread, level)
        for _, name in each_upvalue(info.func) do hidden[name] = true end
        add("globals", reference { kind = "table", value = globals, path = globals == _G and "_G" or "_ENV", hidden = hidden }, -1, 0)
    end
    return unpack(found)
end

-- Evaluation and assignment -----------------------------------------------------------------------------------

local function text_of_error(value)
    local text = prelude.message_of(value)
    return type(value) == "table" and find(text, "^%(error object") and show(value) or text
end

local function failed(problem)
    error(text_of_error(problem), 0)
end

local function compiled(text)
    local f, problem = evaluator.compile(text, "=input")
    if not f then error(problem, 0) end
    return f
end

-- id 0: no frame, the globals. Gives the texts of all results joined, and the first one to open.
function exports.evaluate(text, id, at, hex, limit)
    local thread = id ~= 0 and thread_of(id) or nil
    local f = compiled(text)
    local problem = hook.stopped().problem
    local results = pack(run(f, thread, thread and at, problem and { name = "error", value = problem.value }))
    if not results[1] then failed(results[2]) end
    if results.n == 2 then return describe(results[2], find(text, "^[%a_][%w_%.%[%]\"]*$") and text or nil, limit, hex) end
    local texts = {}
    for i = 2, results.n do texts[i - 1] = show(results[i], limit, false, hex) end
    return concat(texts, ", "), results.n == 1 and "nothing" or "values", 0, 0, 0
end

local function value_of(text, thread, at)
    local f, problem = load("return " .. text, "=input", "t")
    if not f then error(problem, 0) end
    local results = pack(run(f, thread, thread and at))
    if not results[1] then failed(results[2]) end
    if results.n == 1 then error("this gives no value: " .. (find(text, "%S") and text or "it is empty"), 0) end
    return results[2]
end

function exports.set(id, name, text, frame_thread, at, hex)
    local record = find_reference(id)
    local setter = setters[record.kind] or error(name .. " can't be set", 0)
    local thread = record.thread or (frame_thread ~= 0 and thread_of(frame_thread)) or nil
    local value = value_of(text, thread, record.at or at)
    if not setter(record, name, value) then error("there is no variable " .. name .. " here that can be set", 0) end
    return describe(value, nil, LIMIT, hex)
end

function exports.set_expression(target, text, id, at, hex)
    local thread = id ~= 0 and thread_of(id) or nil
    local value = value_of(text, thread, at)
    local f, problem = load(target .. " = __llmspell[1]", "=input", "t")
    if not f then error("can't assign to this: " .. problem, 0) end
    local ok, failure = run(f, thread, thread and at, { name = "__llmspell", value = { value } })
    if not ok then failed(failure) end
    return describe(value, nil, LIMIT, hex)
end

-- Names for completion: of an expression's fields, or of everything seen from a frame.
-- Per name: the name, and the type of its value.
function exports.names(text, id, at)
    local found, known = {}, {}
    local function add(name, value)
        if type(name) == "string" and not known[name] and find(name, "^[%a_][%w_]*$") then
            known[name] = true
            found[#found + 1], found[#found + 2] = name, type(value)
        end
    end
    local function fields(value)
        for _ = 1, 10 do
            if type(value) == "table" then
                local n = 0
                for key, item in next, value do
                    add(key, item)
                    n = n + 1
                    if n > 5000 then break end
                end
            end
            local meta = getmetatable(value)
            value = type(meta) == "table" and rawget(meta, "__index") or nil
            if type(value) ~= "table" then return end
        end
    end
    local thread = id ~= 0 and thread_of(id) or nil
    if text ~= "" then
        local f = load("return " .. text, "=input", "t")
        if f then
            local ok, value = run(f, thread, thread and at)
            if ok then fields(value) end
        end
        return unpack(found)
    end
    local globals = _G
    if thread then
        local level = level_of(thread, at)
        local info = getinfo(thread, level, "f")
        for _, name, value in each_local(thread, level) do add(name, value) end
        for _, name, value in each_upvalue(info.func) do
            if name ~= "_ENV" then add(name, value) end
        end
        globals = evaluator.globals_of(thread, level, info.func)
    end
    fields(globals)
    return unpack(found)
end

-- The error the program stopped at: type, text, filter, traceback.
function exports.problem()
    local stopped = hook.stopped()
    local problem = stopped.problem or error("the program has not stopped at an error", 0)
    local value = problem.value
    local trace = prelude.clean(prelude.traceback(stopped.thread, nil, base(stopped.thread)))
    return type_name(value) or type(value), text_of_error(value), problem.filter, trace, type_name(value) == "ToolError"
end

-- What a function of the host's makes of an expression's value.
function exports.apply(f, text, id, at)
    local thread = id ~= 0 and thread_of(id) or nil
    return f(value_of(text, thread, at))
end

-- The globals, to be opened also while nothing is stopped.
function exports.globals() return reference { kind = "table", value = _G, path = "_G" } end

function exports.text_of(source) return watch.texts[source] end

return exports
