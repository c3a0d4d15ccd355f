-- The hook in LuaJIT: what hook.lua is in Lua 5.4, with the same exports (docs/decisions/0008).
-- Arguments: the exports of the prelude, evaluate.lua, breakpoints.lua, probes.lua, places.lua, mine.lua and threads.lua;
-- the host's functions (Python).
--
-- There is one hook for all threads. While it is set nothing is compiled; so it is set while a step is under
-- way, or for breakpoints that no probe serves. LuaJIT tells of no return of a C function and calls a tail call
-- a call; a line comes again when a call in the middle of it has returned. "Depth" is as in hook.lua.

local prelude, evaluator, asked, probes, places, mine, threads, host_stop, host_attention, host_note, counting = ...
host_attention = prelude.guarded(host_attention)
local debug, hook_all, waits = prelude.debug, prelude.jit.hook_all, prelude.jit.waits
local returns = prelude.jit.returns
local getinfo, getlocal, sethook = debug.getinfo, debug.getlocal, debug.sethook
local running, status = coroutine.running, coroutine.status
local pairs, setmetatable, pcall, xpcall = pairs, setmetatable, pcall, xpcall
local marks, ours, depth_of, above_lua = evaluator.marks, evaluator.ours, evaluator.depth, evaluator.above_lua
local wanted, lines, look, judged_here = places.wanted, places.lines, places.look, places.judged_here
local inside, is_library, main = probes.inside, mine.is_library, prelude.main
local COUNT = counting and prelude.COUNT or nil
local GRACE = evaluator.GRACE
local WEAK = { __mode = "k" }

local exports = {}

-- Threads ---------------------------------------------------------------------------------------

local ids, bodies, id_of, thread_of = threads.ids, threads.bodies, threads.id_of, threads.thread_of
local states = setmetatable({}, WEAK)

-- What is known of a thread: `skip`, the line of the function `within` that comes again, now that a call has
-- returned into it; `lands`: a step ends there.
local function state_of(thread)
    local state = states[thread]
    if not state then
        state = { id = id_of(thread) }
        states[thread] = state
    end
    return state
end

-- What is armed ------------------------------------------------------------------------------------

local based = false -- the hook must watch for breakpoints
-- The step under way: kind, thread, depth; reason; `deeper`: what the frame has called runs, and only returns are
-- watched; `own`: it ends in no library (mine.lua), and `home` is the depth of the frame that it left to go into others.
local step
local judged -- thread and line: the probes there have been asked by the hook and are not to stop the program again
local hook

local function arm()
    local mask = ""
    if step and step.deeper and not based and not judged then
        mask = "r"
    elseif step then
        mask = "crl"
    elseif based or judged then
        mask = "rl"
    end
    hook_all((mask ~= "" or COUNT) and hook or nil, mask, COUNT)
end

local function install(source, records)
    asked.install(source, records)
    probes.update(source)
    based = places.replan()
end

local function adopt_new(thread, body)
    id_of(thread)
    bodies[thread] = body
    if COUNT then sethook(thread) end -- the prelude's count, for a run without a debugger
    return thread
end

-- Whether an error may go past the frame without an end of the thread: then lines must be watched.
local function can_be_caught(thread)
    if thread ~= main then return true end
    local level, catchers = 0, 0
    while level < 200 do
        local info = getinfo(thread, level, "f")
        if not info then return catchers > 1 end -- the last one is the host's
        if info.func == pcall or info.func == xpcall then catchers = catchers + 1 end
        level = level + 1
    end
    return true -- on a deep stack each look costs
end

local function begin_step(thread, kind, reason)
    step = { kind = kind, thread = thread, reason = reason }
    step.own = mine.on and not mine.stands_in_library(thread)
    if kind ~= "into" then
        step.depth, step.watched = depth_of(thread) - above_lua(thread), can_be_caught(thread)
    elseif step.own then
        step.home = depth_of(thread) - above_lua(thread)
    end
end

-- Stopping ---------------------------------------------------------------------------------------

local stopped_at -- for questions: thread, values returned to it, the error
local told = false -- that there was a place where the program could not stop

local function stop(_, reason, hit, values, problem, shown)
    if not evaluator.has_room() then
        if not told then host_note(0, "room", "") end
        told = true
        return
    end
    local thread = running()
    shown = shown or thread
    step, evaluator.hurried = nil, false
    stopped_at = { thread = shown, values = values, problem = problem }
    asked.is_time()
    waits(thread, true)
    local kind, id = host_stop(reason, id_of(shown), hit or "")
    waits(thread, false)
    stopped_at = nil
    evaluator.invalidate()
    if kind == "end" then
        prelude.kill()
        prelude.die()
    end
    if kind ~= "continue" then
        local target = id ~= 0 and thread_of(id) or thread
        begin_step(status(target) == "dead" and thread or target, kind)
    end
    arm()
end

-- Whether the step under way ends at this line of the program: at level 3 is its function.
local function steps_here(thread, f)
    if step.own and is_library(f) then return false end
    if step.kind == "into" then return true end
    if status(step.thread) == "dead" then return true end
    if thread ~= step.thread then return false end
    return not getinfo(step.depth + (step.kind == "out" and 2 or 3), "l")
end

-- Events of the hook: called as tail calls, so level 1 is the function itself, 2 the program's. -------

local function on_line(line)
    if not step and not judged and not lines[line] then return end
    local f = getinfo(2, "f").func
    if ours(f) then return end
    local thread = running()
    local state = state_of(thread)
    local again = state.skip == line and state.within == f
    state.skip = nil
    if again then -- the program goes on in the middle of a line
        return state.lands and step and stop(nil, step.reason or "step", nil, step.values)
    end
    if judged and not inside[1] and (judged.thread == thread or status(judged.thread) == "dead") then
        judged = nil
        arm()
    end
    local breakpoints = wanted[f]
    if breakpoints == nil then breakpoints = look(f) end
    local records = breakpoints and breakpoints[line]
    local hit = records and asked.hits(places.at_places(records), thread)
    local here = step and steps_here(thread, f)
    if here then
        local found = {}
        hit = places.joined(hit, judged_here(found, f, line))
        if found.judged then judged = { thread = thread, line = line } end
    end
    local reason, values = step and step.reason, step and step.values
    if evaluator.pause_after then evaluator.pause_after, here, reason = nil, true, "pause" end
    if hit or here then return stop(state, reason or hit and "breakpoint" or "step", hit, values) end
end

-- A function of the program is called. From C an error may be caught before it comes to the frame.
local function on_call()
    if not step or step.kind == "into" or step.deeper or step.watched or running() ~= step.thread then return end
    local info, caller = getinfo(2, "Sf"), getinfo(3, "S")
    if info.what == "C" or ours(info.func) or not caller or caller.what == "C" then return end
    if not getinfo(step.depth + 2, "l") then -- a tail call: the frame is gone
        step.kind = "out"
        return
    end
    step.deeper = true
    arm()
end

local function returned_values()
    local info = getinfo(3, "fl")
    local first, n = returns(info.func, info.currentline)
    local values = { n = n or 0 }
    for i = 1, values.n do
        local _, value = getlocal(3, first + i - 1)
        values[i] = value
    end
    return values
end

-- Whether what is returned to is the frame that the step went into others from: its line has been stopped at.
-- `level`: of that frame, as the caller counts.
local function is_home(level)
    local home = step.home
    if not home then return false end
    if not getinfo(home + 3, "l") then step.home = nil end -- seen from here, it goes itself
    return step.home and not getinfo(home + level + 1, "l")
end

-- The line of the next function below will come again, also where C has called this one.
local function on_return()
    local state, level = state_of((running())), 3
    local caller = getinfo(level, "Slf")
    while caller and caller.what == "C" do
        level = level + 1
        caller = getinfo(level, "Slf")
    end
    state.skip, state.within = caller and caller.currentline, caller and caller.func
    local is_steps = step and not ours(getinfo(2, "f").func)
    local here = is_steps and running() == step.thread
    local library = is_steps and step.own and caller and is_library(caller.func)
    state.lands = is_steps and step.kind == "into" and not library and not (here and is_home(level))
    if state.lands then step.values = step.values or returned_values() end
    if here and step.depth and not getinfo(step.depth + 2, "l") then -- the frame goes
        if library and step.kind ~= "out" then
            step.kind, step.depth, step.deeper = "into", nil, false -- to what is the program's next
            return arm()
        end
        step.values = step.values or returned_values()
        step.kind, step.deeper, step.watched, state.lands = "out", false, true, not library
        return arm()
    end
    if step and step.deeper and running() == step.thread and not getinfo(step.depth + 3, "l") then
        step.deeper = false
        arm()
    end
end

local function on_count()
    local wish = host_attention()
    if wish == "end" then
        prelude.die()
    elseif wish == "log" then
        asked.is_time()
    elseif wish == "pause" then -- at the next line, which comes at each turn of a loop
        step, evaluator.hurried = { kind = "into", thread = running(), reason = "pause" }, true
        arm()
    end
end

function hook(event, line)
    local evaluating = evaluator.evaluating
    if evaluating then
        local how = event == "count" and status(evaluating) -- it may not have begun, or be over
        if how == "running" or how == "normal" then return evaluator.attend_now() end
        return
    end
    if stopped_at then return end -- a question is answered
    if event == "line" then return on_line(line) end
    if event == "return" then return on_return() end
    if event == "count" then return on_count() end
    return on_call()
end

-- A probe stops the program at once: where it calls us no hook is active.
local function on_hit(found)
    local reason = step and step.reason
    if evaluator.pause_after then evaluator.pause_after, reason = nil, "pause" end
    return stop(nil, reason or "breakpoint", found)
end

probes.watch_hits(on_hit, function(line)
    if not (judged and judged.thread == running() and judged.line == line) then return false end
    judged = nil
    arm()
    return true
end)

for _, f in pairs { on_line, on_call, on_return, on_count, on_hit, stop } do marks[f] = "hook" end

-- Attention ---------------------------------------------------------------------------------------

local function attend_evaluation()
    if not COUNT then sethook() end
    local wish = host_attention()
    if wish == "log" then
        asked.is_time()
    elseif wish == "pause" then -- it comes after the evaluation, which must not take for ever
        evaluator.pause_after = true
        sethook(evaluator.cancel, "", GRACE)
    elseif wish then
        evaluator.cancel()
    end
end
evaluator.attend_now = attend_evaluation
if COUNT then evaluator.attend = attend_evaluation end

local function attend_program()
    sethook()
    return on_count()
end

local function attend()
    if prelude.is_dispatcher(running()) then return end -- a question that evaluates nothing is soon over
    sethook(evaluator.evaluating and attend_evaluation or attend_program, "", 1)
end
marks[attend_program] = "hook"

prelude.watch_attention(attend)

-- After an expression that was no breakpoint's: the pause that has come meanwhile.
function exports.pause_now()
    if evaluator.pause_after then
        evaluator.pause_after = nil
        attend()
    end
end

exports.stop, exports.adopt_new, exports.install, exports.state_of = stop, adopt_new, install, state_of
exports.id_of, exports.thread_of, exports.arm_all = id_of, thread_of, arm
exports.ids, exports.bodies = ids, bodies
function exports.stopped() return stopped_at end

function exports.plan(source, records)
    install(source, records)
    arm()
end

function exports.begin(reason) -- before the program runs; with a reason it stops at its first line
    based = places.replan()
    if COUNT then sethook(main) end
    if reason then step = { kind = "into", thread = main, reason = reason } end
    arm()
end

function exports.detach()
    step, judged, evaluator.hurried = nil, nil, false
    asked.clear()
    probes.clear()
    based, COUNT = places.replan(), nil
    arm()
end

return exports
