-- Threads in which hardly anything is to be seen: what a stepped frame has called, and functions without breakpoints
-- of the hook. Most calls and returns there end before they come to hook.lua.
-- Arguments: the exports of the prelude; places.lua's functions in which something is to be seen, and
-- mine.lua's functions that a step passes over; whether a filter in C can be had (llmspell_kernel/lua/_hook.c).

local prelude, wanted, passed, has_filter = ...
local debug = prelude.debug -- whole, also in safe mode
local getlocal, sethook, pcall = debug.getlocal, debug.sethook, pcall

local filter = false
if has_filter then
    sethook(function() end, "r") -- the filter wants to see what Lua's own hook is like
    filter = debug.getregistry()["llmspell.hook"](wanted, passed)
    sethook()
end

-- Without C: returns above what the stepped frame has called cost one question, whether a frame is that deep. To
-- ask for a local that is not there makes no table.
local function returns_of(state)
    local hook, level = state.hook, 0
    local function on_event(event)
        if event == "return" and pcall(getlocal, level, 0) then return end
        return hook(event)
    end
    return on_event, function(depth) level = depth + 4 end
end

local exports = {}
local OWN = -2 -- in the place of a depth

-- For the thread that runs; `base`: the mask while nothing is stepped. Whether it could be done.
function exports.rest(state, base, count)
    local depth = state.step and state.depth
    if depth and state.step == "out" then depth = depth - 1 end -- what it calls is no news
    local mask = depth and base .. " from " .. depth or base .. " quiet"
    if state.mask == mask then return true end
    if filter and not (count or state.judged or state.watch) then
        filter(depth, base ~= "")
    elseif base == "" and depth then
        if not state.quiet then state.quiet, state.quiet_from = returns_of(state) end
        state.quiet_from(depth)
        sethook(state.quiet, "r", count)
    else
        return false
    end
    state.mask = mask
    return true
end

-- In functions of a library that a step passes over: only calls and returns of others, and to others, are news.
function exports.pass(state, count)
    if state.mask == "own" then return true end
    if not filter or count or state.judged or state.watch then return false end
    filter(OWN, true)
    state.mask = "own"
    return true
end

return exports
