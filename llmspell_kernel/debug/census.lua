-- What there is in a state that has run for a while when the debugger comes: its threads, and the chunks that its
-- functions are of. All that the garbage collector would find is looked at once.
-- Arguments: the exports of the prelude, probes.lua and threads.lua. Gives one function.

local prelude, probes, threads = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getupvalue, getmetatable = debug.getinfo, debug.getlocal, debug.getupvalue, debug.getmetatable
local getuservalue, registry = debug.getuservalue, debug.getregistry()
local type, next, sub, unpack = type, next, string.sub, table.unpack
local collectgarbage, pcall, error = collectgarbage, pcall, error

local MOST = 500000 -- things: who has more does not wait for the rest of them, which is mostly data

local things, n, seen -- those that were found, in order

local function found(thing)
    local kind = type(thing)
    if kind == "table" or kind == "function" or kind == "thread" or kind == "userdata" then
        if seen[thing] or n == MOST then return end
        n = n + 1
        seen[thing], things[n] = true, thing
    end
end

-- Finds all that a thing refers to.
local look = {}

function look.table(t)
    found(getmetatable(t))
    for key, value in next, t do
        if type(key) ~= "string" and type(key) ~= "number" then found(key) end
        found(value)
    end
end

look["function"] = function(f)
    for index = 1, 255 do
        local name, value = getupvalue(f, index)
        if not name then return end
        found(value)
    end
end

local function look_at_locals(thread, level)
    for index = 1, 255 do
        local name, value = getlocal(thread, level, index)
        if not name then return end
        found(value)
    end
end

function look.thread(thread)
    local level = 0
    while true do
        local info = getinfo(thread, level, "f")
        if not info then return end
        found(info.func)
        look_at_locals(thread, level)
        level = level + 1
    end
end

function look.userdata(thing)
    found(getmetatable(thing))
    found((getuservalue(thing, 1)))
end

local function find_all()
    things, n, seen = {}, 0, {}
    for _, thread in next, prelude.chain() do found(thread) end -- these have the first numbers
    found(registry)
    local at = 1
    while at <= n do
        look[type(things[at])](things[at])
        at = at + 1
    end
end

-- The names of chunks that live in some function, which have no probes; the threads have numbers from now on.
local function names_of_all()
    local names, known = {}, {}
    for index = 1, n do
        local thing = things[index]
        if type(thing) == "thread" and not prelude.is_dispatcher(thing) then
            threads.id_of(thing)
        elseif type(thing) == "function" then
            local name = getinfo(thing, "S").source
            if sub(name, 1, 1) == "@" and not known[name] then
                known[name] = true
                names[#names + 1] = name
                probes.loaded(thing, name)
            end
        end
    end
    return names
end

local function look_at_all()
    find_all()
    return names_of_all()
end

return function()
    local collects = collectgarbage("isrunning")
    collectgarbage("stop") -- to mark the half of all this again and again would take longer than all the rest
    local ok, names = pcall(look_at_all)
    things, seen = nil, nil
    if collects then collectgarbage("restart") end
    if not ok then error(names, 0) end
    return unpack(names)
end
