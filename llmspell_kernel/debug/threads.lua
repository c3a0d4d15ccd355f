-- Lua's threads by number: 1 is the main one; a number is never another thread's. Argument: the exports of the prelude.

local prelude = ...
local pairs, setmetatable = pairs, setmetatable
local WEAK = { __mode = "k" }

local ids, last_id = setmetatable({ [prelude.main] = 1 }, WEAK), 1
local exports = { ids = ids, bodies = setmetatable({}, WEAK) } -- bodies: thread → the function it was made of

function exports.id_of(thread)
    local id = ids[thread]
    if not id then
        last_id = last_id + 1
        id = last_id
        ids[thread] = id
    end
    return id
end

function exports.thread_of(id)
    for thread, known in pairs(ids) do
        if known == id then return thread end
    end
end

return exports
