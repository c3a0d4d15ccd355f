-- Variables: references to what can be opened, children, assignments.
-- Nothing here runs the program's code, but `__tostring` when it is asked for by name.
-- Arguments: the exports of the prelude, evaluate.lua and values.lua.

local prelude, evaluator, values = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, setlocal = debug.getinfo, debug.getlocal, debug.setlocal
local getupvalue, setupvalue, getmetatable = debug.getupvalue, debug.setupvalue, debug.getmetatable
local getuservalue, status = debug.getuservalue, coroutine.status
local type, rawget, rawset, rawlen, next = type, rawget, rawset, rawlen, next
local tostring, tonumber, error, ipairs, pairs, select = tostring, tonumber, error, ipairs, pairs, select
local load, setmetatable, math = load, setmetatable, math
local format, sub, find, match = string.format, string.sub, string.find, string.match
local concat, sort, unpack, math_type = table.concat, table.sort, table.unpack, math.type
local base, each_upvalue = evaluator.base, evaluator.each_upvalue

local show, quoted, type_name, LIMIT = values.show, values.quoted, values.type_name, values.LIMIT

local exports = {}

-- References -----------------------------------------------------------------------------------------

local references, last_reference = {}, 0 -- never the same number twice, so that an old one is never another

local function reference(record)
    last_reference = last_reference + 1
    references[last_reference] = record
    return last_reference
end

function exports.forget() references = {} end

local function find_reference(id)
    return references[id] or error("this variable is gone: the program has gone on since", 0)
end

local COUNTED = 10000 -- keys that are counted and sorted; more are shown in natural order, page by page
local PAGE = 1000

-- The keys that are not 1 … #t, and whether these are all.
local function named_keys(value, from)
    local length = rawlen(value)
    local keys, n, key = {}, 0, from
    if key == nil and length > 0 then
        key = length -- after the array part come the others, if the array part holds them all
        if rawget(value, length) == nil then key = nil end
    end
    local scanned = 0
    while true do
        key = next(value, key)
        if key == nil then return keys, true end
        if not (math_type(key) == "integer" and key >= 1 and key <= length) then
            n = n + 1
            keys[n] = key
            if n >= COUNTED then return keys, next(value, key) == nil end
        end
        scanned = scanned + 1
        if scanned > 20 * COUNTED then return keys, true end
    end
end

-- Keys 1 … #t can lie in the hash part too; then a scan that begins behind #t misses others.
local function scan(value, from)
    local length = rawlen(value)
    if from == nil and length > 0 and length <= COUNTED then
        local keys, n = {}, 0
        for key in next, value do
            if not (math_type(key) == "integer" and key >= 1 and key <= length) then
                n = n + 1
                keys[n] = key
                if n >= COUNTED then return keys, false end
            end
        end
        return keys, true
    end
    return named_keys(value, from)
end

local ORDER = { number = 1, string = 2, boolean = 3 }

local function key_before(a, b)
    local first, second = ORDER[type(a)] or 4, ORDER[type(b)] or 4
    if first ~= second then return first < second end
    if first <= 2 then return a < b end
    return format("%p", a) < format("%p", b)
end

local function is_name(key)
    return type(key) == "string" and find(key, "^[%a_][%w_]*$") and load("local " .. key) ~= nil
end

-- A number that is this one and no other.
local function exact(key)
    local text = key .. ""
    if key == math.huge then return "math.huge" end
    if key == -math.huge then return "-math.huge" end
    return tonumber(text) == key and text or format("%.17g", key)
end

local function key_path(path, key)
    if not path then return nil end
    if is_name(key) then return path .. "." .. key end
    if type(key) == "string" then return path .. "[" .. quoted(key) .. "]" end
    if type(key) == "number" then return path .. "[" .. exact(key) .. "]" end
    if type(key) == "boolean" then return path .. (key and "[true]" or "[false]") end
end

-- The globals are called by their names, but where a local or an upvalue has the same one.
local function child_path(record, key)
    if record.hidden and is_name(key) then
        if not record.hidden[key] then return key end
        if record.value ~= _G then return nil end
    end
    return key_path(record.path, key)
end

local function key_name(key)
    if type(key) == "string" then
        return find(key, "^[%a_][%w_]*$") and key or "[" .. quoted(key, 100) .. "]"
    end
    return "[" .. (type(key) == "number" and exact(key) or show(key, 100)) .. "]"
end

-- How many children a table has besides 1 … indexed. VS Code asks for those of a table with numbered ones only if
-- there are some. Not exact where that would be dear: up to FEW, and at least 1 where it is not known to be none.
local FEW = 100

local function count_named(value, indexed)
    local meta = getmetatable(value)
    local count = meta ~= nil and 1 or 0
    local sure = indexed <= FEW
    local key = next(value, not sure and indexed or nil)
    while key ~= nil and count < FEW do
        if math_type(key) ~= "integer" or key < 1 or key > indexed then count = count + 1 end
        key = next(value, key)
    end
    return sure and count or math.max(count, 1)
end

-- reference, named, indexed of a value (0, 0, 0: nothing to open)
local function opened(value, path)
    local kind = type(value)
    if kind == "table" then
        local indexed = rawlen(value)
        if next(value) == nil and not getmetatable(value) then return 0, 0, 0 end
        local record = { kind = "table", value = value, path = path }
        return reference(record), indexed > 0 and count_named(value, indexed) or -1, indexed
    elseif kind == "function" then
        if each_upvalue(value)() then return reference { kind = "upvalues", value = value }, -1, 0 end
    elseif kind == "userdata" then
        if getmetatable(value) or getuservalue(value) ~= nil then
            return reference { kind = "userdata", value = value, path = path }, -1, 0
        end
    end
    return 0, 0, 0
end

local function describe(value, path, limit, hex)
    return show(value, limit, false, hex), type(value), opened(value, path)
end

-- A flat list of variables: name, text, type, reference, named, indexed, path or false, flags
-- ("l" opens lazily, "r" can't be set, "i" is not the program's own).
local List = {}
List.__index = List

local function list(hex) return setmetatable({ n = 0, hex = hex }, List) end

function List:add(name, value, path, flags)
    local n = self.n
    self[n + 1] = name
    self[n + 2], self[n + 3], self[n + 4], self[n + 5], self[n + 6] = describe(value, path, LIMIT, self.hex)
    self[n + 7], self[n + 8] = path or false, flags or ""
    self.n = n + 8
end

function List:special(name, text, kind, id, flags)
    local n = self.n
    self[n + 1], self[n + 2], self[n + 3], self[n + 4], self[n + 5], self[n + 6] = name, text, kind, id, -1, 0
    self[n + 7], self[n + 8] = false, flags
    self.n = n + 8
end

-- Locals ---------------------------------------------------------------------------------------------

local function level_of(thread, at) return base(thread) + at end

-- A cell that is an expression has a local more, which is none of the program's (jupyter/cells.py).
local function each_local(thread, level)
    local index = 0
    local function next_one()
        index = index + 1
        local name, value = getlocal(thread, level, index)
        if name == "__cell" then return next_one() end
        if name then return index, name, value end
    end
    return next_one
end

-- Locals by the name a person sees: one that is hidden by another of its name says so.
local function locals_of(thread, level)
    local found, last, is_c = {}, {}, getinfo(thread, level, "S").what == "C"
    for index, name, value in each_local(thread, level) do
        if is_c then
            found[#found + 1] = { "argument " .. index, value, index, false }
        elseif sub(name, 1, 1) ~= "(" then
            found[#found + 1] = { name, value, index, name }
            last[name] = #found
        end
    end
    local times = {}
    for i = #found, 1, -1 do
        local entry = found[i]
        local name = entry[4]
        if name and last[name] ~= i then
            times[name] = (times[name] or 0) + 1
            entry[1] = name .. " (shadowed" .. (times[name] > 1 and " " .. times[name] or "") .. ")"
            entry[4] = false
        end
    end
    return found
end

-- Children --------------------------------------------------------------------------------------------------

local children = {}

function children.locals(record, out)
    for _, entry in ipairs(locals_of(record.thread, level_of(record.thread, record.at))) do
        out:add(entry[1], entry[2], entry[4] ~= "_ENV" and entry[4]) -- in an expression _ENV is ours
    end
end

function children.varargs(record, out, _, start, count)
    local level = level_of(record.thread, record.at)
    for i = start + 1, start + count do
        local name, value = getlocal(record.thread, level, -i)
        if not name then break end
        out:add("[" .. i .. "]", value, "(select(" .. i .. ", ...))")
    end
end

function children.upvalues(record, out)
    for index, name, value in each_upvalue(record.value) do
        if name ~= "_ENV" or not record.hidden then
            local path = record.hidden and name ~= "" and not record.hidden[name] and name or nil
            out:add(name == "" and "upvalue " .. index or name, value, path)
        end
    end
end

function children.returned(record, out, _, start, count)
    for i = start + 1, math.min(start + count, record.values.n) do
        out:add("[" .. i .. "]", record.values[i], nil, "r")
    end
end

local function add_meta(value, out)
    local meta = getmetatable(value)
    if meta == nil or value == "" then return end
    if type(meta) == "table" and rawget(meta, "__tostring") ~= nil then
        out:special("(tostring)", "…", "string", reference { kind = "tostring", value = value }, "lri")
    end
    out:add("(metatable)", meta, nil, "ri")
end

local function add_named(record, out, start, count)
    local value = record.value
    local keys, all = scan(value, record.after)
    local after
    if all and #keys < COUNTED then
        sort(keys, key_before)
    else
        for i = #keys, PAGE + 1, -1 do keys[i] = nil end
        after = keys[#keys]
    end
    for i = start + 1, math.min(start + count, #keys) do
        local key = keys[i]
        out:add(key_name(key), rawget(value, key), child_path(record, key))
    end
    if start + count < #keys then return end
    if after ~= nil then
        out:special("more …", "the next " .. PAGE, "table",
            reference { kind = "table", value = value, path = record.path, after = after, hidden = record.hidden }, "ri")
    end
    if record.after == nil and not record.hidden then add_meta(value, out) end
end

-- For clients that do not ask for pages: at most PAGE groups of children.
local function add_ranges(out, value, path, first, last)
    local size = PAGE
    while (last - first + 1) / size > PAGE do size = size * PAGE end
    for from = first, last, size do
        local to = math.min(from + size - 1, last)
        local id = reference { kind = "range", value = value, path = path, first = from, last = to }
        out:special(format("[%d … %d]", from, to), "", "table", id, "ri")
    end
end

function children.range(record, out)
    if record.last - record.first >= PAGE then
        return add_ranges(out, record.value, record.path, record.first, record.last)
    end
    for i = record.first, record.last do
        out:add("[" .. i .. "]", rawget(record.value, i), record.path and record.path .. "[" .. i .. "]")
    end
end

function children.table(record, out, filter, start, count, unpaged)
    local value = record.value
    local length = record.after == nil and not record.hidden and rawlen(value) or 0
    if filter ~= "named" and unpaged and length > PAGE then
        add_ranges(out, value, record.path, 1, length)
    elseif filter ~= "named" then
        for i = start + 1, math.min(start + count, length) do
            out:add("[" .. i .. "]", rawget(value, i), record.path and record.path .. "[" .. i .. "]")
        end
    end
    if filter ~= "indexed" then
        local skipped = filter == "named" and 0 or length
        local from = math.max(start - skipped, 0)
        local rest = start + count - skipped - from
        if rest > 0 then add_named(record, out, from, rest) end
    end
end

function children.userdata(record, out)
    local user = getuservalue(record.value)
    if user ~= nil then out:add("(user value)", user, nil, "ri") end
    add_meta(record.value, out)
end

function children.tostring(record, out)
    local ok, text = evaluator.apart(function() return tostring(record.value) end)
    out:add("(tostring)", ok and text or "error: " .. prelude.message_of(text), nil, "ri")
end

function exports.children(id, filter, start, count, hex)
    local record = find_reference(id)
    local out = list(hex)
    children[record.kind](record, out, filter, start, count > 0 and count or 0x10000000000, count == 0)
    return unpack(out, 1, out.n)
end

-- Assignments -----------------------------------------------------------------------------------------

local setters = {}

function setters.locals(record, name, value)
    local level = level_of(record.thread, record.at)
    for _, entry in ipairs(locals_of(record.thread, level)) do
        if entry[1] == name then return setlocal(record.thread, level, entry[3], value) end
    end
end

function setters.varargs(record, name, value)
    local index = tonumber(match(name, "^%[(%d+)%]$"))
    return index and setlocal(record.thread, level_of(record.thread, record.at), -index, value)
end

function setters.upvalues(record, name, value)
    local index = 1
    while true do
        local candidate = getupvalue(record.value, index)
        if not candidate then return nil end
        if candidate == name or name == "upvalue " .. index then return setupvalue(record.value, index, value) end
        index = index + 1
    end
end

function setters.range(record, name, value)
    return setters.table(record, name, value)
end

-- The key that has this name. Keys that look alike have the same: nobody knows which is meant.
local function key_called(value, name)
    if find(name, "^[%a_][%w_]*$") then return name end
    local index = math.tointeger(tonumber(match(name, "^%[(%-?%d+)%]$")))
    if index then return index end
    local found
    for key in next, value do
        if key_name(key) == name then
            if found ~= nil then error("several keys look like " .. name .. ": assign to the one you mean in an expression", 0) end
            found = key
        end
    end
    return found
end

function setters.table(record, name, value)
    local key = key_called(record.value, name)
    if key == nil then return nil end
    rawset(record.value, key, value)
    return name
end

exports.builtin, exports.place, exports.type_name, exports.show = values.builtin, values.place, type_name, show
exports.reference, exports.find_reference, exports.describe = reference, find_reference, describe
exports.level_of, exports.each_local, exports.locals_of = level_of, each_local, locals_of
exports.setters, exports.LIMIT = setters, LIMIT

return exports
