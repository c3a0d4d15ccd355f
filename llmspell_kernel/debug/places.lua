-- Where breakpoints stand in a function, and which of them the hook must watch for.
-- Arguments: the exports of the prelude, breakpoints.lua and probes.lua.

local prelude, asked, probes = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal = debug.getinfo, debug.getlocal
local pairs, ipairs, next, setmetatable, running = pairs, ipairs, next, setmetatable, coroutine.running
local find, insert = string.find, table.insert
local by_source, hits = asked.by_source, asked.hits

local wanted = setmetatable({}, { __mode = "k" }) -- function → line → records that the hook watches for, or false
local lines = {} -- line → true where the hook watches for any

local exports = { wanted = wanted, lines = lines }

-- How many variables Lua keeps in the program's frame for the for loops around.
local function count_hidden()
    local n, index = 0, 1
    while true do
        local name = getlocal(4, index)
        if not name then return n end
        if find(name, "^%(for ") then n = n + (name == "(for generator)" and 2 or 1) end -- LuaJIT has one less
        index = index + 1
    end
end

-- Where in this function a breakpoint stands that no probe serves: its place, or true inside an expression.
local function place_for_hook(record, info, slots)
    if not record.places then return true end
    for _, place in ipairs(record.places) do
        if place.lead and place.first == info.linedefined and place.last == info.lastlinedefined then
            local probe = slots and slots.places[place.start]
            return not (probe and probe.served) and place
        end
    end
end

function exports.look(f)
    local info, found = getinfo(f, "S"), false
    local breakpoints = info.what ~= "C" and by_source[info.source]
    local active, slots
    for line, records in pairs(breakpoints or {}) do
        if info.what == "main" or (line >= info.linedefined and line <= info.lastlinedefined) then
            if not active then active, slots = getinfo(f, "L").activelines, probes.table_of(f) end
            for _, record in ipairs(active[line] and records or {}) do
                local place = place_for_hook(record, info, slots)
                if place then
                    found = found or {}
                    found[line] = found[line] or { loops = {} }
                    insert(found[line], record)
                    found[line].loops[record] = place ~= true and place.loop and place.hidden or nil
                end
            end
        end
    end
    wanted[f] = found
    return found
end

-- A for statement is where its loop begins; its line is run again at each turn.
function exports.at_places(records)
    if not next(records.loops) then return records end
    local found, hidden = {}, count_hidden()
    for _, record in ipairs(records) do
        if (records.loops[record] or hidden) == hidden then found[#found + 1] = record end
    end
    return found
end

-- What the probes on this line of a function are for, and they will not say themselves: the program stops
-- before them, and they are not to stop it again.
function exports.judged_here(state, f, line)
    local slots = probes.table_of(f)
    local places, info, found = slots and slots.lines[line], nil, nil
    for _, place in ipairs(places or {}) do
        info = info or getinfo(f, "S")
        if place.lead and place.served and place.first == info.linedefined and place.last == info.lastlinedefined then
            if not place.loop or place.hidden == count_hidden() then
                state.judged = line
                found = hits(place.records, (running()))
            end
        end
    end
    return found
end

function exports.joined(some, more)
    return some and more and some .. "," .. more or some or more
end

-- What the hook must watch for has changed; whether that is anything.
function exports.replan()
    for f in pairs(wanted) do wanted[f] = nil end
    for line in pairs(lines) do lines[line] = nil end
    local any = false
    for source, breakpoints in pairs(by_source) do
        for line, records in pairs(breakpoints) do
            for _, record in ipairs(records) do
                if probes.needs_hook(source, record) then lines[line], any = true, true end
            end
        end
    end
    return any
end

return exports
