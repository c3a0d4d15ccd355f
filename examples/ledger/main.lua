-- A household ledger: reads bookings from JSON, keeps accounts, adds interest, prints a report.
--   llmspell run examples/ledger/main.lua [-- --year 2024 --rate 1.5]
-- One line of it is wrong: the report says so itself. docs/getting-started.md hunts it down.

local Ledger = require("lib.ledger")
local interest = require("lib.interest")
local periods = require("lib.periods")
local report = require("lib.report")
local store = require("lib.store")

local year = math.tointeger(tonumber(ARGS.year or "2024"))
local rate = tonumber(ARGS.rate or "1.5")

local here = arg[0]:match("^(.*)/") or "."
local bookings = store.read(here .. "/bookings.json")

local ledger = Ledger.new()
ledger:on("booking", report.counter("bookings"))
ledger:on("refused", report.counter("refused"))

for booking in store.each(bookings) do
    ledger:book(booking)
end

local months = periods.months(year)
local totals = periods.totals(months, ledger:bookings())

report.title(("Ledger of %d"):format(year))
report.months(months, totals)
report.accounts(ledger)
report.line("interest", interest.of(ledger:balance("savings"), rate))
report.counters()

-- Every booking lies in one month: what the months add up to is what all accounts hold.
local by_month = periods.sum(totals)
local by_account = ledger:total()
report.check("months", by_month, "accounts", by_account)
