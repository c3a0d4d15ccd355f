-- What a paused program is made of, as flat lists of values that Python can take: frames, scopes,
-- children. Nothing here runs the program's code, but `__tostring` when it is asked for by name.
-- Arguments: the exports of the prelude, evaluate.lua, hook.lua and watch.lua.
-- Everything runs in the dispatcher: levels of all threads count from the thread's top.

local prelude, evaluator, hook, watch = ...
local getinfo, getlocal, setlocal = debug.getinfo, debug.getlocal, debug.setlocal
local getupvalue, setupvalue, getmetatable = debug.getupvalue, debug.setupvalue, debug.getmetatable
local getuservalue, status = debug.getuservalue, coroutine.status
local type, rawget, rawset, rawlen, rawequal, next = type, rawget, rawset, rawlen, rawequal, next
local tostring, error, ipairs, pairs, select = tostring, error, ipairs, pairs, select
local load, xpcall, setmetatable, math = load, xpcall, setmetatable, math
local format, gsub, sub, find, match, byte = string.format, string.gsub, string.sub, string.find, string.match, string.byte
local concat, sort, unpack, math_type = table.concat, table.sort, table.unpack, math.type
local base, depth, ours = evaluator.base, evaluator.depth, evaluator.ours

local exports = {}

-- Values as a person sees them ----------------------------------------------------------------------

local LIMIT = 1000 -- characters of a string in a list
local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\0"] = "\\0", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escape(c)
    return ESCAPES[c] or format("\\x%02X", byte(c))
end

local function quoted(text, limit)
    local cut = limit and #text > limit
    if cut then
        local at = limit
        while at > limit - 4 and (byte(text, at + 1) or 0) & 0xC0 == 0x80 do at = at - 1 end -- whole characters
        text = sub(text, 1, at)
    end
    return '"' .. gsub(text, '[%c\\"]', escape) .. '"' .. (cut and "…" or "")
end

local builtin = {} -- function → name
for library, contents in pairs(package.loaded) do
    if type(contents) == "table" then
        for name, f in next, contents do
            if type(f) == "function" then
                builtin[f] = library == "_G" and name or builtin[f] or library .. "." .. tostring(name)
            end
        end
    end
end

local function place(info)
    return (match(info.short_src, "[^/\\]*$")) .. ":" .. info.linedefined
end

local function show_function(f)
    if builtin[f] then return "function: builtin " .. builtin[f] end
    local info = getinfo(f, "S")
    if info.source == "=[llmspell]" then return "function: builtin" end
    if info.what == "C" then return "function: C" end
    if info.what == "main" then return "function: main chunk of " .. match(info.short_src, "[^/\\]*$") end
    return "function: " .. place(info)
end

local show

local function type_name(value)
    local meta = getmetatable(value)
    local name = type(meta) == "table" and rawget(meta, "__name")
    return type(name) == "string" and name or nil
end

local function preview_key(key)
    if type(key) == "string" then
        return find(key, "^[%a_][%w_]*$") and key or "[" .. quoted(key, 20) .. "]"
    end
    return "[" .. show(key, 20, true) .. "]"
end

local PREVIEW = 60

local function show_table(value)
    local parts, size, n = {}, 0, 0
    local length = rawlen(value)
    local key, item = next(value)
    while key ~= nil do
        n = n + 1
        local text = show(item, 20, true)
        if n > length or key ~= n then text = preview_key(key) .. " = " .. text end
        size = size + #text
        if size > PREVIEW or n > 8 then
            parts[n] = "…"
            break
        end
        parts[n] = text
        key, item = next(value, key)
    end
    local name = type_name(value)
    return (name and name .. " " or "") .. "{" .. concat(parts, ", ") .. "}"
end

-- `inner`: as a part of something, a table is not looked into.
function show(value, limit, inner, hex)
    local kind = type(value)
    if kind == "string" then return quoted(value, limit) end
    if kind == "number" then
        if hex and math_type(value) == "integer" then return format("0x%X", value) end
        return tostring(value)
    elseif kind == "table" then
        if inner then return next(value) == nil and "{}" or "{…}" end
        return show_table(value)
    elseif kind == "function" then
        return show_function(value)
    elseif kind == "thread" then
        return "thread: " .. status(value)
    elseif kind == "userdata" then
        return (type_name(value) or "userdata") .. format(": %p", value)
    end
    return tostring(value)
end
exports.show = show

-- In log messages a string is itself.
function evaluator.show(value)
    return type(value) == "string" and value or show(value, LIMIT)
end

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

local function key_path(path, key)
    if not path then return nil end
    if type(key) == "string" then
        if find(key, "^[%a_][%w_]*$") and not load("local " .. key) then return path .. "[" .. quoted(key) .. "]" end
        if find(key, "^[%a_][%w_]*$") then return path .. "." .. key end
        return path .. "[" .. quoted(key) .. "]"
    elseif type(key) == "number" or type(key) == "boolean" then
        return path .. "[" .. tostring(key) .. "]"
    end
end

local function key_name(key)
    if type(key) == "string" then
        return find(key, "^[%a_][%w_]*$") and key or "[" .. quoted(key, 100) .. "]"
    end
    return "[" .. show(key, 100, true) .. "]"
end

-- reference, named, indexed of a value (0, 0, 0: nothing to open)
local function opened(value, path)
    local kind = type(value)
    if kind == "table" then
        local indexed = rawlen(value)
        if next(value) == nil and not getmetatable(value) then return 0, 0, 0 end
        local record = { kind = "table", value = value, path = path }
        return reference(record), -1, indexed
    elseif kind == "function" then
        if getupvalue(value, 1) then return reference { kind = "upvalues", value = value }, -1, 0 end
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

-- Frames ------------------------------------------------------------------------------------------------

local function thread_of(id)
    return hook.thread_of(id) or error("this thread is gone", 0)
end

local function level_of(thread, at) return base(thread) + at end

local function name_of(info)
    if info.what == "main" then return "main chunk" end
    if builtin[info.func] then return builtin[info.func] end
    if info.name then return info.name end
    if info.what == "C" or info.source == "=[llmspell]" then return "C function" end
    return "function <" .. place(info) .. ">"
end

-- Below the main chunk is the host's own protected call.
local function program_part(thread, top, total)
    for n = total - 1, 1, -1 do
        if getinfo(thread, top + n, "f").func == xpcall then return n end
    end
    return total
end

-- Gives the total, then per frame: its place in the stack, name, kind, source, short name, line.
function exports.frames(id, first, count)
    local thread = thread_of(id)
    local top, total = base(thread), depth(thread)
    if id == 1 then total = program_part(thread, top, total) end
    local found, n = { total }, 1
    for at = first, (count > 0 and first + count < total) and first + count - 1 or total - 1 do
        local info = getinfo(thread, top + at, "nSlf")
        if not info then break end
        local kind = info.what == "C" and "c" or "lua"
        local name
        if info.source == "=[llmspell]" then -- it stands for a function of Lua's, or is the call of a tool
            kind = "c"
            if info.func == prelude.execute then
                kind, name = "tool", "tool " .. tostring((select(2, getlocal(thread, top + at, 1))))
            end
        end
        found[n + 1], found[n + 2], found[n + 3] = at, name or name_of(info), kind
        found[n + 4], found[n + 5], found[n + 6] = info.source, info.short_src, info.currentline
        n = n + 6
    end
    return unpack(found, 1, n)
end

-- Ids and names of the live threads; the chain of those that wait for one another is always among them.
function exports.threads(limit)
    local found, listed = {}, {}
    local function add(thread)
        if listed[thread] or #found >= 3 * limit then return end
        listed[thread] = true
        local bottom = getinfo(thread, depth(thread) + base(thread) - 1, "S")
        found[#found + 1] = hook.id_of(thread)
        found[#found + 1] = bottom and bottom.what ~= "C" and place(bottom) or ""
        found[#found + 1] = status(thread)
    end
    for _, thread in ipairs(prelude.chain()) do add(thread) end
    add(hook.stopped().thread)
    for thread in pairs(hook.ids) do
        if status(thread) ~= "dead" then add(thread) end
    end
    return unpack(found)
end

-- The threads that wait for this one, nearest first.
function exports.resumers(id)
    local thread, found = thread_of(id), {}
    local chain = prelude.chain()
    local dead = status(thread) == "dead"
    for i = #chain, 1, -1 do
        if dead then found[#found + 1] = hook.id_of(chain[i]) end
        dead = dead or chain[i] == thread
    end
    return unpack(found)
end

-- Scopes --------------------------------------------------------------------------------------------------

local function each_local(thread, level)
    local index = 0
    return function()
        index = index + 1
        local name, value = getlocal(thread, level, index)
        if name then return index, name, value end
    end
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

local function count_varargs(thread, level)
    local n = 0
    while getlocal(thread, level, -(n + 1)) do n = n + 1 end
    return n
end

local function count_upvalues(f) -- the globals have a scope of their own
    local n = getinfo(f, "u").nups
    for index = 1, n do
        if getupvalue(f, index) == "_ENV" then return n - 1 end
    end
    return n
end

-- Per scope: kind, reference, named, indexed.
function exports.scopes(id, at)
    local thread = thread_of(id)
    local level = level_of(thread, at)
    local info = getinfo(thread, level, "fS") or error("this frame is gone: the program has gone on since", 0)
    local found = { "locals", reference { kind = "locals", thread = thread, at = at }, #locals_of(thread, level), 0 }
    local function add(...)
        for i = 1, 4 do found[#found + 1] = (select(i, ...)) end
    end
    local stopped = hook.stopped()
    local extra = count_varargs(thread, level)
    if extra > 0 then add("varargs", reference { kind = "varargs", thread = thread, at = at }, 0, extra) end
    if info.what ~= "C" then
        local n = count_upvalues(info.func)
        if n > 0 then add("upvalues", reference { kind = "upvalues", value = info.func, named = true }, n, 0) end
    end
    if stopped.values and stopped.values.n > 0 and thread == stopped.thread and at == evaluator.above_lua(thread) then
        add("returnValue", reference { kind = "returned", values = stopped.values }, 0, stopped.values.n)
    end
    local globals = evaluator.globals_of(thread, level, info.func)
    if type(globals) == "table" then
        add("globals", reference { kind = "table", value = globals, path = globals == _G and "_G" or "_ENV", scope = true }, -1, 0)
    end
    return unpack(found)
end

-- Children --------------------------------------------------------------------------------------------------

local children = {}

function children.locals(record, out)
    for _, entry in ipairs(locals_of(record.thread, level_of(record.thread, record.at))) do
        out:add(entry[1], entry[2], entry[4])
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
    local index = 1
    while true do
        local name, value = getupvalue(record.value, index)
        if not name then break end
        if name ~= "_ENV" or not record.named then
            out:add(name == "" and "upvalue " .. index or name, value, record.named and name ~= "" and name or nil)
        end
        index = index + 1
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
        out:add(key_name(key), rawget(value, key), record.scope and type(key) == "string" and find(key, "^[%a_][%w_]*$") and key or key_path(record.path, key))
    end
    if start + count < #keys then return end
    if after ~= nil then
        out:special("more …", "the next " .. PAGE, "table",
            reference { kind = "table", value = value, path = record.path, after = after, scope = record.scope }, "ri")
    end
    if record.after == nil and not record.scope then add_meta(value, out) end
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
    local length = record.after == nil and not record.scope and rawlen(value) or 0
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
    children[record.kind](record, out, filter, start, count > 0 and count or 1 << 40, count == 0)
    return unpack(out, 1, out.n)
end

-- Evaluation and assignment -----------------------------------------------------------------------------------

local function failed(problem)
    error(prelude.message_of(problem), 0)
end

local function compiled(text)
    local f, problem = evaluator.compile(text, "=input")
    if not f then error(problem, 0) end
    return f
end

-- id 0: no frame, the globals. Gives the texts of all results joined, and the first one to open.
function exports.evaluate(text, id, at, hex, limit)
    local thread = id ~= 0 and thread_of(id) or nil
    local f = compiled(text)
    local problem = hook.stopped().problem
    local results = table.pack(evaluator.run(f, thread, thread and at, problem and { error = problem.value }))
    if not results[1] then failed(results[2]) end
    if results.n == 2 then return describe(results[2], find(text, "^[%a_][%w_%.%[%]\"]*$") and text or nil, limit, hex) end
    local texts = {}
    for i = 2, results.n do texts[i - 1] = show(results[i], limit, false, hex) end
    return concat(texts, ", "), results.n == 1 and "nothing" or "values", 0, 0, 0
end

local function value_of(text, thread, at)
    local f, problem = load("return " .. text, "=input", "t")
    if not f then error(problem, 0) end
    local ok, value = evaluator.run(f, thread, thread and at)
    if not ok then failed(value) end
    return value
end

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

function setters.table(record, name, value)
    local key
    if find(name, "^[%a_][%w_]*$") then
        key = name
    else
        local index = match(name, "^%[(%-?%d+)%]$")
        key = index and math.tointeger(index)
        if key == nil then
            for candidate in next, record.value do
                if key_name(candidate) == name then key = candidate break end
            end
        end
    end
    if key == nil then return nil end
    rawset(record.value, key, value)
    return name
end

function exports.set(id, name, text, frame_thread, at, hex)
    local record = find_reference(id)
    local setter = setters[record.kind] or error(name .. " can't be set", 0)
    local thread = record.thread or (frame_thread ~= 0 and thread_of(frame_thread)) or nil
    local value = value_of(text, thread, record.at or at)
    if not setter(record, name, value) then error("there is no variable " .. name .. " here that can be set", 0) end
    return describe(value, nil, LIMIT, hex)
end

function exports.set_expression(target, text, id, at, hex)
    local thread = id ~= 0 and thread_of(id) or nil
    local value = value_of(text, thread, at)
    local f, problem = load(target .. " = __llmspell[1]", "=input", "t")
    if not f then error("can't assign to this: " .. problem, 0) end
    local ok, failure = evaluator.run(f, thread, thread and at, { __llmspell = { value } })
    if not ok then failed(failure) end
    return describe(value, nil, LIMIT, hex)
end

-- Names for completion: of an expression's fields, or of everything seen from a frame.
-- Per name: the name, and the type of its value.
function exports.names(text, id, at)
    local found, known = {}, {}
    local function add(name, value)
        if type(name) == "string" and not known[name] and find(name, "^[%a_][%w_]*$") then
            known[name] = true
            found[#found + 1], found[#found + 2] = name, type(value)
        end
    end
    local function fields(value)
        for _ = 1, 10 do
            if type(value) == "table" then
                local n = 0
                for key, item in next, value do
                    add(key, item)
                    n = n + 1
                    if n > 5000 then break end
                end
            end
            local meta = getmetatable(value)
            value = type(meta) == "table" and rawget(meta, "__index") or nil
            if type(value) ~= "table" then return end
        end
    end
    local thread = id ~= 0 and thread_of(id) or nil
    if text ~= "" then
        local f = load("return " .. text, "=input", "t")
        if f then
            local ok, value = evaluator.run(f, thread, thread and at)
            if ok then fields(value) end
        end
        return unpack(found)
    end
    local globals = _G
    if thread then
        local level = level_of(thread, at)
        local info = getinfo(thread, level, "f")
        for _, name, value in each_local(thread, level) do add(name, value) end
        local index = 1
        while true do
            local name, value = getupvalue(info.func, index)
            if not name then break end
            if name ~= "_ENV" then add(name, value) end
            index = index + 1
        end
        globals = evaluator.globals_of(thread, level, info.func)
    end
    fields(globals)
    return unpack(found)
end

-- The error the program stopped at: type, text, filter, traceback.
function exports.problem()
    local stopped = hook.stopped()
    local problem = stopped.problem or error("the program has not stopped at an error", 0)
    local value = problem.value
    local trace = prelude.clean(prelude.traceback(stopped.thread, nil, base(stopped.thread)))
    local text = prelude.message_of(value)
    if type(value) == "table" and find(text, "^%(error object") then text = show(value) end
    return type_name(value) or type(value), text, problem.filter, trace, type_name(value) == "ToolError"
end

function exports.text_of(source) return watch.texts[source] end

return exports
