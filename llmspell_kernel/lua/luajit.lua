-- What our Lua files, which are written for Lua 5.4, find in LuaJIT. Runs once in a fresh state, before them.
-- Arguments: the main thread, and the address of the byte that holds the mask of the hook (0: not known).
-- Gives: the functions of `exports` below. The program sees nothing of this: what is added here is in the
-- environment of our files.
--
-- LuaJIT has one hook for all threads, and calls it for interpreted code only. So a hook that is set here turns
-- the compiler off and its code away, until none is set.

local main, mask_address = ...
local G = _G
local debug, jit, coroutine = debug, jit, coroutine
local getinfo, sethook, registry = debug.getinfo, debug.sethook, debug.getregistry()
local traceback = debug.traceback
local running, find, floor, select, next = coroutine.running, string.find, math.floor, select, next
local setmetatable, pairs, unpack, type, load, gsub = setmetatable, pairs, unpack, type, load, string.gsub
local error = error
local setfenv, huge, tostring, status = setfenv, math.huge, tostring, coroutine.status

local exports = {}

-- The compiler -----------------------------------------------------------------------------------

local was_on -- while hooks are set: whether the compiler was on
local allowed = true

local function interpret()
    if was_on == nil then
        was_on = jit.status()
        jit.off()
        jit.flush()
    end
end

local function compile_again()
    if was_on and allowed then jit.on() end
    was_on = nil
end

function exports.never_compile() -- compiled code can't be stopped here
    allowed = false
    jit.off()
    jit.flush()
end

function exports.keep_profiler() -- for the host: a program must not end it
    package.preload["jit.profile"], package.loaded["jit.profile"] = nil, nil
end

-- Hooks of threads ----------------------------------------------------------------------------------

local hooks = setmetatable({}, { __mode = "k" }) -- thread → its hook
local general -- the debugger's, of the threads that have none
local every = 0 -- after how many instructions Lua's count event comes

local function made(f, mask, count)
    return {
        f = f, mask = mask, count = count or 0, left = count or 0,
        call = find(mask, "c", 1, true) ~= nil, line = find(mask, "l", 1, true) ~= nil,
        ["return"] = find(mask, "r", 1, true) ~= nil,
    }
end

local install, set_mask

-- A tail call: levels are as the hook expects them.
local function dispatch(event, line)
    local own = hooks[running() or main] or general
    if event == "count" and every == 0 then -- the native stop has asked for it
        install()
        if own and own == general then return own.f(event) end
        return registry["llmspell.adopt_jit"]()
    end
    if not own then return end
    if event == "count" then
        own.left = own.left - every
        if own.count == 0 or own.left > 0 then return end
        own.left = own.count
    elseif not own[event] then
        return
    end
    return own.f(event, line)
end

function install()
    local mask, count = "", huge
    local function add(one)
        mask = mask .. one.mask
        if one.count > 0 and one.count < count then count = one.count end
    end
    for thread, one in pairs(hooks) do
        if status(thread) == "dead" then hooks[thread] = nil else add(one) end
    end
    if general then add(general) end
    if count < huge and mask == set_mask and count == every then return end -- to set it would begin to count anew
    every, set_mask = count < huge and count or 0, mask
    if mask ~= "" or every > 0 then
        interpret()
        sethook(dispatch, mask, every)
    else
        sethook()
        compile_again()
    end
end

local function set_hook(...)
    local thread, f, mask, count = ...
    if type(thread) ~= "thread" then thread, f, mask, count = running() or main, ... end
    hooks[thread] = f and (mask ~= "" or (count or 0) > 0) and made(f, mask, count) or nil
    install()
end

local function get_hook(thread)
    local own = hooks[thread or running() or main]
    if own then return own.f, own.mask, own.count end
end

-- The hook of every thread that has none of its own; nil: none.
function exports.hook_all(f, mask, count)
    general = f and made(f, mask, count) or nil
    install()
end

-- The native stop has put its own hook in the place of ours.
registry["llmspell.adopt_jit"] = function()
    registry["llmspell.adopt"]()
    install()
end

-- Inside of a hook LuaJIT calls no hook in any thread; an expression of a person must be stopped all the same.
local ACTIVE = 16
local hook_mask = mask_address ~= 0 and require("ffi").cast("uint8_t *", mask_address) or nil

function exports.leave_hook()
    if not hook_mask or floor(hook_mask[0] / ACTIVE) % 2 == 0 then return false end
    hook_mask[0] = hook_mask[0] - ACTIVE
    return true
end

function exports.enter_hook(left)
    if left and floor(hook_mask[0] / ACTIVE) % 2 == 0 then hook_mask[0] = hook_mask[0] + ACTIVE end
    if next(hooks) then install() end -- not for a thread that is dead
end

-- What a function gives back: LuaJIT does not tell, but its return instruction does, if there is but one on a line.

local util = require("jit.util")

local function last_instruction(f)
    return util.funcbc(f, util.funcinfo(f).bytecodes - 1)
end

local RETURN_NONE = last_instruction(function() end) % 256
local RETURN_ONE = last_instruction(function(a) return a end) % 256
local RETURN_SOME = last_instruction(function(a, b) return a, b end) % 256
local RETURN_ALL = last_instruction(function(...) return ... end) % 256

-- The number of the first local that it gives back from this line, and how many; nothing: that can't be told.
function exports.returns(f, line)
    local found
    for pc = 1, util.funcinfo(f).bytecodes - 1 do
        local instruction = util.funcbc(f, pc)
        local code = instruction % 256
        local is_return = code == RETURN_NONE or code == RETURN_ONE or code == RETURN_SOME or code == RETURN_ALL
        if is_return and util.funcinfo(f, pc).currentline == line then
            if found or code == RETURN_ALL then return nil end
            found = instruction
        end
    end
    if not found then return nil end
    local first, code = floor(found / 256) % 256 + 1, found % 256
    return first, code == RETURN_NONE and 0 or code == RETURN_ONE and 1 or floor(found / 65536) % 65536 - 1
end

-- A handler has hardly any stack when it has overflowed: it can do no more than this.
local sub = string.sub
function exports.is_overflow(problem) return type(problem) == "string" and sub(problem, -14) == "stack overflow" end

-- The libraries of Lua 5.4 -----------------------------------------------------------------------------

local function info_of(...)
    local thread, level, what = ...
    if type(thread) ~= "thread" then level, what = ... end
    if what then what = gsub(what, "[rt]", "") end -- what a return gives, and tail calls, are not known
    if type(level) ~= "function" then
        if level == thread then return getinfo(level, what) end
        return getinfo(thread, level, what)
    end
    local info = getinfo(level, what)
    if info and info.what == "main" then info.linedefined, info.lastlinedefined = 0, 0 end
    return info
end

-- LuaJIT gives back a message of nil.
local function trace_of(...)
    local thread, message, level = ...
    if type(thread) ~= "thread" then
        if thread == nil then return (gsub(traceback("", (message or 1) + 1), "^\n", "")) end
        return traceback(...)
    end
    if message == nil then return (gsub(traceback(thread, "", level), "^\n", "")) end
    return traceback(thread, message, level)
end

local function type_of_number(value)
    if type(value) ~= "number" then return nil end
    local is_integer = value == floor(value) and value > -1e14 and value < 1e14 and (value ~= 0 or 1 / value > 0)
    return is_integer and "integer" or "float"
end

-- LuaJIT unpacks no more than 8000 values. A longer list goes to the host in parts: see `in_parts`.
local MOST, LONG = 7000, {}

local function unpack_any(list, first, last)
    first, last = first or 1, last or #list
    if last - first >= MOST then return LONG, list, first, last end
    return unpack(list, first, last)
end

function exports.in_parts(deliver, size)
    return function(ok, ...)
        local long, list, first, last = ...
        if long ~= LONG then return deliver(ok, ...) end
        deliver(ok)
        for at = first, last, size do deliver(unpack(list, at, at + size <= last and at + size - 1 or last)) end
    end
end

-- Where a thread waits in an error handler LuaJIT says that it is dead.
local waiting = setmetatable({}, { __mode = "k" })

local function status_of(thread)
    if waiting[thread] then return thread == running() and "running" or "normal" end
    return status(thread)
end

function exports.waits(thread, does) waiting[thread] = does or nil end

local added = {
    table = { unpack = unpack_any, pack = function(...) return { n = select("#", ...), ... } end },
    coroutine = {
        running = function()
            local thread = running()
            return thread or main, thread == nil
        end,
        close = function() return true end, -- nothing is to be closed
        status = status_of,
    },
    debug = {
        sethook = set_hook, gethook = get_hook, getinfo = info_of, getuservalue = function() return nil end,
        traceback = trace_of,
    },
    math = {
        type = type_of_number,
        tointeger = function(value) return type(value) == "number" and value == floor(value) and value or nil end,
    },
    package = { searchers = package.loaders },
}
local replaces = { running = true, status = true, sethook = true, gethook = true, getinfo = true, traceback = true } -- where there is one

-- What is assigned to goes into the program's own library.
local function view(library, more)
    local function read(_, name)
        local there, ours = library[name], more[name]
        if ours ~= nil and (there ~= nil or not replaces[name]) then return ours end
        return there
    end
    return setmetatable({}, { __index = read, __newindex = library })
end

local function text_of(value)
    local text = tostring(value)
    if type(text) ~= "string" then error("'tostring' must return a string to 'print'", 3) end
    return text
end

local function length_of(value) return #value end

-- A file of ours. When it has run, its environment is the program's globals.
function exports.load(text)
    local f, problem = load(text, "=[llmspell]", "t")
    if not f then return nil, problem end
    local own = { rawlen = length_of, tostring = text_of }
    for name, more in pairs(added) do own[name] = view(G[name], more) end
    local env = setmetatable({}, {
        __index = function(_, name)
            local value = own[name]
            if value ~= nil then return value end
            return G[name]
        end,
        __newindex = G,
    })
    setfenv(f, env)
    local function sealed(...)
        own = {}
        return ...
    end
    return function(...) return sealed(f(...)) end
end

-- Safe mode: nothing that reaches memory, the compiler or bytecode.
function exports.secure()
    local load = load
    for name in pairs(package.preload) do package.preload[name] = nil end
    for _, name in pairs { "ffi", "jit", "jit.opt", "jit.util", "jit.profile" } do package.loaded[name] = nil end
    G.jit = { version = jit.version, version_num = jit.version_num, os = jit.os, arch = jit.arch }
    G.loadstring = function(text, name) return load(tostring(text), name, "t") end
end

return exports
