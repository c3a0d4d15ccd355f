#!/usr/bin/env -S llmspell run
-- The smallest program: print, and one tool.

local name = ARGS[1] or "world"
print("Hello, " .. name .. "!")

local result = Tool.execute("calculator", { input = "6 * 7" })
print("6 * 7 = " .. result.text)
