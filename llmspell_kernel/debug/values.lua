-- Values as a person sees them. Nothing here runs the program's code.
-- Arguments: the exports of the prelude and evaluate.lua.

local prelude, evaluator = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getmetatable, status = debug.getinfo, debug.getmetatable, coroutine.status
local type, rawget, rawlen, next, tostring, pairs = type, rawget, rawlen, next, tostring, pairs
local format, gsub, sub, find, match, byte = string.format, string.gsub, string.sub, string.find, string.match, string.byte
local concat, math_type = table.concat, math.type

local exports = {}

local LIMIT = 1000 -- characters of a string in a list
local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\0"] = "\\0", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escape(c)
    return ESCAPES[c] or format("\\x%02X", byte(c))
end

local function is_inside(code) return code ~= nil and code >= 0x80 and code < 0xC0 end -- of a character

local function quoted(text, limit)
    local cut = limit and #text > limit
    if cut then
        local at = limit
        while at > limit - 4 and is_inside(byte(text, at + 1)) do at = at - 1 end -- whole characters
        text = sub(text, 1, at)
    end
    return '"' .. gsub(text, '[%c\\"]', escape) .. '"' .. (cut and "…" or "")
end

local function is_given(f) -- a program that is debugged late has functions there too
    local info = getinfo(f, "S")
    return info.what == "C" or info.source == "=[llmspell]"
end

local builtin = {} -- function → name
for library, contents in pairs(package.loaded) do
    if type(contents) == "table" then
        for name, f in next, contents do
            if type(f) == "function" and is_given(f) then
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
        return value .. "" -- tostring may be the program's, if numbers have a metatable
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
    if kind == "nil" then return "nil" end
    if kind == "boolean" then return value and "true" or "false" end
    return tostring(value)
end
exports.show = show

-- In log messages a string is itself.
function evaluator.show(value)
    return type(value) == "string" and value or show(value, LIMIT)
end

exports.builtin, exports.place, exports.type_name, exports.quoted, exports.LIMIT = builtin, place, type_name, quoted, LIMIT
return exports
