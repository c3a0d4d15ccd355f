---@meta
-- The standard library of Lua 5.4, in short (the manual has the whole story): the basics, math, string, table, utf8.

---`"Lua 5.4"`.
---@type string
_VERSION = nil

---The table of the globals.
---@type table
_G = nil

---Raises an error if `v` is false or nil; else gives all its arguments.
---@param v any
---@param message? any
---@return any
function assert(v, message) end

---Controls the garbage collector: `"collect"`, `"count"`, `"step"`, `"incremental"`, `"generational"` …
---@param option? any
---@param arg? any
---@return any
function collectgarbage(option, arg) end

---Runs a file; gives what it returns.
---@param filename? string
---@return any
function dofile(filename) end

---Raises an error. `level` says whose position is put before the message: 1 the caller's, 2 its caller's, 0 none.
---@param message any
---@param level? integer
function error(message, level) end

---The metatable of an object, or its `__metatable` field.
---@param object any
---@return any
function getmetatable(object) end

---For `for i, v in ipairs(t)`: the entries 1, 2, … up to the first nil.
---@param t table
---@return function
function ipairs(t) end

---Compiles a chunk; gives it as a function, or nil and what is wrong.
---@param chunk any
---@param chunkname? any
---@param mode? string
---@param env? any
---@return function?
function load(chunk, chunkname, mode, env) end

---Compiles a file; gives it as a function, or nil and what is wrong.
---@param filename? string
---@param mode? string
---@param env? any
---@return function?
function loadfile(filename, mode, env) end

---The next key of a table and its value.
---@param table table
---@param index? any
---@return any
function next(table, index) end

---For `for k, v in pairs(t)`: all entries, in no order.
---@param t table
---@return function
function pairs(t) end

---Calls `f` and catches its errors: true and its results, or false and the error.
---@param f function
---@param ... any
---@return boolean
function pcall(f, ...) end

---Writes its arguments, with tabs between.
---@param ... any
function print(...) end

---Equality without `__eq`.
---@param v1 any
---@param v2 any
---@return boolean
function rawequal(v1, v2) end

---A field without `__index`.
---@param table table
---@param index any
---@return any
function rawget(table, index) end

---The length without `__len`.
---@param v any
---@return integer
function rawlen(v) end

---Sets a field without `__newindex`.
---@param table table
---@param index any
---@param value any
---@return table
function rawset(table, index, value) end

---Loads a module, once; gives what it returns.
---@param modname string
---@return any
function require(modname) end

---The arguments from the n-th on; `select("#", ...)` counts them.
---@param n integer
---@param ... any
---@return any
function select(n, ...) end

---Sets the metatable; gives the table.
---@param table table
---@param metatable any
---@return table
function setmetatable(table, metatable) end

---The number that a text says, or nil.
---@param e any
---@param base? any
---@return number?
function tonumber(e, base) end

---A text for any value.
---@param v any
---@return string
function tostring(v) end

---`"nil"`, `"number"`, `"string"`, `"boolean"`, `"table"`, `"function"`, `"thread"` or `"userdata"`.
---@param v any
---@return string
function type(v) end

---Emits a warning.
---@param msg1 any
---@param ... any
function warn(msg1, ...) end

---As pcall, with a message handler that runs where the error is raised.
---@param f function
---@param msgh any
---@param ... any
---@return boolean
function xpcall(f, msgh, ...) end

---Mathematics.
---@class mathlib
math = {}

---The absolute value.
---@param x number
---@return number
function math.abs(x) end

---The arc cosine, in radians.
---@param x number
---@return number
function math.acos(x) end

---The arc sine, in radians.
---@param x number
---@return number
function math.asin(x) end

---The arc tangent of y/x, in radians, in the right quadrant.
---@param y number
---@param x? number
---@return number
function math.atan(y, x) end

---The smallest whole number not below `x`.
---@param x number
---@return integer
function math.ceil(x) end

---The cosine of an angle in radians.
---@param x number
---@return number
function math.cos(x) end

---Radians as degrees.
---@param x number
---@return number
function math.deg(x) end

---e to the power of `x`.
---@param x number
---@return number
function math.exp(x) end

---The largest whole number not above `x`.
---@param x number
---@return integer
function math.floor(x) end

---The remainder of x/y, rounded towards zero.
---@param x number
---@param y number
---@return number
function math.fmod(x, y) end

---The logarithm; the natural one unless a base is given.
---@param x number
---@param base? any
---@return number
function math.log(x, base) end

---The largest argument.
---@param x number
---@param ... any
---@return number
function math.max(x, ...) end

---The smallest argument.
---@param x number
---@param ... any
---@return number
function math.min(x, ...) end

---The whole part and the fraction.
---@param x number
---@return number
function math.modf(x) end

---Degrees as radians.
---@param x number
---@return number
function math.rad(x) end

---From 0 up to 1; from 1 to m; from m to n.
---@param m? any
---@param n? integer
---@return number
function math.random(m, n) end

---Seeds the random numbers.
---@param x? number
---@param y? number
function math.randomseed(x, y) end

---The sine of an angle in radians.
---@param x number
---@return number
function math.sin(x) end

---The square root.
---@param x number
---@return number
function math.sqrt(x) end

---The tangent of an angle in radians.
---@param x number
---@return number
function math.tan(x) end

---`x` as an integer, or nil.
---@param x number
---@return integer?
function math.tointeger(x) end

---`"integer"`, `"float"` or nil.
---@param x number
---@return string?
function math.type(x) end

---Whether m < n as unsigned integers.
---@param m any
---@param n integer
---@return boolean
function math.ult(m, n) end

---Texts: byte strings.
---@class stringlib
string = {}

---The codes of the bytes from i to j.
---@param s string
---@param i? integer
---@param j? integer
---@return integer
function string.byte(s, i, j) end

---The text of some byte codes.
---@param ... any
---@return string
function string.char(...) end

---A function as binary.
---@param func any
---@param strip? any
---@return string
function string.dump(func, strip) end

---Where a pattern is first found: start, end and captures, or nil.
---@param s string
---@param pattern string
---@param init? integer
---@param plain? any
---@return integer?
function string.find(s, pattern, init, plain) end

---A text by a format: `%d %i %u %f %g %e %s %q %x %c %a %%`.
---@param formatstring string
---@param ... any
---@return string
function string.format(formatstring, ...) end

---For `for a, b in s:gmatch(p)`: all matches.
---@param s string
---@param pattern string
---@param init? integer
---@return function
function string.gmatch(s, pattern, init) end

---A copy with matches replaced, and how many there were.
---@param s string
---@param pattern string
---@param repl any
---@param n? integer
---@return string
function string.gsub(s, pattern, repl, n) end

---The length in bytes.
---@param s string
---@return integer
function string.len(s) end

---In small letters.
---@param s string
---@return string
function string.lower(s) end

---The captures of the first match, or nil.
---@param s string
---@param pattern string
---@param init? integer
---@return string?
function string.match(s, pattern, init) end

---Values as binary.
---@param fmt any
---@param v1 any
---@param ... any
---@return string
function string.pack(fmt, v1, ...) end

---The size of a format.
---@param fmt any
---@return integer
function string.packsize(fmt) end

---`s`, n times.
---@param s string
---@param n integer
---@param sep? string
---@return string
function string.rep(s, n, sep) end

---Backwards.
---@param s string
---@return string
function string.reverse(s) end

---The bytes from i to j; negative ones count from the end.
---@param s string
---@param i integer
---@param j? integer
---@return string
function string.sub(s, i, j) end

---Values from binary.
---@param fmt any
---@param s string
---@param pos? any
---@return any
function string.unpack(fmt, s, pos) end

---In capital letters.
---@param s string
---@return string
function string.upper(s) end

---Lists.
---@class tablelib
table = {}

---The texts of a list in one.
---@param list table
---@param sep? string
---@param i? integer
---@param j? integer
---@return string
function table.concat(list, sep, i, j) end

---Inserts at a position; with two arguments, at the end.
---@param list table
---@param pos any
---@param value? any
function table.insert(list, pos, value) end

---Copies a1[f] … a1[e] to a2[t] ….
---@param a1 any
---@param f function
---@param e any
---@param t table
---@param a2? any
---@return table
function table.move(a1, f, e, t, a2) end

---The arguments as a list with `n`.
---@param ... any
---@return table
function table.pack(...) end

---Takes out an entry, the last unless `pos` is given.
---@param list table
---@param pos? any
---@return any
function table.remove(list, pos) end

---Sorts in place.
---@param list table
---@param comp? any
function table.sort(list, comp) end

---The entries of a list.
---@param list table
---@param i? integer
---@param j? integer
---@return any
function table.unpack(list, i, j) end

---Texts in UTF-8.
---@class utf8lib
utf8 = {}

---The text of some code points.
---@param ... any
---@return string
function utf8.char(...) end

---The code points from i to j.
---@param s string
---@param i? integer
---@param j? integer
---@param lax? any
---@return integer
function utf8.codepoint(s, i, j, lax) end

---For `for p, c in utf8.codes(s)`.
---@param s string
---@param lax? any
---@return function
function utf8.codes(s, lax) end

---How many characters; nil and a position where it is no UTF-8.
---@param s string
---@param i? integer
---@param j? integer
---@param lax? any
---@return integer?
function utf8.len(s, i, j, lax) end

---Where the n-th character begins.
---@param s string
---@param n integer
---@param i? integer
---@return integer?
function utf8.offset(s, n, i) end

---Larger than any other number.
---@type number
math.huge = nil

---The largest integer.
---@type integer
math.maxinteger = nil

---The smallest integer.
---@type integer
math.mininteger = nil

---π.
---@type number
math.pi = nil

---Matches one character of UTF-8.
---@type string
utf8.charpattern = nil
