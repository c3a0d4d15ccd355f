-- LPeg's re.lua: patterns, captures, grammars, substitutions, and its messages for what it can't read.

local show = require("show")
local re, lpeg = require("re"), require("lpeg")

show("version", function() return type(lpeg.version) == "function" and lpeg.version() or lpeg.version end)
show("match", function() return re.match("hello world", "{%a+} ' ' {.*}"), re.find("the number 423", "[0-9]+"), re.gsub("hello", "[aeiou]", "*") end)
show("list", function() return re.match("a,b,c", "{| {[a-z]} (',' {[a-z]})* |}"), re.match("x=1", "{:k: %a :} '=' {:v: [0-9] :}") end)
local calculator = re.compile([[
    sum     <- (product {| {[+-]} product |}*) -> total
    product <- (number {| {[*/]} number |}*) -> total
    number  <- (%s* {[0-9]+} %s*) -> tonumber / '(' sum ')'
]], {
    tonumber = tonumber,
    total = function(first, ...)
        local value = first
        for _, step in ipairs({ ... }) do
            if step[1] == "+" then value = value + step[2]
            elseif step[1] == "-" then value = value - step[2]
            elseif step[1] == "*" then value = value * step[2]
            else value = value / step[2] end
        end
        return value
    end,
})
for _, text in ipairs({ "1 + 2 * 3", "(1+2)*3", "10/4-1", "2*(3+(4-1))", "", "x" }) do show(text, calculator.match, calculator, text) end
local csv = re.compile([[
    record <- {| field (',' field)* |} (%nl / !.)
    field  <- escaped / plain
    plain  <- { [^,%nl"]* }
    escaped <- '"' {~ ([^"] / '""' -> '"')* ~} '"'
]])
show("csv", csv.match, csv, 'a,"b ""q"" c",,d\n')
local tags = re.compile([[
    tree <- {| '<' {:tag: name :} '>' (tree / text)* '</' =tag '>' |}
    name <- %w+
    text <- { [^<]+ }
]])
show("tree", tags.match, tags, "<a>x<b>y</b>z</a>")
show("no tree", tags.match, tags, "<a>x<b>y</a>")
show("fold", function() return re.compile("({%d+} -> n) (%s {%d+} -> n)*", { n = tonumber }):match("1 2 3") end)
show("balanced", function() return re.match("(a(b)c)", "p <- { '(' ([^()] / p)* ')' }"), re.match("aaab", "'a'^3 {.}"), re.match("aab", "'a'^+1 !'a' {}") end)
show("position", function() return re.match("abc", "{} 'a' {} . {}"), re.match("k", "'k' -> 'value %0'"), re.match("k", "'k' -> {}") end)
show("time", function() return re.compile("'x' => f", { f = function(subject, at) return at, subject .. "!" end }):match("x") end)
show("failing call", function() return re.compile("'x' -> f", { f = function() error("in the grammar") end }):match("x") end)
show("defined", function() return re.compile("%digit", { digit = lpeg.R("09") }):match("5") end)
show("locale", function() re.updatelocale() return re.match("é a", "%a") end)
for _, pattern in ipairs({ "'open", "[a-", "(a", "undefined_rule", "a <- a", "%nothing", "'a' -> missing", "x <- 'a' x <- 'b'", "''*", "{:a", "&" }) do
    show(pattern, re.compile, pattern)
end
show("wrong", re.match, nil, "a")
show("wrong", re.compile, 5)
local pieces = lpeg.Cf(lpeg.Cc(0) * lpeg.P({ (lpeg.C(lpeg.R("09") ^ 1) / tonumber * lpeg.P(",") ^ -1) ^ 0 }), function(a, b) return a + b end)
show("lpeg", pieces.match, pieces, "1,2,3,40")
re.compile("[z-")
