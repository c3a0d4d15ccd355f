-- The command busted: a program that loads specs, runs each in an environment of its own, and reports.
require("busted.runner")({ standalone = false })
