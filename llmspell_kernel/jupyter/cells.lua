-- What the programs of a notebook find defined besides the prelude's (display, Comm, io.read …), and what the
-- kernel asks of Lua: which names there are, what a name means.
-- Arguments: the exports of the prelude and of shapes.lua; the host's functions (Python).

local prelude, shapes, host_display, host_clear, host_read, host_comm = ...
local debug = prelude.debug -- whole, also in safe mode
local getinfo, getlocal, getmetatable_raw = debug.getinfo, debug.getlocal, debug.getmetatable
local type, error, select, next, rawget, ipairs, setmetatable = type, error, select, next, rawget, ipairs, setmetatable
local format, find, match, gsub, sub = string.format, string.find, string.match, string.gsub, string.sub
local gmatch, math_type, tonumber = string.gmatch, math.type, tonumber
local concat, sort, pack, unpack = table.concat, table.sort, table.pack, table.unpack
local show, plain, quietly, bundle_of = shapes.show, shapes.plain, shapes.quietly, shapes.bundle_of

host_display, host_clear = prelude.unbounded(host_display), prelude.unbounded(host_clear)
host_read, host_comm = prelude.unbounded(host_read), prelude.unbounded(host_comm)

local world = _G -- whatever a program makes of that name
local exports = { rich = shapes.rich }

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

local function raise(message) -- at the line of the program that has called one of ours
    local level, info = 2, getinfo(2, "S")
    while info and info.source == "=[llmspell]" do
        level, info = level + 1, getinfo(level + 1, "S")
    end
    error(message, level)
end

local function checked(ok, ...) -- the results, or what is wrong
    if not ok then raise((...)) end
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
local ends = false -- whether the client tells the end of its input

local function ask() -- whether there was a line
    local line
    line, ends = checked(host_read())
    if line then buffer = buffer .. line .. "\n" end
    return line ~= nil
end

local function take(n)
    local text = sub(buffer, 1, n)
    buffer = sub(buffer, n + 1)
    return text
end

local function read_number()
    while not find(buffer, "%S") do
        buffer = ""
        if not ask() then return nil end
    end
    local blank, word = match(buffer, "^(%s*)([%w.+-]*)")
    take(#blank + #word)
    return tonumber(word)
end

local function read_line(keep)
    if buffer == "" and not ask() then return nil end
    local line = take((find(buffer, "\n", 1, true)))
    return keep and line or sub(line, 1, -2)
end

local function read_one(what)
    if math_type(what) then
        if buffer == "" and what > 0 and not ask() then return nil end
        return take(what)
    end
    local letter = type(what) == "string" and match(what, "^%*?([nlLa])")
    if letter == "n" then return read_number() end
    if letter == "l" or letter == "L" then return read_line(letter == "L") end
    if letter ~= "a" then raise("bad argument to 'read' (invalid format)") end
    if buffer == "" then ask() end
    while ends and ask() do end -- without an end one line is all
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

local io, stdin, input = io, io.stdin, io.input
local io_read, io_lines = prelude.named("read", 0, io.read), io.lines and prelude.named("lines", 0, io.lines)

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
    local file_read, file_lines = prelude.named("read", 1, methods.read), prelude.named("lines", 1, methods.lines)
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
    local value = world
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

-- What a path means, without running its code: type, text; of a Lua function its parameters, source, lines.
function exports.describe(path)
    local value, is_there = resolve(path)
    if not is_there then return nil end
    if type(value) ~= "function" then return type(value), quietly(plain, value) end
    local info = getinfo(value, "S")
    if info.what == "C" or info.source == "=[llmspell]" then return "function", shapes.function_text(value) end
    return "function", shapes.function_text(value), signature(value), info.source, info.linedefined, info.lastlinedefined
end

function exports.rich_global(name)
    local value, is_there = resolve(name)
    if not is_there then error("there is no global " .. gsub(name, "%z", "."), 0) end
    return exports.rich(value)
end

local given = {}
for name in next, world do given[name] = true end
given.arg, given.ARGS = true, true

-- The program's own globals, each with its type and text.
function exports.globals()
    local found, keys = {}, {}
    for key in next, world do
        if type(key) == "string" and not given[key] then keys[#keys + 1] = key end
    end
    sort(keys)
    for i, key in ipairs(keys) do
        if i > 1000 then break end
        local value = world[key]
        local text = quietly(show, value, {}, shapes.FEW)
        found[#found + 1], found[#found + 2], found[#found + 3] = key, type(value), sub(text, 1, 1000)
    end
    return unpack(found)
end

exports.given = {}
for name in next, given do exports.given[#exports.given + 1] = name end

return exports
