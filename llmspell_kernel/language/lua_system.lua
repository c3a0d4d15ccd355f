---@meta
-- The standard library of Lua 5.4, in short (the manual has the whole story): coroutine, debug, io, os, package.

---Coroutines.
---@class coroutinelib
coroutine = {}

---Closes a coroutine: its pending variables are closed too.
---@param co thread
---@return boolean
function coroutine.close(co) end

---A coroutine with body `f`.
---@param f function
---@return thread
function coroutine.create(f) end

---Whether it can yield.
---@param co? thread
---@return boolean
function coroutine.isyieldable(co) end

---Goes on with a coroutine: true and what it yields or returns, or false and the error.
---@param co thread
---@param val1? any
---@param ... any
---@return boolean
function coroutine.resume(co, val1, ...) end

---The running coroutine, and whether it is the main one.
---@return thread
function coroutine.running() end

---`"running"`, `"suspended"`, `"normal"` or `"dead"`.
---@param co thread
---@return string
function coroutine.status(co) end

---A function that resumes a coroutine with body `f` and raises its errors.
---@param f function
---@return function
function coroutine.wrap(f) end

---Suspends the coroutine; its arguments are what `resume` gives.
---@param ... any
---@return any
function coroutine.yield(...) end

---Lua's own debug library.
---@class debuglib
debug = {}

---Reads and runs lines from the standard input.
function debug.debug() end

---The current hook, its mask and count.
---@param thread? any
---@return function
function debug.gethook(thread) end

---What is known of a function or of a level of the stack.
---@param thread? any
---@param f function
---@param what? any
---@return table
function debug.getinfo(thread, f, what) end

---Name and value of a local variable.
---@param thread? any
---@param f function
---@param localvar any
---@return string
function debug.getlocal(thread, f, localvar) end

---The metatable of any value.
---@param value any
---@return table
function debug.getmetatable(value) end

---The registry.
---@return table
function debug.getregistry() end

---Name and value of an upvalue.
---@param f function
---@param up any
---@return string
function debug.getupvalue(f, up) end

---The n-th user value of a userdata.
---@param u any
---@param n integer
---@return any
function debug.getuservalue(u, n) end

---Does nothing; there for old programs.
---@deprecated
---@param limit integer
---@return integer
function debug.setcstacklimit(limit) end

---Sets a hook.
---@param thread? any
---@param hook? any
---@param mask? any
---@param count? any
function debug.sethook(thread, hook, mask, count) end

---Sets a local variable.
---@param thread? any
---@param level integer
---@param localvar any
---@param value any
---@return string
function debug.setlocal(thread, level, localvar, value) end

---Sets the metatable of any value.
---@param value any
---@param table table
---@return any
function debug.setmetatable(value, table) end

---Sets an upvalue.
---@param f function
---@param up any
---@param value any
---@return string
function debug.setupvalue(f, up, value) end

---Sets a user value.
---@param udata any
---@param value any
---@param n integer
---@return any
function debug.setuservalue(udata, value, n) end

---The calls that are open, as a text.
---@param thread? any
---@param message? any
---@param level? integer
---@return string
function debug.traceback(thread, message, level) end

---What tells whether two closures share an upvalue.
---@param f function
---@param n integer
---@return any
function debug.upvalueid(f, n) end

---Makes an upvalue of `f1` that of `f2`.
---@param f1 any
---@param n1 any
---@param f2 any
---@param n2 any
function debug.upvaluejoin(f1, n1, f2, n2) end

---Files, input and output.
---@class iolib
io = {}

---Closes a file, or the default output.
---@param file? any
function io.close(file) end

---Writes what is buffered of the default output.
function io.flush() end

---The default input; sets it when a name or a file is given.
---@param file? any
---@return any
function io.input(file) end

---For `for line in io.lines(name)`.
---@param filename? string
---@param ... any
---@return function
function io.lines(filename, ...) end

---Opens a file: `"r"`, `"w"`, `"a"`, `"r+"`, `"w+"`, `"a+"`, with `"b"` for binary. Gives nil and what is wrong if it can't.
---@param filename string
---@param mode? string
---@return any
function io.open(filename, mode) end

---The default output; sets it when a name or a file is given.
---@param file? any
---@return any
function io.output(file) end

---Starts a program; a file to read from it or to write to it.
---@param prog any
---@param mode? string
---@return any
function io.popen(prog, mode) end

---Reads from the default input: `"n"`, `"a"`, `"l"`, `"L"` or a number of bytes.
---@param ... any
---@return string?
function io.read(...) end

---A temporary file.
---@return any
function io.tmpfile() end

---`"file"`, `"closed file"` or nil.
---@param obj any
---@return string?
function io.type(obj) end

---Writes to the default output.
---@param ... any
---@return any
function io.write(...) end

---The operating system.
---@class oslib
os = {}

---The CPU time used, in seconds.
---@return number
function os.clock() end

---A date and time; a table for `"*t"`.
---@param format? string
---@param time? any
---@return string
function os.date(format, time) end

---The seconds from `t1` to `t2`.
---@param t2 any
---@param t1 any
---@return number
function os.difftime(t2, t1) end

---Runs a command of the system's shell.
---@param command? any
---@return boolean?
function os.execute(command) end

---Ends the program.
---@param code? any
---@param close? any
function os.exit(code, close) end

---A variable of the environment.
---@param varname any
---@return string?
function os.getenv(varname) end

---Deletes a file or an empty folder.
---@param filename string
---@return boolean?
function os.remove(filename) end

---Renames a file.
---@param oldname any
---@param newname any
---@return boolean?
function os.rename(oldname, newname) end

---Sets the locale.
---@param locale any
---@param category? any
---@return string?
function os.setlocale(locale, category) end

---The time now, or that of a table.
---@param table? table
---@return integer
function os.time(table) end

---A name for a temporary file.
---@return string
function os.tmpname() end

---Modules.
---@class packagelib
package = {}

---Links a C library.
---@param libname any
---@param funcname any
---@return any
function package.loadlib(libname, funcname) end

---The file that a path has for a name, or nil and what was tried.
---@param name any
---@param path any
---@param sep? string
---@param rep? any
---@return string?
function package.searchpath(name, path, sep, rep) end

---The standard error output.
---@type any
io.stderr = nil

---The standard input.
---@type any
io.stdin = nil

---The standard output.
---@type any
io.stdout = nil

---Separators of this system's paths.
---@type string
package.config = nil

---Where `require` looks for C modules.
---@type string
package.cpath = nil

---The modules that are loaded.
---@type table
package.loaded = nil

---Where `require` looks for Lua modules.
---@type string
package.path = nil

---Loaders of named modules.
---@type table
package.preload = nil

---How `require` looks for modules.
---@type table
package.searchers = nil
