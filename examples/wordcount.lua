-- Count the words of files, or of stdin:  llmspell run examples/wordcount.lua -- --top 3 FILE …

local function words_of(file)
    return coroutine.wrap(function()
        for line in file:lines() do
            for word in line:gmatch("[%a\128-\255']+") do
                coroutine.yield(word:lower())
            end
        end
    end)
end

local function count(counts, file)
    for word in words_of(file) do
        counts[word] = (counts[word] or 0) + 1
    end
end

local function ranked(counts)
    local list = {}
    for word, n in pairs(counts) do
        list[#list + 1] = { word = word, n = n }
    end
    table.sort(list, function(a, b)
        if a.n ~= b.n then return a.n > b.n end
        return a.word < b.word
    end)
    return list
end

local counts = {}
if #ARGS == 0 then
    count(counts, io.stdin)
end
for _, path in ipairs(ARGS) do
    local file = assert(io.open(path, "r"))
    count(counts, file)
    file:close()
end

local list = ranked(counts)
for i = 1, math.min(tonumber(ARGS.top) or 10, #list) do
    print(("%5d  %s"):format(list[i].n, list[i].word))
end
