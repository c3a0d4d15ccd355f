-- The command luacheck: the files that it is given are its arguments.
require("luacheck.main")
