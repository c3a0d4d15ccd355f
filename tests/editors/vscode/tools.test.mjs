// The views of tools and kernels, and calls written into a Lua file.
import assert from "node:assert/strict";
import { once } from "node:events";
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();

story("a tool is found, explained and invoked by a form made from its schema", async (w) => {
  await w.openFile("main.lua");
  await w.command("View: Show llmspell");
  await w.openItem("Tools", "utility"); // the categories are closed: together they are longer than the view
  const tool = w.viewItem("Tools", "calculator");
  await tool.hover();
  await w.page.locator(".monaco-hover", { hasText: 'input: string = ""' }).first().waitFor();
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

story("what a tool has said is there again when its form comes back to the front", async (w) => {
  await w.openFile("main.lua");
  await w.command("llmspell: Invoke");
  await w.pick("calculator");
  await w.webview().locator('[name="input"]').fill("6 * 7");
  await w.webview().locator('button[type="submit"]').click();
  await w.webview().locator("#result", { hasText: /^42$/ }).waitFor();
  await w.openFile("shapes.lua"); // in front of it
  await w.page.locator("iframe.webview.ready").waitFor({ state: "hidden" });
  await w.command("View: Close Editor");
  await w.webview().locator("#result", { hasText: /^42$/ }).waitFor();
});

story("a tool is found by its name or what it does", async (w) => {
  await w.openFile("main.lua");
  await w.command("View: Show llmspell");
  await w.viewItem("Tools", "utility").waitFor();
  await w.pane("Tools").locator(".pane-header").hover();
  await w.pane("Tools").locator('a[aria-label^="Find Tool"]').click();
  await w.pick("arithmetic", "calculator");
  await w.webview().locator('[name="input"]').waitFor();
});

story("Insert Call writes the call, with a place for what is needed", async (w) => {
  await w.openFile("shapes.lua");
  await w.cursorTo(6);
  await w.command("llmspell: Insert Call");
  await w.pick("archive-handler");
  const call = (inside) => w.page.locator(".view-line", { hasText: `Tool.get("archive-handler"):execute { ${inside} }` });
  await call('operation = "extract", path = ""').waitFor();
  await w.page.locator(".suggest-widget.visible .monaco-list-row", { hasText: '"list"' }).first().click();
  await call('operation = "list", path = ""').waitFor();
  await w.keyboard.insertText("a.zip"); // the cursor is in the next place
  await call('operation = "list", path = "a.zip"').waitFor();
});

story("the kernels view says that there is none", async (w, server) => {
  await w.openFile("main.lua");
  await w.command("View: Show llmspell");
  if (server.commands().includes("kernel")) await w.pane("Kernels").getByText("No kernel is running.").waitFor();
  else await w.pane("Kernels").getByText(/llmspell .* has no kernels/).waitFor();
  assert.equal(await w.page.locator(".codicon-notifications-bell-dot").count(), 0, "nothing to complain of");
});

const kernels = (server) => JSON.parse(server.llmspell("kernel", "status", "-o", "json"));

story(
  "a kernel is seen, explained, its log opened; it is stopped",
  async (w, server) => {
    server.llmspell("kernel", "start", "--daemon", "--id", "night");
    try {
      const [{ pid }] = kernels(server);
      await w.openFile("main.lua");
      await w.command("View: Show llmspell");
      const kernel = w.viewItem("Kernels", "night");
      await kernel.filter({ hasText: `idle, process ${pid}` }).waitFor();
      await w.until(w.page.locator(".monaco-hover", { hasText: "kernel-night.json" }).first(), async () => {
        await w.pane("Kernels").locator(".pane-header").hover();
        await kernel.hover();
      });
      server.llmspell("kernel", "start", "--daemon", "--id", "owl");
      await w.viewItem("Kernels", "owl").waitFor();
      process.kill(kernels(server)[1].pid, "SIGKILL");
      server.llmspell("kernel", "status"); // tells of it once
      await w.viewItem("Kernels", "owl").waitFor({ state: "hidden" });
      await w.menu("Kernels", "night", "Open Log of Kernel");
      await w.page.locator(".view-line", { hasText: `kernel night serves pid=${pid}` }).waitFor();
      await w.screenshot("kernels");
      await w.act("Kernels", "night", "Stop Kernel");
      await w.pane("Kernels").getByText("No kernel is running.").waitFor();
      assert.deepEqual(kernels(server), []);
    } finally {
      server.llmspell("kernel", "stop", "--all", "--force");
    }
  },
  { needs: "kernel" },
);

story(
  "a kernel is attached to: what others run there stops; it lives on; with it the session ends",
  async (w, server) => {
    server.llmspell("kernel", "start", "--daemon", "--id", "night");
    try {
      await w.openFile("main.lua");
      await w.toggleBreakpoint(7);
      await w.command("View: Show llmspell");
      await w.act("Kernels", "night", "Attach Debugger");
      await w.running();
      let program;
      await w.until(w.page.locator(".debug-toolbar .codicon-debug-continue"), () => {
        // what was begun before the breakpoint had arrived has run through
        if (program?.exitCode !== null) program = server.begin("run", "--connect", "night", "main.lua");
      });
      await w.stoppedAt(7);
      await w.expand(w.scope("Locals"));
      await w.valueBecomes("rate", "7");
      const ended = once(program, "exit");
      await w.keyboard.press("Shift+F5");
      await w.ended();
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(kernels(server).map((one) => one.id), ["night"]);
      await w.command("Debug: Select and Start Debugging"); // which offers it too
      await w.pick("debug ", "Lua (llmspell)...");
      await w.pick("", "Attach to kernel night");
      await w.running();
      await w.command("View: Show llmspell");
      await w.act("Kernels", "night", "Stop Kernel");
      await w.ended();
    } finally {
      server.llmspell("kernel", "stop", "--all", "--force");
    }
  },
  { needs: "kernel" },
);
