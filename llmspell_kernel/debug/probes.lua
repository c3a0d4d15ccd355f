-- Breakpoints that are code: the tables that the probes of a chunk read (llmspell_kernel/lua/probes.py).
-- Arguments: the exports of the prelude, evaluate.lua and breakpoints.lua; the host's functions (Python).
--
-- Each load of a chunk has a table of its own, an upvalue of its functions: three slots a probe, `places`
-- by where they stand in the text, `lines`. What a probe calls is changed there.

local prelude, evaluator, asked, host_prepare, host_main = ...
local load, debug = prelude.load_any, prelude.debug -- whole, also in safe mode
local dump, pcall, error, running = string.dump, pcall, error, coroutine.running
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue
local pairs, ipairs, setmetatable, select, sub, type = pairs, ipairs, setmetatable, select, string.sub, type
local marks, by_source = evaluator.marks, asked.by_source
local getfenv, setfenv = getfenv, setfenv -- of LuaJIT, which has no _ENV
local WEAK = { __mode = "k" }
local NAME = evaluator.HIDDEN

local exports = {}
local tables = {} -- source → a weak set of tables
local unprobed = {} -- source → it has been loaded without probes
local inside = {} -- [1]: a condition is being evaluated, and what it calls does not stop
exports.inside = inside

local on_hit -- hook.lua's: stops the program, for these ids
local was_judged -- hook.lua's: whether the hook has just asked the breakpoints of this line
function exports.watch_hits(hit, judged) on_hit, was_judged = hit, judged end

-- Slots ------------------------------------------------------------------------------------------

local SIGNAL, signalled = {}, false

local function signal()
    signalled = true
    error(SIGNAL, 0)
end

local function string_only(value)
    if type(value) ~= "string" then error("not a string", 0) end
    return value
end

local function idle() return true end

local function hit_of(place, known)
    local function hit()
        local holds = known
        if place.kind == "guarded" then
            inside[1], holds, signalled = false, signalled, false
        end
        if inside[1] or evaluator.evaluating or was_judged(place.line) then return true end
        local found = asked.hits(place.records, running(), holds)
        if found or evaluator.pause_after or evaluator.hurried then on_hit(found) end
        return true
    end
    marks[hit] = "hook"
    return hit
end

local function log_of(place)
    local record, message = place.records[1], place.message
    local function hit(...)
        if inside[1] or evaluator.evaluating or was_judged(place.line) then return true end
        if asked.passes(record) then
            local ok, text = pcall(message, ...)
            inside[1] = false
            if ok then asked.log_text(record.id, text) else asked.log(record, running()) end
            if evaluator.pause_after or evaluator.hurried then on_hit() end
        end
        return true
    end
    marks[hit] = "hook"
    return hit
end

-- Whether this place can do what its records ask: a condition that is compiled in can't be another one.
local function can_serve(place, records)
    if place.kind == "plain" or place.kind == "log" then return true end
    return #records == 1 and records[1].condition_text == place.baked
end

local function plug(slots, place, records)
    local slot, kind = place.slot, place.kind
    place.records, place.served = records, #records > 0 and can_serve(place, records)
    local conditional = kind == "inline" or kind == "guarded"
    if not place.served then
        slots[slot] = conditional and idle
        slots[slot + 1] = conditional and idle
    elseif kind == "log" and #records == 1 and records[1].message_text == place.baked and not records[1].condition then
        slots[slot] = log_of(place)
    else
        slots[slot] = hit_of(place, kind == "inline")
        slots[slot + 1], slots[slot + 2] = kind == "guarded" and pcall, place.condition or false
    end
end

local function records_at(source, place)
    local found = {}
    local here = by_source[source] and by_source[source][place.line]
    for _, record in ipairs(here or {}) do
        for _, one in ipairs(record.places or {}) do
            if one.start == place.start then found[#found + 1] = record end
        end
    end
    return found
end

-- After asked.install: each probe of the source serves what stands there now.
function exports.update(source)
    for slots in pairs(tables[source] or {}) do
        for _, place in pairs(slots.places) do plug(slots, place, records_at(source, place)) end
    end
end

-- Whether a hook must watch for this breakpoint: some load of its source has no probe that serves it.
function exports.needs_hook(source, record)
    if unprobed[source] or sub(source, 1, 1) ~= "@" then return true end
    for slots in pairs(tables[source] or {}) do
        if not record.places then return true end
        for _, one in ipairs(record.places) do
            local place = slots.places[one.start]
            if not (place and place.served) then return true end
        end
    end
    return false
end

-- The table that the probes of a function read, if there are any in it.
function exports.table_of(f)
    for index = 1, 255 do
        local name, value = getupvalue(f, index)
        if not name then return nil end
        if name == NAME then return value end
    end
end

function exports.clear()
    for source in pairs(tables) do exports.update(source) end
end

-- Loading ----------------------------------------------------------------------------------------

local function compiled(text, ...)
    return text and load(text, "=[llmspell]", "t")(inside, ...)
end

local function table_for(source, places)
    local slots = { places = {}, lines = {}, [0] = getfenv }
    for _, place in ipairs(places) do
        for slot = place.slot, place.slot + 2 do slots[slot] = false end
        place.condition = compiled(place.condition, signal, string_only, setfenv)
        place.message = compiled(place.message, evaluator.show, string_only, setfenv)
        slots.places[place.start] = place
        slots.lines[place.line] = slots.lines[place.line] or {}
        slots.lines[place.line][#slots.lines[place.line] + 1] = place
        plug(slots, place, {})
    end
    tables[source] = tables[source] or setmetatable({}, WEAK)
    tables[source][slots] = true
    return slots
end

-- A chunk with probes where breakpoints stand, or nil: none does, or it must be loaded as it is. Without a
-- text the host reads the file. `...`: the environment, if it is not the globals.
function exports.load(name, text, ...)
    if evaluator.evaluating then return nil end
    local probed, places = host_prepare(name, text)
    if not probed then return nil end
    local maker = load(probed, name, "t")
    local code = maker and host_main(dump(maker()))
    local f = code and load(code, name, "b")
    if not f then return nil end
    local slots, env = table_for(name, places), _G
    if select("#", ...) > 0 then env = ... end
    if setfenv then setfenv(f, env) end
    for index = 1, 2 do
        local upvalue = getupvalue(f, index)
        if upvalue == "_ENV" then setupvalue(f, index, env) end
        if upvalue == NAME then setupvalue(f, index, slots) end
    end
    return f
end

-- Whether a function that has been loaded has probes.
function exports.loaded(f, source)
    local probed = exports.table_of(f) ~= nil
    if not probed and sub(source, 1, 1) == "@" then unprobed[source] = true end
    return probed
end

return exports
