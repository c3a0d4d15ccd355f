-- What is printed.

local report = {}

local WIDTH = 34
local counters = {}

function report.title(text)
    print(text)
    print(("="):rep(#text))
end

function report.line(label, value)
    local text = tostring(value)
    print(label .. (" "):rep(math.max(WIDTH - #label - #text, 1)) .. text)
end

function report.months(months, totals)
    for n, month in ipairs(months) do
        if totals[n].cents ~= 0 then
            report.line(month.name, totals[n])
        end
    end
    print(("-"):rep(WIDTH))
end

function report.accounts(ledger)
    for name, balance in ledger:each_account() do
        report.line(name, balance)
    end
    print(("-"):rep(WIDTH))
end

-- A listener that counts what it hears.
function report.counter(name)
    local counter = { name = name, n = 0 }
    counters[#counters + 1] = counter
    return function()
        counter.n = counter.n + 1
    end
end

function report.counters()
    for _, counter in ipairs(counters) do
        report.line(counter.name, counter.n)
    end
end

function report.check(name, value, other_name, other)
    report.line("sum of the " .. name, value)
    report.line("sum of the " .. other_name, other)
    if value ~= other then
        report.line("DIFFERENT, by", other - value)
    end
end

return report
