-- What there is in a state that has run for a while when the debugger comes: its threads, and the chunks that its
-- functions are of. All that the garbage collector would find is looked at once.
-- Arguments: the exports of the prelude, probes.lua and threads.lua. Gives one function.

local prelude, probes, threads = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getupvalue, getmetatable = debug.getinfo, debug.getlocal, debug.getupvalue, debug.getmetatable
local getuservalue, registry = debug.getuservalue, debug.getregistry()
local type, next, sub, unpack = type, next, string.sub, table.unpack

local MOST = 2000000 -- things; who has more waits no longer than that
local PASSIVE = { ["nil"] = true, boolean = true, number = true, string = true }

-- Calls `found` with all that a thing refers to.
local look = {}

function look.table(t, found)
    found(getmetatable(t))
    for key, value in next, t do
        found(key)
        found(value)
    end
end

look["function"] = function(f, found)
    for index = 1, 255 do
        local name, value = getupvalue(f, index)
        if not name then return end
        found(value)
    end
end

function look.thread(thread, found)
    local level = 0
    while true do
        local info = getinfo(thread, level, "f")
        if not info then return end
        found(info.func)
        local index = 1
        while true do
            local name, value = getlocal(thread, level, index)
            if not name then break end
            found(value)
            index = index + 1
        end
        level = level + 1
    end
end

function look.userdata(thing, found)
    found(getmetatable(thing))
    found((getuservalue(thing, 1)))
end

local function all_things()
    local things, n, seen = {}, 0, {}
    local function found(thing)
        if PASSIVE[type(thing)] or seen[thing] or n == MOST then return end
        n = n + 1
        seen[thing], things[n] = true, thing
    end
    for _, thread in next, prelude.chain() do found(thread) end -- these have the first numbers
    found(registry)
    local at = 1
    while at <= n do
        look[type(things[at])](things[at], found)
        at = at + 1
    end
    return things, n
end

-- The names of chunks that live in some function, which have no probes; the threads have numbers from now on.
return function()
    local names, known = {}, {}
    local things, n = all_things()
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
    return unpack(names)
end
