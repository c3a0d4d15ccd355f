-- Where bookings come from: a JSON file, read with a tool.

local Money = require("lib.money")

local store = {}

local function contents(path)
    local file, problem = io.open(path, "r")
    if not file then
        error("no bookings: " .. problem, 0)
    end
    local text = file:read("a")
    file:close()
    return text
end

function store.read(path)
    local json = Tool.get("json_processor")
    local parsed = json:execute { operation = "parse", input = contents(path) }
    return parsed.result.bookings
end

-- The bookings one by one, with amounts as money.
function store.each(bookings)
    return coroutine.wrap(function()
        for number, raw in ipairs(bookings) do
            coroutine.yield {
                number = number,
                date = raw.date,
                account = raw.account,
                amount = Money.of(raw.amount),
                text = raw.text or "",
            }
        end
    end)
end

return store
