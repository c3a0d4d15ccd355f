-- Penlight's tables, lists, maps, sets, sequences, functions and classes: what they give and how they fail.

local show = require("show")
local List, Map, Set = require("pl.List"), require("pl.Map"), require("pl.Set")
local MultiMap, OrderedMap = require("pl.MultiMap"), require("pl.OrderedMap")
local tablex, seq, array2d = require("pl.tablex"), require("pl.seq"), require("pl.array2d")
local class, func, operator = require("pl.class"), require("pl.func"), require("pl.operator")
local permute, types, utils = require("pl.permute"), require("pl.types"), require("pl.utils")
local comprehension = require("pl.comprehension").new()

-- List
local list = List({ 3, 1, 2 })
show("append", function() return list:append(9):extend({ 7, 8 }):insert(1, 0) end)
show("sorted", function() return list:sorted(), list:clone():sort(">"), list:reverse() end)
show("slice", function() return list:slice(2, -2), list:slice(-1) end)
show("find", function() return list:index(7), list:contains(100), list:count(1), list:minmax() end)
show("pop", function() return list:pop(), list:pop(1), list:put(5), list:remove_value(1), list:len() end)
show("chop", function() return List.range(1, 10):chop(3, 5), List.range(0, 1, 0.25), List.range(3) end)
show("splice", function() return List({ 1, 2 }):splice(2, { "x" }), List({ 1, 2, 3 }):slice_assign(1, 2, { "y" }) end)
show("concat", function() return List({ 1 }) .. List({ 2 }), List({ 1 }) == List({ 1 }), tostring(List({ 1, "a" })) end)
show("map", function() return list:map("*", 2), list:filter("<", 5), list:reduce("+"), list:join("-") end)
show("transform", function() return List({ 1, 2 }):transform(function(x) return x * 10 end) end)
show("partition", function() return List.range(1, 6):partition(function(x) return x % 2 == 0 and "even" or "odd" end) end)
show("iterate", function() return List(List.iterate({ 1, 2 })), List(List.split("a b")), List.iterate(nil) end)
show("no list", List.extend, list, 5)
show("no index", function() return List():pop():anything() end)
show("map2", function() return List({ 1, 2 }):map2("+", { 10, 20 }), List({ "a" }):mapm("upper") end)

-- Map, Set, MultiMap, OrderedMap
local map = Map({ a = 1, b = 2 })
show("map", function() return map:keys():sorted(), map:values():sorted(), map:len(), map:items():len() end)
show("get", function() return map:get("a"), map:get("z", 5), map:setdefault("c", 3), map:getvalues({ "a", "c" }) end)
show("update", function() return map:update({ d = 4 }), map == Map({ a = 1 }) end)
local some, more = Set({ 1, 2, 3 }), Set({ 2, 3, 4 })
show("sets", function() return Set.len(some + more), Set.values(some * more):sorted(), Set.values(some - more) end)
show("compare", function() return some < more, some == Set({ 3, 2, 1 }), Set.issubset(Set({ 1 }), some), Set.isdisjoint(some, more) end)
show("symmetric", function() return Set.values(some ^ more):sorted(), #some, tostring(Set({ 1 })) end)
local multi = MultiMap()
multi:set("k", 1)
multi:set("k", 2)
show("multi", function() return multi.k, multi:len() end)
local ordered = OrderedMap({ { z = 1 }, { y = 2 } })
show("ordered", function() return ordered:set("x", 3):keys(), ordered:values(), tostring(ordered), ordered:sort():keys() end)
show("insert", function() return ordered:insert(1, "w", 0):keys(), ordered:set("z", nil):keys(), ordered:update({ { v = 9 } }):values() end)
for key, value in ordered:iter() do print(key, value) end
for index, value in pairs(ordered) do print(index, value) end

-- tablex
local t = { a = { 1, { 2 } }, b = "x" }
show("deepcopy", function() return tablex.deepcopy(t), tablex.deepcompare(t, tablex.deepcopy(t)), tablex.copy({ 1 }) end)
show("compare", function() return tablex.compare({ 1, 2 }, { 1, 2 }, "=="), tablex.compare_no_order({ 1, 2 }, { 2, 1 }) end)
show("eps", tablex.deepcompare, { 1.0 }, { 1.05 }, false, 0.1)
show("map", function() return tablex.map("#", { "a", "bb" }), tablex.imap("..", { 1, 2 }, "!"), tablex.map2("+", { 1 }, { 2 }) end)
show("mapn", function() return tablex.mapn(function(a, b, c) return a + b * c end, { 1, 2 }, { 3, 4 }, { 5, 6 }) end)
show("pairmap", function() return tablex.pairmap(function(k, v) return v, k end, { a = 1, b = 2 }) end)
show("reduce", function() return tablex.reduce("+", { 1, 2, 3 }, 10), tablex.reduce("..", {}), tablex.find({ 5, 6 }, 6), tablex.rfind({ 5, 6, 5 }, 5) end)
show("merge", function() return tablex.merge({ a = 1 }, { b = 2 }, true), tablex.union({ 1 }, { 1, 2 }), tablex.difference({ 1, 2 }, { 1 }) end)
show("makeset", function() return tablex.makeset({ "a", "b" }), tablex.index_map({ "x", "y" }), tablex.index_by({ 10, 20 }, { 2, 1 }) end)
show("filter", function() return tablex.filter({ 1, 5, 9 }, ">", 4), tablex.zip({ 1, 2 }, { "a", "b" }), tablex.sub({ 1, 2, 3 }, 2, 3) end)
show("move", function() return tablex.insertvalues({ 1, 2 }, 2, { "x" }), tablex.removevalues({ 1, 2, 3 }, 1, 2), tablex.range(1, 5, 2) end)
show("new", function() return tablex.new(3, "q"), tablex.search({ a = { b = 5 } }, 5), tablex.size({ a = 1, b = 2 }) end)
show("count", tablex.count_map, { "a", "b", "a" })
for key, value in tablex.sort({ b = 1, a = 2 }) do print(key, value) end
for key, value in tablex.sortv({ b = 2, a = 1 }, function(x, y) return x > y end) do print(key, value) end
show("read only", function() tablex.readonly({ 1 })[2] = 3 end)
show("no table", tablex.map, "#", 5)
show("no function", tablex.map, "??", { 1 })
show("nil function", tablex.reduce, nil, { 1 })

-- seq, permute, array2d
show("seq", function() return seq(List.range(1, 5)):map("*", 2):filter(">", 4):copy() end)
show("zip", function() return seq.copy2(seq.zip({ 1, 2 }, { 3, 4 })), seq.sum({ 1, 2 }), seq.minmax({ 4, 1 }), seq.count({ 1, 5 }, seq.greater_than(2)) end)
show("unique", function() return List(seq.unique({ 1, 1, 2 }, true)):sorted(), seq.copy(seq.take(2, { 1, 2, 3 })), seq.copy(seq.skip(2, { 1, 2, 3 })) end)
show("last", function() return seq.copy2(seq.last({ 1, 2, 3 })), seq.copy(seq.splice({ 1 }, { 2 })), seq.copy(seq.range(1, 3)) end)
show("reduce", function() return seq.reduce("+", { 1, 2, 3 }), seq.copy_tuples(seq.enum({ "a", "b" })) end)
seq.printall({ 1, 2, 3 }, ",", 2)
show("no seq", function() return seq.sum({ {}, 1 }) end)
show("permute", function() return permute.table({ 1, 2, 3 }), permute.list_table({ 1, 2 }, { "a" }) end)
local grid = { { 1, 2, 3 }, { 4, 5, 6 } }
show("columns", function() return array2d.column(grid, 2), array2d.row(grid, 1), array2d.size(grid), array2d.transpose(grid) end)
show("reduce", function() return array2d.reduce_rows("+", grid), array2d.reduce_cols("+", grid), array2d.reduce2("+", "*", grid) end)
show("slice", function() return array2d.slice(grid, "B1:C2"), array2d.parse_range("A1:B2"), array2d.map("-", grid, 1), array2d.flatten(grid) end)
show("swap", function() return array2d.swap_rows(tablex.deepcopy(grid), 1, 2), array2d.extract_cols(tablex.deepcopy(grid), { 1 }), array2d.new(1, 2, 0) end)
array2d.write(grid, nil, "%d ", 1, 1, 2, 2)
for r, c, v in array2d.iter(grid, true) do io.write(r, c, v, " ") end
print()
show("no range", array2d.range, grid, "??")

-- func, operator, comprehension, class, types, utils
local _1, _2 = func._1, func._2
show("func", function() return func.I(_1 + _2)(1, 2), tablex.map(func.I(_1 * 2 + 1), { 1, 2 }), func.bind(math.max, _1, 5)(9) end)
show("repr", function() return tostring(func.repr(_1 + 2 * _2)), func.tail({ 1, 2 }), func.compose(tostring, math.abs)(-1) end)
show("bind1", function() return utils.bind1(math.min, 3)(7), utils.bind2("-", 1)(5), utils.string_lambda("|x| x + 1")(1) end)
show("operators", function() return operator.add(1, 2), operator.land(nil, 1), operator.index({ 5 }, 1), operator.optable["//"] end)
show("comprehension", function() return comprehension("x^2 for x=_1,_2")(1, 4), comprehension("sum(x for x)")({ 1, 2 }), comprehension("table(v,k for k,v in pairs(_1))")({ a = 1 }) end)
show("bad one", function() return comprehension("x for for")() end)
local Animal = class()
function Animal:_init(name) self.name = name end
function Animal:speak() return self.name .. " says " .. self:sound() end
function Animal:sound() error("no sound of " .. self.name) end
function Animal:__tostring() return "<" .. self.name .. ">" end
local Dog = class(Animal)
function Dog:_init(name, tricks)
    self:super(name)
    self.tricks = tricks
end
function Dog:sound() return "woof" end
Dog._name = "Dog"
local rex = Dog("Rex", 3)
show("class", function() return rex:speak(), tostring(rex), rex:is_a(Animal), Dog:class_of(rex), Animal:class_of({}), rex.tricks end)
show("abstract", function() return Animal("it"):speak() end)
show("cast", function() return class.Map and true, Dog:cast({ name = "c" }):speak() end)
local Point = class({ _base = class.properties, _init = function(self) self._x = 1 end, get_x = function(self) return self._x * 2 end })
show("properties", function() return Point().x, Point().y end)
show("types", function() return types.type(rex), types.is_callable(Dog), types.is_empty(" ", true), types.to_bool("yes"), types.is_integer(2.0) end)
show("choose", function() return utils.choose(nil, 1, 2), utils.split("a,b", ","), utils.splitv("x y"), utils.escape("a.b"), utils.quote_arg("it's") end)
show("enum", function() return utils.enum("ONE", "TWO").THREE end)
show("assert", utils.assert_arg, 2, "text", "table")
show("memo", function() return utils.memoize(function(x) return x * 2 end)(4), utils.is_type({}, List), utils.function_arg(1, "#")({ 1 }) end)
for index, value in utils.npairs({ 1, nil, 3 }, 1, 3) do print(index, value) end
for key in utils.kpairs({ 1, 2, key = 3 }) do print(key) end
utils.printf("%s-%d\n", "printf", 4)
utils.on_error("error")
show("on error", utils.raise, "raised by penlight")
utils.on_error("default")
show("raise", utils.raise, "returned by penlight")
