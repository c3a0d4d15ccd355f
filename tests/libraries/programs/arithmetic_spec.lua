-- A spec for busted with all that it can report; run by specs.lua.

describe("arithmetic", function()
    local log, counter = {}, 0

    setup(function() log[#log + 1] = "setup" end)
    teardown(function() log[#log + 1] = "teardown" end)
    before_each(function() counter = counter + 1 end)
    after_each(function() log[#log + 1] = counter end)

    it("adds", function()
        assert.are.equal(3, 1 + 2)
        assert.is_true(2 > 1)
        assert.are.same({ a = { 1, 2 } }, { a = { 1, 2 } })
        assert.has_error(function() error("boom") end, "boom")
    end)

    it("fails with a message", function() assert.are.same({ 1, { 2 } }, { 1, { 3 } }) end)

    it("fails otherwise", function()
        assert.has_no.errors(function()
            local t = nil
            return t.x
        end)
    end)

    it("dies", function()
        local nothing
        nothing.field = 1
    end)

    it("dies of a table", function() error({ code = 5 }) end)

    pending("is not done")

    describe("spies", function()
        it("watches calls", function()
            local api = { f = function(x) return x * 2 end }
            local watched = spy.on(api, "f")
            api.f(2)
            api.f(3)
            assert.spy(watched).was.called(2)
            assert.spy(watched).was.called_with(3)
            assert.spy(watched).was_not.called_with(4)
            api.f:revert()
        end)

        it("stubs", function()
            local api = { f = function() return 1 end }
            stub(api, "f").returns(5)
            assert.are.equal(5, api.f())
            assert.stub(api.f).was.called_with("never")
        end)

        it("matches", function()
            local s = spy.new(function() end)
            s({ 1 }, "text")
            assert.spy(s).was.called_with(match.is_table(), match.is_string())
            assert.spy(s).was.called_with(match._, match.matches("^x"))
        end)
    end)

    insulate("its globals", function()
        _G.leaked = 1
        it("sees them", function() assert.is_number(leaked) end)
    end)

    it("does not see them", function() assert.is_nil(rawget(_G, "leaked")) end)

    it("finally", function()
        finally(function() log[#log + 1] = "finally" end)
        local co = coroutine.wrap(function() error("in a coroutine") end)
        co()
    end)
end)

describe("a block that dies", function()
    local x = nil + 1
end)
