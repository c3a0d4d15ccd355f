// The views of tools and kernels, and calls written into a Lua file.
import assert from "node:assert/strict";
import { once } from "node:events";
import { gone, ONCE } from "../browser.mjs";
import { inWorkbench } from "./story.mjs";

const story = inWorkbench();

const SUBMIT = 'button[type="submit"]';
const tab = (w, name) => w.page.locator(".tab", { hasText: name });

/** Fills the form that is shown and presses one of its buttons, until that has had its effect. */
async function fill(w, values, button, seen) {
  const form = w.webview();
  await form.locator(button).waitFor(); // the first page of an extension takes its time
  await w.until(seen, async () => {
    for (const [name, value] of Object.entries(values)) await form.locator(`[name="${name}"]`).fill(value);
    await form.locator(button).click();
  });
}

story("a tool is found, explained and invoked by a form made from its schema", async (w) => {
  await w.openFile("main.lua");
  await w.show("llmspell", "Tools");
  await w.expand(w.viewItem("Tools", "utility")); // the categories are closed: together they are longer than the view
  const tool = w.viewItem("Tools", "calculator");
  await w.hoverOver(tool, "Tools", 'input: string = ""');
  const form = w.webview();
  await w.until(tab(w, "calculator"), () => tool.click(), ONCE);
  const problem = form.locator('[data-for="variables"]', { hasText: "must be an object" });
  await fill(w, { input: "6 * x", variables: "seven" }, SUBMIT, problem);
  await fill(w, { variables: '{"x": 7}' }, SUBMIT, form.locator("#result", { hasText: /^42$/ }));
  await w.screenshot("tool");
  await fill(w, { input: "6 *" }, SUBMIT, form.locator("#result.failed"));
  await fill(w, { input: "1 + 2", variables: "" }, "#insert", w.line('Tool.get("calculator"):execute { input = "1 + 2" }'));
});

story("what a tool has said is there again when its form comes back to the front", async (w) => {
  await w.openFile("main.lua");
  const invoke = async () => {
    await w.run("llmspell: Invoke");
    await w.pick("calculator");
  };
  await w.until(tab(w, "calculator"), invoke, ONCE);
  const answer = w.webview().locator("#result", { hasText: /^42$/ });
  await fill(w, { input: "6 * 7" }, SUBMIT, answer);
  await w.openFile("shapes.lua"); // in front of it
  await gone(w.page.locator("iframe.webview.ready")).waitFor();
  await w.until(gone(tab(w, "shapes.lua")), () => w.run("View: Close Editor"), ONCE);
  await answer.waitFor();
});

story("a tool is found by its name or what it does", async (w) => {
  await w.openFile("main.lua");
  await w.show("llmspell", "Tools");
  await w.viewItem("Tools", "utility").waitFor();
  await w.until(tab(w, "calculator"), async () => {
    await w.pane("Tools").locator(".pane-header").hover();
    await w.pane("Tools").locator('a[aria-label^="Find Tool"]').click();
    await w.pick("arithmetic", "calculator");
  });
  await w.webview().locator('[name="input"]').waitFor();
});

story("Insert Call writes the call, with a place for what is needed", async (w) => {
  await w.openFile("shapes.lua");
  await w.cursorTo(6);
  const call = (inside) => w.line(`Tool.get("archive-handler"):execute { ${inside} }`);
  const insert = async () => {
    await w.run("llmspell: Insert Call");
    await w.pick("archive-handler");
  };
  await w.until(call('operation = "extract", path = ""'), insert, ONCE);
  await w.complete('"list"', call('operation = "list", path = ""'));
  const before = 'Tool.get("archive-handler"):execute { operation = "list", path = "';
  await w.cursorIn(6, before.length + 1).waitFor(); // in the next place
  await w.editor.pressSequentially("a.zip");
  await call('operation = "list", path = "a.zip"').waitFor();
});

story("the kernels view says that there is none", async (w, server) => {
  await w.openFile("main.lua");
  await w.show("llmspell", "Kernels");
  if (server.commands().includes("kernel")) await w.pane("Kernels").getByText("No kernel is running.").waitFor();
  else await w.pane("Kernels").getByText(/llmspell .* has no kernels/).waitFor();
  await w.noMessage("llmspell");
});

const kernels = (server) => JSON.parse(server.llmspell("kernel", "status", "-o", "json"));

story(
  "a kernel is seen, explained, its log opened; it is stopped",
  async (w, server) => {
    server.llmspell("kernel", "start", "--daemon", "--id", "night");
    try {
      const [{ pid }] = kernels(server);
      await w.openFile("main.lua");
      await w.show("llmspell", "Kernels");
      const kernel = w.viewItem("Kernels", "night");
      await kernel.filter({ hasText: `idle, process ${pid}` }).waitFor();
      await w.hoverOver(kernel, "Kernels", "kernel-night.json");
      server.llmspell("kernel", "start", "--daemon", "--id", "owl");
      await w.viewItem("Kernels", "owl").waitFor();
      process.kill(kernels(server)[1].pid, "SIGKILL");
      // tells of it once
      await w.until(gone(w.viewItem("Kernels", "owl")), () => server.llmspell("kernel", "status"));
      await w.menu("Kernels", "night", "Open Log of Kernel", w.line(`kernel night serves pid=${pid}`));
      await w.screenshot("kernels");
      await w.act("Kernels", "night", "Stop Kernel", w.pane("Kernels").getByText("No kernel is running."));
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
      await w.show("llmspell", "Kernels");
      await w.act("Kernels", "night", "Attach Debugger", w.toolbar);
      let program;
      await w.until(w.toolbar.locator(".codicon-debug-continue"), () => {
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
      await w.startOffered("Attach to kernel night"); // it is offered there too
      await w.show("llmspell", "Kernels");
      await w.act("Kernels", "night", "Stop Kernel", gone(w.toolbar));
    } finally {
      server.llmspell("kernel", "stop", "--all", "--force");
    }
  },
  { needs: "kernel" },
);
