// The views of tools and kernels, and calls written into a Lua file.
import assert from "node:assert/strict";
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();

story("a tool is found, explained and invoked by a form made from its schema", async (w) => {
  await w.openFile("main.lua");
  await w.command("View: Show llmspell");
  const tool = w.viewItem("Tools", "calculator");
  await tool.hover();
  await w.page.locator(".monaco-hover", { hasText: "input: string (needed)" }).first().waitFor();
  await tool.click();
  const form = w.webview();
  await form.locator('[name="input"]').fill("6 * x");
  await form.locator('[name="variables"]').fill("seven");
  await form.locator('button[type="submit"]').click();
  await form.locator('[data-for="variables"]', { hasText: "must be an object" }).waitFor();
  await form.locator('[name="variables"]').fill('{"x": 7}');
  await form.locator('button[type="submit"]').click();
  await form.locator("#result", { hasText: /^42$/ }).waitFor();
  await w.screenshot("tool");
  await form.locator('[name="input"]').fill("6 *");
  await form.locator('button[type="submit"]').click();
  await form.locator("#result.failed").waitFor();
  await form.locator('[name="input"]').fill("1 + 2");
  await form.locator('[name="variables"]').fill("");
  await form.locator("#insert").click();
  await w.page.locator(".view-line", { hasText: 'Tool.get("calculator"):execute { input = "1 + 2" }' }).waitFor();
});

story("Insert Call writes the call, with a place for what is needed", async (w) => {
  await w.openFile("shapes.lua");
  await w.cursorTo(6);
  await w.command("llmspell: Insert Call");
  await w.pick("calculator");
  await w.page.locator(".view-line", { hasText: 'Tool.get("calculator"):execute { input = "" }' }).waitFor();
  await w.keyboard.insertText("2 ^ 10"); // the cursor is in the place
  await w.page.locator(".view-line", { hasText: '{ input = "2 ^ 10" }' }).waitFor();
});

story("the kernels view says what there is", async (w, server) => {
  await w.openFile("main.lua");
  await w.command("View: Show llmspell");
  if (server.commands().includes("kernel")) await w.pane("Kernels").getByText("No kernel is running.").waitFor();
  else await w.pane("Kernels").getByText(/llmspell .* has no kernels/).waitFor();
  assert.equal(await w.page.locator(".codicon-notifications-bell-dot").count(), 0, "nothing to complain of");
});
