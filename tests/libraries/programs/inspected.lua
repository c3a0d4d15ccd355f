-- inspect.lua: cycles, metatables, depth, processing, and errors that come from the program's own functions.

local show = require("show")
local inspect = require("inspect")

local cycle = { name = "cycle" }
cycle.self, cycle.list = cycle, { cycle, { cycle } }
local Point = setmetatable({}, { __call = function(class, x, y) return setmetatable({ x = x, y = y }, class) end })
Point.__index = Point
Point.__tostring = function(self) return "(" .. self.x .. ", " .. self.y .. ")" end
local angry = setmetatable({}, { __index = function(_, key) error("no " .. tostring(key)) end, __len = function() return 3 end })
local values = {
    1, -0.0, 1 / 0, "plain", 'both " and \'', "nl\nnul\0bell\7\\", true, print, coroutine.create(print), io.stdout,
    {}, { 1, 2, 3 }, { a = 1, b = { c = {} } }, { 1, x = 2, [10] = 3, [1.5] = 4, [true] = 5, ["not id"] = 6, ["end"] = 7 },
    cycle, Point(1, 2), { Point }, angry, { { { { { "deep" } } } } }, setmetatable({ 1 }, { __metatable = "hidden" }),
    { [{}] = "table key", [print] = "function key" },
}
for n = 1, #values do
    show("inspect " .. n, inspect, values[n])
    show("depth " .. n, inspect, values[n], { depth = 2 })
    show("inline " .. n, inspect, values[n], { newline = "", indent = "" })
end
local function no_metatables(item, path)
    if path[#path] ~= inspect.METATABLE then return item end
end
show("process", inspect, { Point(3, 4), secret = "x" }, { process = no_metatables })
show("paths", inspect, { a = { b = 1 } }, {
    process = function(item, path)
        if path[#path] == inspect.KEY then return item end
        return type(item) == "number" and table.concat(path, ".") or item
    end,
})
show("failing", inspect, { 1 }, { process = function(item) return item .. {} end })
show("deep", function()
    local deep = {}
    for _ = 1, 150 do deep = { deep } end
    return #inspect(deep)
end)
show("co", function()
    local co = coroutine.wrap(function(...)
        for n = 1, select("#", ...) do coroutine.yield(inspect((select(n, ...)))) end
    end)
    return co({ 1 }, "x"), co(), co(), co()
end)
print(inspect(_VERSION), inspect({ n = 1 }, { depth = 0 }))
inspect({ 1 }, { process = error })
