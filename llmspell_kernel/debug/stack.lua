-- What a step reads off the stack. Argument: the exports of the prelude.
-- Levels are counted for functions that hook.lua calls in one of the hook's, not as a tail call.

local prelude = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getupvalue = debug.getinfo, debug.getlocal, debug.getupvalue
local resume, close, status, type = coroutine.resume, coroutine.close, coroutine.status, type
local yield = coroutine.yield

local exports = {}

-- Which coroutine resumed this one and waits for it.
function exports.resumer(thread)
    local chain = prelude.chain()
    for i = 2, #chain do
        if chain[i] == thread then return chain[i - 1] end
    end
end

-- The coroutine that this C function is about to run: it is being called, three levels below the caller.
function exports.resumed_by(f)
    local _, target
    if f == resume or f == close then -- closing runs what is to be closed
        _, target = getlocal(5, 1)
    else
        _, target = getupvalue(f, 1)
    end
    return type(target) == "thread" and status(target) == "suspended" and target or nil
end

-- Whether this C function never runs another coroutine.
function exports.stays(f)
    if f == resume or f == close or f == yield then return false end
    local _, target = getupvalue(f, 1)
    return type(target) ~= "thread"
end

-- What the function that returns gives, one level below the caller.
function exports.returned_values()
    local info = getinfo(3, "r")
    local values = { n = info.ntransfer }
    for i = 1, info.ntransfer do
        local _, value = getlocal(3, info.ftransfer + i - 1)
        values[i] = value
    end
    return values
end

return exports
