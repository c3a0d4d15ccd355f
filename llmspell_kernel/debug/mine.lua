-- Which functions are a library's, not the program's own. Arguments: the exports of the prelude and evaluate.lua;
-- the host's function that says so of a file's chunk name (Python).
-- While `on` steps and errors pass over them; what a person asks for by a breakpoint stops there all the same.

local prelude, evaluator, host_is_library = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, sub, running, setmetatable = debug.getinfo, string.sub, coroutine.running, setmetatable
local pcall, xpcall, pairs = pcall, xpcall, pairs
local base, ours = evaluator.base, evaluator.ours

local WEAK = { __mode = "k" }
local known, by_source -- function → whether it is a library's; the same by chunk name
local passed = setmetatable({}, WEAK) -- function → false: a step has nothing to do in it (quiet.lua)
local exports = { on = false, passed = passed }

function exports.set(on)
    exports.on, known, by_source = on, setmetatable({}, WEAK), {}
end
exports.set(false)

-- Breakpoints come and go between steps.
function exports.begin_step()
    for f in pairs(passed) do passed[f] = nil end
end

local function is_library_source(source)
    local answer = by_source[source]
    if answer == nil then
        answer = sub(source, 1, 1) == "@" and host_is_library(source) or false
        by_source[source] = answer
    end
    return answer
end

local function is_library(f)
    local answer = known[f]
    if answer == nil then
        answer = is_library_source(getinfo(f, "S").source)
        known[f] = answer
    end
    return answer
end
exports.is_library = is_library

-- Whether the function of Lua's, and not ours, that is first at a level or below is a library's.
local function is_library_below(thread, level)
    while true do
        local info = getinfo(thread, level, "Sf")
        if not info then return false end
        if info.what ~= "C" and not ours(info.func) then return is_library(info.func) end
        level = level + 1
    end
end

-- The same of the thread that runs, as the caller counts levels.
function exports.is_library_below(level)
    local answer = is_library_below(running(), level + 2)
    return answer
end

function exports.stands_in_library(thread)
    local answer = is_library_below(thread, base(thread)) -- it stands where `base` stood
    return answer
end

-- Whether an error comes to code of the program's own before something catches it, or is caught by that. What leaves
-- a coroutine comes to who has resumed it.
function exports.passes_own(thread)
    if not exports.on then return true end
    local level, is_caught = base(thread), false
    if thread == running() then level = level - 1 end
    while true do
        local info = getinfo(thread, level, "Sf")
        if not info then break end
        local f = info.func
        if f == pcall or f == xpcall then
            is_caught = true
        elseif info.what ~= "C" and not ours(f) then
            if not is_library(f) then return true end
            if is_caught then return false end
        end
        level = level + 1
    end
    return not is_caught and (thread == running() or exports.passes_own((running())))
end

return exports
