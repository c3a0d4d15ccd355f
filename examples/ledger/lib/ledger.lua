-- Accounts and what was booked on them.

local Money = require("lib.money")

local Ledger = {}
Ledger.__index = Ledger
Ledger.__name = "Ledger"

function Ledger.new()
    return setmetatable({ accounts = {}, booked = {}, listeners = {} }, Ledger)
end

function Ledger:on(event, listener)
    local list = self.listeners[event] or {}
    list[#list + 1] = listener
    self.listeners[event] = list
end

function Ledger:emit(event, ...)
    for _, listener in ipairs(self.listeners[event] or {}) do
        listener(...)
    end
end

local function valid(booking)
    if not booking.date:match("^%d%d%d%d%-%d%d%-%d%d$") then
        return false, "bad date"
    end
    if booking.account == nil then
        return false, "no account"
    end
    return true
end

function Ledger:book(booking)
    local ok, why = valid(booking)
    if not ok then
        self:emit("refused", booking, why)
        return false
    end
    local account = self.accounts[booking.account] or Money.zero()
    self.accounts[booking.account] = account + booking.amount
    self.booked[#self.booked + 1] = booking
    self:emit("booking", booking)
    return true
end

function Ledger:balance(account)
    return self.accounts[account] or Money.zero()
end

function Ledger:bookings()
    return self.booked
end

function Ledger:total()
    local total = Money.zero()
    for _, balance in pairs(self.accounts) do
        total = total + balance
    end
    return total
end

-- Names and balances, ordered by name.
function Ledger:each_account()
    local names = {}
    for name in pairs(self.accounts) do
        names[#names + 1] = name
    end
    table.sort(names)
    local i = 0
    return function()
        i = i + 1
        if names[i] then
            return names[i], self.accounts[names[i]]
        end
    end
end

return Ledger
