-- Function breakpoints on names that no text defines: what they mean among the program's values.
-- Arguments: the exports of the prelude and evaluate.lua; the host's function (Python): id, then nothing (it is no
-- function in Lua) or the chunk, the first and last line, the line where it begins; it gives the chunk's breakpoints.
--
-- Nothing of the program runs for it: fields are read raw, through `__index` where that is a table. What was read is
-- remembered, so that a call has only to look whether anything there is another value now.

local prelude, evaluator, host_named = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getmetatable, loaded = debug.getinfo, debug.getmetatable, package.loaded
local rawget, rawequal, type, ipairs, pairs = rawget, rawequal, type, ipairs, pairs
local concat, globals, ours = table.concat, _G, evaluator.ours
local CHAIN = 20 -- tables behind one another

local names = {} -- id, path
local meanings = {} -- id → function
local watched = {} -- tables, keys and values in turn: the same table always, the filter in C reads it
local exports = { watched = watched }

local count = 0 -- of what is watched

local function read(t, key)
    local value = rawget(t, key)
    watched[count + 1], watched[count + 2], watched[count + 3] = t, key, value
    count = count + 3
    return value
end

local function forget()
    for at in pairs(watched) do watched[at] = nil end
    count = 0
end

local function field(value, key)
    for _ = 1, CHAIN do
        if type(value) ~= "table" then return nil end
        local found = read(value, key)
        if found ~= nil then return found end
        local meta = getmetatable(value)
        value = type(meta) == "table" and rawget(meta, "__index")
    end
end

local function follow(value, path, from)
    for index = from, #path do value = field(value, path[index]) end
    return type(value) == "function" and value or nil
end

-- As a module's, by its longest name, or as a global's.
local function resolve(path)
    for n = #path - 1, 1, -1 do
        local module = read(loaded, concat(path, ".", 1, n))
        local found = module ~= nil and follow(module, path, n + 1)
        if found then return found end
    end
    return follow(globals, path, 1)
end

local function first_line(lines)
    local first
    for line in pairs(lines or {}) do first = first and first < line and first or line end
    return first
end

local function mean(id, f, install)
    local info = getinfo(f, "SL")
    local line = info.what ~= "C" and not ours(f) and first_line(info.activelines)
    if not line then
        host_named(id)
        return false
    end
    local records = host_named(id, info.source, info.linedefined, info.lastlinedefined, line)
    if records then install(info.source, records) end
    return true
end

function exports.is_changed()
    for at = 1, count, 3 do
        if not rawequal(rawget(watched[at], watched[at + 1]), watched[at + 2]) then return true end
    end
    return false
end

-- What the names mean now; what is new is installed.
function exports.meet(install)
    forget()
    local left = {}
    for _, name in ipairs(names) do
        local f, stays = resolve(name.path), true
        if f and not rawequal(meanings[name.id], f) then
            meanings[name.id] = f
            stays = mean(name.id, f, install)
        end
        if stays then left[#left + 1] = name end
    end
    names = left
    if #left == 0 then forget() end
end

-- Replaces them.
function exports.set(wanted)
    names, meanings = wanted, {}
    forget()
end

return exports
