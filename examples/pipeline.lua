-- Coroutines as a pipeline: numbers are made, filtered, mapped, collected.

local function produce(n)
    return coroutine.wrap(function()
        for i = 1, n do
            coroutine.yield(i)
        end
    end)
end

local function filter(source, keep)
    return coroutine.wrap(function()
        for value in source do
            if keep(value) then
                coroutine.yield(value)
            end
        end
    end)
end

local function map(source, change)
    return coroutine.wrap(function()
        for value in source do
            coroutine.yield(change(value))
        end
    end)
end

local function collect(source)
    local list = {}
    for value in source do
        list[#list + 1] = value
    end
    return list
end

local odd = filter(produce(10), function(n) return n % 2 == 1 end)
local squares = collect(map(odd, function(n) return n * n end))
print(table.concat(squares, " "))

local sum = Tool.execute("calculator", { input = "sum(" .. table.concat(squares, ", ") .. ")" })
print("sum: " .. sum.text)
