-- Prints what calls give, in an order that does not depend on addresses, or the error they raise with its traceback.

local function shown(value, depth)
    if type(value) == "string" then return string.format("%q", value) end
    if type(value) ~= "table" then return type(value) == "function" and "function" or tostring(value) end
    if depth == 0 then return "{...}" end
    local parts = {}
    for key, item in next, value do
        parts[#parts + 1] = "[" .. shown(key, depth - 1) .. "] = " .. shown(item, depth - 1)
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ", ") .. "}"
end

local function all(...)
    local parts = table.pack(...)
    for n = 1, parts.n do parts[n] = shown(parts[n], 4) end
    return table.concat(parts, "\t")
end

local function traced(problem)
    return { type(problem) == "table" and shown(problem, 3) or tostring(problem), debug.traceback("", 2) }
end

local function told(name, ok, ...)
    if ok then
        print(name, all(...))
    else
        local problem = ...
        print(name, "error: " .. problem[1], problem[2])
    end
    return ...
end

return function(name, f, ...)
    return told(name, xpcall(f, traced, ...))
end
