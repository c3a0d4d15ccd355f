-- What the debugger watches in the program's world: new coroutines, loaded chunks, errors, and the
-- program's own hooks. Arguments: the exports of the prelude, evaluate.lua, probes.lua, mine.lua and hook.lua; the
-- host's functions (Python). What is replaced behaves as the original does.

local prelude, evaluator, probes, mine, hook, host_loaded, host_note = ...
local whole = prelude.debug -- also in safe mode, where the program's `debug` is not
local getinfo, getupvalue, sethook, gethook = whole.getinfo, whole.getupvalue, whole.sethook, whole.gethook
local coroutine, package, debug = coroutine, package, debug
local create, wrap, resume, running = coroutine.create, coroutine.wrap, coroutine.resume, coroutine.running
local status, close = coroutine.status, coroutine.close
local pcall, xpcall, error, type, rawequal, next = pcall, xpcall, error, type, rawequal, next
local load, loadfile, dofile, select, format = load, loadfile, dofile, select, string.format
local sub, setmetatable, ipairs, find, unpack = string.sub, setmetatable, ipairs, string.find, table.unpack
local tostring, byte, search_path, math_type = tostring, string.byte, package.searchpath, math.type
local argument_error, jit = prelude.argument_error, prelude.jit
local passes_own = mine.passes_own
local marks, ours, adopt_new = evaluator.marks, evaluator.ours, hook.adopt_new

local exports = {}
local filters = {} -- "raised", "uncaught", "tool" → { condition = function or nil }

-- Errors ------------------------------------------------------------------------------------------

local NOTHING = {}
local seen = NOTHING -- an error that is on its way and has been looked at

local function holds(filter, problem, shown)
    if not filter.condition then return true end
    local extra = { name = "error", value = problem }
    local ok, value = evaluator.run(filter.condition, shown, evaluator.above_lua(shown), extra)
    evaluator.invalidate()
    hook.pause_now()
    if not ok and not filter.reported then
        filter.reported = true
        host_note(filter.id, "condition", prelude.message_of(value))
    end
    return ok and value
end

local function consider(problem, shown, first, second)
    if evaluator.evaluating or prelude.is_killed() then return end
    if rawequal(problem, seen) then
        seen = NOTHING
        return
    end
    shown = shown or running()
    for i = 1, 2 do
        local name = i == 1 and first or second
        local filter = name and filters[name]
        local is_told = filter and (name == "uncaught" or passes_own(shown))
        if is_told and holds(filter, problem, shown) then
            local thread = running()
            hook.stop(hook.state_of(thread), "exception", nil, nil, { value = problem, filter = name }, shown)
            return
        end
    end
end

-- The error of a coroutine is caught if a pcall waits in a thread above, or a resume that is not our
-- wrap's. The main thread's last xpcall is the host's.
local function caught()
    local chain = prelude.chain()
    local catchers = 0
    for _, thread in ipairs(chain) do
        local level, here = 0, thread == running()
        while true do
            local info = getinfo(thread, level, "f")
            if not info then break end
            local f = info.func
            if f == pcall or f == xpcall then catchers = catchers + 1 end
            if f == resume and not here then
                local above = getinfo(thread, level + 1, "f")
                if not (above and ours(above.func)) then catchers = catchers + 1 end
            end
            level = level + 1
        end
    end
    return catchers > 1
end

local function on_uncaught(problem, is_caught)
    consider(problem, nil, "raised", not is_caught and "uncaught" or nil)
end

local function on_raised(problem)
    if not (jit and jit.is_overflow(problem)) then consider(problem, nil, "raised") end
    return problem
end

local function on_tool_error(problem)
    if filters.tool then
        consider(problem, nil, "tool")
        if filters.raised or filters.uncaught then seen = problem end
    end
end

for _, f in ipairs { on_uncaught, on_raised, on_tool_error, consider, prelude.uncaught, prelude.checked } do
    marks[f] = "error"
end
prelude.watch_errors(on_uncaught)
prelude.watch_tools(on_tool_error)

local function pcall_watched(...)
    if select("#", ...) == 0 then error("bad argument #1 to 'pcall' (value expected)", 2) end
    if not filters.raised then return pcall(...) end
    return xpcall((...), on_raised, select(2, ...))
end

local function xpcall_watched(...)
    local f, handler = ...
    if type(handler) ~= "function" then argument_error(2, "xpcall", "function", select(2, ...)) end
    if not filters.raised then return xpcall(...) end
    local depth = 0
    local function raised(problem)
        depth = depth + 1 -- an error in the handler comes here too, and again, until Lua gives up
        if depth <= 2 and not (jit and jit.is_overflow(problem)) then consider(problem, nil, "raised") end
        return handler(problem)
    end
    marks[raised] = "error"
    return xpcall(f, raised, select(3, ...))
end

local function dead_of_error(thread, ok)
    return not ok and status(thread) == "dead" and getinfo(thread, 0, "f") ~= nil
end

local function resumed(thread, ok, ...)
    if dead_of_error(thread, ok) then consider((...), thread, "raised") end
    return ok, ...
end

local function resume_watched(...)
    local thread = ...
    if type(thread) ~= "thread" then argument_error(1, "coroutine.resume", "thread", ...) end
    if not filters.raised or status(thread) == "dead" then return resume(...) end
    return resumed(thread, resume(...))
end

local function wrapped_result(thread, ok, ...)
    if ok then return ... end
    local problem = ...
    local is_caught = not evaluator.has_room() or caught()
    if dead_of_error(thread, ok) then
        consider(problem, thread, "raised", not is_caught and "uncaught" or nil)
        local ok, other = close(thread)
        if not ok then problem = other end -- what is to be closed can fail too
    end
    if type(problem) == "string" then -- as Lua's own wrap does: say where it was called
        local info = getinfo(2, "Sl") -- tail calls: the caller of the wrapped function
        if info and info.currentline > 0 then
            problem = format("%s:%d: %s", info.short_src, info.currentline, problem)
        end
    end
    if filters.raised or not is_caught then seen = problem end
    error(problem, 0)
end

function coroutine.create(...)
    local f = ...
    if type(f) ~= "function" then argument_error(1, "coroutine.create", "function", ...) end
    return adopt_new(create(f), f)
end

function coroutine.wrap(...)
    local f = ...
    if type(f) ~= "function" then argument_error(1, "coroutine.wrap", "function", ...) end
    if filters.uncaught or filters.raised then
        local thread = adopt_new(create(f), f)
        return function(...)
            local function result(...) return wrapped_result(thread, ...) end
            return result(resume(thread, ...))
        end
    end
    local wrapped = wrap(f)
    local _, thread = getupvalue(wrapped, 1)
    adopt_new(thread, f)
    return wrapped
end

-- Replaces a function of the program's world by ours, or puts it back.
local function exchange(place, name, original, watched, on)
    if on and rawequal(place[name], original) then
        place[name] = watched
    elseif not on and rawequal(place[name], watched) then
        place[name] = original
    end
end

-- A list of filters: name, id, condition (text).
function exports.set_filters(wanted)
    for name in next, filters do filters[name] = nil end
    for i = 1, #wanted do
        local filter = wanted[i]
        filters[filter.name] = filter
        filter.condition = filter.condition and evaluator.compile(filter.condition, "=condition")
    end
    seen = NOTHING
    local on = filters.raised ~= nil
    exchange(_G, "pcall", pcall, pcall_watched, on)
    exchange(_G, "xpcall", xpcall, xpcall_watched, on)
    exchange(coroutine, "resume", resume, resume_watched, on)
end

-- Chunks --------------------------------------------------------------------------------------------

local texts, kept = setmetatable({}, { __mode = "k" }), {} -- by function; by name for what has one
exports.texts = kept

local function loaded(f, text)
    if type(f) ~= "function" or evaluator.evaluating then return f end
    local name = getinfo(f, "S").source
    if sub(name, 1, 1) == "=" and type(text) == "string" then kept[name] = text end
    local breakpoints = host_loaded(name, probes.loaded(f, name))
    if breakpoints then
        hook.install(name, breakpoints)
        hook.arm_all()
    end
    return f
end

-- The program itself: compiled before, and again if breakpoints stand in it now.
function exports.load_program(name, text, f)
    return loaded(probes.load(name, text) or f, text)
end

local function is_text(mode)
    return mode == nil or type(mode) == "string" and find(mode, "t", 1, true) ~= nil
end

local function load_watched(...)
    local text, name, mode = ...
    if type(text) ~= "string" and type(text) ~= "number" and type(text) ~= "function" then
        argument_error(1, "load", "function", ...)
    end
    if type(text) == "string" and byte(text) ~= 27 and (name == nil or type(name) == "string") and is_text(mode) then
        local probed = probes.load(name or text, text, select(4, ...))
        if probed then return loaded(probed, text) end
    end
    local function result(f, ...)
        loaded(f, text)
        return f, ...
    end
    return result(load(...))
end

local function probed_file(path, ...)
    return type(path) == "string" and probes.load("@" .. path, nil, ...) or nil
end

local function loadfile_watched(...)
    local path, mode = ...
    local f, problem = is_text(mode) and probed_file(path, select(3, ...)), nil
    if not f then f, problem = loadfile(...) end
    loaded(f)
    if f then return f end
    return f, problem
end

local function results(...) return ... end

function exports.watch_loads()
    _G.load, _G.loadfile = load_watched, loadfile and loadfile_watched
    if loadstring then -- LuaJIT
        function _G.loadstring(...) return load_watched(...) end
    end
    if dofile then
        function _G.dofile(...)
            local f, problem = probed_file((...)), nil
            if not f then f, problem = loadfile((...)) end
            if not f then error(problem, 0) end
            return results(loaded(f)()) -- no tail call, no name: as in a traceback of Lua's dofile
        end
    end
    local searchers = package.searchers
    local search = searchers[2]
    searchers[2] = function(name)
        local path = type(package.path) == "string" and search_path(tostring(name), package.path)
        local f, file = path and probed_file(path), path
        if not f then
            local ok -- the error of a C function names who has called it, if that is Lua
            ok, f, file = pcall(search, name)
            if not ok then error(f, 0) end
        end
        loaded(f)
        if type(f) == "function" then return f, file end
        return f
    end
end

-- What was loaded and made before the hooks came; gives the names of files.
function exports.adopt_old(census)
    local names, found = {}, {}
    census(function(f)
        local name = getinfo(f, "S").source
        if sub(name, 1, 1) == "@" and not names[name] then
            names[name] = true
            probes.loaded(f, name)
            found[#found + 1] = name
        end
    end, function(thread, body)
        if not (body and ours(body)) then adopt_new(thread, body) end
    end)
    return unpack(found)
end

-- Upvalues ----------------------------------------------------------------------------------------------

-- The number that an upvalue has with the table of the probes among them.
local function with_hidden(f, n)
    for index = 1, n do
        local name = getupvalue(f, index)
        if not name then return n end
        if name == evaluator.HIDDEN then return n + 1 end
    end
    return n
end

local function hiding(original)
    return function(...)
        local f, n = ...
        if type(f) ~= "function" or math_type(n) ~= "integer" or n < 1 or n > 255 then return original(...) end
        return original(f, with_hidden(f, n), select(3, ...))
    end
end

if debug.getupvalue then
    local join = debug.upvaluejoin
    debug.getupvalue, debug.setupvalue = hiding(debug.getupvalue), hiding(debug.setupvalue)
    debug.upvalueid = hiding(debug.upvalueid)
    debug.upvaluejoin = hiding(function(f, n, ...)
        local other, m = ...
        if type(other) ~= "function" or math_type(m) ~= "integer" then return join(f, n, ...) end
        return join(f, n, other, with_hidden(other, m))
    end)
end

-- The program's own hooks -----------------------------------------------------------------------------

local foreign = setmetatable({}, { __mode = "k" }) -- thread → function, mask, count as the program has set them

-- Events of functions of ours that stand for Lua's, and of what they call, are not the program's. What is
-- handed on is a tail call: levels are as the program expects them.
local function without_ours(f)
    return function(event, line)
        local info = getinfo(2, "Sf")
        local caller = info.what == "C" and getinfo(3, "f")
        if ours(info.func) or caller and ours(caller.func) then return end
        return f(event, line)
    end
end

local function release(thread)
    sethook(thread)
    foreign[thread] = nil
    local state = hook.state_of(thread)
    state.mask, state.attention = nil, nil
    hook.arm_all()
end

local function take(thread, f, mask, count)
    sethook(thread, without_ours(f), mask, count)
    local own, set_mask, set_count = gethook(thread)
    if own == nil then return release(thread) end -- it is for no event
    if not foreign[thread] then host_note(0, "hook", "") end
    foreign[thread] = { f, set_mask, set_count }
end

if debug.sethook then
    function debug.sethook(...)
        local thread, f, mask, count = ...
        if type(thread) ~= "thread" then thread, f, mask, count = running(), ... end
        if f == nil then return release(thread) end
        local at = f == ... and 1 or 2
        if type(mask) ~= "string" then argument_error(at + 1, "debug.sethook", "string", select(at + 1, ...)) end
        if type(f) ~= "function" then argument_error(at, "debug.sethook", "function", f) end
        take(thread, f, mask, count)
    end

    function debug.gethook(...)
        local thread = ...
        if type(thread) ~= "thread" then thread = running() end
        if foreign[thread] then return unpack(foreign[thread], 1, 3) end
        return nil
    end
end

return exports
