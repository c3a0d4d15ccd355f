-- Breakpoints when their line is reached: whether they hold, and what they say.
-- Arguments: the exports of the prelude and evaluate.lua, the host's functions (Python).
-- A record has line, id, condition, hit_test, hit_count and message (texts and expressions in turn).

local prelude, evaluator, host_note, host_log = ...
local ipairs, type, tostring, concat = ipairs, type, tostring, table.concat

local exports = {}
local counts = {} -- hits by id

function exports.compile(record)
    record.condition = record.condition and evaluator.compile(record.condition, "=condition")
    for _, part in ipairs(record.message or {}) do
        if type(part) == "table" then part[1] = evaluator.compile(part[1], "=log message") end
    end
end

local function reported(record, what, problem)
    if not record.reported then
        record.reported = true
        host_note(record.id, what, prelude.message_of(problem))
    end
end

local function passes(record)
    if not record.hit_test then return true end
    local n = (counts[record.id] or 0) + 1
    counts[record.id] = n
    local test, limit = record.hit_test, record.hit_count
    if test == "==" then return n == limit
    elseif test == ">=" then return n >= limit
    elseif test == ">" then return n > limit
    elseif test == "<=" then return n <= limit
    elseif test == "<" then return n < limit
    end
    return n % limit == 0
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
    host_log(record.id, concat(parts))
end

-- The ids of the breakpoints among these records that hold here, as text; nil if none does.
function exports.hits(records, thread)
    local found
    for _, record in ipairs(records) do
        local holds = true
        if record.condition then
            local ok, value = evaluator.run(record.condition, thread, 0)
            if not ok then reported(record, "condition", value) end
            holds = ok and value
        end
        if holds and passes(record) then
            if record.message then
                log(record, thread)
            else
                found = found and found .. "," .. record.id or tostring(record.id)
            end
        end
    end
    evaluator.invalidate()
    return found
end

return exports
