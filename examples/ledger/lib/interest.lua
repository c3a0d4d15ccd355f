-- Interest for a year, calculated by a tool.

local Money = require("lib.money")

local interest = {}

function interest.of(balance, rate)
    local result = Tool.execute("calculator", {
        input = "balance * rate / 100",
        variables = { balance = balance:euros(), rate = rate },
    })
    return Money.of(result.result)
end

return interest
