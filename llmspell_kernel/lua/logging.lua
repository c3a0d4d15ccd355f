-- Debug: logging, timers and looking at values, for programs. (The debugger is another thing.)
-- Arguments: the table `Debug`, exports of prelude.lua, the host's function that raises, the one that does not.

local Debug, exports, ask = ...
local error, type, tostring, pairs, ipairs, next, select = error, type, tostring, pairs, ipairs, next, select
local setmetatable, collectgarbage, rawget, rawlen = setmetatable, collectgarbage, rawget, rawlen
local format, rep, concat, sort, upper = string.format, string.rep, table.concat, table.sort, string.upper
local clock, stderr, traceback = os.clock, io.stderr, debug.traceback

local LEVELS = { "trace", "debug", "info", "warn", "error", "off" }
local RANK = {}
for n, level in ipairs(LEVELS) do RANK[level] = n end

local threshold, enabled, filters = RANK.warn, true, {}
local captured, MOST = {}, 1000 -- the last messages

local function rank_of(level)
    local rank = RANK[tostring(level)]
    if not rank then error(format("no level named %q; there are %s", tostring(level), concat(LEVELS, ", ")), 3) end
    return rank
end

local function said(level, message, module)
    local rank = rank_of(level)
    local least = module and filters[module] or threshold
    if not enabled or rank < least or rank == RANK.off then return end
    if #captured == MOST then table.remove(captured, 1) end
    captured[#captured + 1] = { level = level, message = message, module = module, timestamp = os.time() }
    exports.tell_error(format("%-5s %s%s\n", upper(level), module and module .. ": " or "", message))
end

function Debug.log(level, message, module) said(level, tostring(message), module) end

for n = 1, #LEVELS - 1 do
    local level = LEVELS[n]
    Debug[level] = function(message, module) said(level, tostring(message), module) end
end

function Debug.logWithData(level, message, data, module)
    said(level, tostring(message) .. " " .. Debug.dumpCompact(data), module)
end

function Debug.setLevel(level) threshold = rank_of(level) end
function Debug.getLevel() return LEVELS[threshold] end
function Debug.setEnabled(on) enabled = on and true or false end
function Debug.isEnabled() return enabled end
function Debug.addModuleFilter(module, level) filters[tostring(module)] = rank_of(level) end
function Debug.removeModuleFilter(module) filters[tostring(module)] = nil end
function Debug.clearModuleFilters() filters = {} end

function Debug.getCapturedEntries(most)
    local found = {}
    for n = math.max(1, #captured - (most or MOST) + 1), #captured do found[#found + 1] = captured[n] end
    return found
end

function Debug.clearCaptured() captured = {} end

-- Timers: seconds of wall-clock time in milliseconds ------------------------------------------------------

local Timer = {}
Timer.__index = Timer

local function now() return ask("now") end

function Debug.timer(name) return setmetatable({ name = name or "timer", start = now(), laps = {} }, Timer) end

function Timer:elapsed() return (self.stopped or now()) - self.start end

function Timer:lap(name)
    local elapsed = self:elapsed()
    self.laps[#self.laps + 1] = { name = name or tostring(#self.laps + 1), ms = elapsed }
    return elapsed
end

function Timer:stop()
    self.stopped = self.stopped or now()
    said("debug", format("%s took %.3f ms", self.name, self:elapsed()), "timer")
    return self:elapsed()
end

-- Values ------------------------------------------------------------------------------------------------

local function ordered(value)
    local keys = {}
    for key in next, value do keys[#keys + 1] = key end
    sort(keys, function(a, b)
        if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
        return type(a) .. tostring(a) < type(b) .. tostring(b)
    end)
    return keys
end

local function key_text(key)
    if type(key) == "string" then
        return key:find("^[%a_][%w_]*$") and key or format("[%q]", key)
    end
    return "[" .. tostring(key) .. "]"
end

-- No metamethod is called; a table that is on the way to itself is named, not opened.
local function dump(value, options, indent, open)
    if type(value) == "string" then return format("%q", value) end
    if type(value) ~= "table" then return tostring(value) end
    if open[value] then return "<itself>" end
    if #indent / 2 >= options.depth then return "{…}" end
    open[value] = true
    local parts, count = {}, 0
    for _, key in ipairs(ordered(value)) do
        count = count + 1
        if count > options.most then
            parts[#parts + 1] = "…"
            break
        end
        local is_item = type(key) == "number" and key == #parts + 1 and rawlen(value) >= key
        local text = dump(rawget(value, key), options, indent .. "  ", open)
        parts[#parts + 1] = is_item and text or key_text(key) .. " = " .. text
    end
    open[value] = nil
    if #parts == 0 then return "{}" end
    if options.compact then return "{ " .. concat(parts, ", ") .. " }" end
    return "{\n" .. indent .. "  " .. concat(parts, ",\n" .. indent .. "  ") .. "\n" .. indent .. "}"
end

function Debug.dumpWithOptions(value, options)
    options = options or {}
    local depth = options.max_depth or options.depth or 10
    local filled = { compact = options.compact, depth = depth, most = options.max_items or 100 }
    return dump(value, filled, "", {})
end

function Debug.dump(value, name)
    local text = Debug.dumpWithOptions(value)
    return name and tostring(name) .. " = " .. text or text
end

function Debug.dumpCompact(value) return Debug.dumpWithOptions(value, { compact = true }) end
function Debug.dumpVerbose(value) return Debug.dumpWithOptions(value, { depth = 50, max_items = 10000 }) end

-- Where we are, what we use -----------------------------------------------------------------------------

function Debug.stackTrace(message) return traceback(message, 2) end

-- Bytes: `lua` of Lua's heap, `rss` of the process.
function Debug.memoryStats()
    local stats = ask("memory")
    stats.lua = math.floor(collectgarbage("count") * 1024)
    stats.used_bytes = stats.lua
    return stats
end
