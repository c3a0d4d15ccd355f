-- io.popen and os.execute for a Lua built without POSIX; see processes.py.
-- Arguments: the host's functions, and what lets the limit of memory rest in a call of them.

local host_execute, host_start, host_opened, host_ended, unbounded = ...
host_execute, host_start = unbounded(host_execute), unbounded(host_start)
host_opened, host_ended = unbounded(host_opened), unbounded(host_ended)

local io, error, pairs, pcall, select, setmetatable, tostring, type = io, error, pairs, pcall, select, setmetatable, tostring, type
local open, close_any, type_of, format = io.open, io.close, io.type, string.format
local files = debug.getmetatable(io.stdout)
local close, collect = files.__index.close, files.__gc
local processes = setmetatable({}, { __mode = "k" }) -- file → process

local function check_string(value, n, name)
    if type(value) == "number" then return tostring(value) end
    if type(value) == "string" then return value end
    local kind = value == nil and "no value" or type(value)
    error(format("bad argument #%d to '%s' (string expected, got %s)", n, name, kind), 3)
end

function os.execute(command)
    if command == nil then return true end
    return host_execute(check_string(command, 1, "execute"))
end

function io.popen(command, mode)
    command = check_string(command, 1, "popen")
    mode = mode == nil and "r" or check_string(mode, 2, "popen")
    if mode ~= "r" and mode ~= "w" then error("bad argument #2 to 'popen' (invalid mode)", 2) end
    local process, ours, copy = host_start(command, mode)
    if not process then return nil, command .. ": " .. ours, copy end
    local file, problem, code = open("/dev/fd/" .. ours, mode)
    host_opened(ours, copy)
    if not file then return nil, problem, code end
    processes[file] = process
    return file
end

local function waited(file)
    local process = processes[file]
    processes[file] = nil
    return host_ended(process)
end

local function relayed(ok, ...)
    if ok then return ... end
    error((...), 2)
end

function files.__index.close(file)
    if not processes[file] then return relayed(pcall(close, file)) end
    close(file)
    return waited(file)
end

function io.close(...)
    if select("#", ...) == 0 or not processes[(...)] then return relayed(pcall(close_any, ...)) end
    return files.__index.close(...)
end

function files.__gc(file)
    local started = type_of(file) == "file" and processes[file]
    collect(file)
    if started then waited(file) end
end
files.__close = files.__gc

-- What the program left open: its readers see the end of it; a patient host waits for them, as Lua does.
return function(patient)
    if not patient then host_ended = function() end end
    for file in pairs(processes) do files.__gc(file) end
end
