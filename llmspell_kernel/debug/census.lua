-- What there is already when a debugger comes late, maybe in the middle of a program: functions that were loaded,
-- coroutines that were made.
-- Arguments: the exports of the prelude. Gives a function, which calls two with what it finds.

local prelude = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getupvalue = debug.getinfo, debug.getlocal, debug.getupvalue
local getmetatable, getuservalue, getregistry = debug.getmetatable, debug.getuservalue, debug.getregistry
local getfenv, next, status, type = debug.getfenv, next, coroutine.status, type
-- How many tables and userdata are looked into: the first of each table (a long list holds data, which is all alike),
-- and of all of them. Functions and threads there are told of all that are met.
local FIRST, MOST = 10000, 500000

-- Looks into a value: what it holds goes to `add`.
local into = {}

function into.table(value, add)
    local n = 0
    for key, held in next, value do
        n = n + 1
        if into[type(key)] then add(key, n > FIRST) end
        if into[type(held)] then add(held, n > FIRST) end
    end
end

into["function"] = function(value, add)
    local index = 1
    while true do
        local name, held = getupvalue(value, index)
        if not name then break end
        add(held)
        index = index + 1
    end
    if getfenv then add(getfenv(value)) end -- LuaJIT, which has no upvalue for it
end

function into.thread(value, add)
    local level = 0
    while true do
        local info = getinfo(value, level, "f")
        if not info then return end
        add(info.func)
        local index = 1
        while true do
            local name, held = getlocal(value, level, index)
            if not name then break end
            add(held)
            index = index + 1
        end
        level = level + 1
    end
end

function into.userdata(value, add)
    add((getuservalue or getfenv)(value))
end

-- The function that a thread was made of.
local function body_of(thread)
    local body, level = nil, 0
    while true do
        local info = getinfo(thread, level, "f")
        if not info then return body end
        body, level = info.func, level + 1
    end
end

local function is_of_program(thread)
    return thread ~= prelude.main and not prelude.is_dispatcher(thread) and status(thread) ~= "dead"
end

return function(on_function, on_thread)
    local queue, seen, n = {}, {}, 0
    local function add(value, is_late)
        local kind = type(value)
        local is_code = kind == "function" or kind == "thread"
        if into[kind] and not seen[value] and (is_code or not is_late and n < MOST) then
            seen[value], n = true, n + 1
            queue[n] = value
        end
    end
    for _, thread in next, prelude.chain() do add(thread) end -- what runs has the first numbers
    add(getregistry())
    local at = 1
    while at <= n do
        local value = queue[at]
        queue[at], at = nil, at + 1
        local kind = type(value)
        if kind == "function" then on_function(value) end
        if kind == "thread" and is_of_program(value) then on_thread(value, body_of(value)) end
        add(getmetatable(value))
        into[kind](value, add)
    end
end
