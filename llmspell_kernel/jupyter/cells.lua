-- What the programs of a notebook find defined besides the prelude's (display, Comm, io.read …), and what the
-- kernel asks of Lua: how a value looks, which names there are, what a name means.
-- Arguments: the exports of the prelude; the host's functions (Python).

local prelude, host_display, host_clear, host_read, host_comm = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getmetatable_raw = debug.getinfo, debug.getlocal, debug.getmetatable
local type, tostring, error, pcall, select = type, tostring, error, pcall, select
local next, rawget, rawlen, rawequal, ipairs, setmetatable = next, rawget, rawlen, rawequal, ipairs, setmetatable
local format, find, match, gsub, sub, rep = string.format, string.find, string.match, string.gsub, string.sub, string.rep
local gmatch, byte, math_type, tonumber = string.gmatch, string.byte, math.type, tonumber
local concat, sort, pack, unpack, valid = table.concat, table.sort, table.pack, table.unpack, utf8.len

host_display, host_clear = prelude.unbounded(host_display), prelude.unbounded(host_clear)
host_read, host_comm = prelude.unbounded(host_read), prelude.unbounded(host_comm)

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

exports.bundle_of = bundle_of
exports.plain = plain

-- A function that shows values when it is run: their bundle, of several the texts with tabs between, as Lua does.
function exports.renderer(...)
    local values = pack(...)
    return function()
        if values.n == 1 then return bundle_of(values[1]) end
        local texts = {}
        for i = 1, values.n do texts[i] = plain(values[i]) end
        return { ["text/plain"] = concat(texts, "\t") }
    end
end

local function checked(ok, ...)
    if not ok then error((...), 3) end
    return ...
end

local function options_of(options, name)
    if options == nil then return {} end
    if type(options) ~= "table" then error(format("%s: its options are a table, such as { id = \"plot\" }", name), 3) end
    if options.id ~= nil and type(options.id) ~= "string" then error(name .. ": the id of a display is a string", 3) end
    return options
end

function update_display(value, id, options)
    if type(id) ~= "string" then error("update_display: give the id of the display, as display(value, { id = … }) did", 2) end
    checked(host_display(bundle_of(value), id, true, options_of(options, "update_display").metadata))
end

-- With an id, gives a handle whose `update` shows another value in the same place.
function display(value, options)
    local given = options_of(options, "display")
    checked(host_display(bundle_of(value), given.id, false, given.metadata))
    if given.id then
        return setmetatable({ id = given.id, update = function(self, other) update_display(other, self.id) end },
            { __name = "display", __tostring = function(self) return "display " .. self.id end })
    end
end

function clear_output(wait) host_clear(wait and true or false) end

-- Input -----------------------------------------------------------------------------------------------------

local buffer = "" -- what has been typed and not been read

local function ask()
    local line = checked(host_read())
    buffer = buffer .. line .. "\n"
end

local function take(n)
    local text = sub(buffer, 1, n)
    buffer = sub(buffer, n + 1)
    return text
end

local function read_number()
    while not find(buffer, "%S") do
        buffer = ""
        ask()
    end
    local blank, word = match(buffer, "^(%s*)([%w.+-]*)")
    take(#blank + #word)
    return tonumber(word)
end

local function read_line(keep)
    if buffer == "" then ask() end
    local line = take((find(buffer, "\n", 1, true)))
    return keep and line or sub(line, 1, -2)
end

local function read_one(what)
    if math_type(what) then
        if buffer == "" and what > 0 then ask() end
        return take(what)
    end
    local letter = type(what) == "string" and match(what, "^%*?([nlLa])")
    if letter == "n" then return read_number() end
    if letter == "l" or letter == "L" then return read_line(letter == "L") end
    if letter ~= "a" then error("bad argument to 'read' (invalid format)", 4) end
    if buffer == "" then ask() end
    return take(#buffer)
end

local function read(...)
    local n = select("#", ...)
    if n == 0 then return read_one("l") end
    local found = {}
    for i = 1, n do
        found[i] = read_one((select(i, ...)))
        if found[i] == nil then return unpack(found, 1, i) end
    end
    return unpack(found, 1, n)
end

local io, stdin, input, io_read, io_lines = io, io.stdin, io.input, io.read, io.lines

local function lines(...)
    local formats = pack(...)
    return function() return read(unpack(formats, 1, formats.n)) end
end

function io.read(...)
    if input and input() ~= stdin then return io_read(...) end
    return read(...)
end

if io_lines then
    function io.lines(path, ...)
        if path ~= nil or input() ~= stdin then return io_lines(path, ...) end
        return lines(...)
    end
end

if stdin then
    local methods = getmetatable_raw(stdin).__index
    local file_read, file_lines = methods.read, methods.lines
    function methods.read(file, ...)
        if file ~= stdin then return file_read(file, ...) end
        return read(...)
    end
    function methods.lines(file, ...)
        if file ~= stdin then return file_lines(file, ...) end
        return lines(...)
    end
end

function exports.forget_input() buffer = "" end

-- Comms: messages between a program and code of the front end ------------------------------------------------

local comms, targets, Methods = {}, {}, {}
Comm = {}

local function comm_of(id, target)
    local comm = setmetatable({ id = id, target = target }, { __index = Methods, __name = "Comm" })
    comms[id] = comm
    return comm
end

local function told(kind, comm, data, metadata) -- nil, or what is wrong
    return checked(host_comm(kind, comm.id, comm.target, data, metadata))
end

-- A comm to the front end's `target`.
function Comm.open(target, data, metadata)
    if type(target) ~= "string" then error("Comm.open: the name of a target is a string", 2) end
    local id = checked(host_comm("id"))
    local comm = comm_of(id, target)
    told("open", comm, data, metadata)
    return comm
end

-- What happens when the front end opens a comm to `target`: f(comm, data).
function Comm.register(target, f)
    if type(target) ~= "string" then error("Comm.register: the name of a target is a string", 2) end
    targets[target] = f
end

function Methods:send(data, metadata) told("msg", self, data, metadata) end

function Methods:close(data, metadata)
    if not comms[self.id] then return end
    comms[self.id] = nil
    told("close", self, data, metadata)
end

function Methods:on_msg(f) self.message_came = f end
function Methods:on_close(f) self.was_closed = f end

-- What a message of the front end does: a function to run, or nothing (the comm is unknown).
function exports.comm_came(kind, id, target, data)
    if kind == "open" then
        local opened = targets[target]
        return opened and function() opened(comm_of(id, target), data) end
    end
    local comm = comms[id]
    if not comm then return nil end
    if kind == "close" then comms[id] = nil end
    local f = comm[kind == "msg" and "message_came" or "was_closed"]
    return function() if f then f(comm, data) end end
end

function exports.comms()
    local found = {}
    for id, comm in next, comms do found[id] = comm.target end
    return found
end

-- Names --------------------------------------------------------------------------------------------------------

-- What is below a name, without running code of the program: raw fields, and those of tables in __index.
local function field(value, key)
    for _ = 1, 10 do
        if type(value) == "table" then
            local found = rawget(value, key)
            if found ~= nil then return found end
        end
        local meta = getmetatable_raw(value)
        value = type(meta) == "table" and rawget(meta, "__index") or nil
        if value == nil or type(value) == "function" then return nil end
    end
end

-- The value of a.b["c"][1], and whether there is one.
local function resolve(path)
    local value = _G
    for part in gmatch(path, "[^%z]+") do
        value = field(value, match(part, "^#(%d+)$") and tonumber(sub(part, 2)) or part)
        if value == nil then return nil, false end
    end
    return value, true
end

-- Names of the fields of what a path (parts with zero bytes between) means, each with its type.
function exports.names(path)
    local found, known = {}, {}
    local value = resolve(path)
    for _ = 1, 10 do
        if type(value) == "table" then
            for key, one in next, value do
                if type(key) == "string" and not known[key] and #found < 10000 then
                    known[key] = true
                    found[#found + 1], found[#found + 2] = key, type(one)
                end
            end
        end
        local meta = getmetatable_raw(value)
        value = type(meta) == "table" and rawget(meta, "__index") or nil
        if type(value) ~= "table" then break end
    end
    return found
end

local function signature(f)
    local info, names = getinfo(f, "u"), {}
    for i = 1, info.nparams do names[i] = getlocal(f, i) end
    if info.isvararg then names[#names + 1] = "..." end
    return concat(names, ", ")
end

local function quietly(f, ...)
    quiet = true
    local ok, text = pcall(f, ...)
    quiet = false
    return ok and text or "?"
end

-- What a path means, without running its code: type, text; of a Lua function its parameters, source, lines.
function exports.describe(path)
    local value, is_there = resolve(path)
    if not is_there then return nil end
    if type(value) ~= "function" then return type(value), quietly(plain, value) end
    local info = getinfo(value, "S")
    if info.what == "C" or info.source == "=[llmspell]" then return "function", function_text(value) end
    return "function", function_text(value), signature(value), info.source, info.linedefined, info.lastlinedefined
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

function exports.rich_global(name)
    local value, is_there = resolve(name)
    if not is_there then error("there is no global " .. gsub(name, "%z", "."), 0) end
    return exports.rich(value)
end

local given = {}
for name in next, _G do given[name] = true end
given.arg, given.ARGS = true, true

-- The program's own globals, each with its type and text.
function exports.globals()
    local found, keys = {}, {}
    for key in next, _G do
        if type(key) == "string" and not given[key] then keys[#keys + 1] = key end
    end
    sort(keys)
    for i, key in ipairs(keys) do
        if i > 1000 then break end
        local value = _G[key]
        local text = quietly(show, value, {}, DEPTH - 2)
        found[#found + 1], found[#found + 2], found[#found + 3] = key, type(value), sub(text, 1, 1000)
    end
    return unpack(found)
end

exports.given = {}
for name in next, given do exports.given[#exports.given + 1] = name end

return exports
