local rates = { vat = { low = 7, high = 19 }, "first" }
local calls = 0

local function gross(net, kind)
  calls = calls + 1
  local rate = rates.vat[kind]
  local total = net * (100 + rate) / 100
  return total
end

for i, kind in ipairs({ "low", "high", "low" }) do
  local sum = gross(100 * i, kind)
  print(kind, sum)
end

local ok, problem = pcall(error, { code = 7 })
print("done", calls, ok)
