-- How values look to people: as text, as an HTML table, as a MIME bundle.
-- Arguments: the exports of the prelude. Gives: the functions of `exports` below.

local prelude = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getmetatable_raw = debug.getinfo, debug.getmetatable
local type, tostring, error, pcall = type, tostring, error, pcall
local next, rawget, rawlen, ipairs = next, rawget, rawlen, ipairs
local format, find, gsub, sub, rep, byte = string.format, string.find, string.gsub, string.sub, string.rep, string.byte
local math_type, concat, sort, unpack, valid = math.type, table.concat, table.sort, table.unpack, utf8.len

local exports = {}
local WIDTH, DEPTH, ITEMS, LENGTH = 80, 6, 100, 20000
local ROWS, COLUMNS = 200, 50

-- Values as a person reads them -------------------------------------------------------------------------

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escaped(c) return ESCAPES[c] or format("\\x%02x", byte(c)) end

local function quoted(text)
    text = #text > LENGTH and sub(text, 1, LENGTH) .. "…" or text
    return '"' .. gsub(text, valid(text) and '[%c"\\]' or '[%c"\\\128-\255]', escaped) .. '"'
end

-- Functions and names of Lua's own, by function.
local builtin = {}
local function know(prefix, library)
    for name, value in next, library do
        if type(value) == "function" then builtin[value] = builtin[value] or prefix .. tostring(name) end
    end
end
know("", _G)
for name, library in next, package.loaded do
    if type(library) == "table" and library ~= _G then know(name .. ".", library) end
end
know("Tool.", Tool)

local function function_text(f)
    if builtin[f] then return "function: " .. builtin[f] end
    local info = getinfo(f, "S")
    if info.what == "C" then return "function: C" end
    return format("function: %s:%d", info.short_src, info.linedefined)
end

local quiet = false -- while the program's code must not run

local function own_text(value) -- what __tostring says; its error is shown, not raised
    if quiet then return nil end
    local meta = getmetatable_raw(value)
    if type(meta) == "table" and rawget(meta, "__tostring") then
        local ok, text = pcall(tostring, value)
        return ok and text or "(error in __tostring: " .. prelude.message_of(text) .. ")"
    end
end

local function before(a, b)
    local x, y = type(a), type(b)
    if x ~= y then return x < y end
    if x == "number" or x == "string" then return a < b end
    return false
end

local function sorted_keys(value, length)
    local keys = {}
    for key in next, value do
        local in_sequence = math_type(key) == "integer" and key >= 1 and key <= length
        if not in_sequence then keys[#keys + 1] = key end
        if #keys > 10 * ITEMS then break end
    end
    sort(keys, before)
    return keys
end

local show

local function key_text(key, seen, depth)
    if type(key) == "string" and find(key, "^[%a_][%w_]*$") then return key end
    return "[" .. show(key, seen, depth) .. "]"
end

local function entries(value, seen, depth)
    local found, length = {}, rawlen(value)
    for i = 1, length do
        if i > ITEMS then
            found[#found + 1] = format("… %d more", length - ITEMS)
            break
        end
        found[i] = show(rawget(value, i), seen, depth)
    end
    local keys = sorted_keys(value, length)
    for i, key in ipairs(keys) do
        if i > ITEMS then
            found[#found + 1] = "… more"
            break
        end
        found[#found + 1] = key_text(key, seen, depth) .. " = " .. show(rawget(value, key), seen, depth)
    end
    return found
end

local function table_text(value, seen, depth)
    local own = own_text(value)
    if own then return own end
    if seen[value] then return "{ itself }" end
    local meta = getmetatable_raw(value)
    local name = type(meta) == "table" and type(rawget(meta, "__name")) == "string" and meta.__name .. " " or ""
    if next(value) == nil then return name .. "{}" end
    if depth >= DEPTH then return name .. "{ … }" end
    seen[value] = true
    local found = entries(value, seen, depth + 1)
    seen[value] = nil
    local line = concat(found, ", ")
    if #line + 2 * depth < WIDTH and not find(line, "\n", 1, true) then return name .. "{ " .. line .. " }" end
    local indent = "\n" .. rep("    ", depth + 1)
    return name .. "{" .. indent .. concat(found, "," .. indent) .. ",\n" .. rep("    ", depth) .. "}"
end

function show(value, seen, depth)
    local kind = type(value)
    if kind == "string" then return quoted(value) end
    if kind == "table" then return table_text(value, seen or {}, depth or 0) end
    if kind == "function" then return function_text(value) end
    if kind == "userdata" and quiet then return "userdata" end
    return tostring(value)
end

local function plain(value) -- a string as it is, as `print` writes it
    local text = type(value) == "string" and value or show(value)
    return #text > 50 * LENGTH and sub(text, 1, 50 * LENGTH) .. "…" or text
end

-- Tables of rows, as HTML ---------------------------------------------------------------------------------

local HTML = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;" }

local function cell_text(value)
    if value == nil then return "" end
    local text = type(value) == "string" and value or show(value, {}, DEPTH - 2)
    return (gsub(#text > 1000 and sub(text, 1, 1000) .. "…" or text, '[<>&"]', HTML))
end

-- The columns of a list of tables, or nil if it is none: numbered ones, then named ones by name.
local function columns_of(rows)
    local length, named, widest = rawlen(rows), {}, 0
    if length == 0 or getmetatable_raw(rows) or next(rows, length) ~= nil then return nil end
    for i = 1, length do
        local row = rawget(rows, i)
        if type(row) ~= "table" or getmetatable_raw(row) or next(row) == nil then return nil end
        if i <= ROWS then
            widest = rawlen(row) > widest and rawlen(row) or widest
            for key in next, row do
                if type(key) == "string" then named[key] = true end
            end
        end
    end
    local columns, names = {}, {}
    for i = 1, widest do columns[i] = i end
    for name in next, named do names[#names + 1] = name end
    sort(names)
    for _, name in ipairs(names) do columns[#columns + 1] = name end
    if #columns == 0 or #columns > COLUMNS then return nil end
    return columns
end

local function html_of(rows, columns)
    local out = { "<table><thead><tr><th></th>" }
    local function add(text) out[#out + 1] = text end
    for _, column in ipairs(columns) do add("<th>" .. cell_text(column) .. "</th>") end
    add("</tr></thead><tbody>")
    local length = rawlen(rows)
    for i = 1, length do
        if i > ROWS then
            add(format('<tr><td colspan="%d">… %d more</td></tr>', #columns + 1, length - ROWS))
            break
        end
        add("<tr><th>" .. i .. "</th>")
        for _, column in ipairs(columns) do add("<td>" .. cell_text(rawget(rows[i], column)) .. "</td>") end
        add("</tr>")
    end
    add("</tbody></table>")
    return concat(out)
end

-- MIME bundles: what a value is to a front end -------------------------------------------------------------

local IMAGES = { ["image/png"] = "\137PNG\r\n\26\n", ["image/jpeg"] = "\255\216\255", ["image/gif"] = "GIF8" }

local function is_bundle(value)
    if type(value) ~= "table" or next(value) == nil then return false end
    for key, data in next, value do
        if type(key) ~= "string" or not find(key, "^[%w.+-]+/[%w.+*-]+") then return false end
        if type(data) ~= "string" and not find(key, "json", 1, true) then return false end
    end
    return true
end

local function image_of(text)
    for mime, beginning in next, IMAGES do
        if sub(text, 1, #beginning) == beginning then
            return { [mime] = text, ["text/plain"] = format("(%s, %d bytes)", mime, #text) }
        end
    end
end

local function bundle_of(value)
    if type(value) == "string" then return image_of(value) or { ["text/plain"] = plain(value) } end
    if type(value) ~= "table" then return { ["text/plain"] = plain(value) } end
    local meta = getmetatable_raw(value)
    local own = type(meta) == "table" and rawget(meta, "__display")
    if own then
        local bundle = own(value)
        if is_bundle(bundle) then return bundle end
        error("__display must give a table of MIME types, such as { ['text/html'] = '<b>…</b>' }", 0)
    end
    if is_bundle(value) then return value end
    local columns = columns_of(value)
    return { ["text/plain"] = plain(value), ["text/html"] = columns and html_of(value, columns) or nil }
end

local function quietly(f, ...)
    quiet = true
    local ok, text = pcall(f, ...)
    quiet = false
    return ok and text or "?"
end

-- A value as a MIME bundle, type and data in turn, without running code of the program.
function exports.rich(value)
    local bundle = type(value) == "string" and image_of(value) or { ["text/plain"] = quietly(plain, value) }
    local columns = type(value) == "table" and columns_of(value)
    if columns then bundle["text/html"] = quietly(html_of, value, columns) end
    local flat = {}
    for mime, data in next, bundle do flat[#flat + 1], flat[#flat + 2] = mime, data end
    return unpack(flat)
end

exports.show, exports.plain, exports.quietly = show, plain, quietly
exports.function_text, exports.bundle_of, exports.FEW = function_text, bundle_of, DEPTH - 2

return exports
