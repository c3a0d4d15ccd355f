-- What a breakpoint asks: conditions, hit conditions, log messages; and the records of all of them.
-- Arguments: the exports of the prelude and evaluate.lua; the host's functions (Python).
--
-- A record has: line, id, condition, hit_test, hit_count, message (texts and expressions in turn), and
-- places: where on its line it stands (start, first and last line of the function, hidden, loop, lead).

local prelude, evaluator, host_note, host_log, host_soon = ...
local ipairs, type, insert, concat = ipairs, type, table.insert, table.concat

local exports = {}
local by_source, counts = {}, {} -- source → line → records; hits by id
exports.by_source = by_source

-- Replaces the breakpoints of a source.
function exports.install(source, records)
    local found
    for _, record in ipairs(records) do
        found = found or {}
        record.condition_text, record.message_text = record.condition, record.template
        record.condition = record.condition and evaluator.compile(record.condition, "=condition")
        for _, part in ipairs(record.message or {}) do
            if type(part) == "table" then part[1] = evaluator.compile(part[1], "=log message") end
        end
        found[record.line] = found[record.line] or {}
        insert(found[record.line], record)
    end
    by_source[source] = found
end

function exports.clear()
    for source in pairs(by_source) do by_source[source] = nil end
end

-- Log messages: the first goes at once, what follows it closely waits for the host, for what the program
-- prints, or for company: crossing to the host costs more than making the message.

local COMPANY = 256
local waiting, n, of, soon = {}, 0, nil, false
local busy, late = false, false -- the host may say that it is time in the middle of all this

local function deliver()
    if n > 0 then
        local text = concat(waiting, "\n", 1, n)
        n = 0
        host_log(of, text)
    end
end

local function flush()
    if busy then return end
    busy = true
    deliver()
    busy = false
end
prelude.watch_host(flush)

function exports.is_time() -- the host says so, or the program stops
    late = busy
    if busy then return end
    soon = false
    flush()
end

local function gather(id, text)
    if not soon then
        soon = true
        host_soon()
        return host_log(id, text)
    end
    if n == COMPANY or of ~= id then
        deliver()
        of = id
    end
    n = n + 1
    waiting[n] = text
end

function exports.log_text(id, text)
    busy = true
    gather(id, text)
    busy = false
    if late then exports.is_time() end
end

local function log(record, thread)
    local parts = {}
    for i, part in ipairs(record.message) do
        if type(part) == "string" then
            parts[i] = part
        else
            local ok, value = evaluator.run(part[1], thread, 0)
            parts[i] = ok and evaluator.show(value) or "{" .. prelude.message_of(value) .. "}"
        end
    end
    exports.log_text(record.id, concat(parts))
end
exports.log = log

local function reported(record, what, problem)
    if not record.reported then
        record.reported = true
        host_note(record.id, what, prelude.message_of(problem))
    end
end

local function passes(record)
    if not record.hit_test then return true end
    local hits = (counts[record.id] or 0) + 1
    counts[record.id] = hits
    local test, limit = record.hit_test, record.hit_count
    if test == "==" then return hits == limit
    elseif test == ">=" then return hits >= limit
    elseif test == ">" then return hits > limit
    elseif test == "<=" then return hits <= limit
    elseif test == "<" then return hits < limit
    end
    return hits % limit == 0
end
exports.passes = passes

-- The ids of the breakpoints among these records that hold here, as text; nil if none does. `known`: the
-- condition has been found to hold. What they log is logged.
function exports.hits(records, thread, known)
    local found
    for _, record in ipairs(records) do
        local holds = true
        if record.condition and not known then
            local ok, value = evaluator.run(record.condition, thread, 0)
            if not ok then reported(record, "condition", value) end
            holds = ok and value
        end
        if holds and passes(record) then
            if record.message then
                log(record, thread)
            else
                found = found and found .. "," .. record.id or "" .. record.id
            end
        end
    end
    evaluator.invalidate()
    return found
end

return exports
