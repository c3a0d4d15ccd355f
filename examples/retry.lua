-- Errors: a tool's error object, errors that are tables, and trying again.

local Retry = {}
Retry.__index = Retry

function Retry.new(times)
    return setmetatable({ times = times, log = {} }, Retry)
end

function Retry:call(f, ...)
    local problem
    for attempt = 1, self.times do
        local results = table.pack(pcall(f, attempt, ...))
        if results[1] then
            return table.unpack(results, 2, results.n)
        end
        problem = results[2]
        self.log[#self.log + 1] = ("attempt %d: %s"):format(attempt, tostring(problem))
    end
    error(problem, 0)
end

-- The first two divisors are bad.
local divisors = { "0", "zero", "4" }

local function divide(attempt, number)
    local input = number .. " / " .. divisors[attempt]
    return Tool.execute("calculator", { input = input }).result
end

local retry = Retry.new(3)
print("result: " .. retry:call(divide, 10))
for _, line in ipairs(retry.log) do
    print(line)
end

local ok, problem = pcall(Tool.execute, "calculator", { input = "1/0" })
print(ok, problem.tool, problem.code, problem.message)

local function limited(n)
    if n > 2 then
        error({ code = "too_many", n = n })
    end
    return n
end

local fine, object = pcall(limited, 3)
print(fine, object.code, object.n)
