-- LuaJSON and dkjson: what they read and write, and how they complain.

local show = require("show")
local json = require("json")
local dkjson = require("dkjson")

local texts = {
    "[]", "{}", "null", "true", '"text"', "12.5e-3", "-0", '[1,2,[3,{"a":null}]]', '{"a":{"b":[1,"x",false]}}',
    '"\\u00e9\\n\\t\\"\\\\"', '  [ 1 , 2 ]  ', '{"a":1,"a":2}', '[1,2', '{"a" 1}', "{'a':1}", "nope", "[1,]", "", '"open',
    "[0x10]", "[1e400]", '{"x":"\\ud834\\udd1e"}', "/* c */ [1] // d", "[nan]", '[undefined]', "[[[[[[[[]]]]]]]]",
}
for n, text in ipairs(texts) do
    show("decode " .. n, json.decode, text)
    show("strict " .. n, json.decode, text, json.decode.strict)
    show("simple " .. n, json.decode, text, json.decode.simple)
    show("dkjson " .. n, dkjson.decode, text)
    show("plain " .. n, dkjson.decode, text, 1, dkjson.null)
end

local cycle = {}
cycle[1] = cycle
local values = {
    {}, { 1, 2, 3 }, { a = 1 }, { { 1 }, { b = {} } }, "q\"\\\n\1\127é", 1 / 3, 2 ^ 53, -7, true, math.huge, 0 / 0,
    print, cycle, { [1] = 1, [3] = 3 }, { [true] = 1 }, setmetatable({}, { __jsontype = "array" }), json.util.null,
    setmetatable({}, { __tojson = function() return "42" end }), { [1.5] = "x" }, coroutine.create(print),
}
for n = 1, #values do
    show("encode " .. n, json.encode, values[n])
    show("strict " .. n, json.encode, values[n], json.encode.strict)
    show("dkjson " .. n, dkjson.encode, values[n])
    show("indent " .. n, dkjson.encode, values[n], { indent = true, keyorder = { "a", "b" } })
end
show("calls", json.encode, { json.util.buildCall("f", 1, { 2 }) }, { calls = { defs = {} } })
show("decoder", function() return json.decode.getDecoder({ strings = { strict_quotes = true } })('["x"]') end)
show("hooks", dkjson.encode, { print, 1 }, { exception = function(reason, value) return '"' .. reason .. type(value) .. '"' end })
show("lpeg", function() return require("dkjson").use_lpeg().decode('{"a":[1,2,{"b":"c"}]} x') end)
show("wrong", json.decode, { 1 })
show("wrong", dkjson.decode, 5)
print(json.encode(json.decode('[{"deep":[1,[2,[3]]]}]')), dkjson.quotestring("a\tb"), dkjson.version)
json.decode('{"a":')
