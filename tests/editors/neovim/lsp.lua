-- The language server in Neovim's own client, headless: nvim --headless --clean -c "luafile lsp.lua". PYTHON names the
-- interpreter. Exit code 0 if all went as told.

local TEXT = {
  'local tool = Tool.get("calculatr")',
  "local used = 20 -- 𝄞",
  "print(used, tool)",
}

local function say(text)
  io.stderr:write(text .. "\n")
end

local function wait(what, condition)
  local found
  local function look()
    found = condition()
    return found
  end
  if not vim.wait(30000, look, 50) then
    error("waited in vain: " .. what)
  end
  return found
end

local function expect(what, wanted, got)
  if not vim.deep_equal(wanted, got) then
    error(("%s: %s, not %s"):format(what, vim.inspect(got), vim.inspect(wanted)))
  end
  say("ok: " .. what)
end

local function lines()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

--- The answer of the server for the place of the cursor.
local function ask(method, more)
  local params = vim.tbl_extend("force", vim.lsp.util.make_position_params(0, "utf-16"), more or {})
  local answers, problem = vim.lsp.buf_request_sync(0, method, params, 30000)
  assert(answers, problem)
  local _, answer = next(answers)
  assert(answer and not answer.err, answer and vim.inspect(answer.err))
  return answer.result
end

local function diagnostic(code)
  for _, one in ipairs(vim.diagnostic.get(0)) do
    if one.code == code or (one.user_data and one.user_data.lsp.code == code) then
      return one
    end
  end
end

local function story()
  local folder = vim.fn.tempname() .. " neovim ä"
  vim.fn.mkdir(folder, "p")
  vim.fn.writefile(TEXT, folder .. "/program.lua")
  vim.cmd("edit " .. vim.fn.fnameescape(folder .. "/program.lua"))
  local ended = false
  local id = vim.lsp.start_client({
    name = "llmspell",
    cmd = { vim.env.PYTHON, "-m", "llmspell_kernel", "lsp" },
    root_dir = folder,
    on_exit = function()
      ended = true
    end,
  })
  wait("the server", function()
    return vim.lsp.get_client_by_id(id)
  end)
  assert(vim.lsp.buf_attach_client(0, id))

  local problem = wait("a diagnostic", function()
    return diagnostic("unknown-tool")
  end)
  expect("marks an unknown tool", 0, problem.lnum)

  vim.api.nvim_win_set_cursor(0, { 1, #'local tool = Tool.get("calc' })
  local context = { diagnostics = vim.lsp.diagnostic.get_line_diagnostics(0, 0), triggerKind = 1 }
  local place = vim.lsp.util.make_position_params(0, "utf-16").position
  local actions = ask("textDocument/codeAction", { context = context, range = { start = place, ["end"] = place } })
  vim.lsp.util.apply_workspace_edit(actions[1].edit, "utf-16")
  expect("mends it by a code action", 'local tool = Tool.get("calculator")', lines()[1])
  wait("no diagnostic", function()
    return not diagnostic("unknown-tool")
  end)

  local completions = ask("textDocument/completion", { context = { triggerKind = 1 } })
  local labels = vim.tbl_map(function(item)
    return item.label
  end, completions.items or completions)
  expect("completes a tool's name", true, vim.tbl_contains(labels, "calculator"))
  local hover = ask("textDocument/hover")
  expect("explains it", true, vim.inspect(hover.contents):find("arithmetic", 1, true) ~= nil)

  vim.api.nvim_win_set_cursor(0, { 3, #"print(" })
  vim.lsp.buf.definition()
  wait("the definition", function()
    return vim.api.nvim_win_get_cursor(0)[1] == 2
  end)
  say("ok: goes to a definition")
  vim.lsp.buf.rename("renamed")
  wait("the rename", function()
    return lines()[3] == "print(renamed, tool)"
  end)
  expect("renames", "local renamed = 20 -- 𝄞", lines()[2])

  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "nonesuch()" })
  wait("a diagnostic of what is typed", function()
    return diagnostic("undefined-global")
  end)
  say("ok: sees what is typed and not saved")

  vim.lsp.stop_client(id)
  wait("the server's end", function()
    return ended
  end)
  say("ok: ends the server")
  vim.fn.delete(folder, "rf")
end

local fine, problem = xpcall(story, debug.traceback)
if not fine then
  say("FAILED: " .. problem)
end
vim.cmd(fine and "qall!" or "cquit 1")
