-- Where breakpoints stand in a function, and which of them the hook must watch for.
-- Arguments: the exports of the prelude, breakpoints.lua and probes.lua.

local prelude, asked, probes = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal = debug.getinfo, debug.getlocal
local pairs, ipairs, next, setmetatable, running = pairs, ipairs, next, setmetatable, coroutine.running
local find, insert, sort, floor, huge = string.find, table.insert, table.sort, math.floor, math.huge
local by_source, hits = asked.by_source, asked.hits

local wanted = setmetatable({}, { __mode = "k" }) -- function → line → records that the hook watches for, or false
local lines = {} -- line → true where the hook watches for any
local watched = {} -- source → those lines of it, in order

-- `follows`: whether the hook must know where the program comes from, as it calls and returns.
local exports = { wanted = wanted, lines = lines, follows = false }

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

local function goes_on(place, line, from)
    return from and from > line and from <= place["until"]
end

-- Whether a place is in this function. Where several begin and end on the same lines, and it is where one of them
-- begins, that has these parameters.
local function is_in(place, info)
    return place.first == info.linedefined and place.last == info.lastlinedefined
        and (not place.parameters or place.parameters == info.nparams and place.vararg == info.isvararg)
end

-- Where in this function a breakpoint stands that no probe serves: its place, or true inside an expression.
local function place_for_hook(record, info, slots)
    if not record.places then return true end
    for _, place in ipairs(record.places) do
        if place.lead and is_in(place, info) then
            local probe = slots and slots.places[place.start]
            return not (probe and probe.served) and place
        end
    end
end

-- What the hook watches for on this line of a function, or nil.
local function wanted_on(line, records, info, slots)
    local found
    for _, record in ipairs(records) do
        local place = place_for_hook(record, info, slots)
        if place then
            found = found or { loops = {}, placed = {}, entered = false }
            found.entered = found.entered or record.entry
            insert(found, record)
            local span = place == true and record or place
            found.loops[record] = span.loop and span.hidden or nil
            found.placed[record] = (span["until"] or 0) > line and span or nil
        end
    end
    return found
end

-- The index of the first that is not below.
local function first_from(sorted, line)
    local low, high = 1, #sorted + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if sorted[middle] < line then low = middle + 1 else high = middle end
    end
    return low
end

-- For each new closure: a look-up, not a search.
function exports.look(f)
    local info, found = getinfo(f, "Su"), false
    local here = info.what ~= "C" and watched[info.source]
    local last, active, slots = info.what == "main" and huge or info.lastlinedefined, nil, nil
    for index = here and first_from(here, info.linedefined) or 1, here and #here or 0 do
        local line = here[index]
        if line > last then break end
        if not active then active, slots = getinfo(f, "L").activelines, probes.table_of(f) end
        local records = active[line] and wanted_on(line, by_source[info.source][line], info, slots)
        if records then
            found = found or {}
            found[line] = records
        end
    end
    wanted[f] = found
    return found
end

-- A for statement is where its loop begins; its line is run again at each turn. A statement of several lines is
-- where it begins, too: from one of the others Lua comes back to the first, and to those of calls inside of it. `from`: the line before this one in
-- this frame, if it is known; false where the function has just been called.
function exports.at_places(records, line, from)
    local loops, placed = records.loops, records.placed
    if not (records.entered or next(loops) or next(placed)) then return records end
    local found, hidden = {}, count_hidden()
    for _, record in ipairs(records) do
        local place = placed[record]
        local is_due = from == false or not record.entry
        if is_due and (loops[record] or hidden) == hidden and not (place and goes_on(place, line, from)) then
            found[#found + 1] = record
        end
    end
    return found
end

local function not_entries(records)
    local found = {}
    for _, record in ipairs(records) do
        if not record.entry then insert(found, record) end
    end
    return found
end

-- What the probes on this line of a function are for, and they will not say themselves: the program stops
-- before them, and they are not to stop it again.
function exports.judged_here(state, f, line)
    local slots = probes.table_of(f)
    local places, info, found = slots and slots.lines[line], nil, nil
    for _, place in ipairs(places or {}) do
        info = info or getinfo(f, "Su")
        if place.lead and place.served and is_in(place, info) then
            if (not place.loop or place.hidden == count_hidden()) and not goes_on(place, line, state.came_from) then
                state.judged = line
                local due = state.came_from == false and place.records or not_entries(place.records)
                found = hits(due, (running())) or found
            end
        end
    end
    return found
end

function exports.joined(some, more)
    return some and more and some .. "," .. more or some or more
end

local function must_follow(record)
    if record.entry or record["until"] then return true end
    for _, place in ipairs(record.places or {}) do
        if place["until"] > place.line then return true end
    end
    return false
end

local function is_watched(source, records)
    local found = false
    for _, record in ipairs(records) do
        if probes.needs_hook(source, record) then
            found, exports.follows = true, exports.follows or must_follow(record)
        end
    end
    return found
end

-- What the hook must watch for has changed; whether that is anything.
function exports.replan()
    exports.follows = false
    for f in pairs(wanted) do wanted[f] = nil end
    for line in pairs(lines) do lines[line] = nil end
    for source in pairs(watched) do watched[source] = nil end
    for source, breakpoints in pairs(by_source) do
        local here = {}
        for line, records in pairs(breakpoints) do
            if is_watched(source, records) then
                lines[line] = true
                insert(here, line)
            end
        end
        sort(here)
        watched[source] = #here > 0 and here or nil
    end
    return next(watched) ~= nil
end

return exports
