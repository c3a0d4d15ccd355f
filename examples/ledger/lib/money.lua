-- Amounts as whole cents, so that sums are exact.

local Money = {}
Money.__index = Money
Money.__name = "Money"

local function new(cents)
    return setmetatable({ cents = cents }, Money)
end

-- From a text or number of euros: "12.50", 12.5, -3.
function Money.of(euros)
    local number = tonumber(euros)
    if not number then
        error({ code = "not_money", value = euros }, 2)
    end
    return new(math.tointeger(math.floor(number * 100 + 0.5)))
end

function Money.zero() return new(0) end

function Money.__add(a, b) return new(a.cents + b.cents) end
function Money.__sub(a, b) return new(a.cents - b.cents) end
function Money.__unm(a) return new(-a.cents) end
function Money.__eq(a, b) return a.cents == b.cents end
function Money.__lt(a, b) return a.cents < b.cents end
function Money.__le(a, b) return a.cents <= b.cents end

local function grouped(digits)
    local text = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (text:gsub("^,", ""))
end

function Money.__tostring(a)
    local cents = math.abs(a.cents)
    local sign = a.cents < 0 and "-" or ""
    return ("%s%s.%02d"):format(sign, grouped(tostring(cents // 100)), cents % 100)
end

function Money:euros() return self.cents / 100 end

return Money
