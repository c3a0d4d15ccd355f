-- Months of a year, and which bookings lie in them. Dates are texts like 2024-01-31: they compare as
-- texts.

local Money = require("lib.money")

local periods = {}

local NAMES = {
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
}

local function is_leap(year)
    return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

local function days(year, month)
    if month == 2 then
        return is_leap(year) and 29 or 28
    end
    return (month == 4 or month == 6 or month == 9 or month == 11) and 30 or 31
end

function periods.months(year)
    local months = {}
    for month = 1, 12 do
        months[month] = {
            name = NAMES[month],
            first = ("%04d-%02d-01"):format(year, month),
            last = ("%04d-%02d-%02d"):format(year, month, days(year, month)),
        }
    end
    return months
end

local function contains(month, date)
    return date >= month.first and date < month.last
end

-- The sum of the bookings of each month.
function periods.totals(months, bookings)
    local totals = {}
    for n, month in ipairs(months) do
        local total = Money.zero()
        for _, booking in ipairs(bookings) do
            if contains(month, booking.date) then
                total = total + booking.amount
            end
        end
        totals[n] = total
    end
    return totals
end

function periods.sum(totals)
    local sum = Money.zero()
    for _, total in ipairs(totals) do
        sum = sum + total
    end
    return sum
end

return periods
