-- The hook: when it is armed, and what it makes of calls, returns and lines.
-- Arguments: the exports of the prelude, evaluate.lua, breakpoints.lua, probes.lua, places.lua, names.lua, mine.lua,
-- threads.lua, stack.lua and quiet.lua; the host's functions (Python).
--
-- Nothing armed, nothing paid: a thread's hook is registered with an empty mask. Breakpoints arm
-- calls and returns, and lines only inside functions that hold one. A step arms what it needs. Where no
-- lines are needed quiet.lua sees to it that few events come here.
-- "Depth" is the number of levels of a thread's stack; it is the identity of a frame.

local prelude, evaluator, asked, probes, places, names, mine, threads, stack, quiet, host_stop, host_attention, host_note,
    counting = ...
host_attention = prelude.guarded(host_attention)
local debug = prelude.debug -- whole, also in safe mode
local getinfo, sethook = debug.getinfo, debug.sethook
local running, status, create = coroutine.running, coroutine.status, coroutine.create
local yield = coroutine.yield
local pairs, ipairs, type, error, tostring, rawequal = pairs, ipairs, type, error, tostring, rawequal
local inside = probes.inside
local setmetatable, select, next = setmetatable, select, next
local marks, ours, depth_of, above_lua = evaluator.marks, evaluator.ours, evaluator.depth, evaluator.above_lua
local levels = evaluator.levels
local resumer, resumed_by, returned_values = stack.resumer, stack.resumed_by, stack.returned_values
local wanted, lines, look, judged_here = places.wanted, places.lines, places.look, places.judged_here
local is_library, passed, named = mine.is_library, mine.passed, names.watched
local main = prelude.main
local COUNT = counting and prelude.COUNT or nil
local EVERYWHERE = 1 << 29 -- a depth below every frame: each return leaves it
local WEAK = { __mode = "k" }

local exports = {}

-- Threads ---------------------------------------------------------------------------------------

local ids, bodies, id_of, thread_of = threads.ids, threads.bodies, threads.id_of, threads.thread_of
local states = setmetatable({}, WEAK)
local on_line, on_call, on_return, on_count
local attend_evaluation = evaluator.attending(host_attention, asked.is_time, COUNT)
local base = "" -- the mask while nothing is stepped: "" or "cr"
local stepping = {} -- the states that a step has armed

-- What is known of a thread: its hook, mask, and step:
--   step    "over", "into" or "out" while one is under way in this thread, of the frame at `depth`; no
--           depth: of the frame that runs, which has called nothing yet (on a deep stack, to know it costs)
--   inside  the frame itself runs (not what it has called)
--   landing the line of the call that has just returned: the next instruction is the caller's
--   skip    a line whose event comes next though the stop there is over: when a count hook returns, Lua
--           takes the instruction for a jump back to itself
--   judged  a line whose probes have been asked by the hook and are not to stop the program again; true
--           until the program comes to another line or function
--   probed  the breakpoints of a probe that stop the program at the next instruction, inside of a hook
--   attention  the host waits for the next count event, which then arms what is needed
--   line, came_from  the last line event of the frame that runs and the one before, as far as they are known; false
--           where it has just been called
--   watch   the coroutine it has resumed that is being stepped: when it is dead, the step goes on here
local function state_of(thread)
    local state = states[thread]
    if state then return state end
    state = { id = id_of(thread), mask = "" }
    states[thread] = state
    function state.hook(event, line)
        if evaluator.evaluating then
            if event == "count" then attend_evaluation() end -- of a coroutine that an expression has made
            return
        end
        if event == "line" then
            state.came_from, state.line = state.line, line
            if state.settled and not lines[line] then return end
            return on_line(state, line)
        elseif event == "return" then
            return on_return(state)
        elseif event == "count" then
            return on_count(state)
        end
        return on_call(state, event)
    end
    return state
end

local function arm(thread, state, mask)
    if not state.attention then sethook(thread) end -- else the call of sethook may come to the hook
    state.mask, state.settled, state.line = mask, false, nil
    if not state.attention then sethook(thread, state.hook, mask, COUNT) end
end

local function set(state, mask) -- of the thread that runs
    if state.mask ~= mask and not state.attention then
        state.mask = mask
        sethook(state.hook, mask, COUNT)
    end
end

-- Every line event until the hook knows where it is.
local function arm_all()
    local mask = base == "" and "" or "crl"
    for thread in pairs(ids) do
        if status(thread) ~= "dead" then
            local state = states[thread]
            if mask ~= "" or COUNT or (state and state.mask ~= "") then
                arm(thread, state or state_of(thread), mask)
            end
        end
    end
end

local function adopt_new(thread, body)
    id_of(thread)
    bodies[thread] = body
    if base ~= "" then
        arm(thread, state_of(thread), "crl")
    elseif COUNT then
        arm(thread, state_of(thread), "")
    elseif next(stepping) then
        sethook(thread) -- it has inherited the hook of the one that made it
    end
    return thread
end

-- Breakpoints --------------------------------------------------------------------------------------

local function replan()
    base = (places.replan() or named[1]) and "cr" or ""
end

local function install(source, records)
    asked.install(source, records)
    probes.update(source)
    replan()
end

function exports.plan(source, records)
    install(source, records)
    arm_all()
end

function exports.name(wanted) -- functions that are to be looked for by name
    names.set(wanted)
    names.meet(install)
    replan()
    arm_all()
end

-- Steps ---------------------------------------------------------------------------------------------

local own = false -- the step under way ends in no library (mine.lua)
local pausing -- why the step under way was begun, if no person took it: "pause", "entry"; in whatever thread it ends

local function clear_steps()
    evaluator.hurried, pausing, own = false, nil, false
    for state in pairs(stepping) do
        stepping[state] = nil
        state.step, state.watch, state.landing, state.inside = nil, nil, nil, nil
    end
end

local function start(thread, state, step, depth, inside)
    state.step, state.depth, state.inside = step, depth, inside
    stepping[state] = true
    if thread then arm(thread, state, "crl") end
end

-- The coroutines that wait for this one get the step when it ends.
local function watch_resumer(thread)
    local parent = resumer(thread)
    if parent then
        local state = state_of(parent)
        state.watch = thread
        stepping[state] = true
        arm(parent, state, "crl")
    end
end

local function step_to_resumer(thread)
    local parent = resumer(thread)
    if parent then
        start(parent, state_of(parent), "out", depth_of(parent), false)
    end
end

-- At an error functions of ours stand above the frame, which have lines and return.
local function begin_step(thread, kind, problem)
    local above = above_lua(thread)
    local inside = above == 0 and not problem
    local returns_next = inside and thread == running()
    local depth = not returns_next and depth_of(thread) - above or nil
    own = mine.on and not mine.stands_in_library(thread)
    if own then mine.begin_step() end
    start(thread, state_of(thread), kind, depth, inside)
    watch_resumer(thread)
end

local stopped_at -- for questions: thread, values returned to it, the error
function exports.stopped() return stopped_at end

local told = {} -- why there was a place where the program could not stop
local function tell(why)
    if not told[why] then host_note(0, why, "") end
    told[why] = true
end

-- The program stops here. `problem` is the error at which it does; `shown` the thread to be shown.
local function stop(state, reason, hit, values, problem, shown)
    if not evaluator.has_room() then
        return tell("room")
    end
    local thread = running()
    shown = shown or thread
    clear_steps()
    state.returned, state.attention = nil, nil
    stopped_at = { thread = shown, values = values, problem = problem }
    asked.is_time()
    local kind, id = host_stop(reason, id_of(shown), hit or "")
    stopped_at = nil
    evaluator.invalidate()
    if kind == "end" then
        prelude.kill()
        prelude.die()
    end
    state.mask = nil
    set(state, (base == "" and not state.judged) and "" or "crl")
    state.settled = false
    if kind ~= "continue" then
        local target = id ~= 0 and thread_of(id) or thread
        begin_step(status(target) == "dead" and thread or target, kind, problem)
    end
    if state.mask == "" then state.skip = nil end -- that event will not come
end

-- No lines until the program is where some are needed. The thread runs, and a step in it knows its depth.
local function rest(state)
    if state.attention then return end
    if not quiet.rest(state, base, COUNT) then set(state, base) end
end

-- What to arm in this function, with breakpoints that the hook watches for.
local function set_for(state, f)
    local breakpoints = wanted[f]
    if breakpoints == nil then breakpoints = look(f) end
    if breakpoints then return set(state, "crl") end
    return rest(state)
end

-- What to arm while the stepped frame waits for what it has called.
local function outside(state, f)
    if base == "" then return rest(state) end
    return set_for(state, f)
end

-- What to arm in this function while a step goes into all that is the program's own.
local function set_for_own(state, f)
    if state.attention or getinfo(f, "S").what == "C" then return end
    if not is_library(f) then return set(state, "crl") end
    local breakpoints = wanted[f]
    if breakpoints == nil then breakpoints = look(f) end
    if breakpoints or state.judged then return set(state, "crl") end
    passed[f] = false
    if not quiet.pass(state, COUNT) then set(state, "cr") end
end

-- Events of the hook: called as tail calls, so level 1 is the function itself, 2 the program's. -------

function on_line(state, line)
    local skip = state.skip
    if skip then
        state.skip = nil
        if skip == line then return end
    end
    local f = getinfo(2, "f").func
    if state.judged and not inside[1] and not ours(f) then state.judged = nil end
    local breakpoints = wanted[f]
    if breakpoints == nil then breakpoints = look(f) end
    local step = state.step
    local here = step == "into" or step == "over" and state.inside
    if here and ours(f) then -- a probe's call, which is no step away
        if step == "over" then return end
        here = false
    end
    if here and own and is_library(f) then here = false end
    local records = breakpoints and breakpoints[line]
    local hit = records and asked.hits(places.at_places(records, line, state.came_from), (running()))
    if here then hit = places.joined(hit, judged_here(state, f, line)) end
    if evaluator.pause_after then
        evaluator.pause_after, here, pausing = nil, true, "pause"
    end
    if hit or here then
        return stop(state, pausing or (hit and "breakpoint" or "step"), hit, state.returned)
    end
    if not step and not pausing then
        state.settled = true
        if not breakpoints then rest(state) end
    elseif step and not here and step ~= "into" and not breakpoints then
        if state.depth then return rest(state) end
        set(state, "cr") -- the first call tells the depth
    end
end

-- A step into a call that goes to another coroutine follows it there.
local function follow(state, f)
    local thread = running()
    if f == yield then return step_to_resumer(thread) end
    local target = resumed_by(f)
    if own and stack.stays(f) then passed[f] = false end
    if target then start(target, state_of(target), "into", EVERYWHERE, false) end
end

local function follow_call(state)
    local info = getinfo(3, "Sf")
    if info.what == "C" then follow(state, info.func) end
end

-- Whether a call is one of a probe that was judged; any other call ends that.
local function is_probing(state)
    local info = getinfo(3, "Sf")
    if inside[1] or ours(info.func) then return true end
    if info.what ~= "C" then state.judged = nil end
    return info.what == "C" and base == "" and not state.step
end

function on_call(state, event)
    local f = getinfo(2, "f").func
    if marks[f] or state.judged and is_probing(state) then return end -- what a probe calls is no call
    if named[1] and names.is_changed() then names.meet(install) end
    state.skip, state.settled, state.line = nil, false, false
    local step = state.step
    if step and not state.depth then
        local depth = depth_of((running()))
        state.depth = event == "call" and depth - 1 or depth
    end
    if step == "into" then
        follow_call(state)
        return own and set_for_own(state, f)
    end
    if step == "over" and state.inside then
        state.inside = false
        if event == "tail call" then state.step = "out" end
    end
    if step then return outside(state, f) end
    if base == "" then return set(state, "") end
    set_for(state, f)
    state.settled = true
end

-- The stepped frame is gone, or goes now: stop where the program goes on, at once.
local function left(state)
    local caller = getinfo(3, "Slf")
    if not caller then -- the end of a coroutine
        watch_resumer(running())
        stepping[state], state.step = nil, nil
        return
    end
    local library = own and mine.is_library_below(3)
    if library and state.step ~= "out" then -- to whatever it calls or returns to next that is the program's
        start(nil, state, "into", EVERYWHERE, false)
        return set_for_own(state, caller.func)
    end
    if caller.what == "C" or ours(caller.func) or library then
        local depth = levels((running())) - 4 -- seen from there: itself, this, what returns, the caller
        state.step, state.inside, state.depth = "out", false, depth
        stepping[state] = true
        return rest(state)
    end
    state.returned = state.returned or returned_values()
    state.landing, state.mask = caller.currentline, nil
    sethook(state.hook, "crl", 1)
end

function on_return(state)
    local caller = getinfo(3, "lf")
    state.skip, state.settled, state.line = nil, false, caller and caller.currentline
    local step = state.step
    if step then
        local depth = state.depth
        if not depth and marks[getinfo(2, "f").func] then return end
        if not depth or depth == EVERYWHERE or not getinfo(depth + 2, "l") then return left(state) end
        if not state.inside and step ~= "out" and not getinfo(depth + 3, "l") then
            state.inside = true
            if getinfo(2, "f").func == yield then watch_resumer(running()) end
            return set(state, "crl")
        end
        if step == "into" and own and caller then return set_for_own(state, caller.func) end
        if step == "into" or step == "over" and state.inside then return end
    elseif state.watch and status(state.watch) == "dead" then
        state.watch = nil
        local was_own = own
        clear_steps()
        own = was_own
        stepping[state] = true
        return left(state)
    end
    if base == "" then return end
    if caller then
        outside(state, caller.func)
        state.settled = not step
    end
end

function on_count(state)
    local probed = state.probed
    if probed then
        state.probed, state.judged = nil, nil
        return stop(state, pausing or "breakpoint", probed ~= "" and probed or nil, state.returned)
    end
    local landing = state.landing
    if landing then
        state.landing = nil
        state.mask = nil
        set(state, "crl")
        local info = getinfo(2, "l")
        if info.currentline == landing then
            state.skip = landing
            return stop(state, pausing or "step", nil, state.returned)
        end
        state.step, state.inside, state.depth = "over", true, nil -- its line event comes now
        stepping[state] = true
        return
    end
    if not COUNT then -- the host has asked for this event, on another thread
        state.attention, state.mask = nil, nil
        set(state, (state.step or state.watch or state.judged or base ~= "") and "crl" or "")
        state.settled = false
    end
    local wish = host_attention()
    if wish == "end" then
        prelude.die()
    elseif wish == "log" then
        asked.is_time()
    elseif wish == "pause" then -- at the next line, whose breakpoints are asked then; it comes at each turn of a loop
        pausing, evaluator.hurried, own = "pause", true, false
        start(nil, state, "into", EVERYWHERE, false)
        return set(state, "crl")
    end
end

-- A probe stops the program: at the next instruction, in a hook, where nothing else stops it.
local function on_hit(found)
    sethook() -- an event that came before the hook is set would stop the program, and the hook end its step
    local state = state_of((running()))
    state.probed, state.mask = found or "", nil
    if evaluator.pause_after then evaluator.pause_after, pausing = nil, "pause" end
    sethook(state.hook, "", 1)
    if not state.probed then return end
    state.probed, state.mask = nil, nil -- Lua calls no hook in a finalizer
    set(state, (state.step or state.watch or base ~= "") and "crl" or "")
    state.settled = false
    tell("finalizer")
end

probes.watch_hits(on_hit, function(line)
    local state = states[running()]
    if not (state and state.judged == line) then return false end
    state.judged = nil
    return true
end)

for _, f in ipairs { on_line, on_call, on_return, on_count, on_hit, left, stop } do marks[f] = "hook" end

local function attend()
    if prelude.is_dispatcher(running()) then return end -- a question that evaluates nothing is soon over
    if evaluator.evaluating then return sethook(attend_evaluation, "", 1) end
    local state = state_of((running()))
    state.attention, state.mask = true, nil
    sethook(state.hook, "crl", 1)
end

prelude.watch_attention(attend)

-- After an expression that was no breakpoint's: the pause that has come meanwhile.
function exports.pause_now()
    if evaluator.pause_after then
        evaluator.pause_after = nil
        attend()
    end
end

exports.stop, exports.adopt_new, exports.install, exports.state_of = stop, adopt_new, install, state_of
exports.id_of, exports.thread_of, exports.arm_all = id_of, thread_of, arm_all
exports.ids, exports.bodies = ids, bodies

function exports.begin(reason) -- before the program runs; with a reason it stops at its first line
    clear_steps()
    replan()
    arm_all()
    if reason then
        local state = state_of(main)
        pausing = reason
        start(main, state, "into", 0, false)
    end
end

function exports.rest() -- nothing is to stop the program until there are breakpoints again
    clear_steps()
    asked.clear()
    probes.clear()
    names.set {}
    replan()
    arm_all()
end

function exports.detach() COUNT = nil; exports.rest() end -- for good

return exports
