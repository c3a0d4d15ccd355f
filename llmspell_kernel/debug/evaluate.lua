-- Expressions of a person, in a frame of the program. Arguments: the prelude's exports; the host's function (Python)
-- that tells what a text says of the names around a line.
-- A frame is a thread and a level as another thread sees it (0 is the thread's top).
-- Gives: the functions of `exports` below.

local prelude, host_around = ...
local jit = prelude.jit -- luajit.lua's, in LuaJIT
local function nothing() end
local leave_hook, enter_hook = jit and jit.leave_hook or nothing, jit and jit.enter_hook or nothing
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, setlocal = debug.getinfo, debug.getlocal, debug.setlocal
local getupvalue, setupvalue, sethook = debug.getupvalue, debug.setupvalue, debug.sethook
local upvaluejoin, setmetatable = debug.upvaluejoin, setmetatable
local create, resume, status, running = coroutine.create, coroutine.resume, coroutine.status, coroutine.running
local error, load, pack, unpack, select, find = error, load, table.pack, table.unpack, select, string.find
local type, rawget, format, concat = type, rawget, string.format, table.concat
local floor, close = math.floor, coroutine.close

-- `attend`: the hook of evaluations where instructions are counted; `hurried`: a pause is under way in the program, so
-- that no expression must take for ever.
local exports = { evaluating = false, hurried = false }
local NEAR = 200 -- frames below a function where its main chunk is looked for
local GRACE = 100000 -- instructions that an expression has to end in when the program is to pause

local OURS = "=[llmspell]"
local setfenv, getfenv = setfenv, getfenv or function() return _G end -- of LuaJIT, which has no _ENV
-- The functions of ours that stand above the program's frames: "hook" (the frame below is the
-- program's), or "error" (functions of ours may follow that raise a program's error).
local marks = {}
exports.marks = marks

local function ours(f)
    return getinfo(f, "S").source == OURS
end
exports.ours = ours

-- The level of the program's top frame, as the function sees it that this one calls: above it are
-- the hook and what the hook has called.
function exports.base(thread)
    local base, kind = 0, nil
    for level = 0, 12 do
        local info = getinfo(thread, level, "f")
        if not info then break end
        local f = info.func
        if marks[f] then
            base, kind = level + 1, marks[f]
        elseif kind == "error" and base == level and f ~= prelude.execute and ours(f) then
            base = level + 1
        end
    end
    return base
end

local last = setmetatable({}, { __mode = "k" }) -- thread → how many levels it had

-- The number of levels of a thread, seen as `base` sees them; depth is the program's part of it. Lua
-- walks from the top to the level it is asked for, so on a deep stack each question costs: the search
-- begins at the guess, or where the last one ended.
local function levels(thread, guess)
    local low, high, reach = 0, guess or last[thread] or 0, 1
    if getinfo(thread, high, "l") then
        repeat
            low, high, reach = high + 1, high + reach, reach * 2
        until not getinfo(thread, high, "l")
    else
        while high > reach and not getinfo(thread, high - reach, "l") do
            high, reach = high - reach, reach * 2
        end
        low = high > reach and high - reach + 1 or 0
    end
    while low < high do -- the first level that is not there
        local middle = floor((low + high) / 2)
        if getinfo(thread, middle, "l") then low = middle + 1 else high = middle end
    end
    last[thread] = low
    return low
end
exports.levels = levels

function exports.depth(thread, guess)
    local depth = levels(thread, guess) - exports.base(thread)
    return depth
end

-- How many frames lie above the topmost Lua function of the program.
function exports.above_lua(thread)
    local base, above = exports.base(thread), 0
    if thread == running() then base = base - 1 end
    while true do
        local info = getinfo(thread, base + above, "Sf")
        if not info then return 0 end
        if info.what ~= "C" and info.source ~= OURS then return above end
        above = above + 1
    end
end

local serial = 0 -- a new one each time the program goes on
function exports.invalidate() serial = serial + 1 end

-- The index of the local that `name` means at this place: the last one of that name.
local function find_local(thread, level, name)
    local index, found = 1, nil
    while true do
        local candidate = getlocal(thread, level, index)
        if not candidate then return found end
        if candidate == name then found = index end
        index = index + 1
    end
end

-- A chunk with probes has one upvalue more, which is none of the program's.
exports.HIDDEN = "__llmspell"

function exports.each_upvalue(f)
    local index = 0
    local function next_one()
        index = index + 1
        local name, value = getupvalue(f, index)
        if name == exports.HIDDEN then return next_one() end
        if name then return index, name, value end
    end
    return next_one
end

local function find_upvalue(f, name)
    local index = 1
    while true do
        local candidate = getupvalue(f, index)
        if not candidate then return nil end
        if candidate == name then return index end
        index = index + 1
    end
end

-- The table that holds the globals of a frame.
local function globals_of(thread, level, f)
    local index = find_local(thread, level, "_ENV")
    if index then
        return (select(2, getlocal(thread, level, index)))
    end
    index = f and find_upvalue(f, "_ENV")
    if index then
        return (select(2, getupvalue(f, index)))
    end
    return f and getfenv(f) or _G
end
exports.globals_of = globals_of

-- What the text says of a name that is no local, upvalue or global: the value of a constant in its words, true for a
-- local of the main chunk and the only one of its name there, false for another local.
local around = {} -- by chunk and lines
local function said_of(info, name)
    local is_main = info.what == "main"
    local first, last = is_main and 0 or info.linedefined, is_main and 0 or info.lastlinedefined
    local key = concat({ info.source, first, last, info.currentline }, ":")
    around[key] = around[key] or host_around(info.source, first, last, info.currentline)
    return around[key][name]
end

local function main_chunk(thread, from, source)
    for level = from, from + NEAR do
        local info = getinfo(thread, level, "S")
        if not info then return nil end
        if info.what == "main" and info.source == source then return level end
    end
end

-- The local of this name of the main chunk that a function is called from, perhaps by another thread: thread, level,
-- index; or nothing.
local function in_main_chunk(thread, level, source, name)
    local threads, found = prelude.chain(), main_chunk(thread, level + 1, source)
    for n = #threads, 1, -1 do
        if found then break end
        if threads[n] ~= thread then
            thread = threads[n]
            found = main_chunk(thread, 0, source)
        end
    end
    local index = found and find_local(thread, found, name)
    if index then return thread, found, index end
end

-- A local that the text shows and this function has not. Gives nothing if there is none: the name is a global. Else
-- true, and where it is (thread, level, index) or, of a constant, its value. Raises an error where Lua keeps none.
local function unkept(thread, level, name)
    local info = getinfo(thread, level, "Sl")
    if info.what == "C" or info.source == OURS then return nil end
    local said = said_of(info, name)
    if said == nil then return nil end
    if type(said) == "string" then return true, nil, load("return " .. said, OURS, "t")() end
    if said then
        local owner, above, index = in_main_chunk(thread, level, info.source, name)
        if owner then return true, owner, above, index end
    end
    error(format("'%s' is a local variable that is not used in this function: Lua does not keep it here", name), 0)
end

local function is_there(globals, name) return type(globals) ~= "table" or rawget(globals, name) ~= nil end

-- The globals and one value more.
local function globals_and(extra)
    local function read(_, name)
        if extra.name == name then return extra.value end
        return _G[name]
    end
    return setmetatable({}, { __index = read, __newindex = _G })
end

-- An _ENV that reads and writes the frame: locals, upvalues, then globals. It outlives the
-- pause when an expression makes a function; from then on it is the globals.
local function environment(thread, level, extra)
    local f = getinfo(thread, level, "f").func
    local born, globals = serial, globals_of(thread, level, f)
    local proxy = {}
    local function read(_, name)
        if extra and extra.name == name then return extra.value end
        if born == serial then
            local index = find_local(thread, level, name)
            if index then return (select(2, getlocal(thread, level, index))) end
            index = find_upvalue(f, name)
            if index then return (select(2, getupvalue(f, index))) end
            if not is_there(globals, name) then
                local found, owner, value, at = unkept(thread, level, name)
                if owner then return (select(2, getlocal(owner, value, at))) end
                if found then return value end
            end
        end
        return globals[name]
    end
    local function write(_, name, value)
        if born == serial then
            local index = find_local(thread, level, name)
            if index then setlocal(thread, level, index, value) return end
            index = find_upvalue(f, name)
            if index then setupvalue(f, index, value) return end
            if not is_there(globals, name) then
                local found, owner, above, at = unkept(thread, level, name)
                if owner then setlocal(owner, above, at, value) return end
                if found then error(format("attempt to assign to const variable '%s'", name), 0) end
            end
        end
        globals[name] = value
    end
    return setmetatable(proxy, { __index = read, __newindex = write })
end

local function varargs(thread, level)
    local values, n = {}, 0
    while true do
        local name, value = getlocal(thread, level, -(n + 1))
        if not name then return unpack(values, 1, n) end
        n = n + 1
        values[n] = value
    end
end
exports.varargs = varargs

-- An expression, or else statements. Gives the function, or nil and the parser's message.
local function compile(text, name)
    local f, problem = load("return " .. text, name, "t")
    if f then return f end
    local statements, other = load(text, name, "t")
    if statements then return statements end
    local is_statement = find(text, "^%s*%a+%s+[%a_]") or find(text, "[^=~<>]=[^=]")
    return nil, is_statement and other or problem
end
exports.compile = compile

local bind = setfenv or function(f, env)
    local index = find_upvalue(f, "_ENV")
    if index then
        -- a fresh upvalue of its own: functions that an earlier evaluation made keep theirs
        upvaluejoin(f, index, (function() return env end), 1)
    end
end

-- Runs f apart from the program's stack, where it can be cancelled and no breakpoint stops it.
local function apart(f, ...)
    local thread = create(f)
    if exports.hurried then
        sethook(thread, exports.cancel, "", GRACE)
    elseif exports.attend then
        sethook(thread, exports.attend, "", prelude.COUNT)
    else
        sethook(thread)
    end
    local before = exports.evaluating
    exports.evaluating = thread
    local left = leave_hook()
    local results = pack(resume(thread, ...))
    enter_hook(left)
    exports.evaluating = before
    if results[1] and status(thread) == "suspended" then
        close(thread)
        return false, "the expression yielded; the debugger can't resume it"
    end
    return unpack(results, 1, results.n)
end
exports.apart = apart

-- Runs a compiled expression in a frame of a thread: `at` counts from the program's top frame, nil is
-- no frame; `extra` is one name more, with its value. Gives true and the values, or false and the error.
function exports.run(f, thread, at, extra)
    if not at then
        bind(f, extra and globals_and(extra) or _G)
        return apart(f)
    end
    -- `apart` will stand where this function stands now, and its `resume` where `base` stood
    local level = exports.base(thread) + at
    if thread == running() then level = level - 1 end
    return apart(function()
        bind(f, environment(thread, level, extra))
        return f(varargs(thread, level))
    end)
end

local function deeper(n)
    if n == 0 then return true end
    local ok, found = resume(create(deeper), n - 1)
    return ok and found
end

-- Whether Lua, which lets C call it 200 deep, lets the debugger go as deep as its questions need.
function exports.has_room() return deeper(8) end

-- From a hook: ends the evaluation that runs.
function exports.cancel()
    local function cancelled() error("cancelled", 0) end
    sethook(exports.evaluating, cancelled, "", 1)
    sethook(cancelled, "", 1)
    cancelled()
end

-- The hook of an evaluation during which the host wants attention: `host_attention` says what for, `is_time` delivers
-- what log points have said. `count`: instructions are counted, and this is the hook of every evaluation.
function exports.attending(host_attention, is_time, count)
    local function attend()
        if not count then sethook() end
        local wish = host_attention()
        if wish == "log" then
            is_time()
        elseif wish == "pause" then -- it comes after the evaluation, which must not take for ever
            exports.pause_after = true
            sethook(exports.cancel, "", GRACE)
        elseif wish then
            exports.cancel()
        end
    end
    if count then exports.attend = attend end
    return attend
end

return exports
