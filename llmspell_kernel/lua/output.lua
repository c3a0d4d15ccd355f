-- print, io.write and the write methods of stdout and stderr, when the host takes what the program writes.
-- Arguments: `tell` (stream, text, chunk name, line), the prelude's `named`.

local tell, named = ...
local debug, io, getinfo = debug, io, debug.getinfo
local select, tostring, type, error = select, tostring, type, error
local concat, format, math_type = table.concat, string.format, math.type

local function position() -- of the line that called print or write
    local info = getinfo(4, "Sl") -- above: this function, emit, write
    if info and info.currentline > 0 then
        return info.source, info.currentline
    end
    return "", 0
end

local result = _VERSION == "Lua 5.1" -- LuaJIT gives true, not the file
local stdout, stderr, output = io.stdout, io.stderr, io.output
local methods = debug.getmetatable(stdout).__index
local file_write, io_write = named("write", 1, methods.write), named("write", 0, io.write)

local function emit(stream, first, ...)
    local parts = { ... }
    for i = 1, select("#", ...) do
        local part = parts[i]
        local kind = type(part)
        if kind == "number" then -- io.write has a format of its own: 1.0 is written as 1
            parts[i] = format(math_type(part) == "integer" and "%d" or "%.14g", part)
        elseif kind ~= "string" then
            local name = getinfo(2, "n").name or "io.write"
            error(format("bad argument #%d to '%s' (string expected, got %s)", i + first, name,
                part == nil and "nil" or kind), 3)
        end
    end
    tell(stream, concat(parts), position())
end

function print(...)
    local parts = { ... }
    for i = 1, select("#", ...) do
        parts[i] = tostring(parts[i])
    end
    local info = getinfo(2, "Sl")
    tell("stdout", concat(parts, "\t") .. "\n", info and info.source or "", info and info.currentline or 0)
end

function methods.write(file, ...)
    local stream = file == stdout and "stdout" or file == stderr and "stderr"
    if not stream then
        return file_write(file, ...)
    end
    emit(stream, 0, ...)
    return result or file
end

function io.write(...)
    local file = output()
    local stream = file == stdout and "stdout" or file == stderr and "stderr"
    if not stream then
        return io_write(...)
    end
    emit(stream, 0, ...)
    return result or file
end
