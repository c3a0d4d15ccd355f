-- Penlight's strings, lexers, templates, readers, dates, paths and documents; the last line dies in it.

local show = require("show")
local stringx, pretty, lexer = require("pl.stringx"), require("pl.pretty"), require("pl.lexer")
local template, data, config = require("pl.template"), require("pl.data"), require("pl.config")
local stringio, text, sip = require("pl.stringio"), require("pl.text"), require("pl.sip")
local Date, path, dir = require("pl.Date"), require("pl.path"), require("pl.dir")
local xml, url, input = require("pl.xml"), require("pl.url"), require("pl.input")
local file, utils, lapp = require("pl.file"), require("pl.utils"), require("pl.lapp")
local balanced, tablex = require("pl.luabalanced"), require("pl.tablex")

-- stringx
show("is", function() return stringx.isalpha("ab"), stringx.isdigit("1a"), stringx.isspace(" "), stringx.islower("a") end)
show("starts", function() return stringx.startswith("abc", { "x", "ab" }), stringx.endswith("abc", "c") end)
show("split", function() return stringx.split("a b  c"), stringx.split("a,b,c", ",", 2), stringx.splitlines("x\ny\r\nz", true) end)
show("pad", function() return stringx.ljust("x", 3, "."), stringx.rjust("x", 3), stringx.center("x", 4, "-"), stringx.expandtabs("a\tb", 4) end)
show("find", function() return stringx.lfind("banana", "an"), stringx.rfind("banana", "an"), stringx.count("aaa", "aa", true), stringx.replace("aaa", "a", "b", 2) end)
show("strip", function() return stringx.strip("  x "), stringx.lstrip("--x", "-"), stringx.rstrip("x\n"), stringx.partition("k=v", "="), stringx.rpartition("a.b.c", ".") end)
show("title", function() return stringx.title("hello world"), stringx.shorten("long text here", 8), stringx.shorten("long text", 6, true), stringx.at("abc", -1) end)
show("quote", function() return stringx.quote_string('a]]"b'), stringx.join("-", { 1, 2 }), stringx.indent("a\nb", 2), stringx.dedent("  a\n   b") end)
show("wrap", function() return stringx.wrap("the quick brown fox jumps over", 12), stringx.fill("the quick brown fox", 10) end)
show("template", function() return stringx.Template("$a and ${b}"):substitute({ a = 1, b = 2 }), stringx.Template("$c"):safe_substitute({}) end)
show("missing", function() return stringx.Template("$c"):substitute({}) end)
for line in stringx.lines("one\ntwo") do print(line) end
show("no string", stringx.split, nil)
show("no prefix", stringx.startswith, "a", 5)
text.format_operator()
show("format", function() return "%s=%d" % { "x", 5 }, "$a" % { a = 1 } end)
show("bad format", function() return "%d" % { "x" } end)

-- pretty, lexer, balanced
local cyclic = { 1 }
cyclic.self = cyclic
show("pretty", function() return pretty.write({ 1, 2, x = { y = "z" } }), pretty.write({ 1 }, ""), pretty.write(cyclic), pretty.number(123456, "N", 2) end)
show("read", function() return pretty.read("{ 1, { a = 'x' } }"), pretty.read("{ os.exit() }"), pretty.load("x = 2", {}), pretty.read("{ ") end)
pretty.dump({ 1, { 2 } })
local function tokens(scan, ...)
    local found = {}
    for kind, value in scan(...) do found[#found + 1] = kind .. ":" .. tostring(value) end
    return table.concat(found, " ")
end
show("lua", tokens, lexer.lua, "local x = 0x1F -- note\nreturn [[long]] .. 'q' >= 2.5e3 // 1", {})
show("cpp", tokens, lexer.cpp, "int main() { return a->b && 'c'; } // end")
show("scan", tokens, lexer.scan, "10 + alpha 'str'", nil, { space = true })
show("list", function()
    local tok = lexer.lua("(a, {b, c}, f(x))")
    tok()
    return lexer.get_separated_list(tok)
end)
show("balanced", function() return balanced.match_bracketed("(a(b)c)d", 1), balanced.match_expression("x + f(1) y", 1), balanced.match_string("'a' b", 1) end)
show("unbalanced", balanced.match_bracketed, "(a(b", 1)

-- template
local rendered = [[
# for i, name in ipairs(names) do
  $(i): $(name:upper())
# end
total $(#names)
]]
show("template", function() return template.substitute(rendered, { names = { "a", "b" }, ipairs = ipairs }) end)
show("compiled", function() return template.compile("<% $(x) %>"):render({ x = 5 }) end)
show("inline", function() return template.substitute("@(x) ! if x then\nyes\n! end\n", { x = 1, _escape = "!", _inline_escape = "@" }) end)
show("its error", function() return template.substitute("$(x.y.z)\n", { _debug = false }) end)
show("its syntax", function() return template.substitute("# for\n", {}) end)

-- data, config, stringio, sip, input
local csv = "name,age,city\nann,30,Oslo\nbob,25,Rome\n"
show("data", function()
    local d = data.read(stringio.open(csv))
    return d.fieldnames, d:column_by_name("age"), d:select("name where age > 26")(), d:select({ fields = "city", sort_by = "age" })()
end)
data.read(stringio.open(csv)):write(stringio.create())
show("bad query", function() return data.read(stringio.open(csv)):select("nothing here = ") end)
show("config", function() return config.read(stringio.open("# comment\nport = 80\nhosts = a,b\n[section]\nkey = value\nflag = true\n")) end)
local writer = stringio.create()
writer:write("a", 1)
writer:writef("%03d", 7)
show("stringio", function() return writer:value(), stringio.open("1 2 x\nline"):read("n", "n", "l", "a") end)
for line in stringio.lines("a\nb") do print(line) end
show("sip", function()
    local found = {}
    return sip.match("$v{name} = $d{value}", "x = 42", found), found, sip.match("$(1) $[2] <$<tag>>", "(a) [b] <c>", found), found
end)
show("dates", function()
    local found = {}
    return sip.match("$d{day}/$d{month}/$d{year}", "24/12/2020", found), found, sip.compile("$q{s}, $f{n}")("'q', 1.5", found), found
end)
show("bad sip", sip.compile, "$?")
for n in input.numbers("1 2.5\n3") do io.write(n, ";") end
for a, b in input.fields({ 1, 3 }, ",", "1,2,3\n4,5,6\n") do io.write(a, b, ";") end
print()

-- Date, path, dir, file, url
local date = Date({ year = 2024, month = 2, day = 28, hour = 12 })
show("date", function() return date:day(), date:add({ day = 2 }):month(), date:weekday_name(), date:month_name(true), date:last_day():day(), date:is_weekend() end)
show("format", function() return Date.Format("yyyy-mm-dd"):tostring(date), tostring(Date.Format("dd/mm/yy"):parse("01/02/99"):year()) end)
show("no date", function() return Date.Format("yyyy-mm-dd"):parse("tomorrow-ish???") end)
show("interval", function() return tostring(Date({ year = 2024 }):diff(Date({ year = 2023 }))), Date({ year = 2023 }) < date, date == date end)
show("path", function() return path.splitext("/a/b.tar.gz"), path.splitpath("/a/b/c"), path.basename("/x/y.z"), path.extension("a.lua"), path.join("a", "/b", "c") end)
show("norm", function() return path.normpath("/a/./b/../c//d"), path.relpath("/a/b/c", "/a/d"), path.isabs("/x"), path.common_prefix("/a/b/c", "/a/b/d") end)
show("exists", function() return path.exists("/nowhere"), path.isdir("/"), path.isfile("/"), path.expanduser("x") end)
show("no path", path.splitpath, nil)
local folder = path.tmpname()
os.remove(folder)
show("dir", function() return dir.makepath(folder .. "/a/b"), file.write(folder .. "/a/x.txt", "hello"), file.read(folder .. "/a/x.txt") end)
show("walk", function()
    local found = {}
    for root, dirs, files in dir.walk(folder) do found[#found + 1] = { root:sub(#folder + 1), dirs, files } end
    return found, #dir.getallfiles(folder, "*.txt"), dir.fnmatch("a.txt", "*.t?t"), dir.filter({ "a.lua", "b.c" }, "*.lua")
end)
show("copy", function() return dir.copyfile(folder .. "/a/x.txt", folder .. "/y.txt"), utils.readlines(folder .. "/y.txt"), file.delete(folder .. "/y.txt") end)
show("rmtree", function() return dir.rmtree(folder), path.exists(folder) end)
show("no dir", function() return dir.getfiles("/nowhere") end)
show("url", function() return url.quote("a b&c/ü"), url.unquote("a%20b"), url.quote("a b", true) end)

-- xml, lapp
local doc = xml.parse("<a x='1'><b>text</b><c/><b y=\"2\">more &amp; more</b></a>", false, true)
show("xml", function() return xml.tostring(doc), xml.tostring(doc, "", "  "), doc:get_elements_with_name("b")[2]:get_text(), doc:child_with_name("c").tag end)
show("match", function() return doc:match("<a x='$x'><b>$text</b></a>"), xml.compare(doc, xml.clone(doc)), doc:get_attribs() end)
show("make", function()
    local tree = xml.new("ul", { class = "x" })
    for n = 1, 2 do tree:addtag("li"):text("item " .. n):up() end
    return tostring(tree), xml.elem("p", { "some ", xml.elem("b", "bold") }):tostring(), tree:maptags(function(tag) return tag end):tostring()
end)
show("html", function() return xml.tostring(xml.parsehtml("<p>hi<br>there</p>")) end)
show("bad xml", xml.parse, "<a><b></a>", false, true)
show("lapp", function() return lapp("Test\n -v,--verbose verbose\n -n (default 5) number\n <name> (string) name\n", { "-v", "-n", "7", "me" }) end)
show("flags", function() return lapp("-o,--out (default stdout) out\n --count (1..5) c\n", { "--count", "3" }).count end)
template.substitute("$(f())\n", { f = function() return stringx.split(nil) end, _parent = _G, _debug = tablex })
error(stringx.strip(nil))
