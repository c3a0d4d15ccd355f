-- What every program finds defined, and the few functions the host calls.
-- Runs once in a fresh state, before any program; its originals can't be replaced by one.
-- Arguments: the host's functions (Python). Gives: the functions of `exports` below.

local host_write, host_exit, host_attention, capture, safe, deliver, counting, host_bound, jit = ...

local debug, coroutine, string, table, io, os = debug, coroutine, string, table, io, os
local getinfo, getlocal, getupvalue, sethook = debug.getinfo, debug.getlocal, debug.getupvalue, debug.sethook
local original_traceback, getmetatable_raw = debug.traceback, debug.getmetatable
local registry = debug.getregistry()
local error, tostring, type, select, pcall, xpcall = error, tostring, type, select, pcall, xpcall
local setmetatable, rawget, rawset, pairs, ipairs, load = setmetatable, rawget, rawset, pairs, ipairs, load
local running, status, resume, yield = coroutine.running, coroutine.status, coroutine.resume, coroutine.yield
local create, close = coroutine.create, coroutine.close
local format, find, match = string.format, string.find, string.match
local gmatch = string.gmatch
local concat, unpack, pack = table.concat, table.unpack, table.pack
local math_max, tonumber = math.max, tonumber
local _G = _G
local main = running()
local PART = 256

-- `jit`: luajit.lua's, in LuaJIT. Whole, also in safe mode: `debug`.
local exports = { debug = debug, load_any = load, jit = jit, main = main }

-- The limit of memory --------------------------------------------------------------------------

local function bound(bounded) -- the program to its limit, or not
    if host_bound then host_bound(bounded) end
end

local function rebound(...)
    bound(true)
    local _ = {} -- fails now when what came from the host is too much
    return ...
end

-- The limit rests during a call of the host's: an error of lupa's there would skip Python's frames.
local function unbounded(call)
    return not host_bound and call or function(...)
        bound(false)
        return rebound(call(...))
    end
end

exports.unbounded = unbounded

-- Tracebacks: nothing of ours in them -------------------------------------------------------

local OURS = "^\t%[llmspell%]:%d+: in "
local HOST = "^\t%[C%]: [ia][nt] " -- "in function …", or where LuaJIT knows no name "at 0x…"

-- A function of ours that stands for one of Lua's is shown as Lua's, with what it has called; the others
-- are not shown. `whole`: below the stack there are no calls of the host's.
local function clean(text, whole)
    local kept, n, skip_tail = {}, 0, false
    for line in gmatch(text .. "\n", "([^\n]*)\n") do
        if find(line, OURS) then
            if n > 0 and find(kept[n], HOST) then n = n - 1 end
            local name = match(line, OURS .. "function ('[^\n]*)")
            if name then
                n = n + 1
                kept[n] = "\t[C]: in function " .. name
            end
            skip_tail = not name
        elseif not (skip_tail and line == "\t(...tail calls...)") then
            n, skip_tail = n + 1, false
            kept[n] = line
        end
    end
    while not whole and n > 1 and find(kept[n], HOST) do n = n - 1 end -- the host's calls, below all
    return concat(kept, "\n", 1, n)
end
exports.clean = clean

local function traceback(...)
    local thread, message, level = ...
    if type(thread) ~= "thread" then
        thread, message, level = nil, thread, message
    end
    if message ~= nil and type(message) ~= "string" and type(message) ~= "number" then
        return message
    end
    if level ~= nil and not tonumber(level) then
        error(format("bad argument #%d to 'traceback' (number expected, got %s)", thread and 3 or 2, type(level)), 2)
    end
    if thread and thread ~= running() then
        return clean(original_traceback(thread, message, level), true)
    end
    level = (level or 1) + 1
    if getinfo(1, "t").istailcall then level = math_max(level - 1, 2) end -- the caller's level is gone
    return clean(original_traceback(message, level))
end

debug.traceback = traceback
exports.traceback = traceback

-- Output ------------------------------------------------------------------------------------

local before_host -- the debugger's: what it has to say comes before what the program does in the world

function exports.watch_host(f) before_host = f end

function exports.before_host()
    if before_host then before_host() end
end

local function tell(...)
    if before_host then before_host() end
    host_write(...)
end

-- Ending: a program that must end is stopped at every instruction, whatever it catches ---------

local killing

local function kill_here() -- not what ends the killing
    if killing and getinfo(2, "f").func ~= exports.revive then error(killing, 0) end
end

-- Threads that wait for the one they resumed, main first, the running one last.
local function chain()
    local threads, thread = {}, main
    while thread do
        threads[#threads + 1] = thread
        local info, nested = status(thread) == "normal" and getinfo(thread, 0, "f"), nil
        if info then
            local _, first = getlocal(thread, 0, 1)
            if (info.func == resume or info.func == close) and type(first) == "thread" then
                nested = first
            else
                _, nested = getupvalue(info.func, 1)
            end
        end
        thread = type(nested) == "thread" and nested or nil
    end
    return threads
end
exports.chain = chain

function exports.kill()
    killing = killing or setmetatable({}, { __name = "end", __tostring = function() return "the program ends" end })
    for _, thread in ipairs(chain()) do
        sethook(thread, kill_here, "", 1)
    end
end

-- The host wants attention: it says so from another thread (native.py), which makes the thread that
-- runs call `adopt` between two instructions; a hook proper does the rest. Where there is no native
-- stop, every thread counts instructions instead.
local attending = false -- a call of the host's from here may run on a thread that is to be stopped too

local function guarded(attention)
    return function()
        if attending then return nil end
        attending = true
        local wish = attention()
        attending = false
        return wish
    end
end
exports.guarded = guarded

local attention = guarded(host_attention)

local function attend()
    if attending then return end
    attention()
    if killing then
        error(killing, 0)
    end
end

local function adopt_alone()
    sethook(function()
        sethook()
        attend()
    end, "", 1)
end

local adopt = adopt_alone

registry["llmspell.adopt"] = function()
    if not attending then adopt() end
end

function exports.watch_attention(f) adopt = f or adopt_alone end -- the debugger has a hook of its own

-- In the words of Lua: of an argument that a program gave to a function of ours that stands for Lua's.
local function argument_error(n, name, expected, ...)
    local given = select("#", ...) == 0 and "no value" or type((...))
    name = getinfo(2, "n").name or name
    error(format("bad argument #%d to '%s' (%s expected, got %s)", n, name, expected, given), 3)
end
exports.argument_error = argument_error

-- Between looks, where there is no native stop. Instructions of a hook are counted too, without an
-- event: a prime, so that not every time the count ends there.
local COUNT = 997
exports.COUNT = COUNT

-- After what may have taken long: a wish that came meanwhile is felt now, not COUNT instructions later.
function exports.after_host()
    if counting then
        for _ = 1, COUNT do end
    end
end

local function counted(thread)
    sethook(thread, attend, "", COUNT)
    return thread
end

if counting then
    counted(main)
    local wrap = coroutine.wrap
    function coroutine.create(...)
        local f = ...
        if type(f) ~= "function" then argument_error(1, "coroutine.create", "function", ...) end
        return counted(create(f))
    end
    function coroutine.wrap(...)
        local f = ...
        if type(f) ~= "function" then argument_error(1, "coroutine.wrap", "function", ...) end
        local wrapped = wrap(f)
        local _, thread = getupvalue(wrapped, 1)
        counted(thread)
        return wrapped
    end
end

local stdout, stderr = io.stdout, io.stderr

function exports.tell_error(text) -- for a person, beside what the program writes
    stderr:write(text)
end

function exports.flush()
    stdout:flush()
    stderr:flush()
end

function exports.revive() -- before a run
    killing = nil
    if counting then counted(main) else sethook(main) end
end

function exports.die() kill_here() end
function exports.is_killed() return killing ~= nil end

-- No Python object may be called while Lua closes the state: it goes as well.
function exports.finish(end_processes, patient)
    attending = true -- nobody wants attention any more
    sethook(main)
    if end_processes then end_processes(patient) end
    exports.finish_host()
    host_write, host_exit, host_bound = function() end, function() end, nil
end

if capture then
    function os.exit(code)
        if code == nil or code == true then code = 0 elseif code == false then code = 1 end
        host_exit(code)
        exports.kill()
        kill_here()
    end
    capture(tell)
end

-- Safe mode ---------------------------------------------------------------------------------

local module_path = package.path -- as the host has set it

if safe then
    local kept = { clock = os.clock, date = os.date, difftime = os.difftime, time = os.time, exit = os.exit }
    local write, read = io.write, io.read
    rawset(_G, "os", kept)
    rawset(_G, "io", { write = write, read = read })
    rawset(_G, "debug", { traceback = traceback })
    -- Modules are source texts in the host's folders, whatever the program makes of package.path: else require
    -- would read any file. A ";" in a name would be a path of its own, and 5.4's own searcher takes bytecode.
    local search, load_file = package.searchpath, loadfile
    package.searchers[2] = function(name)
        if find(name, ";", 1, true) then return "no module has a name with ';'" end
        local file, tried = search(name, module_path)
        if not file then return tried end
        local loader, problem = load_file(file, "t")
        if loader then return loader, file end
        error(format("error loading module '%s' from file '%s':\n\t%s", name, file, problem), 0)
    end
    rawset(_G, "dofile", nil)
    rawset(_G, "loadfile", nil)
    local text_only = load
    rawset(_G, "load", function(chunk, name, _, ...)
        return text_only(chunk, name, "t", ...)
    end)
    package.loadlib, package.searchpath, package.cpath = nil, nil, ""
    package.searchers[4], package.searchers[3] = nil, nil
    package.loaded.os, package.loaded.io, package.loaded.debug = os, io, debug
    package.loaded.os, package.loaded.io, package.loaded.debug = kept, _G.io, _G.debug
end

-- Running -----------------------------------------------------------------------------------

local on_error -- the debugger's: an error nobody catches (or only `load`), with its stack still alive

function exports.watch_errors(f) on_error = f end

local function message_of(e)
    if type(e) == "string" or type(e) == "number" then
        return e .. "" -- whatever metatables the program has given them
    end
    local meta = getmetatable_raw(e)
    if type(meta) == "table" and rawget(meta, "__tostring") then
        local ok, text = pcall(tostring, e)
        if ok and type(text) == "string" then return text end
    end
    return format("(error object is a %s value)", type(e))
end
exports.message_of = message_of

-- `load` hands the message handler on to the function it reads from, and catches the error itself.
local function in_load()
    for level = 2, 200 do
        local info = getinfo(level, "f")
        if not info or info.func == xpcall then return false end
        if info.func == load then return true end
    end
    return false
end

-- What the last error was like. The handler's own value is what the program's <close> variables are given:
-- the message with its traceback, as in the standalone Lua.
local failure

local function uncaught(e)
    if jit and jit.is_overflow(e) then return e end -- there is no room for more
    if in_load() then
        if on_error and not killing then on_error(e, true) end
        return e
    end
    if killing and rawequal(e, killing) then
        sethook(main) -- this runs inside the hook that has raised it, which no hook interrupts
        killing = nil
        failure = { killed = true, value = e }
        return e
    end
    if on_error then
        on_error(e)
    end
    local message = message_of(e)
    local text = clean(original_traceback(message, 2))
    failure = { message = message, traceback = text, value = text }
    return text
end
exports.uncaught = uncaught

local function concluded(ok, ...)
    bound(false)
    local last = failure
    failure = nil
    if not ok and last and rawequal(last.value, (...)) then return false, last end
    return ok, ... -- no handler was called: memory
end

-- Python calls this: true and the results, or false and a table that says what went wrong.
function exports.run(chunk, ...)
    failure = nil
    bound(true)
    return concluded(xpcall(chunk, uncaught, ...))
end

function exports.load(text, name)
    return load(text, name, "t")
end

function exports.arguments(script, positionals, named)
    module_path = package.path
    arg = { [-1] = "llmspell", [0] = script }
    ARGS = {}
    for i, value in ipairs(positionals) do arg[i] = value end
    for key, value in pairs(named) do ARGS[key] = value end
end

-- The dispatcher: what the host asks while a program is paused runs here, in a thread of its own
-- (levels of all other threads start at the host's call, and their stacks are left alone).
local function failed(e)
    if type(e) == "table" then return e end
    return tostring(e)
end

-- Files of ours that are loaded later find the program's globals, whatever a metatable says of those that are not
-- there (strict.lua), and Lua's own where the program has removed them.
local originals = {}
for name, value in pairs(_G) do originals[name] = value end
local environment = setmetatable({}, {
    __index = function(_, name)
        local value = rawget(_G, name)
        if value == nil then return originals[name] end
        return value
    end,
})

function exports.load_ours(text) return load(text, "=[llmspell]", "t", environment) end
function exports.call(f, ...) return f(...) end

function exports.fields(t) -- of a table with few: names and values in turn
    local flat, n = {}, 0
    for name, value in pairs(t) do
        flat[n + 1], flat[n + 2], n = name, value, n + 2
    end
    return unpack(flat, 1, n)
end

function exports.address(thread) return format("%p", thread) end

-- In parts: what lupa needs for a call grows with the square of the number of arguments.
local function hand_over(...)
    local n = select("#", ...)
    if n <= PART then return deliver(...) end
    local values = pack(...)
    for first = 1, n, PART do
        deliver(unpack(values, first, first + PART <= n and first + PART - 1 or n))
    end
end

if jit then hand_over = jit.in_parts(hand_over, PART) end

local dispatcher
function exports.is_dispatcher(thread) return thread == dispatcher end

exports.dispatcher = function()
    dispatcher = create(function()
        while true do
            local question = pack(yield())
            hand_over(xpcall(question[1], failed, unpack(question, 2, question.n)))
        end
    end)
    resume(dispatcher)
    return dispatcher
end

return exports
